"""What every reader shares: files are files, sizes are seen before memory is taken, errors told.

A file of others may be damaged, or made to harm: a pipe under a name like ``x.npy`` waits for ever,
a header declares more than there is, a few kilobytes unpack to terabytes. What a file declares is
therefore compared with what it holds, and with the memory of this machine, before anything is
allocated. And since a parser raises what it likes at what it never expected, whatever it raises
becomes one sentence with the place.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

from methexis.errors import MethexisError
from methexis.representations.representation import Unread
from methexis.text import brief, sentence, shown

#: Bits of a number beyond which neither NumPy nor PyTorch compute with it.
_WIDEST = 8


def place(path: Path, name: str = "") -> str:
    """File, and array within it, as messages and results name them."""
    where = shown(str(path))
    return f"{where}:{brief(name)}" if name else where


@contextmanager
def guarded(where: str, expected: str) -> Iterator[None]:
    """Turn whatever a parser raises into a sentence that names the place.

    Raises
    ------
    MethexisError
        If anything is raised within, but an interruption of the program.
    """
    try:
        yield
    except MethexisError:
        raise
    except MemoryError:
        raise MethexisError(
            f"{where}: expected {expected} that fits in memory, got a larger one"
        ) from None
    except OSError as error:
        if error.errno is None:
            raise MethexisError(
                f"{where}: expected {expected}, got a damaged or truncated one ({sentence(error)})"
            ) from None
        raise MethexisError(
            f"{where}: expected {expected}, got an error on reading ({error.strerror})"
        ) from None
    except Exception as error:
        raise MethexisError(
            f"{where}: expected {expected}, got a damaged or truncated one ({sentence(error)})"
        ) from None


def regular(path: Path) -> int:
    """Size of a file in bytes, seen to be one: pipes and devices have no end and may wait for ever.

    Raises
    ------
    MethexisError
        If it is something else, or is not to be read.
    """
    with guarded(place(path), "a file"):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise MethexisError(
                f"{place(path)}: expected a file, got {kind_of_file(status.st_mode)}"
            )
        if not os.access(path, os.R_OK):
            raise MethexisError(
                f"{place(path)}: expected a file that may be read, got no permission"
            )
    return status.st_size


def kind_of_file(mode: int) -> str:
    """What a path is, in words.

    Examples
    --------
    >>> kind_of_file(stat.S_IFIFO)
    'a pipe'
    """
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISREG, "a file"),
    )
    return next((word for is_, word in kinds if is_(mode)), "a device")


def fitting(shape: Sequence[int], item_bytes: int) -> int:
    """Bytes of an array, if this machine has as much memory.

    Raises
    ------
    ValueError
        If it has not.
    """
    size = prod(shape) * item_bytes
    if size > memory():
        raise ValueError(
            f"{size / 2**30:,.0f} GiB declared, shape {tuple(shape)}, are more than this machine's "
            f"memory of {memory() / 2**30:.0f} GiB"
        )
    return size


def memory() -> int:
    """Bytes of memory of this machine; where it does not say, what programs can address at most."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 2**47


def unread(name: str, error: MethexisError, where: str) -> Unread:
    """An array whose reading ended with an error, as what is left out."""
    return Unread(name, str(error).removeprefix(f"{where}: "))


def unfit(dtype: Any) -> str:
    """Why numbers of a type cannot be features; empty if they can."""
    if dtype.subdtype is not None or dtype.kind not in "fiu" or dtype.itemsize > _WIDEST:
        return f"expected real numbers, got dtype {brief(str(dtype))}"
    return ""
