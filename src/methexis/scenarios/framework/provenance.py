"""Where a result comes from: the part of a summary that every job writes alike."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from methexis.core.parallel.threads import available_cores
from methexis.version import __version__


def provenance(seconds: float) -> dict[str, Any]:
    """Version, libraries, machine and duration, as plain data for JSON.

    Examples
    --------
    >>> list(provenance(1.5))
    ['version', 'libraries', 'machine', 'seconds']
    """
    return {
        "version": __version__,
        "libraries": {"python": platform.python_version(), "numpy": np.__version__},
        "machine": {"cores": available_cores(), "architecture": platform.machine()},
        "seconds": seconds,
    }
