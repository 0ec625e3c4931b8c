"""Where a peer gives another number than we do: why, and a formula that gives the peer's.

Formulas are written from what the peers' documentation and code say, in NumPy, and the benchmark
checks that each gives the peer's number to `AGREEMENT`. So a reason here is not an excuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array

#: Relative difference up to which two numbers are the same: definitions agree, rounding remains.
AGREEMENT = 1e-6


@dataclass(frozen=True)
class Difference:
    """A known difference.

    Attributes
    ----------
    reason : str
        What the peer does otherwise.
    formula : function of (x, y), optional
        The peer's number, by our hand.
    tolerance : float
        Relative difference up to which the formula is to give it.
    """

    reason: str
    formula: Callable[[Array, Array], float] | None = None
    tolerance: float = AGREEMENT


def _linear(x: Array) -> Array:
    x = x - x.mean(axis=0)
    return np.asarray(x @ x.T)


def _squares(x: Array) -> Array:
    squares = np.sum(x * x, axis=1)
    return np.asarray(squares[:, None] + squares[None, :] - 2.0 * x @ x.T)


def _hsic(k: Array, m: Array) -> float:
    n = len(k)
    h = np.eye(n) - 1.0 / n
    return float(np.sum((h @ k @ h) * m)) / (n - 1) ** 2


def _song(k: Array, m: Array) -> float:
    n, off = len(k), 1.0 - np.eye(len(k))
    k, m = k * off, m * off
    apart = k.sum() * m.sum() / ((n - 1) * (n - 2))
    return float((np.sum(k * m) + apart - 2.0 / (n - 2) * k.sum(0) @ m.sum(0)) / (n * (n - 3)))


def _lange(k: Array, m: Array) -> float:
    n, off = len(k), 1.0 - np.eye(len(k))
    h = np.eye(n) - 1.0 / n
    return float(np.sum((h @ k @ h) * (h @ m @ h) * off)) / (n * (n - 3))


def _over_biased(estimator: Callable[[Array, Array], float]) -> Callable[[Array, Array], float]:
    def formula(x: Array, y: Array) -> float:
        k, m = _linear(x), _linear(y)
        return float(estimator(k, m) / np.sqrt(_hsic(k, k) * _hsic(m, m)))

    return formula


def _rbf(bandwidth: Callable[[Array], float]) -> Callable[[Array, Array], float]:
    """Biased CKA of ``exp(-|x - x'|² / 2 b)``."""

    def formula(x: Array, y: Array) -> float:
        k, m = (np.exp(-_squares(v) / (2.0 * bandwidth(_squares(v)))) for v in (x, y))
        return float(_hsic(k, m) / np.sqrt(_hsic(k, k) * _hsic(m, m)))

    return formula


def _lower_median(squares: Array) -> float:
    ordered: NDArray[np.float64] = np.sort(squares, axis=None)
    return float(ordered[(ordered.size - 1) // 2])


def _repsim_rank(squared: bool) -> Callable[[Array, Array], float]:
    """Canonical correlations over the rank of the features *before* centring."""

    def formula(x: Array, y: Array) -> float:
        ranks, bases = [], []
        for v in (x, y):
            basis = _basis(v)
            ranks.append(basis.shape[1])
            bases.append(_basis(basis - basis.mean(axis=0)))
        found = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
        return float(np.sum(found**2 if squared else found) / min(ranks))

    return formula


def _basis(x: Array) -> Array:
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return np.asarray(u[:, s > 1e-12 * s[0]])


def _projected_mean(x: Array, y: Array) -> float:
    def way(x: Array, y: Array) -> float:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        one, other = _basis(x), _basis(y)
        left, found, _ = np.linalg.svd(one.T @ other, full_matrices=False)
        weights = np.abs((one @ left).T @ x).sum(axis=1)
        return float(weights @ found / weights.sum())

    return 0.5 * (way(x, y) + way(y, x))


_NORMALISED = "numerator debiased, but normalised by biased HSIC: does not give 1 for equal ones"
_RANK = "divides by the rank of features before centring, which is one more where d >= n"
#: By peer and function.
DIFFERENCES: dict[tuple[str, str], Difference] = {
    ("repsim", "cka(linear, song)"): Difference(_NORMALISED, _over_biased(_song)),
    ("repsim", "cka(linear, lange)"): Difference(_NORMALISED, _over_biased(_lange)),
    ("repsim", "cca(yanai)"): Difference(_RANK, _repsim_rank(squared=True)),
    ("repsim", "cca(pillai)"): Difference(_RANK, _repsim_rank(squared=False)),
    ("repsim", "pwcca"): Difference(
        "mean of both directions; weights are absolute projections of features onto variates",
        _projected_mean,
    ),
    ("ckatorch", "cka_base(rbf, threshold=1)"): Difference(
        "bandwidth from the lower median of squared distances, those of samples from themselves "
        "included",
        _rbf(_lower_median),
    ),
    ("thingsvision", "CKATorch(rbf, sigma=1)"): Difference(
        "bandwidth is a number, not a multiple of the median distance: depends on the scale",
        _rbf(lambda _: 1.0),
    ),
    ("torch_cka", "CKA.compare"): Difference(
        "single precision only: the same definition to about 1e-5", None, 1e-4
    ),
    ("pytorch-cka", "cka_from_features"): Difference(
        "cut to [0, 1], so that a negative estimate becomes 0", None
    ),
    ("scikit-learn", "CCA"): Difference(
        "iterates each pair of variates to a tolerance and deflates; with d >= n there is no "
        "definite answer",
    ),
}
