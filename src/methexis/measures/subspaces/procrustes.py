"""Procrustes: how alike two shapes are once the one is rotated as well as it can be onto the other.

With centred ``X`` and ``Y``, ``max_Q <X, Y Q>`` over orthogonal ``Q`` is the nuclear norm
``‖XᵀY‖_*``, the sum of singular values (Schönemann). Score, angle and squared distance follow:

- score ``‖XᵀY‖_* / (‖X‖ ‖Y‖)``, the cosine of the angle between the best aligned shapes;
- angular distance, its arc cosine, a metric (Williams et al.);
- size-and-shape squared distance ``‖X‖² + ‖Y‖² - 2 ‖XᵀY‖_*``, which also sees scale.

``alpha`` whitens in part before: ``X (alpha I + (1 - alpha)(XᵀX)^{-1/2})``, so sizes ``s`` become
``alpha s + (1 - alpha)``: 1 is Procrustes, 0 compares spans only, as CCA does.

Between nearly equal shapes the difference of large numbers loses half of the digits and may come
out below zero. Nothing is clamped: there the distance is computed from the difference of the
aligned shapes themselves, ``‖X - Y Q‖``, which costs two products of the samples' length more.
"""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, number
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.inputs.features import Namespace, Tensor, warn
from methexis.measures.measure import Counts, Invariance, invariant
from methexis.measures.rounding import unless_rounded
from methexis.measures.subspaces.bases import (
    Basis,
    Overlap,
    batches,
    held,
    least_size,
    turned,
    weighted,
)
from methexis.measures.subspaces.contract import SubspaceMeasure, nuclear, span_troubles
from methexis.measures.subspaces.influence import Turns, shapes_without
from methexis.measures.subspaces.second_moments import SecondMoments

#: Below this share of ``‖X‖² + ‖Y‖²`` a squared distance is computed from the aligned shapes: the
#: plain formula has lost three of its sixteen digits there, and loses more below.
NEAR = 1e-3


class ShapeMeasure(SubspaceMeasure):
    """A function of two shapes, of which any orthogonal map may act on the features."""

    alpha: float = 1.0

    @property
    def bases(self) -> float:
        """Decompositions per bootstrap sample: none without whitening, two with it."""
        return 0.0 if self.alpha == 1.0 else 2.0

    def score(self, a: Basis, b: Basis) -> float:
        """The score of a pair; with a warning where the number of samples decides it."""
        for message in span_troubles(self.name, a, b) if self.alpha == 0.0 else ():
            warn(message)
        return super().score(a, b)

    def resampled(self, a: Basis, b: Basis, counts: Counts) -> Array | None:
        """Scores of bootstrap samples; without whitening they need no decomposition of a basis."""
        if self.alpha != 1.0:
            return super().resampled(a, b, counts)
        return self._all(resampled_shapes(a, b, counts))

    @property
    def leads(self) -> bool:
        """Whether large directions weigh more, as they do unless all are whitened."""
        return self.alpha > 0.0

    @property
    def jackknifes(self) -> bool:
        """Whether shapes are taken as they are."""
        return self.alpha == 1.0

    def left_out(self, a: Basis, b: Basis) -> Array | None:
        """Scores without each sample, were the best rotation as it is."""
        if self.alpha != 1.0:
            return None
        x, y, inner = shapes_without(a, b)
        if not np.all(x * y > 0.0):
            return None
        # As of moments, one size each carries the norms.
        matrix = (inner / (x * y))[:, None, None]
        pairs = Overlap(x[:, None], y[:, None], matrix, a.num_samples, np)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)  # of shapes that are nearly equal
            scores = np.asarray(self.values(pairs), dtype=np.float64)
        return None if np.isnan(scores).any() else scores

    def from_moments(self, moments: SecondMoments) -> float:
        """The value from second moments; with ``alpha=1`` at no price in digits."""
        if self.alpha != 1.0:
            return super().from_moments(moments)
        xp = moments.xp
        x, y = (xp.sqrt(xp.linalg.trace(square))[None] for square in (moments.xx, moments.yy))
        # Singular values of XᵀY are all that is seen: one size each carries the norms.
        inner = nuclear(moments.xy, xp)[None, None] / (x[:, None] * y[None, :])
        return float(self.values(Overlap(x, y, inner, moments.num_samples, xp)))


