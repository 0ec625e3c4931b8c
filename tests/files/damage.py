"""Damage to files: flipped bits, lost ends, lost files, files in each other's place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

import methexis as mx


def campaign(
    place: Path, same: Callable[[], bool], count: int, rng: np.random.Generator
) -> Counter[str]:
    """Damage a file or a folder again and again, and mend it each time.

    Parameters
    ----------
    place : Path
        A file, or a folder of which any file may be hit.
    same : function
        Opens it: whether what is read is what was written.
    count : int
        How often.

    Returns
    -------
    Counter
        How often it was ``refused``, in one sentence, and ``read`` as it was written.

    Raises
    ------
    AssertionError
        If other numbers were read, or another error came, with what was done.
    """
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    found: Counter[str] = Counter()
    for _ in range(count):
        file = files[rng.integers(len(files))]
        other = files[rng.integers(len(files))]
        before = {path: path.read_bytes() for path in (file, other)}
        kind = KINDS[rng.integers(len(KINDS))]
        what = f"{kind.__name__} {file.relative_to(place.parent)}"
        kind(file, other, rng)
        found[_opened(same, what)] += 1
        for path, content in before.items():
            path.write_bytes(content)
    return found


def _opened(same: Callable[[], bool], what: str) -> str:
    try:
        right = same()
    except mx.MethexisError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than a sentence after {what}: {error}") from error
        return "refused"
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} after {what}: {error}") from error
    if not right:
        raise AssertionError(f"other numbers after {what}")
    return "read"


def flip(file: Path, other: Path, rng: np.random.Generator) -> None:
    """One bit."""
    del other
    content = bytearray(file.read_bytes())
    if content:
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)


def zero(file: Path, other: Path, rng: np.random.Generator) -> None:
    """Some bytes, as blocks that never reached the disk."""
    del other
    content = bytearray(file.read_bytes())
    begin = int(rng.integers(len(content) + 1))
    content[begin : begin + 64] = bytes(len(content[begin : begin + 64]))
    file.write_bytes(content)


def cut(file: Path, other: Path, rng: np.random.Generator) -> None:
    """The end."""
    del other
    content = file.read_bytes()
    file.write_bytes(content[: int(rng.integers(len(content) + 1))])


def lose(file: Path, other: Path, rng: np.random.Generator) -> None:
    """All of it."""
    del other, rng
    file.unlink()


def swap(file: Path, other: Path, rng: np.random.Generator) -> None:
    """With another file."""
    del rng
    mine, theirs = file.read_bytes(), other.read_bytes()
    file.write_bytes(theirs)
    other.write_bytes(mine)


KINDS = (flip, zero, cut, lose, swap)
