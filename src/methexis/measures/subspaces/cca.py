"""Canonical correlations: CCA and SVCCA.

The canonical correlations of two representations are the singular values of ``U_xᵀ U_y``: cosines
of the principal angles between the spans of their columns. CCA averages them, SVCCA does so after
leaving out the smallest directions of each.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from methexis.core.checks import Array, count, number
from methexis.core.parallel.threads import at_once
from methexis.measures.inputs.features import Features, Namespace, Tensor, warn
from methexis.measures.measure import Counts, Invariance, NullMoments, invariant
from methexis.measures.pairs import moments
from methexis.measures.pairs.bilinear import moments_work
from methexis.measures.rounding import told_apart
from methexis.measures.subspaces.bases import Basis, Overlap, basis
from methexis.measures.subspaces.contract import SubspaceMeasure, counted, nuclear, span_troubles
from methexis.measures.subspaces.influence import spans_without
from methexis.measures.subspaces.leading import Leading
from methexis.measures.subspaces.procrustes import share
from methexis.measures.work import Work

#: Up to so many samples moments over orders come from the projections ``U Uᵀ``: matrices over pairs
#: of samples, 32 MiB each at this number, and ``n^3`` for their sums. Beyond, drawing orders is
#: faster.
MOMENTS_SAMPLES = 2048


#: From so many directions bootstrap samples of SVCCA come from second moments, where no kept
#: direction has a smaller share of all variance.
_WIDE, _LEAST_SHARE = 128, 1e-6
#: Of so many of them it is seen first whether scores differ.
_FIRST = 4
#: So many are decomposed at a time at most: each holds two thirds of the rows of both.
_AT_ONCE = 4


class CanonicalMeasure(SubspaceMeasure):
    """A mean of canonical correlations, or of their squares."""

    #: What spans have in common by chance depends on many samples at once. The jackknife counts
    #: that many times: its variance was twice that of scores where the bootstrap's was right.
    jackknifed: ClassVar[bool] = False
    may_be_dominated: ClassVar[bool] = False  # entries of projections are bounded

    squared: bool = False

    @property
    @abstractmethod
    def title(self) -> str:
        """The measure's name in tables, with whether correlations are squared."""

    @property
    def nuclear(self) -> bool:
        """Whether singular values are needed: squared correlations need squares only."""
        return not self.squared

    @property
    def leads(self) -> bool:
        """Whether large directions weigh more: no, all directions weigh alike."""
        return False

    def closed_null(self, num_samples: int) -> bool:
        """Whether correlations are squared, and matrices over pairs of samples are small."""
        return self.squared and num_samples <= MOMENTS_SAMPLES

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """The work of bases, and of moments from projections over pairs of samples, ``n^3``."""
        moments = moments_work(num_samples)
        return replace(super().work(num_samples, num_features), moments=moments)

    def values(self, overlap: Overlap) -> Tensor:
        """The mean over as many as the narrower representation has directions."""
        xp = overlap.xp
        x, y = (counted(sizes, xp) for sizes in (overlap.sizes_x, overlap.sizes_y))
        if self.squared:
            total = xp.sum(overlap.matrix * overlap.matrix, axis=(-2, -1))
        else:
            total = nuclear(overlap.matrix, xp, rough=overlap.rough)
        least = xp.where(x < y, x, y)
        return total / xp.where(least > 0, least, xp.full_like(least, float("nan")))

    def score(self, a: Basis, b: Basis) -> float:
        """The score of a pair; with a warning where the number of samples decides it."""
        x, y = self._trimmed(a), self._trimmed(b)
        for message in span_troubles(self.name, x, y):
            warn(message)
        return super().score(a, b)

    def null_moments(self, a: Basis, b: Basis) -> NullMoments | None:
        """Exact moments over orders of ``tr(P_x P_y) / q``, a sum over pairs of samples."""
        if not self.squared or a.num_samples > MOMENTS_SAMPLES:
            return None
        x, y = self._trimmed(a), self._trimmed(b)
        traces = moments.null_moments(x.sums, y.sums)
        q = min(x.rank, y.rank)
        return NullMoments(traces.mean / q, traces.sd / q, traces.skewness)

    def null_mean(self, a: Basis, b: Basis) -> float | None:
        """``r_x r_y / (n - 1) / q``, the exact mean of squares, for any number of samples."""
        if not self.squared:
            return None
        x, y = self._trimmed(a), self._trimmed(b)
        return max(x.rank, y.rank) / (a.num_samples - 1)

    def resampled(self, a: Basis, b: Basis, counts: Counts) -> Array | None:
        """Scores of bootstrap samples, with a warning where too few distinct samples are left."""
        self.warn_of_few(a, b, counts)
        return super().resampled(a, b, counts)

    def warn_of_few(self, a: Basis, b: Basis, counts: Counts) -> None:
        """Warn where a bootstrap sample has fewer distinct samples than there are directions."""
        x, y = self._trimmed(a), self._trimmed(b)
        if len(counts):
            distinct = int((counts > 0).sum(axis=1).min())
            if x.rank + y.rank > distinct - 1:
                warn(
                    f"{self.name}: expected bootstrap samples with more distinct samples than "
                    f"directions together, got {distinct} for {x.rank} and {y.rank}: the interval "
                    "is too high and too narrow; reduce features or take more samples"
                )


