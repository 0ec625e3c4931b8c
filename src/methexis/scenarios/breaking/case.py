"""What a case of `break` is: predicted kernels, and the ensemble that measures them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.errors import MethexisError
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.mean_kernels import alignments

#: What a full run needs to be evidence.
LEAST_VALUES, LEAST_PROBLEMS, LEAST_REPLICAS = 5, 3, 16
#: Alignment above which a pair counts as predicted to be perfect.
PERFECT = 1.0 - 1e-9

#: Powers of the small parameter in mean kernels (docs/theory.md §5.6) that their limits are told
#: from, and those of shuffled epochs, whose kernels fluctuate so little that a third one shows.
POWERS = (0, 1, 2)
EPOCH_POWERS = (0, 1, 2, 3)


@dataclass(frozen=True, eq=False)
class Case:
    """One problem at one value of the dial."""

    #: Of all hidden layers of all students, by theory, of unit trace; none where theory is silent.
    kernels: tuple[Array, ...]
    ensemble: Callable[[float], Ensemble]  # what measures it, at a value of the small parameter
    silent: str = ""  # why theory says nothing, if it does not

    def __post_init__(self) -> None:
        if bool(self.silent) == bool(self.kernels):
            number = len(self.kernels)
            raise MethexisError(
                f"case: expected kernels or why theory names none, got {number} of them and "
                f"{self.silent!r}"
            )

    @cached_property
    def predicted(self) -> Array:
        """Alignment of every pair of hidden layers, ``(layer, layer)``."""
        return alignments(self.kernels)

    @property
    def parts(self) -> Mapping[str | None, float]:
        """Alignment of the pair that is predicted to be worst; NaN where theory is silent."""
        return {None: float("nan") if self.silent else float(self.predicted.min())}
