"""Whoever does not draw does not wait for Matplotlib."""

from __future__ import annotations

import subprocess
import sys

#: Parts whose results can be drawn, and that lie below what draws pages.
PARTS = (
    "schedules",
    "core",
    "theory",
    "measures",
    "training",
    "explaining",
    "transport",
    "representations",
)
CODE = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    part = importlib.import_module("methexis." + name)
    for module in pkgutil.walk_packages(getattr(part, "__path__", ()), part.__name__ + "."):
        importlib.import_module(module.name)
        if "matplotlib" in sys.modules:
            sys.exit(module.name + " loads it")
print("loaded without it")
"""


def test_no_module_loads_matplotlib() -> None:
    """Results load what draws them with their first picture, whichever module they are from."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *PARTS], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("loaded without it\n", "")
