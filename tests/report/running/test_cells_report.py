"""The report of a run with cells: every cell is in it, lost ones too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

import methexis as mx
from methexis.report.house import numbers
from tests.report.verify.test_verify_report import read

TEACHER = mx.Teacher.random(dim_x=4, dim_y=3, seed=0)
LR = xr.DataArray([0.001, 0.01, 9.0], coords={"lr": [0.001, 0.01, 9.0]})
MOMENTUM = xr.DataArray([0.0, 0.5], coords={"beta": ["none", "some"]})
STUDENTS = [mx.EDLN(hidden=(4, 4)), mx.EDLN(hidden=(5,))]


def run_of(optimiser: mx.SGD, students: list[mx.EDLN] = STUDENTS, **changes: object) -> mx.Run:
    return mx.train(students, TEACHER, optimiser, steps=64, batch=2, replicas=3, **changes)


def test_two_dimensions(tmp_path: Path) -> None:
    run = run_of(mx.SGD(lr=LR, momentum=MOMENTUM))
    page, reader, text = read(mx.write_report(run, tmp_path))
    assert {"headline", "cells", "facts"} <= set(reader.ids)
    assert "6 cells, 64 steps" in text
    assert "http" not in page
    worst = run.worst_pair()[-1]
    for i in range(2):
        for j, name in enumerate(("none", "some")):
            lr = "0.001" if i == 0 else "0.01"
            median, least = (numbers.alignment(float(f(worst[i, j]))) for f in (np.median, np.min))
            assert f"{lr} {name} 3 of 3 {median} {least}" in text
    assert "9 some 0 of 3 not measured" in text  # printed, and in no number
    assert "of which 6 were lost" in text
    assert (tmp_path / "figures" / "worst_pair.pdf").stat().st_size > 3000


def test_one_dimension_and_three(tmp_path: Path) -> None:
    _, reader, text = read(mx.write_report(run_of(mx.SGD(lr=LR)), tmp_path / "one"))
    assert "headline" in reader.ids
    assert "3 cells" in text
    decay = xr.DataArray([0.0, 0.1], dims="gamma")
    run = run_of(mx.SGD(lr=LR, momentum=MOMENTUM, weight_decay=decay))
    _, reader, text = read(mx.write_report(run, tmp_path / "three"))
    assert "headline" not in reader.ids
    assert "12 cells" in text


def test_one_layer_has_no_pairs(tmp_path: Path) -> None:
    _, _, text = read(mx.write_report(run_of(mx.SGD(lr=LR), STUDENTS[1:]), tmp_path))
    assert "S/Smin A" in text
    assert "not measured not measured" in text  # of the lost cell: loss and ratio
    assert "least" not in text.split("Every cell")[1].split("Students")[0]
    assert "3 cells" in text


def test_a_cell_has_the_report_of_a_run(tmp_path: Path) -> None:
    noise = xr.DataArray([0.0, 0.5], dims="sigma")
    run = run_of(mx.SGD(lr=LR), label_noise=noise)
    _, reader, text = read(mx.write_report(run.cell(lr=0.01, sigma=1), tmp_path))
    assert {"paths", "spectra", "figure-sharpness"} <= set(reader.ids)
    assert "cell, lr 0.01" in text
    assert "label noise 0.5" in text


def test_nonlinear_students_leave_no_empty_figures(tmp_path: Path) -> None:
    run = mx.train(mx.MLP(hidden=(5, 4)), TEACHER, mx.SGD(lr=0.01), steps=40, replicas=2)
    _, reader, _ = read(mx.write_report(run, tmp_path))
    assert "figure-loss" in reader.ids
    assert not {"figure-sharpness", "figure-hessian_trace"} & set(reader.ids)
