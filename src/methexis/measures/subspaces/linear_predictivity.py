"""Linear predictivity: how much of one representation a ridge regression finds in the other.

Held-out predictions come without refitting. If ``ŷ = H y`` is the fit to all samples, the residual
of a fold ``F`` under the fit to the others is ``(I - H_FF)⁻¹ (y - ŷ)_F`` exactly, intercept
included: had the fold's targets been what the others predict, the fit to all would be the fit to
the others. So one decomposition per representation serves all folds and, its rows reordered, all
permutations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import integer, number, one_of
from methexis.errors import MethexisError
from methexis.measures.inputs.features import MOST, Features, Tensor
from methexis.measures.measure import Measure
from methexis.measures.rounding import negligible
from methexis.measures.subspaces.bases import Basis, basis, basis_work, indices
from methexis.measures.work import Work, passes

#: Nanoseconds of one core per feature of each sample, predicted while it is held out; and of each
#: fold, whatever its size.
_RESIDUAL, _FOLD = 15.0, 2.5e5
DIRECTIONS = ("both", "forward", "backward")

#: Share of the whole variance below which a fold is fitted anew: that of its training samples, as a
#: difference, has lost half of its digits, and what is held out is nearly all that was fitted.
_CANCELLED = 1e-8


@dataclass(frozen=True)
class LinearPredictivity(Measure[Basis]):
    """Cross-validated R² of ridge regression from one representation to the other."""

    name: ClassVar[str] = "linear_predictivity"
    range: ClassVar[tuple[float, float]] = (float("-inf"), 1.0)
    aligned: ClassVar[float] = float("nan")  # what the ridge leaves of 1 depends on the features
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Yamins et al. 2014; Kornblith et al. 2019, arXiv:1905.00414"

    ridge: float = 1e-3
    num_folds: int = 5
    direction: str = "both"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        number("ridge", self.ridge, least=0.0, below=MOST)
        integer("num_folds", self.num_folds, least=2)
        one_of("direction", self.direction, DIRECTIONS)
        integer("seed", self.seed, least=0)

    @property
    def symmetric(self) -> bool:
        """Whether predictions go both ways, so that the two may change places."""
        return self.direction == "both"

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        how = {"both": "both ways", "forward": "X to Y", "backward": "Y to X"}[self.direction]
        return f"linear predictivity ({how}, {self.num_folds} folds)"

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """The work of bases, without bootstrap samples, and of every fold's residuals each way."""
        ways = 2 if self.direction == "both" else 1
        plain = basis_work(num_samples, num_features, nuclear=False, sides=3.0 * ways)
        folds = passes(ways * num_samples * sum(num_features), _RESIDUAL)
        folds = folds + passes(ways * self.num_folds, _FOLD)
        return replace(plain, score=plain.score + folds, order=plain.order + folds)

    def reduce(self, features: Features) -> Basis:
        """The basis of the centred features: a rotation that no fold's fit notices."""
        return basis(features)

    def score(self, a: Basis, b: Basis) -> float:
        """R² of the wanted direction, or the mean of both."""
        ways = {"both": [(a, b), (b, a)], "forward": [(a, b)], "backward": [(b, a)]}
        scores = [self._r_squared(source, target) for source, target in ways[self.direction]]
        return sum(scores) / len(scores)

    def _r_squared(self, source: Basis, target: Basis) -> float:
        xp, n = source.xp, source.num_samples
        parts = folds(n, self.num_folds, self.seed)
        if self.ridge == 0.0 and source.rank > n - len(parts[0]) - 1:
            raise MethexisError(
                f"ridge: expected more than 0 for {source.rank} directions of {source.name} and "
                f"{n - len(parts[0])} samples outside a fold, got 0"
            )
        if self.ridge == 0.0:
            _require_varied(source, parts)
        squares = source.sizes**2
        values = target.columns * target.sizes
        inner = source.columns.T @ values
        missed, total = 0.0, 0.0
        for part in parts:
            index = indices(xp, part, source.columns)
            rows, wanted = (xp.take(v, index, axis=0) for v in (source.columns, values))
            # The penalty is in units of the training samples' variance: the fold has no part in it.
            outside = n - len(part)
            shape = rows * source.sizes
            mean = xp.sum(shape, axis=0) / outside  # minus the training mean: all rows sum to 0
            variance = xp.sum(squares) - xp.sum(shape * shape) - outside * xp.sum(mean * mean)
            if float(variance) < _CANCELLED * float(xp.sum(squares)):  # an outlier is held out
                left = wanted - self._refitted(source, values, part)
            else:
                kept = squares / (squares + self.ridge * variance)
                left = _held_out(rows, kept, wanted - rows @ (kept[:, None] * inner), n, xp)
            missed += float(xp.sum(left * left))
            plain = wanted + xp.sum(wanted, axis=0) / outside
            total += float(xp.sum(plain * plain))
        return 1.0 - missed / total

    def _refitted(self, source: Basis, values: Tensor, part: NDArray[np.int64]) -> Tensor:
        """Predictions for a fold by the regression on all other samples, fitted anew.

        Directions in which these differ by rounding only predict nothing.
        """
        xp, n = source.xp, source.num_samples
        rest = np.setdiff1d(np.arange(n), part)
        here, others = (indices(xp, rows, source.columns) for rows in (part, rest))
        shape = source.columns * source.sizes
        known, level = xp.take(shape, others, axis=0), xp.take(values, others, axis=0)
        mean, middle = (xp.mean(rows, axis=0, keepdims=True) for rows in (known, level))
        u, sizes, vt = xp.linalg.svd(known - mean, full_matrices=False)
        rounding = negligible(xp, shape, n) * source.sizes[0]
        if not bool(sizes[0] > rounding):
            return xp.zeros_like(xp.take(values, here, axis=0)) + middle
        shares = sizes / sizes[0]  # their squares are numbers whatever the unit
        gains = shares / (shares**2 + self.ridge * xp.sum(shares**2)) / sizes[0]
        gains = xp.where(sizes > rounding, gains, xp.zeros_like(gains))
        apart = xp.take(shape, here, axis=0) - mean
        return middle + ((apart @ vt.T) * gains) @ (u.T @ (level - middle))