@dataclass(frozen=True)
class PartlyWhitened(ShapeMeasure):
    """A function of two shapes, each whitened in part."""

    alpha: float = 1.0

    reference: ClassVar[str] = "Williams, Kunz, Kornblith and Linderman 2021, arXiv:2110.14739"

    def __post_init__(self) -> None:
        super().__post_init__()
        share("alpha", self.alpha)

    @property
    @abstractmethod
    def per_score(self) -> Callable[[float], float]:
        """How fast the value changes with the cosine of the shapes, at a cosine."""

    def influence(self, a: Basis, b: Basis) -> Array | None:
        """How much each sample moves the value, from the best rotation; None of whitened shapes."""
        if self.alpha != 1.0:
            return None
        turns = Turns(a, b)
        return np.asarray(self.per_score(turns.score) * turns.first)

    def interactions(self, a: Basis, b: Basis, samples: NDArray[np.int64]) -> Array | None:
        """How much pairs of samples move the value; None where directions are too many."""
        turns = Turns(a, b)
        of_score = turns.second(samples)
        return None if of_score is None else np.asarray(self.per_score(turns.score) * of_score)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return self.label + ("" if self.alpha == 1.0 else f" (alpha = {self.alpha:g})")

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps; one scale with alpha = 1; all invertible maps with alpha = 0."""
        return unseen(self.alpha)


@dataclass(frozen=True)
class Procrustes(PartlyWhitened):
    """Cosine of the angle between two shapes, each whitened in part, after the best rotation."""

    name: ClassVar[str] = "procrustes"
    label: ClassVar[str] = "Procrustes score"

    @property
    def per_score(self) -> Callable[[float], float]:
        """The value is that cosine."""
        return lambda _: 1.0

    def values(self, overlap: Overlap) -> Tensor:
        """``‖W_x M W_y‖_*`` with weights of norm one."""
        return cosine_of_shapes(overlap, self.alpha)


@dataclass(frozen=True)
class ProcrustesDistance(PartlyWhitened):
    """Angle between two shapes, each whitened in part, after the best rotation: a metric."""

    name: ClassVar[str] = "procrustes_distance"
    label: ClassVar[str] = "Procrustes angle"
    range: ClassVar[tuple[float, float]] = (0.0, math.pi / 2)
    distance: ClassVar[bool] = True

    @property
    def per_score(self) -> Callable[[float], float]:
        """Slope of the arc cosine; 0 where the shapes are one, and the angle has no derivative."""
        return lambda score: -1.0 / math.sqrt(1.0 - score**2) if score < 1.0 else 0.0

    def values(self, overlap: Overlap) -> Tensor:
        """``2 arcsin(chord / 2)``: the arc cosine of the score, with all digits near 0."""
        xp = overlap.xp
        x, y = (weights(sizes, self.alpha, xp) for sizes in (overlap.sizes_x, overlap.sizes_y))
        angles = 2.0 * xp.asin(roots(squared_gap(overlap, x, y), xp) / 2.0)
        return only_of_shapes(angles, x, y, xp)


@dataclass(frozen=True)
class SizeAndShape(ShapeMeasure):
    """Squared distance of two shapes of given size after the best rotation."""

    name: ClassVar[str] = "procrustes_size"
    label: ClassVar[str] = "squared Procrustes distance with size"
    distance: ClassVar[bool] = True
    reference: ClassVar[str] = "Kendall, Barden, Carne and Le 1999, Shape and Shape Theory, ch. 11"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and translations; it sees scale."""
        return unseen(alpha=None)

    def values(self, overlap: Overlap) -> Tensor:
        """``‖X‖² + ‖Y‖² - 2 ‖XᵀY‖_*``."""
        return squared_gap(overlap, overlap.sizes_x, overlap.sizes_y)


