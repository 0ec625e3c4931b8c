"""The verify scenario: what it concludes, and that it could conclude otherwise."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import methexis as mx
from methexis.scenarios import VerifySettings, run_verify
from methexis.scenarios.verify import VerifyResult
from methexis.scenarios.verify.length import REDUCTION, run_length
from methexis.scenarios.verify.verdict import judge


@pytest.fixture(scope="module")
def short() -> VerifyResult:
    """A run far too short for the target, long enough to compare paths."""
    return run_verify(
        VerifySettings(easy=True, steps=100_000, replicas=10, seed=3, three_ways=False)
    )


def test_a_short_run_fails_and_says_why(short: VerifyResult) -> None:
    assert not short.verdict.passed
    assert "median worst pair after SGD" in short.verdict.why
    failed = {c.name for c in short.verdict.checks if not c.passed}
    assert "median worst pair after SGD" in failed
    assert not failed & {"healthy replicas", "median worst pair of the control"}


def test_sgd_follows_the_prediction(short: VerifyResult) -> None:
    """Projected S/S_min against the predicted path, at every step where the fast part is over.

    The path is exact to leading order in η; λ η = 0.02 here, and eight replicas scatter. 10 % of
    what is left of S/S_min - 1, plus its scatter over replicas (5 standard errors), is asked for.
    """
    measured = np.asarray(short.run.data["entropy_ratio_projected"])[:, short.compared]
    predicted = short.prediction.entropy_ratio
    assert predicted.shape == measured.shape
    settled = np.isfinite(measured).all(axis=(1, 2)) & (np.asarray(short.run.data["step"]) > 5000)
    assert settled.sum() > 12
    difference = (measured - predicted)[settled]
    error = difference.std(axis=1, ddof=1) / np.sqrt(difference.shape[1])
    allowed = 0.1 * (predicted[settled].mean(axis=1) - 1.0) + 5.0 * error + 1e-3
    assert np.all(np.abs(difference.mean(axis=1)) <= allowed)


def test_the_control_stands_still_on_slow_time(short: VerifyResult) -> None:
    """Gradient flow keeps its charges (rtol 1e-6, a hundred times that over the path)."""
    for k in range(2):
        group = short.control.tree.children[f"student_{k}"]
        for i in range(1, int(group.attrs["depth"])):
            charge = np.asarray(group[f"charges_{i}"])
            scale = np.abs(charge).max()
            assert np.abs(charge - charge[:1]).max() <= 1e-4 * scale
    assert np.median(short.worst("control")) < 0.95
    assert short.control.data["slow_time"].max() == 0


def test_both_start_from_the_same_weights(short: VerifyResult) -> None:
    for k in range(2):
        for a, b in zip(short.run.snapshots(k), short.control.snapshots(k), strict=True):
            assert np.array_equal(a[0, : short.settings.predicted], b[0].astype(a.dtype))


def test_random_minima_respect_the_bound(short: VerifyResult) -> None:
    for found in short.minima:
        assert found.entropy_ratio.min() >= 1.0
        assert np.median(found.pairs.min(axis=1)) < 0.95


def test_the_schedule_comes_from_the_relaxation_spectrum() -> None:
    """Twice the batch size needs twice the steps at one learning rate: τ = Σ η²/B.

    To 1 %, for steps are rounded up to thousands. The slowest deviation falls by ``e`` in
    `relaxation`'s ``slowest_steps``, and the cosine leaves 3/8 of the squared rate; ``1 - A`` falls
    with its square.
    """
    settings = VerifySettings(easy=True)
    source, students = settings.source(), settings.students()
    solutions = [mx.theory.platonic(source, s) for s in students]
    size = partial(
        run_length,
        source,
        students,
        solutions,
        loss="squared",
        sampling="online",
        lr_times_sharpness=0.02,
    )
    one, two = size(batch=1), size(batch=2)
    assert one.fitted
    assert two.steps == pytest.approx(2 * one.steps, rel=0.01)
    slowest = max(mx.theory.relaxation(source, s, lr=one.lr).slowest_steps for s in students)
    wanted = slowest * np.log(REDUCTION) / 2 * 8 / 3
    assert one.steps == pytest.approx(wanted, rel=0.01)
    assert size(batch=1, steps=7).steps == 7


def test_too_large_a_learning_rate_is_refused_before_running() -> None:
    with pytest.raises(mx.MethexisError, match=r"expected lr < .* got 5"):
        run_verify(VerifySettings(easy=True, lr=5.0))


def test_a_diverging_run_is_refused_in_one_sentence() -> None:
    """η λ = 1.9 at batch 1: below the deterministic edge, far above the stochastic one."""
    settings = VerifySettings(easy=True, replicas=2, steps=2000)
    sharpest = max(mx.theory.platonic(settings.teacher(), s).sharpness for s in settings.students())
    with pytest.raises(mx.MethexisError, match="all 2 replicas diverged"):
        run_verify(replace(settings, lr=1.9 / sharpest))


def test_the_verdict_can_fail_on_every_check(short: VerifyResult) -> None:
    found = float(np.median(short.worst("projected")))
    offset = replace(short.prediction, final_worst_pair=found)
    good = {
        "settings": replace(short.settings, noise="anisotropic"),
        "run": short.run,
        "control": short.control,
        "prediction": offset,
        "minima": short.minima,
        "to_universal": np.ones(3),
        "shares": [np.ones((10, 2))],
        "ways": [],
    }
    assert judge(**good).passed  # type: ignore[arg-type]

    def why(**changes: object) -> str:
        return judge(**(good | changes)).why  # type: ignore[arg-type]

    perfect = replace(short.prediction, final_worst_pair=1.0)
    assert "projected" in why(prediction=perfect)  # an offset where none is predicted
    more = replace(short.prediction, final_worst_pair=1.0 - 1.5 * (1.0 - found))
    assert "projected" in why(prediction=more)
    low = [replace(m, entropy_ratio=0.5 * m.entropy_ratio) for m in short.minima]
    assert "S/S_min" in why(minima=low)
    aligned = [replace(m, pairs=np.ones_like(m.pairs)) for m in short.minima]
    assert "random minima" in why(minima=aligned)
    platonic = {"settings": replace(short.settings, noise="isotropic")}
    assert "universal kernel" in why(**platonic, to_universal=np.full(3, 0.99))
    assert "entropy from 4q" in why(**platonic, shares=[np.array([[1.0, 1.2]])])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"noise": "pink"}, "isotropic"),
        ({"sampling": "full"}, "online"),
        ({"loss": "hinge"}, "squared"),
        ({"replicas": 1}, "at least 2"),
        ({"steps": 0}, "steps"),
        ({"lr": float("nan")}, "lr"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_settings(changes: dict[str, object], word: str) -> None:
    with pytest.raises(mx.MethexisError, match=word):
        VerifySettings(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("noise", "sampling", "loss", "platonic"),
    [
        ("isotropic", "online", "squared", True),
        ("anisotropic", "online", "squared", False),
        ("anisotropic", "replace", "squared", False),
        ("anisotropic", "shuffle", "squared", True),
        ("anisotropic", "online", "whitened", True),
    ],
)
def test_what_theory_predicts(noise: str, sampling: str, loss: str, platonic: bool) -> None:
    settings = VerifySettings(noise=noise, sampling=sampling, loss=loss)
    assert settings.predicts_platonic is platonic


def test_the_fingerprint_tells_settings_apart() -> None:
    assert VerifySettings(seed=1).fingerprint == VerifySettings(seed=1).fingerprint
    others = (VerifySettings(), VerifySettings(easy=True), VerifySettings(steps=10))
    assert len({settings.fingerprint for settings in others}) == 3
