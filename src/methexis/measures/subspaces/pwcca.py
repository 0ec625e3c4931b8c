"""Projection-weighted CCA: canonical correlations weighed by what they carry of the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.core.checks import one_of
from methexis.measures.inputs.features import Features, Tensor, warn
from methexis.measures.measure import Invariance, Measure, invariant
from methexis.measures.subspaces.bases import Basis, basis, basis_work
from methexis.measures.subspaces.contract import span_troubles
from methexis.measures.work import Work

WEIGHTS = ("both", "first", "narrower")


@dataclass(frozen=True)
class PWCCA(Measure[Basis]):
    """Mean of the canonical correlations, weighed by their variables' share in the features."""

    name: ClassVar[str] = "pwcca"
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Morcos, Raghu and Bengio 2018, arXiv:1806.05759"

    weights: str = "both"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("weights", self.weights, WEIGHTS)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"PWCCA (weights from {self.weights})"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Permutations and one scale: sums of absolute values over features see rotations.

        The side that gives no weights may also undergo any invertible map.
        """
        return invariant(Invariance.PERMUTATION, Invariance.SCALE, Invariance.TRANSLATION)

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """The work of bases, without bootstrap samples."""
        return basis_work(num_samples, num_features, sides=1.0)

    def reduce(self, features: Features) -> Basis:
        """The basis of the centred features, with its directions among them."""
        return basis(features, directions=True)

    def score(self, a: Basis, b: Basis) -> float:
        """The weighted mean, or the mean of both weighted means."""
        xp = a.xp
        for message in span_troubles(self.name, a, b):
            warn(message)
        left, correlations, right = xp.linalg.svd(a.columns.T @ b.columns, full_matrices=False)
        sides = []
        if self.weights != "narrower" or a.rank <= b.rank:
            sides.append(_weighted(a, left.T, correlations))
        if self.weights == "both" or (self.weights == "narrower" and a.rank > b.rank):
            sides.append(_weighted(b, right, correlations))
        return sum(sides) / len(sides)


def _weighted(part: Basis, turn: Tensor, correlations: Tensor) -> float:
    """``Σ α ρ / Σ α`` with ``α_i = Σ_j |h_i · x_j|``, ``h_i`` the rows of ``turn Uᵀ``."""
    xp = part.xp
    shares = xp.sum(xp.abs((turn * part.sizes) @ part.directions), axis=1)
    return float(xp.sum(shares * correlations) / xp.sum(shares))


def pwcca(x: Any, y: Any, *, weights: str = "both") -> float:
    r"""Projection-weighted CCA: canonical correlations weighed by what they explain of features.

    .. math:: \frac{\sum_i \alpha_i \rho_i}{\sum_i \alpha_i}, \qquad
              \alpha_i = \sum_j |\langle h_i, x_j \rangle|

    over the canonical correlations ``ρ_i``, with the canonical variables ``h_i`` (unit vectors over
    samples) in the span of a representation and its centred features ``x_j``.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.
    weights : {"both", "first", "narrower"}
        The side whose features weigh. Tools disagree: the paper takes the features of the first
        representation, the authors' code those of the narrower one. Both make the score depend on
        which is called first, so the default averages the two weighted means.

    Returns
    -------
    float
        In [0, 1] up to rounding.

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    Warns
    -----
    DegenerateWarning
        If the ranks together exceed ``num_samples - 1``, as `cca` does.

    Notes
    -----
    *Cost*: as `cca`, with singular vectors. *Pitfalls*: all of CCA's at few samples. Where
    canonical correlations coincide, ``h_i`` may be rotated among themselves and the weights with
    them, so the value is that of one choice. The authors' code (and ReSi's copy) departs from the
    definition: it forms the ``h_i`` without the whitening that makes them canonical, adds the means
    back and orthogonalises; of centred features and with the whitening it gives what
    ``weights="narrower"`` gives here.

    References
    ----------
    .. [1] Morcos, Raghu and Bengio 2018, arXiv:1806.05759.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 1], [-1, 1], [1, -1], [-1, -1]]) * [3.0, 1.0]
    >>> y = np.array([[1.0], [-1], [1], [-1]])
    >>> round(pwcca(x, y, weights="first"), 6)
    1.0
    """
    return PWCCA(weights)(x, y)