def procrustes(x: Any, y: Any, *, alpha: float = 1.0) -> float:
    r"""Procrustes score: cosine of the angle between two shapes after the best rotation.

    .. math:: \frac{\|X^T Y\|_*}{\|X\|_F \|Y\|_F}

    of centred features, each replaced by ``X (alpha I + (1 - alpha)(XᵀX)^{-1/2})`` first. In terms
    of Gram matrices it is the normalised Bures similarity, ``tr (K^{1/2} L K^{1/2})^{1/2} /
    √(tr K tr L)`` (Harvey, Lipshutz and Williams 2023): `bures` with a linear kernel.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows; numbers of features may differ, which is as if the narrower had zeros appended.
    alpha : float
        From 0 (whitened: spans only) to 1 (as it is; the default, because whitening blows up the
        directions that carry least signal).

    Returns
    -------
    float
        In [0, 1] up to rounding.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or alpha outside [0, 1].

    Warns
    -----
    DegenerateWarning
        With ``alpha = 0``, if the ranks together exceed ``num_samples - 1``, as `cca` does.

    Notes
    -----
    *Cost*: one singular value decomposition per representation; per pair a product of
    ``n r_x r_y`` and the singular values of an ``r_x × r_y`` matrix, ranks ``r``.

    *Pitfalls*: like every score of this kind it is far from 0 for unrelated representations when
    ``n`` is not far above the ranks; see `compare`. Between 0 and 1, ``alpha`` weighs sizes in
    units of ``X`` summed over samples, as published, against 1: the score then depends on scale and
    on ``num_samples``. netrep 's "alpha" is the same, and it rescales to keep the variance, which a
    cosine does not see. Others report ``2 - 2 score`` (Ding et al. 2021) or its root.

    References
    ----------
    .. [1] Williams, Kunz, Kornblith and Linderman 2021, arXiv:2110.14739.
    .. [2] Harvey, Lipshutz and Williams 2023, arXiv:2311.11436.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(procrustes(x, x @ [[3.0, 0], [0, 1]]), 6)  # (3 + 1) / √(2 · 10)
    0.894427
    >>> twice = np.vstack([x, x])
    >>> round(procrustes(twice, twice @ [[3.0, 0], [0, 1]], alpha=0), 6)
    1.0
    """
    return Procrustes(alpha)(x, y)


def procrustes_distance(x: Any, y: Any, *, alpha: float = 1.0) -> float:
    r"""Angular Procrustes distance, the generalised shape metric of Williams et al.

    .. math:: \theta = \arccos \frac{\|X^T Y\|_*}{\|X\|_F \|Y\|_F}

    in radians, of centred features whitened in part as by `procrustes`. It is symmetric, zero for
    equal shapes only, at most π/2, and obeys the triangle inequality, so clustering and embedding
    may rest on it. Whitened (``alpha=0``) it is the root mean square of principal angles up to
    curvature.

    Parameters, errors, cost and pitfalls as of `procrustes`; near 0, two products more, which keep
    all digits.

    References
    ----------
    .. [1] Williams, Kunz, Kornblith and Linderman 2021, arXiv:2110.14739.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(procrustes_distance(x, x @ [[3.0, 0], [0, 1]]), 6)  # arccos(4 / √20)
    0.463648
    """
    return ProcrustesDistance(alpha)(x, y)


def procrustes_size(x: Any, y: Any) -> float:
    r"""Squared Procrustes distance with size: what the best rotation leaves of the difference.

    .. math:: \min_Q \|X - Y Q\|_F^2 = \|X\|_F^2 + \|Y\|_F^2 - 2 \|X^T Y\|_*

    of centred features: a sum over samples, not a mean, in squared units of the features. Its root
    is a metric, the Bures-Wasserstein distance of the Gram matrices.

    Parameters, errors and cost as of `procrustes`. *Pitfall*: it sees scale, so layers with larger
    activations are farther from everything. ReSi reports the root.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(procrustes_size(x, x @ [[3.0, 0], [0, 1]]), 6)  # 2 (3 - 1)²
    8.0
    """
    return SizeAndShape()(x, y)


def share(name: str, value: float) -> None:
    """See that a number lies in [0, 1]."""
    if number(name, value, least=0.0) > 1.0:
        raise MethexisError(f"{name}: expected a number from 0 to 1, got {value:g}")


def unseen(alpha: float | None) -> frozenset[Invariance]:
    """What a shape whitened in part does not see; None stands for sizes as they are."""
    if alpha == 0.0:
        return invariant(Invariance.INVERTIBLE, Invariance.TRANSLATION)
    scale = [Invariance.SCALE] if alpha == 1.0 else []
    return invariant(Invariance.ORTHOGONAL, Invariance.TRANSLATION, *scale)