def folds(num_samples: int, num_folds: int, seed: int) -> list[NDArray[np.int64]]:
    """Samples of each fold: a random partition, parts of equal size up to one, largest first."""
    if num_samples < num_folds:
        raise MethexisError(f"num_folds: expected at most {num_samples} samples, got {num_folds}")
    shuffled = np.random.default_rng(seed).permutation(num_samples)
    return [np.sort(part) for part in np.array_split(shuffled, num_folds)]


def _require_varied(source: Basis, parts: list[NDArray[np.int64]]) -> None:
    """See that without any fold the others differ in all directions, as a fit without ridge asks.

    Raises
    ------
    MethexisError
        If they do not: some direction is known from held-out samples alone.
    """
    xp, n = source.xp, source.num_samples
    for part in parts:
        rows = xp.take(source.columns, indices(xp, part, source.columns), axis=0)
        ones = xp.full_like(rows[:, :1], n**-0.5)
        if float(xp.max(xp.linalg.svdvals(xp.concat([ones, rows], axis=1)))) ** 2 > 1 - _CANCELLED:
            raise MethexisError(
                f"ridge: expected more than 0, because there are directions of {source.name} in "
                "which only samples of one fold differ, got 0"
            )


def _held_out(rows: Tensor, kept: Tensor, left: Tensor, n: int, xp: Any) -> Tensor:
    """``(I - G Gᵀ)⁻¹ left``, ``G Gᵀ = H_FF = 1 1ᵀ/n + U_F diag(kept) U_Fᵀ``, in fewer numbers."""
    ones = xp.full_like(rows[:, :1], n**-0.5)
    g = xp.concat([ones, rows * xp.sqrt(kept)], axis=1)
    where = {"dtype": g.dtype, "device": array_api_compat.device(g)}
    if g.shape[0] <= g.shape[1]:
        return xp.linalg.solve(xp.eye(g.shape[0], **where) - g @ g.T, left)
    return left + g @ xp.linalg.solve(xp.eye(g.shape[1], **where) - g.T @ g, g.T @ left)


def linear_predictivity(
    x: Any,
    y: Any,
    *,
    ridge: float = 1e-3,
    num_folds: int = 5,
    direction: str = "both",
    seed: int = 0,
) -> float:
    r"""Cross-validated R² of predicting one representation linearly from the other.

    .. math:: R^2 = 1 - \frac{\sum_F \|Y_F - \hat Y_F\|^2}{\sum_F \|Y_F - \bar Y_{-F}\|^2}

    over folds ``F``, with predictions ``Ŷ_F`` of the ridge regression with intercept, and means
    ``Ȳ_{-F}``, of the samples outside ``F``. All features of ``Y`` are summed, so each weighs by
    its variance, and a prediction that is no better than the mean scores 0 or less.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.
    ridge : float
        Penalty, in units of the training samples' total variance (sum over features and samples):
        a direction with this share of the variance is shrunk by half. The default .001 does little
        except directions of no weight.
    num_folds : int
        Folds; 5 hold out a fifth of the samples each. With ``num_samples`` folds it leaves one out.
    direction : {"both", "forward", "backward"}
        From X to Y, from Y to X, or the mean of both R², the default.
    seed : int
        Seed of the folds, which do not depend on the data.

    Returns
    -------
    float
        At most 1; below 0 where held-out predictions are worse than the mean.

    Raises
    ------
    MethexisError
        On input that cannot be compared, more folds than samples, or no ridge with too few samples.

    Notes
    -----
    *Cost*: one decomposition per representation; a pair takes ``n r²`` and a ``r³`` per fold and
    direction, no refit. *Pitfalls*: samples that resemble each other (frames of one film, tokens of
    one text) leak from fold to fold: average or thin them first. The penalty is not tuned; others
    tune it within each training set, average R² over features, or report correlations.

    References
    ----------
    .. [1] Yamins et al. 2014, "Performance-optimized hierarchical models predict neural responses
       in higher visual cortex".

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(linear_predictivity(x, x @ [[1.0], [2], [3]], ridge=0.0, direction="forward"), 6)
    1.0
    """
    return LinearPredictivity(ridge, num_folds, direction, seed)(x, y)
