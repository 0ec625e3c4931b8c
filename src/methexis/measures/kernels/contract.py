"""Measures that compare two kernels: a kernel, an estimator of HSIC, and whether to normalise.

CKA, HSIC, RV, distance correlation and the cosine of Gram matrices are entries of this table:

    kernel               estimator                normalised
    linear, rbf          biased, song, lange      yes            CKA
    linear, rbf          biased, song             no             HSIC
    linear               biased, lange            yes            RV, modified RV
    Euclidean distance   biased, song             yes            distance correlation, squared
    linear, uncentred    plain                    yes            cosine of Gram matrices
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.parallel.crews import Crew
from methexis.measures.inputs.features import Features, Namespace, Tensor, in_range, warn
from methexis.measures.kernels import bandwidth, bootstrap
from methexis.measures.kernels import groups as without
from methexis.measures.kernels.bandwidth import RBFMatrix
from methexis.measures.kernels.estimators import DEBIASED, centred, divisor
from methexis.measures.kernels.grids import grid_work, linear_products
from methexis.measures.kernels.kernels import centred_rows, kernel_matrix, kernel_work
from methexis.measures.kernels.rows import BOOTSTRAPPED, FeatureRows, made, rows_work, suits
from methexis.measures.kernels.sampling import own_terms, sampled_work, shared
from methexis.measures.left_out import Groups
from methexis.measures.measure import Counts, Measure
from methexis.measures.pairs.bilinear import PairForm, PairMatrix, PairMeasure, matrix_work
from methexis.measures.pairs.entries import row_sums
from methexis.measures.rounding import CANCELLED
from methexis.measures.work import NOTHING, Time, Work, passes, products

if TYPE_CHECKING:
    from methexis.measures.streaming.chance import Chance
    from methexis.measures.streaming.pass_moments import PassMoments

#: Most that sums of a grid made straight from features may cancel; beyond it digits would be lost
#: that matrices keep.
MOST_CANCELLED = {"float32": 2.0, "float64": 1e6}
#: Nanoseconds of one core per pair of samples that is put in order; products of all weights with a
#: matrix that a bootstrap sample takes; and matrices over pairs that a comparison holds at most.
_ORDER, _PRODUCTS, _MATRICES = 7.0, BOOTSTRAPPED, 6.0
#: Products with each pair that groups of samples take, of which there may be 250; and nanoseconds
#: per pair of the sums beside them.
_OF_GROUPS, _SUMMED = 2.0 * 250.0, 20.0


@dataclass(frozen=True, eq=False)
class SampledMatrix(PairMatrix):
    """A matrix over pairs, with the features whose sampling its normaliser is corrected for."""

    rows: Tensor  # whose products, centred, are the entries of the matrix

    def reordered(self, order: NDArray[np.int64]) -> Self:
        """The matrix with rows and columns in another order."""
        index: Any = self.xp.asarray(order, device=array_api_compat.device(self.rows))
        rows = self.xp.take(self.rows, index, axis=0)
        return replace(super().reordered(order), rows=rows)


class KernelMeasure(PairMeasure[PairForm]):
    """A measure ``Σ_ij A_ij B_ij`` of two kernels, centred by an estimator of HSIC."""

    resampling: ClassVar[str] = "bootstrap"

    #: Of `kernel_matrix`, with its bandwidth.
    kernel: str = "linear"
    bandwidth: float = 1.0
    #: Whether the score is a cosine.
    normalised: bool = True
    #: Whether features are a sample of many (`sampling`).
    corrects_features: bool = False

    @property
    def range(self) -> tuple[float, float]:
        """Bounds of the score: [0, 1] for a cosine, [-1, 1] if debiased."""
        return (-1.0 if self.centring in DEBIASED else 0.0, 1.0)

    @property
    def median_bandwidth(self) -> float | None:
        """Bandwidth over the median distance, of kernels that have one."""
        return self.bandwidth if self.kernel == "rbf" else None

    @property
    @abstractmethod
    def centring(self) -> str:
        """The estimator, one of `estimators.ESTIMATORS`."""

    def rows_of(self, features: Features) -> Tensor | None:
        """Features whose products are the kernel, or None where there are none."""
        return centred_rows(features) if self.kernel == "linear" else None

    def reduce(self, features: Features) -> PairForm:
        """The centred, normalised kernel matrix; of many samples and a linear kernel, features."""
        in_range(features, 4)
        xp = features.xp
        rows = self.rows_of(features)
        if rows is not None and suits(*rows.shape):
            plain = FeatureRows(rows, self.centring, 1.0, xp)
            # The sum is itself a difference of such sums; below, entries are differences.
            factor = self._factor(features, rows, plain.raw(plain), CANCELLED * plain.square)
            return FeatureRows(rows, self.centring, factor, xp)
        if rows is not None:
            kernel, distances = rows @ rows.T, None
        else:
            kernel, distances = kernel_matrix(features, self.kernel, self.bandwidth)
        matrix = centred(xp, kernel, self.centring)
        own, raw = (float(xp.sum(row_sums(xp, one, one))) for one in (matrix, kernel))
        factor = self._factor(features, rows, own, CANCELLED**2 * raw)
        matrix *= factor  # not what is given: of rows or distances that were multiplied here
        # The diagonal of this one enters the means of its bootstrap samples.
        source = centred(xp, kernel, "biased") if self.centring == "lange" else matrix
        if self.corrects_features and rows is not None:
            return SampledMatrix(matrix, source, xp, rows * math.sqrt(factor))
        if self.median_bandwidth is not None and distances is not None:
            return RBFMatrix(
                matrix, source, xp, distances, self.median_bandwidth, self.centring, factor
            )
        return PairMatrix(matrix, source, xp)

    @property
    def self_normed(self) -> bool:
        """Whether it is a cosine; a median bandwidth, and corrections, depend on all samples."""
        return self.normalised and self.kernel != "rbf" and not self.corrects_features

    def alike(self, a: PairForm, b: PairForm) -> tuple[PairForm, PairForm]:
        """The pair as features, or as matrices where either of them is a matrix."""
        if isinstance(a, FeatureRows) and not isinstance(b, FeatureRows):
            return a.matrix, b
        if isinstance(b, FeatureRows) and not isinstance(a, FeatureRows):
            return a, b.matrix
        return a, b

    @property
    def linear(self) -> bool:
        """Whether a grid can be made from the features alone, as `grids` does."""
        return self.kernel == "linear" and not self.corrects_features

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """The work of matrices over pairs or, of a linear kernel and many samples, of features."""
        if self._by_rows(num_samples, num_features):
            work = rows_work(num_samples, num_features, _MATRICES)
        else:
            work = matrix_work(
                num_samples,
                num_features,
                reduce=kernel_work(num_samples, median=self.median_bandwidth is not None),
                order=_ORDER,
                resample=products(_PRODUCTS * num_samples**2, 2 * 0.05),
                groups=products(_OF_GROUPS * num_samples**2) + passes(num_samples**2, _SUMMED),
                matrices=_MATRICES,
            )
        if self.corrects_features:
            work = replace(work, groups=NOTHING)
            return sampled_work(work, num_samples, num_features)
        return work

    def order_work(self, num_samples: int, widths_a: list[int], widths_b: list[int]) -> Time:
        """Time of one order: features are compared pair by pair, matrices all pairs together."""
        by_rows = self._by_rows(num_samples, (max(widths_a), max(widths_b)))
        if by_rows and not made(num_samples):
            return Measure.order_work(self, num_samples, widths_a, widths_b)
        return super().order_work(num_samples, widths_a, widths_b)

    def _by_rows(self, num_samples: int, num_features: tuple[int, int]) -> bool:
        """Whether `reduce` keeps features of both, and one pair takes no matrix."""
        able = self.linear or self.corrects_features
        return able and all(suits(num_samples, d) for d in num_features)

    @property
    def streams(self) -> bool:
        """Linear kernels of centred features: second moments and lengths of rows are enough."""
        return self.linear and self.centring != "plain"

    @property
    def streams_null(self) -> bool:
        """Whether the null streams: wherever the score does, because it needs no more sums."""
        return self.streams

    def from_pass(self, gathered: PassMoments) -> float:
        """The score from sums that one pass gathered."""
        cross = gathered.estimates(self.centring)[0]
        if not self.normalised:
            return cross / divisor(gathered.second.num_samples, self.centring)
        normaliser = gathered.normaliser(self.centring)
        if math.isnan(normaliser):
            warn(
                f"{self.title}: the score is NaN, because a centred kernel is zero between "
                "different samples"
            )
            return math.nan
        return cross / normaliser

    def chance_from_pass(self, gathered: PassMoments) -> Chance | None:
        """Mean and deviation over orders, exactly."""
        if not self.streams_null:
            return None
        return gathered.chance(self.centring, normalised=self.normalised)

    def direct_work(
        self, num_samples: int, widths_a: list[int], widths_b: list[int] | None, item_bytes: int
    ) -> tuple[Time, int] | None:
        """The time and memory of linear kernels' products; None of other kernels."""
        return grid_work(num_samples, widths_a, widths_b, item_bytes) if self.linear else None

    def direct_grid(
        self,
        rows: Sequence[Tensor],
        columns: Sequence[Tensor] | None,
        precision: str,
        budget: int,
        progress: Callable[[int, int], None],
        crew: Crew | None = None,
    ) -> Array | None:
        """All pairs of linear kernels without keeping any, where no digits are lost by it."""
        if not self.linear:
            return None
        inner = linear_products(
            rows,
            columns,
            centre=self.centring != "plain",
            precision=precision,
            budget=budget,
            progress=progress,
            crew=crew,
        )
        if inner.cancellation(self.centring) > MOST_CANCELLED[precision]:
            return None
        scores, a, b = inner.estimates(self.centring)
        if not self.normalised:
            return scores / divisor(inner.diagonals_a.shape[1], self.centring)
        cosines: Array = scores / np.sqrt(np.outer(a, b))
        return cosines

    def resampled(self, a: PairForm, b: PairForm, counts: Counts) -> Array:
        """Scores of bootstrap samples; debiased, a sample and its duplicate are never a pair.

        The median that a bandwidth goes by is that of the bootstrap sample, to first order
        (`bandwidth`). A bootstrap sample scores NaN if it has fewer than four different samples, or
        no positive normaliser.
        """
        one, other = self.alike(a, b)
        if one.whole is not None and other.whole is not None:  # one product takes all samples
            one, other = one.whole, other.whole
        sampled = (_rows(a, one), _rows(b, other)) if self.corrects_features else None
        scores = bootstrap.scores(
            one, other, counts, self.centring, normalised=self.normalised, sampled=sampled
        )
        if isinstance(one, FeatureRows) and isinstance(other, FeatureRows) and not self.normalised:
            scores = scores * (one.factor * other.factor)
        if isinstance(one, RBFMatrix) and isinstance(other, RBFMatrix):
            scores = scores + self._moved(one, other, (one.widened(counts), other.widened(counts)))
        return scores

    def without_groups(self, a: PairForm, b: PairForm, groups: Groups) -> Array | None:
        """Scores without groups of samples, by their sums; those of `resampled`."""
        if self.corrects_features:  # by sums of powers of features, with all weights
            return super().without_groups(a, b, groups)
        one, other = self.alike(a, b)
        assert isinstance(one, (FeatureRows, PairMatrix))
        assert isinstance(other, (FeatureRows, PairMatrix))
        scores = without.scores(one, other, groups, self.centring, normalised=self.normalised)
        if isinstance(one, FeatureRows) and isinstance(other, FeatureRows) and not self.normalised:
            scores = scores * (one.factor * other.factor)
        if isinstance(one, RBFMatrix) and isinstance(other, RBFMatrix):
            wider = one.widened_without(groups), other.widened_without(groups)
            scores = scores + self._moved(one, other, wider)
        return scores

    def _moved(self, one: RBFMatrix, other: RBFMatrix, wider: tuple[Array, Array]) -> Array:
        """What other bandwidths make of resamples' scores."""
        return bandwidth.moved(one, other, wider, one.inner(other), normalised=self.normalised)

    def _factor(self, features: Features, rows: Tensor | None, own: float, least: float) -> float:
        """What the centred matrix, whose squared norm is own, is multiplied by."""
        if not self.normalised:
            return 1.0 / math.sqrt(divisor(features.num_samples, self.centring))
        if self.corrects_features and rows is not None:
            own = self._shared(features.xp, rows, own)
        if own > least:
            return 1.0 / math.sqrt(own)
        reason = (
            "what its different features share has no positive variance"
            if self.corrects_features
            else "its centred kernel is zero between different samples"
        )
        warn(f"{self.title}: the score is NaN, because {features.name} has no norm: {reason}")
        return math.nan

    @staticmethod
    def _shared(xp: Namespace, rows: Tensor, own: float) -> float:
        single: Any = own_terms(xp, rows, xp.ones_like(rows[:, :1]).T)
        return float(shared(own, float(single[0]), int(rows.shape[1])))


def _rows(given: PairForm, used: PairForm) -> Tensor:
    """Features whose products are the kernel that is used."""
    assert isinstance(given, (SampledMatrix, FeatureRows))
    if isinstance(given, FeatureRows) and given is not used:
        return given.rows * math.sqrt(given.factor)
    return given.rows
