"""Second moments: how they merge, what they give, and how many digits they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import (
    CCA,
    GULP,
    SVCCA,
    Bures,
    BuresDistance,
    Procrustes,
    ProcrustesDistance,
    SecondMoments,
    SizeAndShape,
)
from methexis.measures.inputs.features import pair
from methexis.measures.subspaces.contract import SubspaceMeasure
from methexis.measures.subspaces.second_moments import overlap_from_moments
from tests.measures.cases import label, measured, related

MEASURES: list[SubspaceMeasure] = [
    Procrustes(),
    Procrustes(0.5),
    Procrustes(0.0),
    ProcrustesDistance(),
    ProcrustesDistance(0.3),
    SizeAndShape(),
    Bures(),
    BuresDistance(),
    CCA(),
    CCA(squared=True),
    SVCCA(variance=0.9),
    SVCCA(num_directions=2),
    GULP(),
]


@pytest.mark.parametrize("measure", MEASURES, ids=label)
def test_moments_give_the_score(measure: SubspaceMeasure) -> None:
    x, y = related()
    there = measure.from_moments(SecondMoments.of(*pair(x, y)))
    assert there == pytest.approx(measured(measure, x, y), rel=1e-11)  # condition 30, squared


@pytest.mark.parametrize("cuts", [(20,), (1, 2, 39), (10, 20, 30)])
def test_blocks_merge_to_the_whole(cuts: tuple[int, ...]) -> None:
    x, y = related()
    x = x + 1e7  # centring the raw sums would leave 2 digits
    xp = pair(x, y)[0].xp
    blocks = [
        SecondMoments(
            len(a),
            a.mean(axis=0),
            b.mean(axis=0),
            *(np.cov(a.T, b.T, bias=True)[s] * len(a) for s in parts()),
            xp,
        )
        for a, b in zip(np.split(x, cuts), np.split(y, cuts), strict=True)
    ]
    whole = blocks[0]
    for block in blocks[1:]:
        whole = whole.merged(block)
    direct = SecondMoments.of(*pair(x, y))
    assert whole.num_samples == 40
    for name in ("mean_x", "mean_y", "xx", "yy", "xy"):
        # Entries of x are rounded to 2e-9, of which squares of deviations keep 9 digits.
        assert getattr(whole, name) == pytest.approx(getattr(direct, name), rel=1e-8, abs=1e-6)
    assert CCA().from_moments(whole) == pytest.approx(CCA().from_moments(direct), rel=1e-7)


def parts() -> list[Any]:
    return [np.s_[:6, :6], np.s_[6:, 6:], np.s_[:6, 6:]]


def test_plain_sums_are_centred() -> None:
    x, y = related()
    xp = pair(x, y)[0].xp
    sums = SecondMoments.from_sums(
        40, x.sum(axis=0), y.sum(axis=0), x.T @ x, y.T @ y, x.T @ y, xp=xp
    )
    direct = SecondMoments.of(*pair(x, y))
    for name in ("mean_x", "mean_y", "xx", "yy", "xy"):
        assert getattr(sums, name) == pytest.approx(getattr(direct, name), rel=1e-10, abs=1e-10)


def of_condition(kappa: float, n: int = 400) -> tuple[Array, Array]:
    """A pair with canonical correlations .9, .7, .5, .3 and features of that condition."""
    rng = np.random.default_rng(6)
    rho = np.array([0.9, 0.7, 0.5, 0.3])
    q = rng.normal(size=(n, 8))
    q = np.linalg.qr(q - q.mean(axis=0))[0]
    u, v = q[:, :4], q[:, :4] * rho + q[:, 4:] * np.sqrt(1 - rho**2)
    sizes = np.geomspace(1.0, 1.0 / kappa, 4)
    turns = [np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(4)]
    return (u @ turns[0]) * sizes @ turns[1], (v @ turns[2]) * sizes @ turns[3]


@pytest.mark.parametrize("kappa", [1e1, 1e2, 1e3, 1e4, 1e5, 1e6])
def test_canonical_correlations_lose_two_digits_per_digit_of_condition(kappa: float) -> None:
    x, y = of_condition(kappa)
    price = abs(CCA().from_moments(SecondMoments.of(*pair(x, y))) - 0.6)
    decomposed = abs(measured(CCA(), x, y) - 0.6)
    # eps kappa^2 and eps kappa, times about 30 for sums over 400 samples and four directions.
    assert price < 30 * 2.2e-16 * kappa**2
    assert decomposed < 30 * 2.2e-16 * kappa
    if kappa >= 1e5:
        assert price > 100 * decomposed
    score = Procrustes().from_moments(SecondMoments.of(*pair(x, y)))
    assert score == pytest.approx(measured(Procrustes(), x, y), rel=1e-13)


def test_directions_below_the_resolution_are_left_out() -> None:
    x, y = of_condition(1e8)
    rank = len(measured_sizes(x, y))
    assert rank == 3  # 1, 2e-3, 5e-6 and 1e-8, which √(400 eps) = 3e-7 hides


def measured_sizes(x: Array, y: Array) -> Array:
    return np.asarray(overlap_from_moments(SecondMoments.of(*pair(x, y))).sizes_x)


def test_bad_moments_are_refused() -> None:
    x, y = related()
    moments = SecondMoments.of(*pair(x, y))
    with pytest.raises(MethexisError, match="equal numbers of features"):
        moments.merged(SecondMoments.of(*pair(y, x)))
    with pytest.raises(MethexisError, match="kernel='linear'"):
        Bures(kernel="rbf").from_moments(moments)
    with pytest.raises(MethexisError, match="expected shapes"):
        SecondMoments.from_sums(40, x.sum(0), x.sum(0), x.T @ x, y.T @ y, x.T @ y, xp=moments.xp)
