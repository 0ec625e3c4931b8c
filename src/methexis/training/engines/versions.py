"""What the bits of a run depend on besides its plan: versions and instruction sets."""

from __future__ import annotations

import platform

import numpy as np
import scipy

from methexis.version import __version__


def numpy_versions() -> dict[str, str]:
    """Versions behind what NumPy and SciPy compute: measurements, and the reference engine.

    The bits of matrix products and logarithms depend on the instruction set in use.
    """
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return {
        "methexis": __version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": f"{platform.machine()} {' '.join(found)}",
    }