def weights(sizes: Tensor, alpha: float, xp: Namespace) -> Tensor:
    """Sizes after partial whitening, of norm one; zeros stay zeros."""
    whole = alpha * sizes + (1.0 - alpha) * xp.astype(sizes > 0, sizes.dtype)
    norms = xp.linalg.vector_norm(whole, axis=-1, keepdims=True)
    return whole / xp.where(norms > 0, norms, xp.ones_like(norms))


def cosine_of_shapes(overlap: Overlap, alpha: float) -> Tensor:
    """``‖W_x M W_y‖_*`` with weights of norm one; Bures similarity of their Gram matrices too."""
    xp = overlap.xp
    x, y = (weights(sizes, alpha, xp) for sizes in (overlap.sizes_x, overlap.sizes_y))
    cosines = nuclear(x[..., :, None] * overlap.matrix * y[..., None, :], xp, rough=overlap.rough)
    return only_of_shapes(cosines, x, y, xp)


def only_of_shapes(values: Tensor, x: Tensor, y: Tensor, xp: Namespace) -> Tensor:
    """The values, and NaN where either shape is a point, which has no angle to another."""
    there = xp.any(x > 0, axis=-1) & xp.any(y > 0, axis=-1)
    return xp.where(there, values, xp.full_like(values, float("nan")))


def squared_gap(overlap: Overlap, x: Tensor, y: Tensor) -> Tensor:
    """``min_Q ‖U_x W_x - U_y W_y Q‖²``, from the aligned shapes where it is small."""
    xp = overlap.xp
    inner = x[..., :, None] * overlap.matrix * y[..., None, :]
    both = xp.sum(x * x, axis=-1) + xp.sum(y * y, axis=-1)
    plain = both - 2.0 * nuclear(inner, xp, rough=overlap.rough)
    near = plain < NEAR * both
    if overlap.columns is None or not bool(xp.any(near)):
        return plain
    columns_x, columns_y = overlap.columns()
    left, _, right = xp.linalg.svd(inner, full_matrices=False)
    one, other = columns_x * x[..., None, :], columns_y * y[..., None, :]
    # W_x M W_y = L S R makes Q = Rᵀ Lᵀ: the narrower shape is mapped into the space of the wider.
    if inner.shape[-2] >= inner.shape[-1]:
        difference = one - (other @ turned(right)) @ turned(left)
    else:
        difference = other - (one @ left) @ right
    exact = xp.sum(difference * difference, axis=(-2, -1))
    return xp.where(near, unless_rounded(xp, exact, both), plain)


def roots(squares: Tensor, xp: Namespace) -> Tensor:
    """Roots of squared distances; NaN, with a warning, where moments give one below zero."""
    below = squares < 0
    if bool(xp.any(below)):
        warn(
            "distance: expected shapes that second moments can tell apart, got a squared distance "
            f"of {float(xp.min(squares)):.1e}; they agree to rounding, and the distance is NaN: "
            "use the samples themselves"
        )
        squares = xp.where(below, xp.full_like(squares, float("nan")), squares)
    return xp.sqrt(squares)


def resampled_shapes(a: Basis, b: Basis, counts: Counts) -> Iterator[Overlap]:
    """Overlaps of bootstrap samples of shapes as they are, in batches.

    ``U diag(s)`` of the weighted rows is the resampled shape up to a rotation, though ``U`` is no
    longer orthonormal: a factor per sample makes its Frobenius norm that of the sizes beside it.
    Where all rows drawn are equal, to rounding, both are zero.
    """
    xp = a.xp
    for some in batches(counts, a.num_samples * (a.rank + b.rank) + a.rank * b.rank):
        drawn = xp.asarray(some, dtype=a.columns.dtype, device=array_api_compat.device(a.columns))
        parts = []
        for part in (a, b):
            rows = weighted(part, drawn)
            shape = rows * part.sizes
            norms = xp.linalg.vector_norm(xp.reshape(shape, (len(some), -1)), axis=-1)
            factor = norms / xp.linalg.vector_norm(part.sizes)
            there = factor > least_size(part)
            divisor = xp.where(there, factor, xp.full_like(factor, float("inf")))
            factor = xp.where(there, factor, xp.zeros_like(factor))
            parts.append((rows / divisor[:, None, None], factor[:, None] * part.sizes))
        (rows_x, sizes_x), (rows_y, sizes_y) = parts
        yield Overlap(
            sizes_x, sizes_y, turned(rows_x) @ rows_y, a.num_samples, xp, held(rows_x, rows_y)
        )
