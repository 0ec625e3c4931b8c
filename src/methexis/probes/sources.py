"""Where batches come from: an iterable of them, a data set of samples, or whole arrays.

Whatever it is, it is gone through once and from its beginning, a batch at a time; the first ones
are looked at before, and come again.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import integer, sequence
from methexis.core.outside.foreign import name_of_type
from methexis.errors import MethexisError
from methexis.probes.batches import DIGEST, Batch, MaskOf, batch_of, checked, is_array
from methexis.probes.frameworks.optional import is_tensor, torch
from methexis.text import sentence

Prepare = Callable[[Any], Any] | None
#: Batches that are looked at for different samples.
_MOST_LOOKED_AT = 16


class _Gathered(NamedTuple):
    """A batch from files, with fingerprints of what it was made of."""

    given: Any
    digests: NDArray[np.uint8]


class Source:
    """Batches, with what is known of them.

    Attributes
    ----------
    num_samples : int or None
        Number of samples, where it is known beforehand.
    kind : str
        What names samples: "inputs", or what `ids` are.
    notes : list of str
        What was done to them.
    """

    def __init__(
        self,
        given: Any,
        *,
        batch_size: int,
        prepare: Prepare,
        mask: MaskOf,
        ids: Any,
        kind: str,
        sample: int | None,
        seed: int,
    ) -> None:
        self._prepare, self._mask = prepare, mask
        given = _samples(given)
        self.notes: list[str] = []
        self.num_samples = _length(given)
        self._num_batches = len(given) if isinstance(given, Sized) else None
        size = integer("batch_size", batch_size, least=1)
        self._names = None if ids is None else _digests(ids, self.num_samples)
        self.kind = getattr(given, "kind", "inputs") if ids is None else kind
        if getattr(given, "note", ""):
            self.notes.append(given.note)
        self._rows: NDArray[np.int64] | None = None
        if sample is not None:
            self._rows = self._drawn(sample, seed)
        self._batches = self._iterate(given, size)

    def __iter__(self) -> Iterator[Batch]:
        """The batches in their order, for one time."""
        return self._named(self._batches)

    def about(self, first: int) -> int | None:
        """How many samples there are, about, by the size of the first batch."""
        if self.num_samples is not None or self._num_batches is None:
            return self.num_samples
        return first * self._num_batches

    def _drawn(self, sample: int, seed: int) -> NDArray[np.int64] | None:
        count = integer("sample", sample, least=1)
        if self.num_samples is None:
            raise MethexisError(
                "sample: expected an array or a data set, of which samples can be drawn, got an "
                "iterable of batches; draw before, or take all"
            )
        if count >= self.num_samples:
            return None
        rows = np.random.default_rng(seed).permutation(self.num_samples)[:count]
        self.notes.append(f"{count:,} of {self.num_samples:,} samples, drawn with seed {seed}")
        self.num_samples = count
        if self._names is not None:
            self._names = self._names[np.sort(rows)]
        return np.sort(rows)

    def _iterate(self, given: Any, size: int) -> Iterator[Any]:
        """What a user gave, in batches."""
        if self.num_samples is None:
            return _iterator(given)
        rows = np.arange(self.num_samples) if self._rows is None else self._rows
        blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
        if hasattr(given, "gathered"):
            return (_Gathered(*given.gathered(block.tolist())) for block in blocks)
        if is_array(given):
            return (_taken(given, block) for block in blocks)
        if isinstance(given, Mapping):
            return (
                {
                    key: _taken(value, block) if is_array(value) else value
                    for key, value in given.items()
                }
                for block in blocks
            )
        return (_collated([given[int(row)] for row in block]) for block in blocks)

    def _named(self, batches: Iterator[Any]) -> Iterator[Batch]:
        start = 0
        for place, came in enumerate(batches):
            given, digests = came if isinstance(came, _Gathered) else (came, None)
            prepared = given if self._prepare is None else self._prepare(given)
            batch = batch_of(prepared, self._mask, f"batches[{place}]")
            if digests is not None:
                batch = replace(batch, digests=digests)
            if self._names is not None:
                names = self._names[start : start + batch.size]
                if len(names) < batch.size:
                    raise MethexisError(
                        f"ids: expected one for every sample, got {len(self._names)} for more"
                    )
                batch = replace(batch, digests=names)
            start += batch.size
            yield batch
        if self._names is not None and start != len(self._names):
            raise MethexisError(
                f"ids: expected one for every sample, got {len(self._names)} for {start}"
            )


def first_of(batches: Iterator[Batch]) -> tuple[Batch, list[Batch]]:
    """Batches until there are three samples, joined, and the same as they came.

    Raises
    ------
    MethexisError
        If there is none.
    """
    looked: list[Batch] = []
    joined: Batch | None = None
    for batch in batches:
        looked.append(batch)
        if joined is None:
            joined = replace(batch, digests=None)
        else:
            more = joined.joined(batch)
            joined = joined if more is None else more
        if (
            len({row.tobytes() for row in joined.fingerprints()}) > 2
            or len(looked) == _MOST_LOOKED_AT
        ):
            break
    if joined is None:
        raise MethexisError("batches: expected at least one batch, got none")
    return joined, looked


def _samples(given: Any) -> Any:
    """What was given, with tables and the like as arrays, and arrays seen to be right.

    Raises
    ------
    MethexisError
        If an array has no numbers, or is sparse.
    """
    if is_array(given) or hasattr(given, "tocsr") or _is_table(given):
        lazy = isinstance(given, np.memmap) and given.dtype.isnative
        return given if lazy else checked("batches", given)
    return given


def _is_table(given: Any) -> bool:
    """Whether something becomes an array as a whole: tables, scalars of arrays, buffers."""
    if isinstance(given, memoryview | array | np.generic | np.ndarray):
        return True
    return hasattr(given, "__array__") and not is_tensor(given)


def _length(given: Any) -> int | None:
    """Number of samples of an array, a dict of arrays or a data set; None of an iterable."""
    if is_array(given):
        return int(given.shape[0])
    if isinstance(given, Mapping):
        sizes = {int(value.shape[0]) for value in given.values() if is_array(value)}
        if len(sizes) != 1:
            raise MethexisError(
                f"batches: expected arrays with as many samples along the first axis, got "
                f"{sorted(sizes) or 'none'}"
            )
        return sizes.pop()
    if hasattr(given, "gathered"):
        return len(given)
    if is_tensor(given) or isinstance(given, np.ndarray):
        raise MethexisError(
            "batches: expected an array with samples along the first axis, got a single number"
        )
    if hasattr(given, "__getitem__") and hasattr(given, "__len__"):
        return None if isinstance(given, list | tuple | str) else len(given)
    return None


def _iterator(given: Any) -> Iterator[Any]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise MethexisError(
            "batches: expected an iterable of batches, a data set or an array of samples, got "
            f"{name_of_type(given) or type(given).__name__}"
        )
    return iter(given)


def _taken(value: Any, rows: NDArray[np.int64]) -> Any:
    if is_tensor(value):
        return value[torch.from_numpy(rows)]
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):  # neighbours: read, not gathered
        return np.array(value[rows[0] : rows[-1] + 1])
    return np.asarray(value[rows])


def _collated(members: Sequence[Any]) -> Any:
    """Samples of a data set as a batch, as PyTorch puts them together."""
    try:
        if all(isinstance(one, np.ndarray | np.generic) for one in members):
            return np.stack(members)
        return torch.utils.data.default_collate(list(members))
    except (TypeError, RuntimeError, ValueError, KeyError) as error:
        raise MethexisError(
            f"batches: expected samples of one shape that can be put together, got: "
            f"{sentence(error)}; give an iterable of batches"
        ) from None


def _digests(ids: Any, count: int | None) -> NDArray[np.uint8]:
    """Fingerprints of what names the samples."""
    if isinstance(ids, np.ndarray) and ids.dtype == np.uint8 and ids.ndim == 2:
        digests = ids
    else:
        names = [str(one) for one in sequence("ids", ids, "names of samples")]
        if len(set(names)) < len(names):
            raise MethexisError("ids: expected different names, got some twice")
        rows = [
            blake2b(name.encode("utf-8", "surrogatepass"), digest_size=DIGEST) for name in names
        ]
        digests = np.array([list(row.digest()) for row in rows], dtype=np.uint8)
    if count is not None and len(digests) != count:
        raise MethexisError(f"ids: expected one for each of {count} samples, got {len(digests)}")
    return digests
