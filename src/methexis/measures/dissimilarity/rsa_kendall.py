"""RSA with Kendall's rank correlations: how many pairs of dissimilarities are in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from methexis.core.checks import one_of
from methexis.measures.dissimilarity.contract import RDMMeasure, require_spread
from methexis.measures.dissimilarity.ranks import group_numbers
from methexis.measures.inputs.features import to_numpy
from methexis.measures.inputs.rdm import RDM
from methexis.measures.work import NOTHING, Time, passes

#: Nanoseconds of one core per pair of samples: grouped by ties, once; and per doubling of pairs:
#: sorted, and counted in order.
_GROUPED, _COUNTED = 130.0, 7.0

VARIANTS = ("a", "b")


@dataclass(frozen=True, eq=False)
class Order:
    """The order of dissimilarities."""

    #: For each pair, the number of its group of ties in ascending order; the diagonal is unused.
    numbers: NDArray[np.int64]
    untied: int  # pairs of dissimilarities that are not tied

    def reordered(self, order: NDArray[np.int64]) -> Order:
        """The order of the dissimilarities after the samples are reordered."""
        return Order(self.numbers[np.ix_(order, order)], self.untied)


@dataclass(frozen=True)
class RSAKendall(RDMMeasure[Order]):
    """Kendall's tau of two RDMs; see `rsa_kendall`."""

    variant: str = "a"

    name: ClassVar[str] = "rsa_kendall"
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Nili et al. 2014, doi:10.1371/journal.pcbi.1003553"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("variant", self.variant, VARIANTS)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"RSA ({self.dissimilarity}, Kendall's tau-{self.variant})"

    @property
    def ranked(self) -> bool:
        """Always: pairs are counted by their order."""
        return True

    def more_work(self, num_samples: int) -> tuple[Time, Time, Time]:
        """Dissimilarities are sorted once, and pairs of them counted for every score."""
        pairs = float(num_samples) ** 2
        return passes(pairs, _GROUPED), passes(pairs * log2(pairs), _COUNTED), NOTHING

    def reduce_rdm(self, rdm: RDM) -> Order:
        """The order of the dissimilarities; on the CPU, where SciPy counts."""
        require_spread(rdm)
        entries = group_numbers(to_numpy(rdm.condensed), rdm.tolerance)
        first, second = np.triu_indices(rdm.num_samples, k=1)
        numbers = np.zeros((rdm.num_samples, rdm.num_samples), dtype=np.int64)
        numbers[first, second] = numbers[second, first] = entries
        sizes = np.bincount(entries)
        tied = int(np.sum(sizes * (sizes - 1) // 2))
        return Order(numbers, len(entries) * (len(entries) - 1) // 2 - tied)

    def score(self, a: Order, b: Order) -> float:
        """Kendall's tau of a pair."""
        above = np.triu_indices(len(a.numbers), k=1)
        one, two = a.numbers[above], b.numbers[above]
        # SciPy's p-value is for independent numbers, which dissimilarities are not: the cheap one.
        tau = float(stats.kendalltau(one, two, method="asymptotic").statistic)
        if self.variant == "b":
            return tau
        # tau-b divides by the geometric mean of the numbers of untied pairs, tau-a by all pairs.
        pairs = len(one) * (len(one) - 1) / 2
        return tau * float(np.sqrt(a.untied / pairs) * np.sqrt(b.untied / pairs))


def rsa_kendall(x: Any, y: Any, dissimilarity: str = "euclidean", variant: str = "a") -> float:
    """RSA with Kendall's rank correlation of two RDMs.

    ``(concordant - discordant) / N`` over all pairs of dissimilarities, of which there are
    ``M (M - 1) / 2`` with ``M = n (n - 1) / 2``. For tau-a ``N`` is their number, for tau-b
    ``sqrt(N_x N_y)``, with the pairs that are not tied in either RDM.

    Parameters
    ----------
    x, y : array (num_samples, num_features) or RDM
        Features with paired rows, of NumPy or PyTorch, or what is known of their dissimilarities.
    dissimilarity : {"euclidean", "squared", "correlation", "cosine"}
        Between rows. Euclidean and squared give the same.
    variant : {"a", "b"}
        tau-a by default: a model that predicts ties (categories) cannot beat with them one that
        commits itself to an order, as it can with tau-b and Spearman's correlation. The price is
        that tau-a of an RDM with ties and itself is less than 1.

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    MethexisError
        On input that cannot be compared, or equal dissimilarities.

    Notes
    -----
    Ties are as in `rsa`. Cost: ``M log M``, a tenth of a second for 1000 samples, for every
    permutation anew.

    References
    ----------
    H. Nili, C. Wingfield, A. Walther, L. Su, W. Marslen-Wilson and N. Kriegeskorte, "A toolbox for
    representational similarity analysis", PLoS Computational Biology 10, e1003553 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(30, 5))
    >>> rsa_kendall(x, 3.0 * x + 1.0)
    1.0
    """
    return RSAKendall(dissimilarity, variant)(x, y)
