"""Matching of units: how alike two representations are unit by unit, in the best order.

Measures that let any rotation act on features cannot tell whether single units mean the same. These
let units be permuted only: hard matching pairs each unit of the narrower representation with one of
the other, soft matching spreads each unit's weight over several (optimal transport).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

import lazy_loader
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Namespace, Tensor, to_numpy, warn
from methexis.measures.measure import Invariance, Measure, invariant
from methexis.measures.subspaces.bases import indices, rounding
from methexis.measures.work import Work, pair_work, passes, products

#: Whether POT, imported as ``ot``, is installed; nothing else here needs it.
INSTALLED = find_spec("ot") is not None

ot = lazy_loader.load("ot")  # takes seconds to import, so only when it is used


@dataclass(frozen=True, eq=False)
class Units:
    """Units as vectors over samples."""

    columns: Tensor  # centred features of length one; zero for a constant feature
    xp: Namespace

    def reordered(self, order: NDArray[np.int64]) -> Units:
        """The units with their samples in another order."""
        index = indices(self.xp, order, self.columns)
        return Units(self.xp.take(self.columns, index, axis=0), self.xp)


@dataclass(frozen=True)
class UnitMeasure(Measure[Units]):
    """A function of the correlations between the units of two representations."""

    absolute: bool = False

    tier: ClassVar[int] = 2
    #: Nanoseconds of one core per triple of units: how long the best order takes to find.
    matching: ClassVar[float] = 0.5

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """Correlations of all units, and their best order, ``d_x d_y max(d_x, d_y)``."""
        n, (a, b) = num_samples, num_features
        score = products(n * a * b) + passes(float(a) * b * max(a, b), self.matching)
        order = score + passes(n * b, 4.0)
        return pair_work(n, num_features, passes(n * (a + b), 8.0), score, order=order)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return self.label + (" up to sign" if self.absolute else "")

    @property
    def range(self) -> tuple[float, float]:
        """Bounds of the score: those of correlations, or of their absolute values."""
        return (0.0 if self.absolute else -1.0, 1.0)

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Permutations, scales and translations of units."""
        return invariant(Invariance.PERMUTATION, Invariance.SCALE, Invariance.TRANSLATION)

    @abstractmethod
    def matched(self, correlations: Array) -> float:
        """The score from ``(d_x, d_y)`` correlations."""

    def reduce(self, features: Features) -> Units:
        """Centred features of length one.

        Warns
        -----
        DegenerateWarning
            If a feature is constant: its correlations count as 0.
        """
        xp, array = features.xp, features.array
        centred = array - xp.mean(array, axis=0, keepdims=True)
        lengths = xp.linalg.vector_norm(centred, axis=0)
        # What centring leaves of a constant is rounding of that column's own numbers.
        raw = xp.linalg.vector_norm(array, axis=0)
        varies = lengths > rounding(features, 1.0) * raw
        constant = features.num_features - int(xp.sum(xp.astype(varies, xp.int64)))
        if constant:
            warn(
                f"{features.name}: expected units that vary, got {constant} constant of "
                f"{features.num_features}; their correlations count as 0: leave them out to match "
                "the others only"
            )
        factor = xp.where(varies, 1.0 / xp.where(varies, lengths, xp.ones_like(lengths)), 0.0 * raw)
        return Units(centred * factor, xp)

    def score(self, a: Units, b: Units) -> float:
        """The score of a pair; correlations move to the CPU, where they are matched."""
        correlations = to_numpy(a.columns.T @ b.columns).astype(np.float64)
        return self.matched(np.abs(correlations) if self.absolute else correlations)


@dataclass(frozen=True)
class Matching(UnitMeasure):
    """Correlation of units in the best one-to-one matching, their mean or as units weigh."""

    weighted: bool = False

    name: ClassVar[str] = "matching"
    label: ClassVar[str] = "matching of units"
    reference: ClassVar[str] = "Li, Yosinski, Clune, Lipson and Hopcroft 2015, arXiv:1511.07543"

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return super().title + (", weighted" if self.weighted else "")

    def reduce(self, features: Features) -> Units:
        """Centred features: of length one, or if weighted with lengths whose squares sum to 1."""
        if not self.weighted:
            return super().reduce(features)
        xp, array = features.xp, features.array
        centred = array - xp.mean(array, axis=0, keepdims=True)
        size = xp.linalg.matrix_norm(centred)  # not zero: rows that are all equal are refused
        return Units(centred / size, xp)

    def matched(self, correlations: Array) -> float:
        """The mean over the pairs of the best assignment; of weighted ones the sum."""
        rows, columns = linear_sum_assignment(correlations, maximize=True)
        pairs = correlations[rows, columns]
        return float(np.sum(pairs) if self.weighted else np.mean(pairs))


