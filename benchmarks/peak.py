"""Peak memory of this process."""

from __future__ import annotations

import importlib.util
import sys

if importlib.util.find_spec("resource") is None:  # Windows

    def peak_bytes() -> float:
        """Most memory that this process ever held; not a number where that is not to be had."""
        return float("nan")
else:
    import resource

    def peak_bytes() -> float:
        """Most memory that this process ever held; not a number where that is not to be had."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return float(peak if sys.platform == "darwin" else 1024 * peak)
