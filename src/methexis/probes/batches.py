"""What a model is given: one batch of samples, which rows it has, and a fingerprint of each.

A batch is an array, a dict of named inputs, or a tuple of inputs in order; in each array samples
lie along the first axis. A sample is known by what it is, not by where it lies: its fingerprint is
taken of its own numbers, without the padding that its neighbours in the batch brought about. So
stores that were made with other batch sizes have the same fingerprints, and samples in another
order find each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from methexis.core.outside.foreign import name_of_type, native, real, type_name
from methexis.errors import MethexisError
from methexis.probes.frameworks.optional import is_tensor, torch
from methexis.text import sentence

#: Bytes of the fingerprint of a sample.
DIGEST = 16
#: The name by which tokenizers call what tells real tokens from padding.
MASK = "attention_mask"
Key: TypeAlias = int | str
#: Where masks are: under a name, or what a function finds in a batch.
MaskOf: TypeAlias = str | Callable[[Any], Any] | None


@dataclass(frozen=True)
class Batch:
    """Inputs of some samples.

    Attributes
    ----------
    inputs : dict
        By position or by name, in their order; arrays have samples along the first axis.
    size : int
        Number of samples.
    mask : array (size, num_tokens) of bool, optional
        Which tokens are real.
    digests : array (size, 16) of uint8, optional
        What names the samples, where that is not their inputs.
    """

    inputs: dict[Key, Any]
    size: int
    mask: NDArray[np.bool_] | None = None
    digests: NDArray[np.uint8] | None = None

    @property
    def positional(self) -> tuple[Any, ...]:
        """The inputs that have no name, in order."""
        return tuple(value for key, value in self.inputs.items() if isinstance(key, int))

    @property
    def named(self) -> dict[str, Any]:
        """The inputs that have a name, by it."""
        return {key: value for key, value in self.inputs.items() if isinstance(key, str)}

    def taken(self, rows: Sequence[int]) -> Batch:
        """The same with some samples, in another order or fewer."""
        picked = list(rows)
        inputs = {
            key: value[picked] if is_array(value) else value for key, value in self.inputs.items()
        }
        return replace(
            self,
            inputs=inputs,
            size=len(picked),
            mask=None if self.mask is None else self.mask[picked],
            digests=None if self.digests is None else self.digests[picked],
        )

    def joined(self, other: Batch) -> Batch | None:
        """The samples of both; None where arrays are of unequal lengths."""
        inputs: dict[Key, Any] = {}
        if self.inputs.keys() != other.inputs.keys():
            return None
        for key, value in self.inputs.items():
            if not is_array(value):
                inputs[key] = value
                continue
            beside = other.inputs[key]
            if tuple(value.shape[1:]) != tuple(beside.shape[1:]):
                return None
            inputs[key] = (torch.cat if is_tensor(value) else np.concatenate)([value, beside])
        both = [one for one in (self.mask, other.mask) if one is not None]
        mask = np.concatenate(both) if len(both) == 2 else None
        return Batch(inputs, self.size + other.size, mask)

    def fingerprints(self) -> NDArray[np.uint8]:
        """A fingerprint of each sample, ``(size, 16)``: what was given, else of its inputs."""
        if self.digests is not None:
            return self.digests
        rows = np.empty((self.size, DIGEST), dtype=np.uint8)
        arrays = [(key, plain(value)) for key, value in self.inputs.items() if is_array(value)]
        padded = self.mask is not None and not self.mask.all()
        for row in range(self.size):
            whole = blake2b(digest_size=DIGEST)
            for key, array in arrays:
                one = array[row]
                if padded and self.mask is not None and array.shape[:2] == self.mask.shape:
                    one = one[self.mask[row]]
                whole.update(f"{key}:{one.dtype.str}{one.shape};".encode())
                whole.update(np.ascontiguousarray(one).data)
            rows[row] = np.frombuffer(whole.digest(), dtype=np.uint8)
        return rows


def is_array(value: Any) -> bool:
    """Whether an input has samples: an array with at least one axis."""
    return (isinstance(value, np.ndarray) or is_tensor(value)) and value.ndim > 0


def plain(value: Any) -> NDArray[Any]:
    """The numbers of an input for a fingerprint; integers of any width are the same numbers."""
    if is_tensor(value):
        value = value.detach().cpu()
        bits = type_name(value.dtype) in {"bfloat16", "float8_e4m3fn", "float8_e5m2"}
        value = (value.float() if bits else value).contiguous().numpy()
    array = np.asarray(value)
    return array.astype(np.int64) if array.dtype.kind in "iu" else array


def batch_of(given: Any, mask: MaskOf = MASK, where: str = "batch") -> Batch:
    """What a model is given, from what a user gave.

    Raises
    ------
    MethexisError
        If it is no array, dict or tuple of arrays, or these differ in their number of samples.
    """
    inputs: dict[Key, Any]
    if isinstance(given, Mapping):
        inputs = {str(key): _input(f"{where}[{str(key)!r}]", value) for key, value in given.items()}
    elif isinstance(given, tuple | list):
        inputs = {place: _input(f"{where}[{place}]", value) for place, value in enumerate(given)}
    else:
        inputs = {0: _input(where, given)}
    sizes = {key: int(value.shape[0]) for key, value in inputs.items() if is_array(value)}
    if not sizes:
        raise MethexisError(
            f"{where}: expected an array, a dict or a tuple of arrays with samples along the first "
            f"axis, got {name_of_type(given) or type(given).__name__}"
        )
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{size} in input {key}" for key, size in sizes.items())
        raise MethexisError(
            f"{where}: expected as many samples along the first axis of every input, got {told}"
        )
    size = next(iter(sizes.values()))
    if size == 0:
        raise MethexisError(f"{where}: expected at least one sample, got none")
    return Batch(inputs, size, _mask(given, mask, size, where))


def checked(name: str, value: Any) -> Any:
    """An array as models take it: dense and with numbers, in this machine's order of bytes.

    Integers and truth values stay what they are, because tokens and masks are such.

    Raises
    ------
    MethexisError
        If it has no numbers, or is sparse.
    """
    if is_tensor(value):
        layout = str(value.layout).removeprefix("torch.")
        if layout != "strided":
            raise MethexisError(f"{name}: expected a dense tensor, got layout {layout}")
        if value.is_meta:
            raise MethexisError(f"{name}: expected a tensor with numbers, got one of device meta")
        return value
    if hasattr(value, "tocsr") and hasattr(value, "toarray"):
        raise MethexisError(f"{name}: expected a dense array, got a sparse one; use .toarray()")
    try:
        array = np.asanyarray(value)
    except Exception as error:  # whatever the libraries of others raise when they are converted
        raise MethexisError(
            f"{name}: expected an array, got {type(value).__name__} that cannot become one: "
            f"{sentence(error)}"
        ) from None
    real(name, array.dtype)
    if isinstance(array, np.ma.MaskedArray) and np.ma.getmaskarray(array).any():
        raise MethexisError(
            f"{name}: expected an array without a mask, got one with masked entries"
        )
    array = np.asarray(array)
    return array if array.dtype.kind == "b" else native(name, array)


def _input(name: str, value: Any) -> Any:
    """An input; what is no array, such as a truth value or None, as it is."""
    return checked(name, value) if is_tensor(value) or hasattr(value, "__array__") else value


def _mask(given: Any, mask: MaskOf, size: int, where: str) -> NDArray[np.bool_] | None:
    if callable(mask):
        value = mask(given)
    elif isinstance(given, Mapping) and mask is not None:
        value = given.get(mask)
        if value is None and mask != MASK:
            raise MethexisError(
                f"{where}: expected an input named {mask!r}, the mask, got "
                f"{', '.join(map(str, given))}"
            )
    else:
        value = None
    if value is None:
        return None
    numbers = plain(value)
    if numbers.ndim != 2 or len(numbers) != size:
        raise MethexisError(
            f"{where}: expected a mask of shape ({size}, num_tokens), got shape {numbers.shape}"
        )
    real = np.asarray(numbers != 0)
    empty = np.flatnonzero(~real.any(axis=1))
    if len(empty):
        raise MethexisError(
            f"{where}: expected at least one real token in each sample, got none in its sample "
            f"{int(empty[0])} by the mask"
        )
    return real
