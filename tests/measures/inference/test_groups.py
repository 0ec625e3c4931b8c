"""Noise ceilings: the upper one cannot be beaten where that is claimed, and models fall between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from scipy.spatial.distance import pdist

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import RDM, compare_group, noise_ceiling, rdm, rsa, rsa_kendall, rsa_whitened
from methexis.measures.inference.subjects.groups import COMPARISONS
from tests.measures.cases import related

X, _ = related(n=12)
TRUE = pdist(X)
EXACT = ("pearson", "cosine", "whitened_cosine", "whitened_correlation")


def recorded(num_subjects: int = 6, seed: int = 0, noise: float = 2.0) -> Array:
    rng = np.random.default_rng(seed)
    scales = rng.uniform(0.5, 4.0, size=(num_subjects, 1))
    return scales * (TRUE + noise * rng.normal(size=(num_subjects, len(TRUE))))


def score(a: Array, b: Array, comparison: str) -> float:
    """By the functions of two RDMs."""
    one, two = RDM(a), RDM(b)
    if comparison.startswith("whitened"):
        return rsa_whitened(one, two, comparison=comparison.removeprefix("whitened_"))
    if comparison.startswith("tau"):
        return rsa_kendall(one, two, variant=comparison[-1])
    return rsa(one, two, comparison=comparison)


@pytest.mark.parametrize("comparison", ["pearson", "cosine", "spearman", "tau_a", "tau_b"])
def test_ceilings_by_hand(comparison: str) -> None:
    """Nili's recipe: standardise or rank, average with and without the subject, compare."""
    stack = recorded()
    alike = {
        "pearson": stats.zscore(stack, axis=1),
        "cosine": stack / np.linalg.norm(stack, axis=1, keepdims=True),
    }.get(comparison, stats.rankdata(stack, axis=1))
    upper = [score(alike.mean(axis=0), one, comparison) for one in stack]
    lower = [
        score(np.delete(alike, k, axis=0).mean(axis=0), one, comparison)
        for k, one in enumerate(stack)
    ]
    found = noise_ceiling(stack, comparison)
    assert found.upper_by_subject == pytest.approx(upper, abs=1e-12)  # rounding
    assert found.lower_by_subject == pytest.approx(lower, abs=1e-12)
    assert found.upper == pytest.approx(np.mean(upper), abs=1e-12)
    assert found.lower == pytest.approx(np.mean(lower), abs=1e-12)
    assert found.num_subjects == 6


@pytest.mark.parametrize("comparison", EXACT)
def test_no_model_beats_the_upper_ceiling(comparison: str) -> None:
    """A search from the mean of the raw RDMs ends at the ceiling, and not above it."""
    stack = recorded(noise=3.0)
    ceiling = noise_ceiling(stack, comparison).upper

    def mean(model: Array) -> float:
        return float(np.mean([score(model, one, comparison) for one in stack]))

    start = stack.mean(axis=0)
    found = minimize(lambda v: -mean(v), start, method="L-BFGS-B", options={"maxiter": 30})
    assert mean(start) < ceiling
    assert -found.fun <= ceiling + 1e-12  # rounding
    assert -found.fun == pytest.approx(ceiling, abs=1e-4)  # where the search stops


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_the_true_model_lies_between(comparison: str) -> None:
    found = compare_group(RDM(TRUE), recorded(20), comparison, num_permutations=99)
    assert found.ceiling.lower < found.score < found.ceiling.upper
    assert found.scores[3] == pytest.approx(score(TRUE, recorded(20)[3], comparison), abs=1e-12)
    assert found.ci[0] < found.score < found.ci[1]
    assert found.p == 0.01
    assert found.as_dict()["ceiling"]["comparison"] == comparison


def test_features_and_rdm_of_a_model_are_one() -> None:
    settings: dict[str, Any] = {"num_permutations": 20, "num_bootstrap": 20}
    one = compare_group(X, recorded(), **settings)
    two = compare_group(rdm(X), recorded(), **settings)
    assert one == two
    assert one.dissimilarity == "euclidean"
    other = compare_group(X, recorded(), dissimilarity="correlation", **settings)
    assert other.score != one.score
    torch = pytest.importorskip("torch")
    assert compare_group(torch.asarray(X), recorded(), **settings) == one


def test_without_resamples() -> None:
    found = compare_group(X, recorded(), num_permutations=0, num_bootstrap=0)
    assert np.isnan([found.p, found.null_mean, *found.ci]).all()


def test_intervals_over_subjects_cover() -> None:
    """True mean score: that of 3000 subjects. 300 groups of 10, nominal 95 %, expected 90 %.

    For a mean of 10 normal scores a bootstrap interval is z sqrt(.9) standard errors wide, and t
    with 9 degrees of freedom is in it with .904. Three standard errors of a share of 300: .052.
    """
    expected = np.mean([np.corrcoef(TRUE, one)[0, 1] for one in recorded(3000, seed=1)])
    covered = 0
    for s in range(300):
        found = compare_group(RDM(TRUE), recorded(10, seed=100 + s), num_permutations=0, seed=s)
        covered += found.ci[0] <= expected <= found.ci[1]
    assert abs(covered / 300 - 0.904) < 0.052


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise_ceiling(recorded(2)), "rdms: expected at least 3 subjects, got 2"),
        (lambda: noise_ceiling(rdm(X)), "rdms: expected one RDM per subject"),
        (lambda: noise_ceiling([rdm(X), rdm(X), rdm(X[:8])]), "12 in rdms.0. and 8 in rdms.2."),
        (lambda: noise_ceiling(np.ones((3, 66))), "rdms.0.: expected dissimilarities that differ"),
        (lambda: noise_ceiling(recorded(), "rho"), "comparison: expected one of"),
        (lambda: compare_group(X[:8], recorded()), "model: expected the 12 samples of the RDMs"),
    ],
)
def test_bad_input_is_one_sentence(call: Any, message: str) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_labels_must_agree() -> None:
    names = [f"s{i}" for i in range(12)]
    stack = [RDM(one, labels=names) for one in recorded()]
    with pytest.raises(MethexisError, match="same labels in the same order"):
        compare_group(RDM(TRUE, labels=names[::-1]), stack)
    with pytest.raises(MethexisError, match="same labels in the same order"):
        noise_ceiling([*stack, RDM(TRUE, labels=names[::-1])])
