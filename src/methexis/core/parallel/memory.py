"""What memory the machine has left, and refusing what does not fit before any of it is taken."""

from __future__ import annotations

import os
from pathlib import Path

from methexis.errors import MethexisError

GIB = 2**30
#: Bytes that are asked for without a look at the machine.
SMALL = 2**27


def available_memory() -> int | None:
    """Bytes that can be taken without swapping, or None where the system does not say.

    On Linux what ``/proc/meminfo`` calls available, and no more than the control group's limit
    leaves; elsewhere the whole physical memory, which at least refuses the impossible.
    """
    bounds = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                bounds.append(1024 * int(line.split()[1]))
    except (OSError, ValueError, IndexError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
        bounds.append(max(limit - used, 0))
    except (OSError, ValueError):  # no limit is the word "max"
        pass
    if not bounds:
        try:
            bounds.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        except (AttributeError, OSError, ValueError):
            return None
    return min(bounds)


def require_room(name: str, needed: int, what: str, advice: str) -> None:
    """See that so many bytes can be taken.

    Parameters
    ----------
    name : str
        What messages call the job.
    needed : int
        Bytes, estimated from sizes.
    what, advice : str
        What takes them, and what to do instead.

    Raises
    ------
    MethexisError
        If that is more than `available_memory`.
    """
    if needed <= SMALL:
        return
    available = available_memory()
    if available is not None and needed > available:
        raise MethexisError(
            f"{name}: expected to need at most {available / GIB:.3g} GiB (what is free), got an "
            f"estimate of {needed / GIB:.3g} GiB for {what}; {advice}"
        )