@dataclass(frozen=True)
class CCA(CanonicalMeasure):
    """Mean of the canonical correlations, or of their squares."""

    name: ClassVar[str] = "cca"
    reference: ClassVar[str] = "Hotelling 1936; Kornblith et al. 2019, arXiv:1905.00414"
    sees_sizes: ClassVar[bool] = False

    squared: bool = False

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return "mean squared CCA" if self.squared else "mean CCA"

    @property
    def jackknifes(self) -> bool:
        """Whether correlations are not squared."""
        return not self.squared

    def left_out(self, a: Basis, b: Basis) -> Array | None:
        """Mean correlations without each sample, were canonical directions as they are."""
        sums = None if self.squared else spans_without(a, b)
        return None if sums is None else sums / min(a.rank, b.rank)

    @property
    def invariances(self) -> frozenset[Invariance]:
        """All invertible linear maps, and translation."""
        return invariant(Invariance.INVERTIBLE, Invariance.TRANSLATION)


@dataclass(frozen=True)
class SVCCA(CanonicalMeasure):
    """CCA of the largest directions of each representation."""

    name: ClassVar[str] = "svcca"
    reference: ClassVar[str] = "Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017, arXiv:1706.05806"

    variance: float = 0.99
    num_directions: int | None = None
    standardise: bool = False
    squared: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        share("variance", number("variance", self.variance, above=0.0))
        if self.num_directions is not None:
            count("num_directions", self.num_directions, least=1)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        kept = (
            f"{100 * self.variance:g} % of variance"
            if self.num_directions is None
            else f"{self.num_directions} directions"
        )
        return f"SVCCA ({kept}{', squared' if self.squared else ''})"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and one scale; after standardising, permutations and scale only."""
        groups = Invariance.PERMUTATION if self.standardise else Invariance.ORTHOGONAL
        return invariant(groups, Invariance.SCALE, Invariance.TRANSLATION)

    def kept(self, sizes: Tensor, xp: Namespace) -> Tensor:
        """The fewest largest directions that carry the variance, or their given number."""
        if self.num_directions is not None:
            first = xp.cumulative_sum(xp.ones_like(sizes), axis=-1) <= self.num_directions
            return first & (sizes > 0)
        total = xp.sum(sizes * sizes, axis=-1, keepdims=True)
        shares = sizes * sizes / xp.where(total > 0, total, xp.ones_like(total))
        before = xp.cumulative_sum(shares, axis=-1) - shares
        return (before < self.variance) & (sizes > 0)

    def resampled(self, a: Basis, b: Basis, counts: Counts) -> Array | None:
        """Scores of bootstrap samples; of many directions from second moments (`leading`).

        The last direction that is kept has a share ``(1 - variance) / r`` of all variance at least,
        of r directions: where that is well above rounding, second moments know it. They are made in
        single precision, unless scores hardly differ.
        """
        least = (1.0 - self.variance) / max(a.rank, b.rank)
        wide = min(a.rank, b.rank) >= _WIDE and a.columns.dtype == a.xp.float64
        if not (wide and self.num_directions is None and least >= _LEAST_SHARE and len(counts)):
            return super().resampled(a, b, counts)
        self.warn_of_few(a, b, counts)
        scores = self._of_leading(a, b, counts[:_FIRST], rough=True)
        if told_apart(scores):  # not those of equal representations
            others = self._of_leading(a, b, counts[_FIRST:], rough=True)
            scores = np.concatenate([scores, others])
            if told_apart(scores):
                return scores
        return self._of_leading(a, b, counts, rough=False)

    def _of_leading(self, a: Basis, b: Basis, counts: Counts, *, rough: bool) -> Array:
        """Scores of bootstrap samples from their second moments, some at a time."""
        leading = Leading(a, b, self.kept, rough=rough)

        def score(count: Counts) -> float:
            return float(self.values(leading.overlap(count)))

        return np.array(at_once(score, list(counts), _AT_ONCE))

    @property
    def streams(self) -> bool:
        """Whether second moments are enough: not where features are standardised first."""
        return not self.standardise

    def reduce(self, features: Features) -> Basis:
        """The basis of the centred, perhaps standardised features, all directions of it."""
        return basis(features, standardise=self.standardise)


def cca(x: Any, y: Any, *, squared: bool = False) -> float:
    r"""Mean canonical correlation, or mean squared canonical correlation ``R²_CCA``.

    .. math:: \frac1q \sum_{i=1}^{q} \rho_i \quad\text{or}\quad
              \frac1q \sum_{i=1}^{q} \rho_i^2 = \frac1q \|U_x^T U_y\|_F^2,
              \qquad q = \min(r_x, r_y)

    with the singular values ``ρ_i`` of ``U_xᵀ U_y``, orthonormal bases of the centred features, and
    their ranks ``r``.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.
    squared : bool
        Average squares. Then `compare` has the null's moments in closed form; the default is the
        mean, which most tools report.

    Returns
    -------
    float
        In [0, 1] up to rounding; singular values are not cut at 1.

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    Warns
    -----
    DegenerateWarning
        If the ranks together exceed ``num_samples - 1``: then some, or all, correlations are 1 for
        any data. If directions are no larger than the rounding of half- or single-precision input.

    Notes
    -----
    *Cost*: one singular value decomposition per representation; per pair a product of
    ``n r_x r_y``, and singular values unless squared.

    *Pitfalls*: invariance to every invertible map makes a direction of size 1e-6 count like the
    largest; rounding of half-precision features is enough to fill them. Under independence the mean
    squared correlation is ``max(r_x, r_y) / (n - 1)``, not 0. Divisors differ: Kornblith et al.
    divide by the number of features of the first representation, which equals ``q`` when that is
    the narrower and has full rank.

    References
    ----------
    .. [1] Hotelling 1936, "Relations between two sets of variates".
    .. [2] Kornblith, Norouzi, Lee and Hinton 2019, arXiv:1905.00414.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> y = x[:, :1] + [[1.0], [1], [-1], [-1]]  # of its length² 2 + 4 the first part is in x
    >>> round(cca(x, y, squared=True), 6)
    0.333333
    """
    return CCA(squared)(x, y)


def svcca(
    x: Any,
    y: Any,
    *,
    variance: float = 0.99,
    num_directions: int | None = None,
    standardise: bool = False,
    squared: bool = False,
) -> float:
    """SVCCA: mean canonical correlation of the largest principal directions.

    Each representation keeps its largest directions, the fewest that carry a share ``variance`` of
    ``Σ s²``; then as `cca`.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.
    variance : float
        Share of variance that is kept; .99 as in the paper.
    num_directions : int, optional
        Keep so many instead (fewer where the rank is less).
    standardise : bool
        Divide each feature by its standard deviation first.
    squared : bool
        Average squares.

    Returns
    -------
    float
        In [0, 1] up to rounding.

    Raises
    ------
    MethexisError
        On input that cannot be compared, options out of range, or constant features to be
        standardised.

    Warns
    -----
    DegenerateWarning
        In the cases in which `cca` warns.

    Notes
    -----
    *Cost*: as `cca`.

    *Pitfalls*: tools disagree about what is kept. The paper and its tutorial keep .99 of the
    variance; some code takes the share of ``Σ s`` instead of ``Σ s²``. platonic-rep standardises
    each feature and keeps ten directions always: ``num_directions=10, standardise=True`` gives that
    without the errors of its randomised decomposition. ReSi compares the share of variance with .99
    times the variance itself, so of features with ``Σ s²`` above 1.01 it keeps one direction:
    ``num_directions=1``. How many directions are kept jumps as data vary, and the score with it:
    the bootstrap chooses them anew in every sample.

    References
    ----------
    .. [1] Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017, arXiv:1706.05806.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = np.column_stack([rng.normal(size=100), 1e-3 * rng.normal(size=100)])
    >>> round(svcca(x, x[:, :1]), 6)
    1.0
    """
    return SVCCA(variance, num_directions, standardise, squared)(x, y)
