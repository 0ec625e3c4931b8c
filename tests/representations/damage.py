"""Whole files of every format, ways to damage them, and what became of a damaged one.

The tests, the campaign (``python -m tests.representations.campaign``) and `make fuzz` share these.
A damaged file may be read to the same numbers, lose an array that is then named, or be refused in a
sentence. Other numbers are unavoidable where a format has no checksum, as for a flipped bit in a
.npy; where it has one, they are a fault. A raw exception always is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import torch
import zarr
from safetensors.numpy import save_file

from methexis.errors import MethexisError
from methexis.representations import load
from tests.representations.stores import probed

#: Two layers of eight samples.
ARRAYS = {
    "a": np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32),
    "b": np.random.default_rng(1).normal(size=(8, 5)),
}


@dataclass(frozen=True)
class Format:
    """A format: how a file of it is written, and whether its numbers have a checksum."""

    write: Callable[[Path], Path]
    checked: bool


def _npy(folder: Path) -> Path:
    np.save(folder / "a.npy", ARRAYS["a"])
    return folder / "a.npy"


def _npz(folder: Path) -> Path:
    np.savez(folder / "m.npz", **ARRAYS)  # type: ignore[arg-type]
    return folder / "m.npz"


def _packed(folder: Path) -> Path:
    np.savez_compressed(folder / "m.npz", **ARRAYS)  # type: ignore[arg-type]
    return folder / "m.npz"


def _safetensors(folder: Path) -> Path:
    save_file(ARRAYS, folder / "m.safetensors", metadata={"model": "m"})
    return folder / "m.safetensors"


def _table(folder: Path) -> Path:
    columns = {f"f{k}": ARRAYS["a"][:, k] for k in range(3)}
    pq.write_table(pa.table(columns), folder / "m.parquet", write_page_checksum=True)
    return folder / "m.parquet"


def _lists(folder: Path) -> Path:
    columns = {name: list(array) for name, array in ARRAYS.items()}
    pq.write_table(pa.table(columns), folder / "m.parquet", write_page_checksum=True)
    return folder / "m.parquet"


def _zarr(folder: Path) -> Path:
    group = zarr.create_group(folder / "m.zarr")
    for name, array in ARRAYS.items():
        group.create_array(name, data=array)
    return folder / "m.zarr"


def _second(folder: Path) -> Path:
    group = zarr.create_group(folder / "m.zarr", zarr_format=2)
    for name, array in ARRAYS.items():
        group.create_array(name, data=array)
    return folder / "m.zarr"


def _sealed(folder: Path) -> Path:
    group = zarr.create_group(folder / "m.zarr")
    for name, array in ARRAYS.items():
        group.create_array(name, data=array, compressors=[zarr.codecs.Crc32cCodec()])
    return folder / "m.zarr"


def _probed(folder: Path) -> Path:
    return probed(folder / "m.zarr", ARRAYS)


def _hdf5(folder: Path) -> Path:
    with h5py.File(folder / "m.h5", "w") as file:
        file.create_dataset("a", data=ARRAYS["a"])
        file.create_dataset("b", data=ARRAYS["b"], chunks=(4, 5), compression="gzip")
    return folder / "m.h5"


def _mat(folder: Path) -> Path:
    scipy.io.savemat(folder / "m.mat", ARRAYS, do_compression=True)
    return folder / "m.mat"


def _mat73(folder: Path) -> Path:
    with h5py.File(folder / "m.mat", "w", userblock_size=512) as file:
        for name, array in ARRAYS.items():
            held = file.create_dataset(name, data=array.T)
            held.attrs["MATLAB_class"] = np.bytes_("single" if name == "a" else "double")
    with (folder / "m.mat").open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM")
    return folder / "m.mat"


def _pt(folder: Path) -> Path:
    torch.save({name: torch.from_numpy(array) for name, array in ARRAYS.items()}, folder / "m.pt")
    return folder / "m.pt"


FORMATS = {
    "npy": Format(_npy, checked=False),
    "npz": Format(_npz, checked=True),
    "npz, deflated": Format(_packed, checked=True),
    "safetensors": Format(_safetensors, checked=False),
    "parquet table": Format(_table, checked=False),  # pages are, the types in the footer are not
    "parquet lists": Format(_lists, checked=False),
    "zarr 3": Format(_zarr, checked=False),
    "zarr 2": Format(_second, checked=False),
    "probed": Format(_probed, checked=True),
    "HDF5": Format(_hdf5, checked=False),
    "MATLAB 5": Format(_mat, checked=False),
    "MATLAB 7.3": Format(_mat73, checked=False),
    "PyTorch": Format(_pt, checked=False),
    "zarr 3, crc32c": Format(_sealed, checked=False),  # chunks are, the types beside them are not
}

#: One change: where, as a share of the file; what; and a number that says how.
Edit = tuple[float, str, int]
KINDS = ("bit", "byte", "cut", "drop", "repeat", "large", "digits", "swap")


def damaged(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """Bytes of a file after some changes."""
    data = bytearray(raw)
    for share, kind, how in edits:
        if not data:
            break
        at = min(int(share * len(data)), len(data) - 1)
        span = 1 + how % 16
        if kind == "bit":
            data[at] ^= 1 << how % 8
        elif kind == "byte":
            data[at] = how % 256
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + span]
        elif kind == "repeat":
            data[at:at] = data[at : at + span]
        elif kind == "large":  # what a length may be overwritten with
            data[at : at + 8] = (b"\xff" * 8, b"\x00" * 8, b"\xff" * 7 + b"\x7f")[how % 3]
        elif kind == "digits":  # what a number in a text header may be
            data[at:at] = (b"9" * span, b"-", b"1e", b"true", b"null", b"[[")[how % 6]
        else:
            other = min(int(((how % 997) / 997) * len(data)), len(data) - 1)
            data[at], data[other] = data[other], data[at]
    return bytes(data)


def random_edits(rng: random.Random) -> list[Edit]:
    """One change mostly, up to four."""
    count = rng.choice((1, 1, 1, 2, 3, 4))
    return [(rng.random(), rng.choice(KINDS), rng.randrange(2**16)) for _ in range(count)]


def victims(path: Path) -> list[Path]:
    """The files of a format, in their order."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def outcome(path: Path) -> str:
    """What became of a damaged file: same, part of it, refused, other numbers, or a raw error."""
    try:
        found = load(path).read()
    except MethexisError as error:
        return "refused" if "\n" not in str(error) else "refused in several lines"
    except Exception as error:
        return f"raw {type(error).__name__}: {error}"
    kept = [layer.array for layer in found]
    for array in kept:
        if not any(np.array_equal(array, whole) for whole in ARRAYS.values()):
            return "other numbers"
    alone = path.suffix == ".npy" or (path.suffix == ".parquet" and len(found) == 1)
    return "same" if len(kept) == (1 if alone else len(ARRAYS)) else "part"
