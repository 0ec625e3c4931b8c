"""How much memory a run needs, compared with what the machine has before any of it is taken."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from methexis.core.checks import MethexisError

_GIB = 2**30


def available_memory() -> int | None:
    """Bytes that can be taken without swapping, or None where the system does not say.

    On Linux what ``/proc/meminfo`` calls available, and no more than the control group's limit
    leaves; elsewhere the whole physical memory, which at least refuses the impossible.
    """
    found = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024 * int(line.split()[1]))
    except (OSError, ValueError, IndexError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
        found.append(max(limit - used, 0))
    except (OSError, ValueError):  # no limit is the word "max"
        pass
    if not found:
        try:
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        except (AttributeError, OSError, ValueError):
            return None
    return min(found)


def needed_memory(
    dims: Sequence[Sequence[int]],
    *,
    records: int,
    replicas: int,
    batch: int,
    dtype: str,
    slots: int = 0,
) -> int:
    """Bytes of the arrays that a run holds at its end, which is when it holds most.

    Per student with layer sizes ``dims``: snapshots of the weights; their charges and one copy in
    double precision for measuring; start, weights and ``slots`` arrays of the optimiser; three
    copies of one step's inputs and labels. Cosines between all layers twice.
    """
    weights = sum(a * b for d in dims for a, b in zip(d[1:], d[:-1], strict=True))
    charges = sum(width**2 for d in dims for width in d[1:-1])
    layers = sum(len(d) - 2 for d in dims)
    ends = sum(d[0] + d[-1] for d in dims)
    item = np.dtype(dtype).itemsize
    per_record = weights * (item + 8) + 8 * charges + 16 * layers**2
    return replicas * (
        records * per_record + weights * (8 + (1 + slots) * item) + 24 * batch * ends
    )


def require_memory(
    dims: Sequence[Sequence[int]],
    *,
    records: int,
    replicas: int,
    batch: int,
    dtype: str,
    slots: int = 0,
) -> None:
    """Refuse a run that would not fit.

    Raises
    ------
    MethexisError
        If the run needs more than `available_memory`.
    """
    available = available_memory()
    needed = needed_memory(
        dims, records=records, replicas=replicas, batch=batch, dtype=dtype, slots=slots
    )
    if available is not None and needed > available:
        raise MethexisError(
            f"memory: expected a run of at most {available / _GIB:.3g} GiB (what is free), got one "
            f"that needs {needed / _GIB:.3g} GiB for {replicas} replicas at {records} recorded "
            f"steps with batch {batch}; record fewer steps or train fewer replicas"
        )
