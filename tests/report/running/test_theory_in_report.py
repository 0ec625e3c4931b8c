"""What theory predicts, in the report of a run: drawn through the measurement, or why it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from methexis.plots.curve import Curve
from methexis.plots.panel import Panel
from methexis.plots.replicas import middle
from methexis.report.house import numbers
from methexis.report.running.figures import figures
from methexis.report.running.theory import theory_of
from tests.report.verify.test_verify_report import read

TEACHER = mx.Teacher.random(dim_x=4, dim_y=3, condition_noise=4.0, seed=0)
STUDENTS = [mx.EDLN.random(TEACHER, (4, 4), seed=1), mx.EDLN.random(TEACHER, (5,), seed=2)]


def trained(
    optimiser: mx.SGD | mx.SignSGD, students: list[mx.EDLN | mx.MLP] | None = None
) -> mx.Run:
    return mx.train(
        students or [*STUDENTS], TEACHER, optimiser, steps=400, replicas=3, progress=None
    )


@pytest.fixture(scope="module")
def run() -> mx.Run:
    return trained(mx.SGD(lr=0.005))


def dashes(run: mx.Run) -> dict[str, list[np.ndarray]]:
    """Curves that are cased, as those of predictions are, by the names of pictures."""
    found: dict[str, list[np.ndarray]] = {}
    for picture in figures(run, theory_of(run)):
        if isinstance(picture.plot, Panel):
            curves = [mark for mark in picture.plot.marks if isinstance(mark, Curve)]
            found[picture.name] = [np.asarray(curve.y) for curve in curves if curve.cased]
    return found


def test_predictions_are_drawn_through_the_measurement(run: mx.Run) -> None:
    prediction = run.predict()
    drawn = dashes(run)
    for name in ("worst_pair", "worst_pair_narrow"):
        np.testing.assert_array_equal(drawn[name], [middle(prediction.worst_pair())])
    np.testing.assert_array_equal(drawn["distance_to_one"], [middle(1 - prediction.worst_pair())])
    for k, path in enumerate(prediction.paths):
        assert path is not None
        least = mx.theory.platonic(TEACHER, STUDENTS[k]).entropy
        np.testing.assert_allclose(drawn["entropy_ratio"][k], middle(path.entropy() / least))
        np.testing.assert_array_equal(drawn["hessian_trace"][k], middle(path.hessian_trace()))
        np.testing.assert_array_equal(drawn["sharpness"][k], middle(path.sharpness()))


def test_the_page_says_which_path_and_why(run: mx.Run, tmp_path: Path) -> None:
    _, reader, text = read(mx.write_report(run, tmp_path))
    assert "theory" in reader.ids
    assert str(run.predict()) in text
    end = float(np.median(run.predict().worst_pair()[-1]))
    assert f"For the end it predicts a worst pair of {numbers.alignment(end)} (median)" in text
    assert "Dashes: what theory predicts, the median of the first 3" in text


def test_where_there_is_no_path_it_is_said_why() -> None:
    run = trained(mx.SignSGD(lr=0.01))
    theory = theory_of(run)
    assert theory.sentence.startswith(
        "Theory draws no path: theory follows SGD, Adam and RMSProp, and a step of SignSGD has"
    )
    assert theory.end is None
    assert not any(dashes(run).values())
    panels = [picture.plot for picture in figures(run, theory) if picture.name == "worst_pair"]
    names = [mark.name for mark in panels[0].marks if isinstance(mark, Curve)]  # type: ignore[attr-defined]
    assert "SignSGD, median" in names


def test_a_student_without_a_path_is_named() -> None:
    run = trained(mx.SGD(lr=0.005), [STUDENTS[0], mx.MLP((3,), activation="tanh")])
    told = theory_of(run).sentence
    assert told.startswith(
        "Theory draws the slow drift of A alone; no path of the others, because the theory"
    )
    drawn = dashes(run)
    assert not drawn["worst_pair"]
    assert len(drawn["hessian_trace"]) == 1


def test_a_run_without_its_source_has_a_report(run: mx.Run, tmp_path: Path) -> None:
    bare = mx.open_run(run.save(tmp_path / "run", source=False))
    _, reader, text = read(mx.write_report(bare, tmp_path / "page"))
    assert "Theory is not drawn: expected a run that holds its source, got one" in text
    assert "headline" in reader.ids


def test_lost_replicas_have_no_prediction_beside_those_that_are_left() -> None:
    good = mx.theory.random_minimum(TEACHER, STUDENTS[1], seed=0)
    far = [1e3 * w for w in good]
    both = [np.stack(pair) for pair in zip(far, good, strict=True)]
    run = mx.train(
        STUDENTS[1], TEACHER, mx.SGD(lr=0.005), steps=400, replicas=2, init=[both], progress=None
    )
    assert run.healthy.tolist() == [False, True]
    theory = theory_of(run)
    assert theory.followed == 1
    assert theory.hessian_trace is not None
    assert theory.hessian_trace.shape[1] == 1
