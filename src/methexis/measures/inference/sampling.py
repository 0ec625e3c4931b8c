"""A random part of the samples, the same rows of everything that is compared.

Measures of all pairs of samples take the square of their number. A random part of them has the same
expected score where a measure has no bias, and a wider interval; of measures of neighbours it is
the score at another number of samples (`neighbours.curve`). So it is drawn only where somebody asks
for it, and every result says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import count
from methexis.core.outside.foreign import admitted, name_of_type, type_name
from methexis.errors import MethexisError
from methexis.measures.inference.sizes import opened
from methexis.measures.inputs.features import Typed
from methexis.measures.inputs.naming import Named, single
from methexis.measures.inputs.rdm import RDM

#: Beside the seed, so that rows and permutations are not drawn by the same numbers.
_STREAM = 0x5A3B


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that were drawn.

    Attributes
    ----------
    rows : array (num_samples,) of int
        In their order, without repetition.
    total : int
        Of how many.
    seed : int
    """

    rows: NDArray[np.int64]
    total: int
    seed: int

    def __str__(self) -> str:
        """How many of how many, in words."""
        return f"a random {len(self.rows):,} of {self.total:,} samples (seed {self.seed})"

    def of(self, name: str, given: Any) -> Any:
        """The rows of one representation; of an RDM, rows and columns."""
        if isinstance(given, RDM):
            return given.reordered(self.rows)
        if isinstance(given, Typed):
            part = self.of(name, given.array)
            return Typed(part.array if isinstance(part, Typed) else part, given.given)
        array = admitted(name, given)
        xp = array_api_compat.array_namespace(array)
        index = xp.asarray(self.rows, device=array_api_compat.device(array))
        part, came = xp.take(array, index, axis=0), name_of_type(given)
        return Typed(part, came) if came and type_name(part.dtype) != came else part

    def of_named(self, given: list[Named]) -> list[Named]:
        """The rows of each of many."""
        return [replace(one, array=self.of(one.label, one.array)) for one in given]

    def of_references(self, given: Any) -> Any:
        """The rows of what a score is read against; words stay as they are."""
        if not isinstance(given, Mapping):
            return given
        return {
            name: one if isinstance(one, str) else self._any(f"reference {name}", one)
            for name, one in given.items()
        }

    def of_repeats(self, given: Any) -> Any:
        """The rows of every repetition."""
        if given is None or not hasattr(given, "__len__"):
            return given
        return [self._any(f"repeats[{k}]", one) for k, one in enumerate(given)]

    def _any(self, name: str, given: Any) -> Any:
        return self.of(name, opened(name, single(name, given)))


def sample_of(total: int, num_samples: Any, seed: int) -> Sample:
    """Draw rows without repetition.

    Parameters
    ----------
    total : int
        How many samples there are.
    num_samples : int
        How many are drawn; all of them, where that many are there.
    seed : int

    Raises
    ------
    MethexisError
        If it is no count, or more than there are.

    Examples
    --------
    >>> drawn = sample_of(2000, 500, seed=0)
    >>> len(set(drawn.rows.tolist())), str(drawn)
    (500, 'a random 500 of 2,000 samples (seed 0)')
    """
    wanted = count("sample", num_samples, least=1)
    if wanted > total:
        raise MethexisError(
            f"sample: expected at most the {total:,} samples that there are, got {wanted:,}"
        )
    generator = np.random.default_rng([seed, _STREAM])
    return Sample(np.sort(generator.choice(total, wanted, replace=False)), total, seed)


def sampled(num_samples: Any, given: list[Any], seed: int) -> Sample | None:
    """Draw rows of representations; None where none are asked for, or these do not fit together.

    What does not fit is refused by who compares them, in its own words.

    Raises
    ------
    MethexisError
        If the number is no count, or more than there are.
    """
    if num_samples is None:
        return None
    totals = {_num_samples(one) for one in given}
    if len(totals) != 1 or 0 in totals:
        count("sample", num_samples, least=1)
        return None
    return sample_of(totals.pop(), num_samples, seed)


def _num_samples(given: Any) -> int:
    """Number of samples of one; 0 of what is no representation."""
    if isinstance(given, RDM):
        return given.num_samples
    shape = getattr(given, "shape", None)
    if shape is None:
        try:
            shape = admitted("", given).shape
        except MethexisError:
            return 0
    return int(shape[0]) if len(shape) == 2 else 0
