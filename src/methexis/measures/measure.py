"""What a measure of alignment is: reduce each representation once, then compare the reduced.

    reduce(features) -> reduced            once per representation: the expensive part
    score(reduced, reduced) -> float       once per pair
    reorder(reduced, order) -> reduced     its rows permuted, never computed again

A measure called with two representations checks them and does the first two.

Many pairs at once are `score_grid` and `permuted_grid`; a measure whose pairs are one product of
matrices overrides them.

A measure declares what it cannot see (`invariances`), where its scores lie (`range`) and what two
identical representations score (`aligned`); one contract suite holds every entry of the registry to
that. Options are fields, so that a measure with its options is one value that can be printed.

It also says, from sizes alone, what `inference.plan` promises before anything is computed: whether
the null is known in closed form (`closed_null`), how much there is to do (`work`), whether one pass
over the rows is enough (`streams`), and which resamples give an interval (`interval_from`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, boolean
from methexis.core.parallel.crews import Crew
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.inputs.features import MIN_SAMPLES, Features, Tensor
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.representations import Representation, both
from methexis.measures.left_out import Groups
from methexis.measures.work import Time, Work, grid_order, pair_work, passes

if TYPE_CHECKING:
    from methexis.measures.inputs.preprocessing import Preprocessing

Orders = NDArray[np.int64]  # (num_orders, num_samples), each row a permutation
# (num_resamples, num_samples), how often each sample was drawn; fractions where some are left out
Counts = NDArray[np.int64] | NDArray[np.float64]


class Invariance(StrEnum):
    """A group of changes of one representation's features that leaves a score as it is."""

    ROTATION = "rotation"
    ORTHOGONAL = "orthogonal"  # rotations and reflections
    PERMUTATION = "permutation"  # of features
    SCALE = "scale"  # one positive factor for all features
    INVERTIBLE = "invertible linear"
    TRANSLATION = "translation"  # one vector added to every sample


def invariant(*groups: Invariance) -> frozenset[Invariance]:
    """The groups, and all that they contain: orthogonal maps contain rotations."""
    closed = set(groups)
    if Invariance.INVERTIBLE in closed:
        closed |= {Invariance.ORTHOGONAL, Invariance.SCALE}
    if Invariance.ORTHOGONAL in closed:
        closed |= {Invariance.ROTATION, Invariance.PERMUTATION}
    return frozenset(closed)


@dataclass(frozen=True)
class NullMoments(Displayed):
    """Mean, standard deviation and skewness of a score over all pairings of the rows, exactly.

    `dominance`, from 0 to 1, is how much of the spread one sample makes, where that is known: near
    1 the score depends on where one sample of either representation goes, and takes few values.
    `step` is the distance between one possible score and the next, where they are counts; else 0.
    """

    mean: float
    sd: float
    skewness: float
    dominance: float = 0.0
    step: float = 0.0


R = TypeVar("R")


