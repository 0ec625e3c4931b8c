"""Samples that have names find each other, whatever order two models saw them in.

Files of arrays say nothing of samples: rows are paired as they lie. What `probe` stored knows each
sample by a fingerprint of what it was: of its inputs, of the line or the file that it came from, or
of a name that was given. Where both sides know their samples, rows are paired by these, and two
sides that have none in common are refused: a score over unpaired rows is a number about nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError

#: Fewest samples in common that are compared.
_FEWEST = 4


@dataclass(frozen=True, eq=False)
class SampleNames:
    """By what the samples of a model are known.

    Attributes
    ----------
    kind : str
        What the fingerprints are of, such as "inputs" or "lines of text".
    keys : array (num_samples, num_bytes) of uint8
        A fingerprint of each.
    """

    kind: str
    keys: NDArray[np.uint8]

    def taken(self, rows: NDArray[np.int64]) -> SampleNames:
        """The same of some samples."""
        return SampleNames(self.kind, self.keys[rows])

    def same(self, other: SampleNames) -> bool:
        """Whether both are the same samples in the same order."""
        return self.kind == other.kind and np.array_equal(self.keys, other.keys)


def joined(*given: Any) -> tuple[Any, ...]:
    """What is compared, with rows of the same samples at the same places.

    Parameters
    ----------
    given : any
        Arrays, layers and models as a user gives them, also in lists and dicts. Those that know
        their samples are paired by them; all others stay as they are.

    Raises
    ------
    MethexisError
        If two know their samples by different things, or have hardly any in common.
    """
    known = [names for one in given for names in _names(one)]
    if len(known) < 2 or all(known[0][1].same(one) for _, one in known[1:]):
        return given
    first, names = known[0]
    for label, other in known[1:]:
        if other.kind != names.kind:
            raise MethexisError(
                f"{label}: expected samples known by {names.kind}, as in {first}, got "
                f"{other.kind}; probe both with the same ids"
            )
    common = in_common([one for _, one in known])
    if len(common) < _FEWEST:
        label, other = known[1]
        raise MethexisError(
            f"{label}: expected the samples of {first}, got {len(other.keys):,} of which "
            f"{len(common)} are among its {len(names.keys):,}: the data differ; probe both over "
            "the same samples, or give both the same ids"
        )
    return tuple(_paired(one, common) for one in given)


def _names(given: Any) -> list[tuple[str, SampleNames]]:
    """Names of samples within what a user gave."""
    samples = getattr(given, "samples", None)
    if isinstance(samples, SampleNames):
        return [(str(getattr(given, "path", "") or getattr(given, "source", "")), samples)]
    if isinstance(given, Mapping):
        return [one for value in given.values() for one in _names(value)]
    if isinstance(given, list | tuple):
        return [one for value in given for one in _names(value)]
    return []


def _keys(names: SampleNames) -> list[tuple[bytes, int]]:
    """Keys of samples; equal samples are told by which of them they are."""
    count: dict[bytes, int] = {}
    counted = []
    for row in names.keys:
        key = row.tobytes()
        count[key] = count.get(key, 0) + 1
        counted.append((key, count[key]))
    return counted


def in_common(names: Sequence[SampleNames]) -> list[tuple[bytes, int]]:
    """Keys of the samples that all have, in the order of the first."""
    others = [set(_keys(one)) for one in names[1:]]
    return [key for key in _keys(names[0]) if all(key in other for other in others)]


def _paired(given: Any, common: list[tuple[bytes, int]]) -> Any:
    samples = getattr(given, "samples", None)
    if isinstance(samples, SampleNames):
        place = {key: row for row, key in enumerate(_keys(samples))}
        rows = np.array([place[key] for key in common], dtype=np.int64)
        if len(rows) == len(samples.keys) and np.array_equal(rows, np.arange(len(rows))):
            return given
        return given.taken(rows)
    if isinstance(given, Mapping):
        return {key: _paired(value, common) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_paired(value, common) for value in given)
    return given
