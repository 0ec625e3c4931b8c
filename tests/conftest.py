"""Settings that all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

# Tests share helpers as `from tests.theory import brute`; in importlib mode pytest puts no folder
# on the path itself.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

# No deadline: a run time that depends on the machine's load is no property of the code. No example
# database: a run depends on the seed alone (pyproject.toml fixes it), not on earlier runs.
settings.register_profile("methexis", deadline=None, database=None, print_blob=True)
settings.load_profile("methexis")
