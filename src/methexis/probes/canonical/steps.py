r"""The step that balances one interface, from the second moments of what writes and what reads.

A freedom acts as :math:`W \to T W` on what writes its coordinates and as :math:`V \to V T^{-1}` on
what reads them; gradients go the other way (docs/theory.md 7.1). With the second moments :math:`A`
of what shrinks as :math:`T` grows, and :math:`B` of what grows, and :math:`X = T^\top T`, the sum

.. math:: \mathrm{Tr}(A X^{-1}) + \mathrm{Tr}(B X)

is least at :math:`X = B^{-1} \sharp A`, the geometric mean (7.4), and convex along every line
:math:`X = e^{2s\xi}`. Where coordinates do not mix it is :math:`f^4 = a / b` for each by itself.

**Entries that are multiplied several times**, such as those of a layer that reads what it writes,
add terms :math:`e^{2s(\lambda_i - \mu_j)}`. For :math:`m` factors each is at most the mean of
:math:`e^{2sm\lambda_i}` and its like, with equality at :math:`s = 0`, so the same formula for
:math:`X^m` minimises an upper bound that touches: the step is the :math:`m`-th root, and the sum
never rises. One such step is then not yet the least.

**Singular moments**: the infimum is not reached, and an unread coordinate would be scaled for ever.
Each step therefore minimises the sum with :math:`\rho\,(\mathrm{Tr} X + \mathrm{Tr} X^{-1})` added,
which is least at no step at all. So balance stays balance exactly, the sum still never rises, and
what can be scaled for ever is scaled until it is :math:`\rho` (`EASE` of the mean). Before that one
factor common to all coordinates is chosen exactly, since :math:`\rho` would otherwise mean much for
the smaller of two unequal moments.

**Farther than the least** (``stretch`` above 1): in the balanced gauge the sum is that of
:math:`\mathrm{Tr}(A' \cosh 2s\xi)`, the same on both sides, so a step up to twice as long does not
raise it either, and sweeps over many interfaces need fewer (`sweeping`). It is taken where the
moments say that this holds of them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array

#: What is added to both moments of a step, relative to the mean of their eigenvalues.
EASE = 1e-8
#: A trace below this part of the other is none.
_NOTHING = 1e-30


@dataclass(frozen=True)
class Moments:
    """Second moments at one freedom: matrices, or their diagonals where coordinates do not mix.

    Attributes
    ----------
    above : array (size, size) or (size,)
        Of what is divided by the element, ``A``; powers count as often as they are.
    below : array (size, size) or (size,)
        Of what is multiplied by it, ``B``.
    """

    above: Array
    below: Array

    @property
    def total(self) -> float:
        """Sum of both traces."""
        return sum(float(_diagonal(one).sum()) for one in (self.above, self.below))

    @property
    def gap(self) -> float:
        """How far they are from balance: the squared Bures-Wasserstein distance (7.5)."""
        if self.above.ndim == 1:
            return float(np.sum((np.sqrt(self.above) - np.sqrt(self.below)) ** 2))
        overlap = np.linalg.svd(_root(self.below) @ _root(self.above), compute_uv=False).sum()
        return max(self.total - 2.0 * float(overlap), 0.0)

    def paired(self, pairs: NDArray[np.int64]) -> Moments:
        """Moments of planes that turn, the sum of those of their coordinates."""
        diagonal = (_diagonal(one)[pairs].sum(axis=0) for one in (self.above, self.below))
        return Moments(*diagonal)


def _diagonal(moment: Array) -> Array:
    return moment if moment.ndim == 1 else np.diagonal(moment)


def balanced(moments: Moments, meetings: int, stretch: float = 1.0, *, ease: float = EASE) -> Array:
    """The element that balances: a symmetric matrix, or a factor for each coordinate.

    Parameters
    ----------
    moments : Moments
    meetings : int
        How often one entry is multiplied at most, the root that is taken.
    stretch : float
        How long a step is, in units of the one to the least sum.
    ease : float
        What is added to both moments, relative to their mean.

    Returns
    -------
    array (size, size) or (size,)
        One everywhere if either moment is zero, because no step is then the last.

    Examples
    --------
    >>> balanced(Moments(np.array([16.0, 1.0]), np.ones(2)), 1, ease=0).round(6).tolist()
    [2.0, 1.0]
    """
    size = len(moments.above)
    above, below = (float(_diagonal(one).sum()) for one in (moments.above, moments.below))
    matrix = moments.above.ndim == 2
    if min(above, below) <= _NOTHING * max(above, below) or not np.isfinite(above + below):
        return np.eye(size) if matrix else np.ones(size)
    common = np.sqrt(above / below)  # of X, so that both traces are the same
    each = np.sqrt(above * below) / size
    a, b = moments.above / common / each, moments.below * common / each
    if not matrix:
        squared = common * np.sqrt((a + ease) / (b + ease))
        return np.asarray(squared ** (_length(squared, moments, stretch) * 0.5 / meetings))
    values, vectors = _mean(a, b, ease)
    squared = common * values
    within = Moments(*(np.sum(vectors * (one @ vectors), axis=0) for one in _both(moments)))
    power = _length(squared, within, stretch) * 0.5 / meetings
    root: Array = (vectors * squared**power) @ vectors.T
    return root


def _both(moments: Moments) -> tuple[Array, Array]:
    return moments.above, moments.below


def _length(squared: Array, within: Moments, stretch: float) -> float:
    """A stretch that does not raise the sum, of factors and moments in their own coordinates."""
    reached = np.sum(within.above * squared**-stretch + within.below * squared**stretch)
    return stretch if reached <= within.total else 1.0


def _mean(above: Array, below: Array, ease: float) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of the positive solution ``X`` of ``X below X = above``, eased.

    With ``above = L Lᵀ``, ``below = R Rᵀ`` and the singular values ``Lᵀ R = U s Vᵀ`` it is ``Z Zᵀ``
    for ``Z = R⁻ᵀ V s^{1/2}``. Roots of products of matrices that are nearly singular, which would
    lose half of the digits of what is small, are not needed.
    """
    left, right = (_factor(one, ease) for one in (above, below))
    _, values, rows = np.linalg.svd((left[0] * left[1]).T @ (right[0] * right[1]))
    factor = (right[0] / right[1]) @ (rows.T * np.sqrt(values))
    vectors, roots, _ = np.linalg.svd(factor)
    return roots**2, vectors


def _factor(moment: Array, ease: float) -> tuple[Array, Array]:
    """Eigenvectors and roots of eigenvalues, which rounding may have made negative, eased."""
    values, vectors = np.linalg.eigh(0.5 * (moment + moment.T))
    return vectors, np.sqrt(np.maximum(values, 0.0) + ease)


def _root(moment: Array) -> Array:
    """The symmetric root, of which no eigenvalue is left out."""
    values, vectors = np.linalg.eigh(moment)
    root: Array = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root
