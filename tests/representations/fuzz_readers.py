"""Files that a fuzzer makes, guided by what they reach in the readers: `make fuzz`.

The first byte of an input chooses a format, the rest is the file; of a zarr store, one of its
files. Inputs begin with whole files. Anything but layers or a sentence is a crash, and its input is
kept in the working directory. atheris is in requirements/fuzz.txt, for nothing else needs it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["methexis.representations"]):
    # The readers load with their first file, which would be after this.
    from methexis.representations.readers import hdf5, matlab, npy, parquet, pytorch, tensors, zarrs
    from tests.representations.damage import FORMATS, outcome, victims

READERS = (hdf5, matlab, npy, parquet, pytorch, tensors, zarrs)
NAMES = tuple(FORMATS)
ROOT = Path(tempfile.mkdtemp(prefix="fuzz-"))


def _whole() -> list[tuple[Path, Path]]:
    """For each first byte, a path to open and the file within it that the input replaces."""
    found = []
    for place, name in enumerate(NAMES):
        folder = ROOT / str(place)
        folder.mkdir()
        path = FORMATS[name].write(folder)
        found += [(path, file) for file in victims(path)]
    return found


TARGETS = _whole()
ORIGINALS = [file.read_bytes() for _, file in TARGETS]


def one_input(data: bytes) -> None:
    """Open what the fuzzer made."""
    if not data:
        return
    place = data[0] % len(TARGETS)
    path, file = TARGETS[place]
    file.write_bytes(data[1:])
    try:
        found = outcome(path)
    finally:
        file.write_bytes(ORIGINALS[place])
    if found.startswith(("raw", "refused in")):
        raise AssertionError(f"{path.name}, {file.name}: {found}")


def main() -> None:
    """Write the whole files as first inputs, then fuzz."""
    warnings.simplefilter("ignore")
    corpus = ROOT / "corpus"
    corpus.mkdir()
    for place, original in enumerate(ORIGINALS):
        (corpus / str(place)).write_bytes(bytes([place]) + original)
    atheris.Setup([*sys.argv, str(corpus)], one_input)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)


if __name__ == "__main__":
    main()
