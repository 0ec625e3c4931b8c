"""Results as plain data: what is stored, and what is compared with it.

Numbers keep 13 significant digits. Of an array that is longer than `MOST` only its shape, type,
root mean square and a few entries at fixed places are kept: enough to notice any change of a
formula, and small enough for a repository. Bits are kept as a hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import warnings
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import methexis as mx

#: Entries of arrays and lists of numbers that are kept one by one.
MOST = 12
#: Entries that are kept of longer ones.
FEW = 4


def plain(value: Any) -> Any:
    """Strings, integers, floats, lists and dicts in place of whatever it is."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return rounded(float(value))
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, xr.Dataset):
        return _dataset(value)
    if isinstance(value, np.ndarray):
        return _array(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(one) for one in value)
    if isinstance(value, list | tuple):
        return _sequence(value)
    raise TypeError(f"no plain form of {type(value)}")


def rounded(value: float) -> float:
    """The number to 13 digits; NaN and infinity as they are."""
    return float(f"{value:.13g}") if math.isfinite(value) else value


def bits(array: Any) -> str:
    """Hash of an array's type, shape and bytes."""
    array = np.ascontiguousarray(array)
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + array.tobytes()).hexdigest()[:32]


def outcome(compute: Callable[[], Any]) -> Any:
    """What it returns, in plain form, or the message with which it refuses.

    Warnings that a result carries are its notes; the result is compared, so they need not be shown.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return plain(compute())
        except mx.MethexisError as error:
            return {"error": f"{type(error).__name__}: {error}"}


def _sequence(value: Any) -> Any:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
    if numbers and len(value) > MOST:
        return _array(np.array(value))
    if len(value) > MOST and all(isinstance(one, list | tuple) for one in value):
        try:
            return _array(np.array(value, dtype=float))
        except (TypeError, ValueError):  # lists of unlike things
            pass
    return [plain(one) for one in value]


def _array(value: np.ndarray[Any, Any]) -> Any:
    if value.dtype.kind in "USO":
        return value.astype(str).tolist()
    if value.size <= MOST:
        return {"shape": list(value.shape), "all": [plain(one) for one in value.ravel().tolist()]}
    flat = value.ravel()
    places = np.linspace(0, flat.size - 1, FEW).astype(int)
    numbers = flat.astype(float)
    head = {"shape": list(value.shape), "dtype": str(value.dtype)}
    num_nan = int(np.isnan(numbers).sum())
    if num_nan == value.size:
        return head | {"num_nan": num_nan}
    return head | {
        "num_nan": num_nan,
        "rms": rounded(float(np.sqrt(np.nanmean(numbers**2)))),
        "some": [plain(one) for one in flat[places].tolist()],
    }


def _dataset(data: xr.Dataset) -> Any:
    names = sorted(str(name) for name in data.variables)
    found = {name: plain(data[name].values) for name in names}
    attrs = {str(key): plain(one) for key, one in data.attrs.items()}
    return {"dims": {str(k): int(v) for k, v in sorted(data.sizes.items())}, "attrs": attrs} | found
