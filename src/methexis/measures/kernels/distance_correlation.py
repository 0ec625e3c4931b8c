"""Squared distance correlation: whether two representations depend on each other at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.measures.kernels.contract import KernelMeasure


@dataclass(frozen=True)
class DistanceCorrelation(KernelMeasure):
    """Cosine of two centred matrices of Euclidean distances; see `distance_correlation`."""

    name: ClassVar[str] = "distance_correlation"
    tier: ClassVar[int] = 2
    # That distances are dissimilarities changes both signs.
    kernel: ClassVar[str] = "distance"  # type: ignore[misc]
    reference: ClassVar[str] = (
        "Székely, Rizzo & Bakirov 2007, Annals of Statistics 35; Székely & Rizzo 2014, "
        "Annals of Statistics 42"
    )

    debiased: bool = False

    @property
    def title(self) -> str:
        """The measure's name in tables, debiased or not."""
        return f"{'debiased ' if self.debiased else ''}squared distance correlation"

    @property
    def centring(self) -> str:
        """Double centring, or that of Székely and Rizzo, which is Song's."""
        return "song" if self.debiased else "biased"


def distance_correlation(x: Any, y: Any, *, debiased: bool = False) -> float:
    """Squared distance correlation, ``dCov²(x, y) / sqrt(dCov²(x, x) dCov²(y, y))``.

    ``dCov²`` is the mean product of the doubly centred distances ``‖x_i - x_j‖`` and
    ``‖y_i - y_j‖``; debiased, of those centred so that it is zero on average for independent
    representations. Note the square: the distance correlation of 2007 is the root of the biased
    value, and is zero for many samples only if they are independent.

    Pitfalls. Biased, it goes to 1 for unrelated representations with ``d ≫ n``.

    Cost: ``n² (d_x + d_y)`` and memory for a few matrices ``n × n``.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features with paired rows.
    debiased : bool
        The bias-corrected statistic of 2014, which has no root: it can be negative.

    Returns
    -------
    float
        In [0, 1]; debiased, in [-1, 1].

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    References
    ----------
    .. [1] Székely, Rizzo & Bakirov, Measuring and testing dependence by correlation of distances,
       Annals of Statistics 35, 2007.
    .. [2] Székely & Rizzo, Partial distance correlation with methods for dissimilarities, Annals of
       Statistics 42, 2014.

    Examples
    --------
    >>> x = [[0.0], [1.0], [3.0], [4.0]]
    >>> round(distance_correlation(x, [[2.0 - 5.0 * v for v in row] for row in x]), 12)
    1.0
    """
    return DistanceCorrelation(debiased)(x, y)
