"""The report of any run: one student or several, with noise or without, healthy or lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from methexis.core.checks import MethexisError
from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.report import write_report
from methexis.report.house import numbers
from methexis.training.optimisers import SGD, GradientFlow
from methexis.training.records.run import Run, open_run
from methexis.training.train import train
from tests.report.results import lose, small
from tests.report.verify.test_verify_report import read

TEACHER = Teacher.random(dim_x=4, dim_y=3, seed=0)


def run_of(students: list[EDLN], optimiser: SGD | GradientFlow, teacher: Teacher = TEACHER) -> Run:
    return train(students, teacher, optimiser, steps=60, batch=2, replicas=2, seed=0, progress=None)


def test_a_saved_run(tmp_path: Path) -> None:
    run = small().run
    run.save(tmp_path / "run")
    path = write_report(open_run(tmp_path / "run"), tmp_path / "one.html")
    assert path == tmp_path / "one.html"
    page, reader, text = read(path)
    assert {"headline", "alignment", "paths", "spectra", "facts", "words"} <= set(reader.ids)
    assert len(set(reader.ids)) == len(reader.ids)
    assert "script" not in reader.tags
    assert "http:" not in page
    assert "https:" not in page
    worst = run.worst_pair()
    for value in (np.median(worst[0]), np.median(worst[-1]), worst[-1].min()):
        assert numbers.alignment(float(value)) in text
    for reference in reader.references:
        assert reference == "data:," or reference[1:] in reader.ids, reference
    assert run.provenance["fingerprint"] in text
    pdfs = list((tmp_path / "one-figures").glob("*.pdf"))
    assert {"worst_pair.pdf", "loss.pdf", "spectrum_B.pdf"} <= {p.name for p in pdfs}
    assert all(p.stat().st_size > 3000 for p in pdfs)


def test_a_folder_receives_the_report(tmp_path: Path) -> None:
    path = write_report(small().run, tmp_path / "out")
    assert path == tmp_path / "out" / "report.html"
    assert (tmp_path / "out" / "figures" / "loss.pdf").is_file()


def test_one_student_with_one_hidden_layer_has_no_pairs(tmp_path: Path) -> None:
    run = run_of([EDLN(hidden=(4,))], SGD(0.01))
    _, reader, text = read(write_report(run, tmp_path))
    assert "headline" not in reader.ids
    assert "alignment" not in reader.ids
    assert "paths" in reader.ids
    assert "1 student," in text


def test_many_layers_and_students(tmp_path: Path) -> None:
    run = run_of([EDLN(hidden=(4, 4, 4, 4)) for _ in range(3)], SGD(0.003))
    _, reader, _ = read(write_report(run, tmp_path))
    assert {"figure-spectrum_A", "figure-spectrum_B", "figure-spectrum_C"} <= set(reader.ids)


def test_without_noise_figures_are_over_steps(tmp_path: Path) -> None:
    run = run_of([EDLN(hidden=(4, 5))], GradientFlow(0.01))
    _, _, text = read(write_report(run, tmp_path))
    assert "slow time stands still" in text


def test_a_student_that_theory_refuses_says_why(tmp_path: Path) -> None:
    run = run_of([EDLN(hidden=(2, 4)), EDLN(hidden=(4,))], SGD(0.01))
    _, reader, text = read(write_report(run, tmp_path))
    assert "Theory makes no prediction for student A: " in text
    assert "width below rank" in text
    assert "figure-entropy_ratio" in reader.ids  # of the other student
    run = run_of([EDLN(hidden=(2, 4))], SGD(0.01))
    _, reader, _ = read(write_report(run, tmp_path))
    assert "figure-entropy_ratio" not in reader.ids


def test_lost_replicas(tmp_path: Path) -> None:
    run = lose(run_of([EDLN(hidden=(4, 5))], SGD(0.01)), 0, 30)
    _, _, text = read(write_report(run, tmp_path))
    assert "0 diverged 30" in text
    assert "1 healthy" in text
    run = lose(run, 1, 40)
    _, reader, text = read(write_report(run, tmp_path))
    assert "No replica is healthy" in text
    assert "1 diverged 40" in text
    assert "paths" not in reader.ids


def test_something_else_than_a_run(tmp_path: Path) -> None:
    with pytest.raises(
        MethexisError,
        match="result: expected a result, such as a Run, a Comparison or a Grid, got int",
    ):
        write_report(3, tmp_path)  # type: ignore[arg-type]