class Measure(Displayed, ABC, Generic[R]):
    """A measure of alignment; subclasses are frozen dataclasses whose fields are its options.

    Attributes
    ----------
    name, label : str
        The word by which `compare` knows it; and the title of one without options that matter.
    range : (float, float)
        Bounds of the score; infinite where there is none. Scores are never cut to fit.
    aligned : float
        Score of two identical representations; NaN if it depends on them.
    distance : bool
        Whether smaller is more aligned.
    tier : {1, 2}
        1: with null, interval and correction; 2: score and permutation.
    min_samples : int
        Fewest rows.
    resampling : {"bootstrap", "halves", "none"}
        Resamples of the rows that give an interval; see `resampling`.
    may_be_dominated : bool
        Whether one sample can make so much of the null's spread that its moments do not tell the
        tail (`NullMoments.dominance`): only the data show, so a plan names both ways.
    jackknifed : bool
        Whether bootstrap samples spread at least as the jackknife says.
    reference : str
        The paper that the measure comes from.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    distance: ClassVar[bool] = False
    tier: ClassVar[int] = 1
    min_samples: ClassVar[int] = MIN_SAMPLES
    resampling: ClassVar[str] = "none"
    may_be_dominated: ClassVar[bool] = True
    jackknifed: ClassVar[bool] = True
    reference: ClassVar[str]

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            if isinstance(field.default, bool):  # an option that is true or false
                object.__setattr__(self, field.name, boolean(field.name, getattr(self, field.name)))

    @property
    def range(self) -> tuple[float, float]:
        """Bounds of the score; a class variable where these do not hold, whatever the options."""
        return (0.0, inf if self.distance else 1.0)

    @property
    def aligned(self) -> float:
        """Score of two identical representations; a class variable likewise."""
        return 0.0 if self.distance else 1.0

    @property
    def title(self) -> str:
        """The measure's name in tables, with the options that matter."""
        return self.label

    @property
    def invariances(self) -> frozenset[Invariance]:
        """All groups of maps under which the score does not change, and no others."""
        return invariant(Invariance.ORTHOGONAL, Invariance.SCALE, Invariance.TRANSLATION)

    @property
    def scale_free(self) -> bool:
        """Whether no score sees a common factor of all features, so that any may be taken out."""
        return Invariance.SCALE in self.invariances

    @property
    def symmetric(self) -> bool:
        """Whether the two representations may change places."""
        return True

    @property
    def min_features(self) -> int:
        """The fewest features (columns) that a representation may have."""
        return 1

    def closed_null(self, num_samples: int) -> bool:
        """Whether `null_moments` knows the null of so many samples; else orders are drawn."""
        del num_samples
        return False

    def interval_from(self, num_samples: int) -> str:
        """Which resamples give an interval of so many samples: `resampling`, or "none"."""
        del num_samples
        return self.resampling

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """How much one pair takes; families state theirs, this is a measure of features alone."""
        once = passes(20.0 * num_samples * sum(num_features))
        return pair_work(num_samples, num_features, once, once, order=once, resample=once)

    def order_work(self, num_samples: int, widths_a: list[int], widths_b: list[int]) -> Time:
        """How long one order of all pairs of layers takes, of these numbers of features."""
        return grid_order(widths_a, widths_b, lambda pair: self.work(num_samples, pair).order)

    @property
    def streams(self) -> bool:
        """Whether one pass over the rows gives the score, by `from_pass`."""
        return False

    @property
    def streams_null(self) -> bool:
        """Whether one pass also gives the null's mean and deviation, by `chance_from_pass`."""
        return False

    def from_pass(self, gathered: Any) -> float:
        """The score from what one pass gathered (`streaming.pass_moments.PassMoments`)."""
        raise NotImplementedError(f"{self.name} takes whole arrays")

    def chance_from_pass(self, gathered: Any) -> Any:
        """Mean and deviation of the null from one pass (`streaming.chance`); None if unknown."""
        del gathered
        return None

    def curve(self, x: Any, y: Any, *, preprocessing: Any = None, seed: int = 0) -> Any:
        """How the score depends on numbers that it was chosen to hold for; None where on none.

        A score of neighbours holds for one number of samples and of neighbours, and whoever reads
        it will set it beside another study's; so it comes with its dependence on both.
        """
        del x, y, preprocessing, seed

    def scales(self, x: Any, y: Any, *, preprocessing: Any = None) -> Any:
        """At which scales neighbourhoods are shared; None of a measure that has no scale."""
        del x, y, preprocessing

    def __call__(self, x: Any, y: Any) -> float:
        """The score of two representations of the same samples, checked here.

        Raises
        ------
        MethexisError
            If they cannot be compared, with this measure or at all.
        """
        a, b = (self.reduce_any(given) for given in both(x, y, scaled=self.scale_free))
        return self.score(a, b)

    @abstractmethod
    def reduce(self, features: Features) -> R:
        """What of one representation is needed to compare it."""

    def reduce_rdm(self, rdm: RDM) -> R:
        """What `reduce` gives, from dissimilarities, if the measure needs no more than these.

        Raises
        ------
        MethexisError
            If it needs features.
        """
        raise MethexisError(
            f"{self.name}: expected features for {rdm.name}, which this measure needs, got an RDM; "
            "measures of representational similarity (rsa) take one"
        )

    def reduce_any(self, given: Representation, steps: Preprocessing | None = None) -> R:
        """Reduce features or an RDM; the steps are for features, which an RDM does not have."""
        if isinstance(given, RDM):
            return self.reduce_rdm(given)
        return self.reduce(given if steps is None else steps(given))

    @abstractmethod
    def score(self, a: R, b: R) -> float:
        """The score of a pair."""

    def notice(self, first: Representation, second: Representation) -> str:
        """What of these two makes their score mislead, in a sentence; nothing as a rule."""
        del first, second
        return ""

    def reorder(self, reduced: R, order: NDArray[np.int64]) -> R:
        """What `reduce` would give of the rows in that order, without computing it again."""
        reordered: Any = reduced
        moved: R = reordered.reordered(order)
        return moved

    def permuted(self, a: R, b: R, orders: Orders) -> Array:
        """Scores with the rows of the second in each of the orders, ``(num_orders,)``."""
        return np.array([self.score(a, self.reorder(b, order)) for order in orders])

    def permuted_part(self, a: R, b: R, orders: Orders) -> Array:
        """A part of each order's score that is quick, and moves with it, ``(num_orders,)``.

        There is one where `work` has a time for it; see `inference.regressed`.
        """
        raise NotImplementedError(f"{self.name} has no part that is quick")

    def permuted_roughly(self, a: R, b: R, orders: Orders) -> Array:
        """What `permuted` gives, to a few digits if that is faster (`inference.regressed`)."""
        return self.permuted(a, b, orders)

    def left_out(self, a: R, b: R) -> Array | None:
        """Scores without each of the samples, to first order in how directions turn.

        ``(num_samples,)``; None where no closed form is known. `work` has a time for it where one
        is known of most pairs.
        """
        del a, b
        return None

    def null_moments(self, a: R, b: R) -> NullMoments | None:
        """Moments over all orders in closed form, or None where there is no closed form."""
        del a, b
        return None

    def null_mean(self, a: R, b: R) -> float | None:
        """Exact mean over all orders, where it is known but higher moments are not."""
        del a, b
        return None

    def null_sums(self, reduced: R) -> Any:
        """What of one representation its moments over orders depend on, small; None without any.

        Grids keep it for every representation; a pair's moments are `moments_from` two of them.
        """
        del reduced

    def moments_from(self, a: Any, b: Any) -> NullMoments:
        """What `null_moments` gives, from what `null_sums` kept of each."""
        raise NotImplementedError(f"{self.name} has no moments in closed form")

    def lean(self, reduced: R) -> R:
        """What grids need of a reduced representation: nothing for bootstrap samples."""
        return reduced

    def score_grid(self, rows: Sequence[R], columns: Sequence[R]) -> Array:
        """Scores of all pairs, ``(num_rows, num_columns)``."""
        return np.array([[self.score(a, b) for b in columns] for a in rows])

    def permuted_grid(self, rows: Sequence[R], columns: Sequence[R], orders: Orders) -> Array:
        """Scores of all pairs with the rows of all columns in each order: ``(num_orders, …)``.

        One order serves all pairs, so that what depends on what stays as it is.
        """
        return np.array(
            [self.score_grid(rows, [self.reorder(b, order) for b in columns]) for order in orders]
        )

    def direct_work(
        self, num_samples: int, widths_a: list[int], widths_b: list[int] | None, item_bytes: int
    ) -> tuple[Time, int] | None:
        """Time and least memory that `direct_grid` takes; None where there is no such way."""
        del num_samples, widths_a, widths_b, item_bytes
        return None

    def direct_grid(
        self,
        rows: Sequence[Tensor],
        columns: Sequence[Tensor] | None,
        precision: str,
        budget: int,
        progress: Callable[[int, int], None],
        crew: Crew | None = None,
    ) -> Array | None:
        """Scores of all pairs straight from checked features, or None where there is no such way.

        ``columns`` None stands for the rows themselves. No more than ``budget`` bytes are taken, by
        each worker of a crew.
        """
        del rows, columns, precision, budget, progress, crew
        return None

    def resampled(self, a: R, b: R, counts: Counts) -> Array | None:
        """Scores of resamples of the rows, or None where none is defined.

        A sample drawn twice is never taken for a neighbour of, or a pair with, its own duplicate.
        """
        del a, b, counts
        return None

    def without_groups(self, a: R, b: R, groups: Groups) -> Array | None:
        """Scores without each of some groups of samples, ``(num_groups,)``; None as `resampled`.

        What `resampled` gives with their weights, which is how it is computed unless the measure
        knows a faster way.
        """
        return self.resampled(a, b, groups.weights)

    def influence(self, a: R, b: R) -> Array | None:
        """How much each sample moves the score of a pair, ``(num_samples,)``, to first order.

        They sum to zero, and the sum of their squares is the variance over samples, with each
        interaction of two samples counted twice; None where it is not known in closed form.
        """
        del a, b
        return None

    def interactions(self, a: R, b: R, samples: NDArray[np.int64]) -> Array | None:
        """How much pairs of samples move the score together, ``(num_chosen, num_samples)``.

        0 of a sample with itself; None where it is not known. See `inference.paired.joint`.
        """
        del a, b, samples
        return None

    def of_halves(self, a: R, b: R, chosen: NDArray[np.bool_]) -> Array:
        """Scores of some subsets of the samples, ``(num_subsets, num_ways)``, of "halves".

        The first way is that of the score; a second one is what a half is to be set beside where
        subsets are sparser than the whole.
        """
        raise NotImplementedError(f"{self.name} has no intervals from halves")

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """Names of the options."""
        return tuple(field.name for field in fields(cls))  # type: ignore[arg-type]

    def options(self) -> dict[str, Any]:
        """The options by name."""
        return {name: getattr(self, name) for name in self.option_names()}
