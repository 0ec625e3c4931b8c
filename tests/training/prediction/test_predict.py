"""`Run.predict`: the numbers that `mx.theory` gives by hand, and a closed equation without it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import xarray as xr

import methexis as mx
from methexis.progress import Report
from methexis.training.prediction.predicted import Predicted
from tests.training.variants import VARIANTS

TEACHER = mx.Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=[[0.04, 0.0], [0.0, 1.0]])
DATA = TEACHER.product_samples(num_x=2, num_noise=3, seed=0)
STUDENTS = [mx.EDLN.random(TEACHER, (3, 2), condition=2.0, seed=k) for k in (1, 2)]
LR, STEPS = 0.02, 3000
#: The same integrator takes the same steps; what rounding adds to a start that is projected once
#: more grows by no more than the path's own conditioning, some hundreds.
CLOSE = 1e-7
#: Of another integrator: it keeps to 1e-7 of the weights in each of up to a hundred steps.
APART = 1e-5


def trained(source: mx.Teacher | mx.Samples = TEACHER, **given: Any) -> mx.Run:
    settings: dict[str, Any] = {"steps": STEPS, "replicas": 2, "progress": None, "measure": ()}
    optimiser = given.pop("optimiser", mx.SGD(lr=LR))
    return mx.train(given.pop("students", STUDENTS), source, optimiser, **settings | given)


def starts(run: mx.Run) -> list[list[np.ndarray]]:
    return [[w[0] for w in run.snapshots(k)] for k in range(run.num_students)]


def fresh(deviation: float, source: mx.Teacher | mx.Samples, *, alone: bool = False) -> mx.Teacher:
    """A teacher with label noise, beside its own or alone."""
    own = np.zeros_like(source.cov_noise) if alone else source.cov_noise
    return mx.Teacher(source.weight, source.cov_x, own + deviation**2 * np.eye(source.dim_y))


Hand = Callable[..., mx.theory.SlowPath]
drift, flow = mx.theory.slow_drift, mx.theory.entropic_flow
#: What is trained; and by hand a function, its source and what else it is given.
CASES: dict[str, tuple[dict[str, Any], Hand, Any, dict[str, Any]]] = {
    "online": ({}, drift, TEACHER, {}),
    "batches": ({"batch": 4}, drift, TEACHER, {"batch": 4}),
    "whitened": ({"loss": "whitened", "steps": 500}, flow, TEACHER, {"loss": "whitened"}),
    "running": ({"loss": "whitened_running", "steps": 500}, flow, TEACHER, {"loss": "whitened"}),
    "replaced": ({"source": DATA, "sampling": "replace"}, drift, DATA, {}),
    "shuffled": ({"source": DATA}, flow, DATA, {}),
    "shuffled batches": ({"source": DATA, "batch": 3}, flow, DATA, {"batch": 3}),
    "momentum": ({"optimiser": mx.SGD(lr=LR, momentum=0.5)}, drift, TEACHER, {"momentum": 0.5}),
    "decay": (
        {"optimiser": mx.SGD(lr=LR, weight_decay=0.01, l2=0.02), "batch": 2}, drift, TEACHER,
        {"batch": 2, "decay": 0.03 * 2 / LR},
    ),
    # decoupled decay pulls at the weights (1 - β) times, docs/theory.md (2.13)
    "decay, momentum": (
        {"optimiser": mx.SGD(lr=LR, momentum=0.5, weight_decay=0.01, l2=0.02), "source": DATA},
        flow, DATA, {"momentum": 0.5, "decay": (0.02 + 0.5 * 0.01) / (LR / 0.5)},
    ),
    "label noise": ({"label_noise": 0.4}, drift, fresh(0.4, TEACHER), {}),
    "label noise, full": (
        {"source": DATA, "sampling": "full", "label_noise": 0.8}, drift,
        fresh(0.8, DATA, alone=True), {"batch": 6},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_those_by_hand(name: str) -> None:
    given, function, source, settings = CASES[name]
    run = trained(**given)
    prediction = run.predict()
    assert not prediction.reason
    settings = {"lr": LR} | settings
    steps = np.asarray(run.data["step"])
    by_hand = [
        function(source, student, start, steps=steps, **settings)
        for student, start in zip(STUDENTS, starts(run), strict=True)
    ]
    moved = 0.0
    for path, hand in zip(prediction.paths, by_hand, strict=True):
        assert path is not None
        np.testing.assert_allclose(path.slow_time, run.data["slow_time"], rtol=1e-12)
        np.testing.assert_allclose(path.slow_time, hand.slow_time, rtol=1e-12)
        for ours, theirs in zip(path.weights, hand.weights, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=CLOSE * np.abs(theirs).max())
        moved = max(moved, float(np.abs(hand.worst_pair() - hand.worst_pair()[0]).max()))
    assert moved > 1e-3  # far above the tolerance, so that the comparison says something
    maps = [_maps(path) for path in by_hand]
    worst = _worst([h for layers in maps for h in layers], TEACHER.cov_x)
    np.testing.assert_allclose(prediction.worst_pair(), worst, rtol=0, atol=CLOSE)


def _maps(path: mx.theory.SlowPath) -> list[np.ndarray]:
    """Hidden layers as maps of the input."""
    at = path.problem.embed_in
    found = []
    for w in path.weights[:-1]:
        at = w @ at
        found.append(at)
    return found


def _worst(maps: list[np.ndarray], cov_x: np.ndarray) -> np.ndarray:
    """Least cosine of two Gram matrices, docs/theory.md (1.9), pair by pair."""
    kernels = [h.swapaxes(-1, -2) @ h for h in maps]

    def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.trace(a @ cov_x @ b @ cov_x, axis1=-2, axis2=-1)

    pairs = [inner(a, b) / np.sqrt(inner(a, a) * inner(b, b)) for a in kernels for b in kernels]
    return np.asarray(np.min(pairs, axis=0))


def test_a_schedule_is_slow_time() -> None:
    schedule = mx.schedules.cosine(0.1)
    run = trained(optimiser=mx.SGD(lr=LR, schedule=schedule))
    path = run.predict().paths[0]
    assert path is not None
    steps = np.asarray(run.data["slow_time"]) / LR**2
    hand = drift(TEACHER, STUDENTS[0], starts(run)[0], lr=LR, steps=steps.tolist())
    for ours, theirs in zip(path.weights, hand.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=CLOSE * np.abs(theirs).max())


# One valley, docs/theory.md (4.8): W_1 = 1/a, W_2 = a e_1. One neuron has nothing to rotate, so
# that every noise drives it along S, and all that a run may have meets in one equation for a.
VALLEY = mx.Teacher([[1.0], [0.0]], cov_noise=[[0.5, 0.0], [0.0, 1.5]])
VALLEY_DATA = VALLEY.product_samples(num_x=2, num_noise=4, seed=3)
AT = 1.4
START = [np.array([[1.0 / AT]]), np.array([[AT], [0.0]])]


def along_the_valley(
    times: np.ndarray, pace: float, noise: float, kappa: Callable[[float], float]
) -> np.ndarray:
    """``a`` at slow times, by an equation written for it alone."""

    def velocity(time: float, state: np.ndarray) -> np.ndarray:
        a = state[0]
        first, second = pace * 0.5 + noise**2, pace * 1.5 + noise**2  # of the labels
        entropic = 2.0 * first * a - 2.0 * (first + second) / a**3  # d(S/4)/da
        decay = kappa(time) * (a - 1.0 / a**3)  # d(|θ|²/2)/da
        return np.array([-(entropic + decay) / (1.0 + a**-4)])

    span = (0.0, float(times[-1]))
    solution = scipy.integrate.solve_ivp(
        velocity, span, [AT], t_eval=times, rtol=1e-10, atol=1e-12, method="LSODA"
    )
    return np.asarray(solution.y[0])


@pytest.mark.parametrize("schedule", [mx.schedules.constant(), mx.schedules.cosine(0.05)])
@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("decay", [0.0, 0.004])
def test_everything_at_once_in_one_valley(
    schedule: mx.schedules.Schedule, noise: float, decay: float
) -> None:
    batch, momentum, steps = 2, 0.2, 4000
    run = mx.train(
        mx.EDLN((1,)), VALLEY_DATA, mx.SGD(lr=LR, momentum=momentum, l2=decay, schedule=schedule),
        steps=steps, batch=batch, label_noise=noise, init=[START], progress=None,
        measure=(),
    )  # fmt: skip
    (path,) = run.predict().paths
    assert path is not None
    effective = LR / (1 - momentum)
    at = np.arange(steps + 1)
    clock = effective**2 / batch * schedule.sums_of_squares(at, steps)
    factors = np.array([schedule.factors(int(t), 1, steps)[0] for t in at])

    def kappa(time: float) -> float:
        return float(decay * batch / (effective * np.interp(time, clock, factors)))

    times = np.asarray(run.data["slow_time"])
    hand = along_the_valley(times, (8 - batch) / (8 - 1), noise, kappa)
    ours = 1.0 / path.weights[0][:, 0, 0, 0]
    np.testing.assert_allclose(ours, hand, rtol=APART)
    assert np.abs(hand - AT).max() > 1000 * APART
    if decay and schedule.kind == "cosine":
        constant = along_the_valley(times, 6 / 7, noise, lambda _: decay * batch / effective)
        assert np.abs(constant - hand).max() > 10 * APART  # so the course of κ matters


def test_a_student_that_cannot_represent_the_teacher_ends_where_theory_says() -> None:
    narrow = mx.EDLN((1, 2), embed_in=[[1.0, 0.2], [0.0, 0.7]])
    teacher = mx.Teacher([[2.0, 1.0], [0.0, 0.5]])
    run = trained(teacher, students=narrow, steps=200_000, replicas=1, optimiser=mx.SGD(lr=0.01))
    path = run.predict().paths[0]
    assert path is not None
    end = [w[-1, 0] for w in path.weights]
    found = mx.theory.deficit_fixed_point(teacher, narrow)
    maps = [h[-1, 0] for h in _maps(path)]
    theirs = [h[0] for h in _maps(replace(path, weights=[w[None] for w in found.weights]))]
    for ours, other in zip(maps, theirs, strict=True):
        np.testing.assert_allclose(ours.T @ ours, other.T @ other, rtol=0, atol=1e-4)
    assert np.linalg.matrix_rank(end[1] @ end[0]) == 1


@pytest.mark.parametrize("name", VARIANTS)
def test_every_optimiser_is_answered(name: str) -> None:
    """By the run itself, saved and opened, not by its plan."""
    rule = replace(VARIANTS[name], lr=0.01)
    run = trained(optimiser=rule, steps=20)
    prediction = run.predict()
    follows = isinstance(rule, mx.SGD)
    assert bool(prediction.reason) != follows
    assert all((path is not None) == follows for path in prediction.paths)
    assert str(prediction).startswith("Theory draws " + ("the" if follows else "no path: "))
    if not follows:
        with pytest.raises(mx.MethexisError, match="predict: expected a run for which theory"):
            prediction.worst_pair()
        with pytest.raises(mx.MethexisError, match="predict: expected a run for which theory"):
            prediction.plot()


def test_the_path_begins_at_the_first_record() -> None:
    whole = trained(record=[0, 1000, 2000, 3000])
    part = trained(record=[1000, 2000, 3000])
    prediction = part.predict()
    path = prediction.paths[0]
    assert path is not None
    assert path.slow_time[0] == pytest.approx(LR**2 * 1000)
    start = [w[1] for w in whole.snapshots(0)]
    hand = drift(TEACHER, STUDENTS[0], start, lr=LR, steps=[0, 1000, 2000])
    np.testing.assert_allclose(path.worst_pair(), hand.worst_pair(), rtol=0, atol=CLOSE)


def test_a_student_without_a_path_leaves_the_others_theirs() -> None:
    run = trained(students=[STUDENTS[0], mx.MLP((3,), activation="tanh")], steps=20)
    prediction = run.predict()
    assert prediction.paths[0] is not None
    assert prediction.paths[1] is None
    assert prediction.names == ("slow drift", "")
    assert prediction.reason.startswith("student 1: the theory expects a student without")


def test_what_strains_the_theory_is_said() -> None:
    quiet = trained(DATA, optimiser=mx.SGD(lr=1e-4), steps=20).predict()
    assert quiet.notes == ()
    loud = trained(DATA, optimiser=mx.SGD(lr=0.03), steps=20).predict()
    assert any("η λ_max N/B = " in note for note in loud.notes)


def test_a_start_that_has_no_minimum_is_lost_and_counted() -> None:
    good = mx.theory.random_minimum(TEACHER, mx.EDLN((2,)), seed=0)
    dead = [np.diag([1.0, 0.0]), np.diag([1.0, 0.0])]  # the second neuron never wakes
    both = [np.stack(pair) for pair in zip(good, dead, strict=True)]
    run = trained(students=mx.EDLN((2,)), init=[both], steps=5)
    prediction = run.predict()
    path = prediction.paths[0]
    assert path is not None
    assert np.isfinite(path.weights[0][:, 0]).all()
    assert np.isnan(path.weights[0][:, 1]).all()
    assert "of 2 starts 1 have a minimum within reach" in prediction.notes
    none = trained(students=mx.EDLN((2,)), init=[dead], steps=5)
    assert "expected to reach them" in none.predict().reason


def test_it_shows_how_far_it_has_come() -> None:
    reports: list[Report] = []

    def show(report: Report) -> None:
        reports.append(report)

    trained(steps=200).predict(progress=show)
    steps = [report.step for report in reports]
    assert steps == sorted(steps)
    assert len(set(steps)) > 4
    assert reports[-1].step == reports[-1].steps == 2 * 200


def test_it_says_what_it_would_cost() -> None:
    teacher = mx.Teacher.random(30, 20, condition_noise=3.0)
    run = mx.train(
        mx.EDLN((25,)), teacher, mx.SGD(lr=1e-4), steps=1, replicas=4, measure=(), progress=None
    )
    with pytest.raises(mx.MethexisError, match=r"patience = 60 s to follow, got an estimate of"):
        run.predict()
    with pytest.raises(mx.MethexisError, match="for 1 replicas on one core"):
        run.predict(replicas=1, patience=10.0)


def test_what_takes_a_second_is_not_refused() -> None:
    """1064 parameters: one second of one core, at any patience that anybody has."""
    teacher = mx.Teacher.random(16, 10)
    run = mx.train(
        mx.EDLN((24, 20)), teacher, mx.SGD(lr=1e-3), steps=500, batch=4, replicas=2, measure=(),
        progress=None,
    )  # fmt: skip
    assert run.predict().worst_pair().shape == run.worst_pair().shape


def test_cells_are_taken_one_at_a_time() -> None:
    lr = xr.DataArray([0.01, 0.02], coords={"lr": [0.01, 0.02]})
    run = trained(optimiser=mx.SGD(lr=lr), steps=50)
    with pytest.raises(mx.MethexisError, match=r"got cells along lr; take one with run\.cell"):
        run.predict()
    alone = trained(optimiser=mx.SGD(lr=0.02), steps=50).predict()
    np.testing.assert_allclose(run.cell(lr=0.02).predict().worst_pair(), alone.worst_pair())


@pytest.mark.parametrize("source", [TEACHER, DATA], ids=["teacher", "samples"])
def test_a_source_that_is_gone_is_asked_for(
    source: mx.Teacher | mx.Samples, tmp_path: Path
) -> None:
    run = trained(source, steps=50)
    bare = mx.open_run(run.save(tmp_path / "run", source=False))
    with pytest.raises(mx.MethexisError, match="predict: expected a run that holds its source"):
        bare.predict()
    again = bare.predict(source=source)
    np.testing.assert_array_equal(again.worst_pair(), run.predict().worst_pair())
    other = mx.Teacher([[1.0, 1.0], [0.0, 0.6]], cov_noise=TEACHER.cov_noise)
    wrong = other if source is TEACHER else other.product_samples(num_x=2, num_noise=3, seed=0)
    with pytest.raises(mx.MethexisError, match="got another, whose map differs"):
        bare.predict(source=wrong)
    with pytest.raises(mx.MethexisError, match="expected what the run was trained on"):
        bare.predict(source=TEACHER if source is DATA else DATA)


def test_a_run_of_the_format_before_is_predicted_with_its_source(tmp_path: Path) -> None:
    with zipfile.ZipFile(Path(__file__).parents[2] / "data" / "run_format_3.zip") as archive:
        archive.extractall(tmp_path / "old")
    old = mx.open_run(tmp_path / "old")
    assert old.tree.attrs["format_version"] == 3
    with pytest.raises(mx.MethexisError, match="saved without it or by an older version; predict"):
        old.predict()
    with pytest.raises(mx.MethexisError, match="students: expected a run that holds its students"):
        _ = old.students
    student = mx.EDLN((2,))
    hand = drift(TEACHER, student, starts(old)[1], lr=0.01, steps=[0, 50, 200])
    path = old.predict(source=TEACHER).paths[1]
    assert path is not None
    np.testing.assert_allclose(path.entropy(), hand.entropy(), rtol=CLOSE)


def test_it_is_a_result_like_others() -> None:
    run = trained(steps=50)
    prediction = run.predict()
    assert isinstance(prediction, Predicted)
    axes = run.plot()
    assert prediction.plot(axes) is axes
    assert prediction.to_dataframe().columns.tolist() == [
        "step", "replica", "worst_pair", "slow_time",
    ]  # fmt: skip
    assert len(repr(prediction)) <= 100
