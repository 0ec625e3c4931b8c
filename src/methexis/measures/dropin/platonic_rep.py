"""The metrics of platonic-rep by their argument names; `measures.dropin` says how far.

Of equally near rows those with the lowest numbers are neighbours, on both sides: theirs takes some
of them too, which ones its sorting says. So scores of features with many ties are too high here as
there, and the measures of `methexis.measures` should be taken instead.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import array_api_compat
import numpy as np

from methexis.core.checks import boolean, integer, number, one_of
from methexis.measures.inputs.features import (
    MOST,
    Features,
    Tensor,
    features,
    in_range,
    to_numpy,
    together,
    warn,
)
from methexis.measures.kernels.estimators import Sums, divisor, estimate
from methexis.measures.kernels.kernels import hollow, squared_distances
from methexis.measures.neighbours import knn
from methexis.measures.neighbours.cycle_knn import CycleKNN
from methexis.measures.neighbours.edit_distance_knn import EditDistanceKNN
from methexis.measures.neighbours.lcs_knn import LCSKNN
from methexis.measures.neighbours.lists import NeighbourMeasure
from methexis.measures.neighbours.mutual_knn import MutualKNN
from methexis.measures.subspaces.cca import SVCCA

#: What they add to what they divide by, and to standard deviations.
_EPSILON, _LEAST = 1e-6, 1e-8


def mutual_knn(feats_A: Any, feats_B: Any, topk: int = 10) -> float:
    """Mean share of common neighbours, ``Σ_i |N_A(i) ∩ N_B(i)| / (n k)``.

    Parameters
    ----------
    feats_A, feats_B : array (num_samples, num_features)
        Features with paired rows, of NumPy or PyTorch.
    topk : int
        Neighbours of each sample.

    Raises
    ------
    MethexisError
        If features are refused, or there are not more than `topk` samples.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> mutual_knn(x, 2.0 * x)
    1.0
    """
    return _score(MutualKNN(topk, "dot"), feats_A, feats_B)


def cycle_knn(feats_A: Any, feats_B: Any, topk: int = 10) -> float:
    """Share of samples i that are among the A-neighbours of one of their own B-neighbours.

    Parameters and errors as in `mutual_knn`.

    Examples
    --------
    >>> cycle_knn([[2.0], [3.0], [-1.0], [-2.0]], [[1.0], [2.0], [3.0], [4.0]], topk=1)
    0.5
    """
    return _score(CycleKNN(topk, "dot"), feats_A, feats_B)


def lcs_knn(feats_A: Any, feats_B: Any, topk: int = 10) -> float:
    """Mean length of the longest common subsequence of neighbour lists, in neighbours: up to k.

    `neighbours.lcs_knn` divides it by k. Parameters and errors as in `mutual_knn`.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> lcs_knn(x, x, topk=7)
    7.0
    """
    return topk * _score(LCSKNN(topk, "dot"), feats_A, feats_B)


def edit_distance_knn(feats_A: Any, feats_B: Any, topk: int = 10) -> float:
    """One minus the mean Levenshtein distance of neighbour lists over k.

    Parameters and errors as in `mutual_knn`.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> edit_distance_knn(x, x, topk=7)
    1.0
    """
    return _score(EditDistanceKNN(topk, "dot"), feats_A, feats_B)


def cka(
    feats_A: Any,
    feats_B: Any,
    kernel_metric: str = "ip",
    rbf_sigma: float = 1.0,
    unbiased: bool = False,
) -> float:
    """CKA as platonic-rep has it, ``h(K, L) / (√(h(K, K) h(L, L)) + 1e-6)``.

    h is ``Tr(K H L H)``, or with `unbiased` Song's estimator.

    Parameters
    ----------
    feats_A, feats_B : array (num_samples, num_features)
        Features with paired rows, of NumPy or PyTorch.
    kernel_metric : {"ip", "rbf"}
        Inner products, or ``exp(-‖x - x'‖² / 2σ²)``.
    rbf_sigma : float
        σ, in units of the features.
    unbiased : bool
        Biased is theirs by default: independent Gaussians of n = d score .50.

    Raises
    ------
    MethexisError
        If features or options are refused.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> round(cka(x, x), 6), round(cka(x, -3.0 * x, unbiased=True), 6)
    (1.0, 1.0)
    """
    one_of("kernel_metric", kernel_metric, ("ip", "rbf"))
    sigma = number(
        "rbf_sigma", number("rbf_sigma", rbf_sigma, above=0.0), least=1.0 / MOST, below=MOST
    )
    boolean("unbiased", unbiased)
    first, second = _pair(feats_A, feats_B)
    for given in (first, second):
        in_range(given, 4)

    def kernel(given: Features) -> Tensor:
        if kernel_metric == "ip":
            return given.array @ given.array.T
        return given.xp.exp(squared_distances(given) / (-2.0 * sigma**2))

    hsic = _unbiased if unbiased else _biased
    return _ratio(hsic, kernel(first), kernel(second))


def unbiased_cka(feats_A: Any, feats_B: Any, **kwargs: Any) -> float:
    """`cka` with ``unbiased=True``.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> unbiased_cka(x, x[::-1]) == cka(x, x[::-1], unbiased=True)
    True
    """
    return cka(feats_A, feats_B, **{**kwargs, "unbiased": True})


def cknna(
    feats_A: Any,
    feats_B: Any,
    topk: int = 10,
    distance_agnostic: bool = False,
    unbiased: bool = True,
) -> float:
    """CKNNA as platonic-rep has it: `cka` of kernels, zero where a pair is not near in both.

    With ``α_ij = 1`` where j is among the k samples of largest inner product with i in A and in B,
    ``h(α K, α L) / (√(h(α_A K, α_A K) h(α_B L, α_B L)) + 1e-6)``, α of each alone below.

    Parameters
    ----------
    feats_A, feats_B : array (num_samples, num_features)
        Features with paired rows, of NumPy or PyTorch.
    topk : int
        Neighbours of each sample, at least 2.
    distance_agnostic : bool
        Count common neighbours only: ``Σ α`` for h. Theirs raises with it.
    unbiased : bool
        Song's estimator, neighbours without the sample itself; else ``Tr(K H L H)``, with it where
        it is among the k largest.

    Raises
    ------
    MethexisError
        If features or options are refused.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> round(cknna(x, x), 4)
    1.0
    """
    topk = integer("topk", topk, least=2)
    boolean("distance_agnostic", distance_agnostic)
    boolean("unbiased", unbiased)
    first, second = _pair(feats_A, feats_B)
    for given in (first, second):
        in_range(given, 4)
    one, other = (given.array @ given.array.T for given in (first, second))
    alpha, beta = (_near(given, topk, itself=not unbiased) for given in (first, second))
    both = alpha * beta
    if distance_agnostic:
        shared, own = (float(first.xp.sum(mask)) for mask in (both, alpha))
        return shared / (own + _EPSILON)
    hsic = _unbiased if unbiased else _biased
    xp = first.xp
    shared = hsic(xp, both * one, both * other)
    own_a = hsic(xp, alpha * one, alpha * one)
    own_b = hsic(xp, beta * other, beta * other)
    return shared / (_root(own_a * own_b) + _EPSILON)


def svcca(feats_A: Any, feats_B: Any, cca_dim: int = 10) -> float:
    """Mean canonical correlation of the `cca_dim` largest directions of standardised features.

    Features are divided by their standard deviation plus ``1e-8``; one that is constant, such as a
    dead ReLU, becomes zero.

    Exact, where theirs is randomised: expect differences in the second decimal where the
    directions about the last one kept are nearly as large as each other.

    Parameters
    ----------
    feats_A, feats_B : array (num_samples, num_features)
        Features with paired rows, of NumPy or PyTorch.
    cca_dim : int
        Directions of each.

    Raises
    ------
    MethexisError
        If features are refused.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 20))
    >>> round(svcca(x, x), 6)
    1.0
    """
    measure = SVCCA(num_directions=cca_dim)
    a, b = (measure.reduce(_standardised(given)) for given in _pair(feats_A, feats_B))
    return measure.score(a, b)


def _pair(feats_A: Any, feats_B: Any, *, scaled: bool = False) -> tuple[Features, Features]:
    first = features("feats_A", feats_A, scaled=scaled)
    second = features("feats_B", feats_B, scaled=scaled)
    together(first, second)
    return first, second


def _score(measure: NeighbourMeasure, feats_A: Any, feats_B: Any) -> float:
    given = _pair(feats_A, feats_B, scaled=measure.scale_free)
    lists = (measure.reduce(one) for one in given)
    a, b = (replace(one, ties=None) for one in lists)  # theirs takes some of those tied
    return measure.score(a, b)


def _standardised(given: Features) -> Features:
    in_range(given, 2)
    xp, array = given.xp, given.array
    centred = array - xp.mean(array, axis=0, keepdims=True)
    # The mean of equal numbers is off by rounding, which is not to be taken for a feature.
    varies = xp.max(array, axis=0) != xp.min(array, axis=0)
    centred = xp.where(varies, centred, xp.zeros_like(centred))
    deviations = xp.std(centred, axis=0, correction=1, keepdims=True)
    return given.replaced(centred / (deviations + _LEAST))


def _ratio(hsic: Any, one: Tensor, other: Tensor) -> float:
    xp = array_api_compat.array_namespace(one)
    shared, own = hsic(xp, one, other), hsic(xp, one, one) * hsic(xp, other, other)
    return float(shared / (_root(own) + _EPSILON))


def _root(product: float) -> float:
    """Root of a product of estimates; NaN where it is negative, as in platonic-rep."""
    if product >= 0.0:
        return math.sqrt(product)
    warn(
        "the score is NaN, because an estimate of what cannot be negative is negative: centre the "
        "features, or take more samples"
    )
    return math.nan


def _biased(xp: Any, one: Tensor, other: Tensor) -> float:
    """``Tr(K H L H)``, of kernels that need not be symmetric."""
    left = one - xp.mean(one, axis=1, keepdims=True)
    right = other - xp.mean(other, axis=1, keepdims=True)
    return float(xp.sum(left * right.T))


def _unbiased(xp: Any, one: Tensor, other: Tensor) -> float:
    """Song's estimator (2012, equation 5), of kernels that need not be symmetric."""
    n = one.shape[0]
    one, other = hollow(xp, one), hollow(xp, other)
    trace = xp.sum(one * other.T)
    through = xp.sum(xp.sum(one, axis=0) * xp.sum(other, axis=1))
    sums = Sums.of_hollow(n, trace, through, xp.sum(one) * xp.sum(other))
    return float(estimate(sums, "song") / divisor(n, "song"))


def _near(given: Features, topk: int, *, itself: bool) -> Tensor:
    """1 where column j is among the `topk` largest inner products of row i, else 0."""
    if itself:
        products = to_numpy(given.array @ given.array.T)
        lists = np.argsort(-products, axis=1, kind="stable")[:, :topk].astype(np.int64)
    else:
        lists = knn.nearest(given, topk, metric="dot").astype(np.int64)
    mask = np.zeros((given.num_samples, given.num_samples))
    np.put_along_axis(mask, lists, 1.0, axis=1)
    device = array_api_compat.device(given.array)
    return given.xp.asarray(mask, dtype=given.array.dtype, device=device)
