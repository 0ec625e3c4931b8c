"""What a case of `break` is: predicted alignments, and the ensemble that measures them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.scenarios.framework.ensembles import Ensemble

#: What a full run needs to be evidence.
LEAST_VALUES, LEAST_PROBLEMS, LEAST_REPLICAS = 5, 3, 16
#: Alignment above which a pair counts as predicted to be perfect.
PERFECT = 1.0 - 1e-9

#: Powers of the small parameter in 1 - A where theory predicts no offset: the deviation of two
#: kernels starts at order ε and ``1 - A`` is half of its square, so there is no linear term, and a
#: cubic one (docs/theory.md §5.6).
NO_OFFSET = (0, 2, 3)
#: 1 - A at an offset: the deviation of order ε multiplies the offset itself.
OFFSET = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Case:
    """One problem at one value of the dial."""

    #: (layer, layer): alignment of every pair of hidden layers, of all students, by theory.
    #: NaN where theory is silent.
    predicted: Array
    ensemble: Callable[[float], Ensemble]  # what measures it, at a value of the small parameter
    silent: str = ""  # why theory says nothing, if it does not

    def __post_init__(self) -> None:
        if self.silent:
            if not np.isnan(self.predicted).all():
                raise MethexisError("case: expected no prediction where theory is silent, got one")
        elif not np.all(np.abs(self.predicted) <= 1.0 + 1e-12):
            largest = float(np.max(np.abs(self.predicted)))
            raise MethexisError(
                f"case: expected predicted alignments in [-1, 1], got one of size {largest:g}"
            )

    @property
    def parts(self) -> Mapping[str | None, float]:
        """Alignment of the pair that is predicted to be worst."""
        return {None: float(self.predicted.min())}


def powers_at(powers: tuple[int, ...], predicted: float) -> tuple[int, ...]:
    """Powers of the fit where theory predicts that alignment of the watched pair.

    Of cases that are predicted to be perfect they are `NO_OFFSET` on every curve.

    Examples
    --------
    >>> powers_at(OFFSET, 0.9), powers_at(OFFSET, 1.0)
    ((0, 1, 2), (0, 2, 3))
    """
    return NO_OFFSET if predicted > PERFECT else powers