@dataclass(frozen=True)
class SoftMatching(UnitMeasure):
    """Mean correlation of units under the best transport plan."""

    name: ClassVar[str] = "soft_matching"
    matching: ClassVar[float] = 1.5
    label: ClassVar[str] = "soft matching of units"
    reference: ClassVar[str] = "Khosla and Williams 2024, arXiv:2311.09466"

    def matched(self, correlations: Array) -> float:
        """The mean under the plan with equal weight for every unit of each side."""
        return float(np.sum(best_plan(correlations) * correlations))


def matching(x: Any, y: Any, *, absolute: bool = False, weighted: bool = False) -> float:
    r"""Mean correlation of units in the best one-to-one matching.

    .. math:: \max_\pi \frac1m \sum_{i=1}^{m} r_{i\pi(i)}, \qquad m = \min(d_x, d_y)

    over injective ``π`` from the narrower representation's units to the other's, with correlations
    ``r`` over samples.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.
    absolute : bool
        Match by ``|r|``, which lets signs of units flip.
    weighted : bool
        Score ``max_π Σ_i x_i·y_π(i) / (‖X‖_F ‖Y‖_F)`` of centred units instead, in which loud units
        weigh more and one scale is free for all of them together. It is 1 only if one
        representation is a reordered multiple of the other, with silent units left over: what
        `procrustes` is of rotations this is of permutations, and never above it. Constant units
        count as nothing, without a warning.

    Returns
    -------
    float
        In [-1, 1], or [0, 1] of absolute values, up to rounding.

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    Warns
    -----
    DegenerateWarning
        If a unit is constant; its correlations count as 0.

    Notes
    -----
    *Cost*: ``n d_x d_y``, and up to ``d³`` for the assignment, on the CPU. *Pitfalls*: a maximum
    over many pairings is well above 0 by chance; units of the wider side that find no partner cost
    nothing (see `soft_matching`). netrep 's permutation metric matches by inner products without
    standardising.

    References
    ----------
    .. [1] Li, Yosinski, Clune, Lipson and Hopcroft 2015, arXiv:1511.07543.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(30, 3))
    >>> round(matching(x, x[:, [2, 0, 1]] * [1.0, 2.0, 3.0]), 6)
    1.0
    """
    return Matching(absolute, weighted)(x, y)


def soft_matching(x: Any, y: Any, *, absolute: bool = False) -> float:
    r"""Mean correlation of units under the best transport plan; needs the extra ``matching``.

    .. math:: \max_P \sum_{ij} P_{ij} r_{ij}, \qquad
              P \ge 0, \ \sum_j P_{ij} = 1/d_x, \ \sum_i P_{ij} = 1/d_y

    Every unit of both sides counts, so representations of different width compare fairly; with
    equal widths it is `matching`, whose parameters, values and warnings it has.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or where POT is not installed.

    Notes
    -----
    *Cost*: ``n d_x d_y``, and about ``d³ log d`` for the exact plan, on the CPU. *Pitfalls*: as of
    `matching`. The name is taken: ReSi's soft matching is the mean of each unit's best correlation,
    both ways, where many may choose the same.

    References
    ----------
    .. [1] Khosla and Williams 2024, "Soft matching distance", arXiv:2311.09466.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(30, 3))
    >>> round(soft_matching(x, x[:, [2, 0, 1, 0, 1, 2]]), 6)
    1.0
    """
    return SoftMatching(absolute)(x, y)


def best_plan(gain: Array) -> Array:
    """The plan ``P >= 0`` of greatest ``Σ P_ij gain_ij``, with rows of 1/d_x and columns of 1/d_y.

    Raises
    ------
    MethexisError
        If POT is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> best_plan(np.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    if not INSTALLED:
        raise MethexisError(
            "soft matching: expected the package POT, got none; pip install 'methexis[matching]'"
        )
    rows, columns = (np.full(length, 1.0 / length) for length in gain.shape)
    return np.asarray(ot.emd(rows, columns, np.ascontiguousarray(-gain), numItermax=10_000_000))
