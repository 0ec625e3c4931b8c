"""Reports of runs whose costly quantities were measured of some networks at some records only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.report.running import gather
from methexis.report.running.cells import cells_of
from methexis.training import measuring

TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
STUDENT = mx.EDLN.random(TEACHER, hidden=(4, 3), seed=1)


def train(**changes: Any) -> mx.Run:
    settings: dict[str, Any] = {
        "optimiser": mx.SGD(lr=1e-3), "init": mx.init.platonic_point(), "steps": 100,
        "replicas": 12, "record": range(0, 100, 10), "seed": 1,
    }  # fmt: skip
    return mx.train(STUDENT, TEACHER, **(settings | changes))


@pytest.fixture
def least(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs afford the least."""
    monkeypatch.setattr(measuring, "_ALWAYS", 0.0)


@pytest.mark.usefixtures("least")
def test_what_was_measured_is_what_is_shown(tmp_path: Path) -> None:
    run = train()
    projected = gather.worst_pair(run, projected=True)
    at = gather.rows(run, "alignment_projected")
    assert projected.shape == (11, 8)
    assert int(at.sum()) == 5
    assert np.isfinite(projected[at]).all()
    assert gather.worst_pair(run).shape == (11, 12)
    (path,) = gather.paths(run, "entropy_ratio", projected="entropy_ratio_projected")
    assert path.rows is not None
    assert path.rows.all()
    assert np.array_equal(path.projected_rows, at)
    text = mx.write_report(run, tmp_path).read_text()
    assert f"{np.median(projected[-1]):.4f}"[:5] in text


def test_nothing_costly_leaves_no_empty_figure(tmp_path: Path) -> None:
    text = mx.write_report(train(measure=()), tmp_path).read_text()
    assert "figure-sharpness" not in text
    assert "figure-hessian_trace" in text


@pytest.mark.usefixtures("least")
def test_a_cell_counts_its_own_networks(tmp_path: Path) -> None:
    lr = xr.DataArray([1e-3, 2e-3, 3e-3], dims="lr", coords={"lr": [1e-3, 2e-3, 3e-3]})
    run = train(optimiser=mx.SGD(lr=lr), replicas=4)
    whole = np.zeros(12, dtype=bool)
    whole[run.data["sharpness"].attrs["measured_networks"]] = True
    assert whole.sum() == 8
    for i, value in enumerate(lr.values):
        cell = run.cell(lr=value)
        found = gather.measured(cell, "sharpness")
        assert np.array_equal(found, whole.reshape(3, 4)[i])
        assert np.isfinite(gather.variable(cell, "sharpness")[-1]).all()
        mx.write_report(cell, tmp_path / str(i))
    table = cells_of(run)
    assert [len(cell.projected) for cell in table] == whole.reshape(3, 4).sum(axis=1).tolist()
    assert np.isfinite([cell.median_projected for cell in table]).all()
    mx.write_report(run, tmp_path / "cells")
