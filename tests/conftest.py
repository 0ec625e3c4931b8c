"""Settings that all tests share."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

# Tests share helpers as `from tests.theory import brute`; in importlib mode pytest puts no folder
# on the path itself.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

pytest.register_assert_rewrite("tests.browser.fitting")  # so that a failure shows the numbers

# No deadline: a run time that depends on the machine's load is no property of the code. No example
# database: a run depends on the seed alone (pyproject.toml fixes it), not on earlier runs.
settings.register_profile("methexis", deadline=None, database=None, print_blob=True)
settings.load_profile("methexis")

#: What tests of optional parts skip without (`pytest.importorskip`): a user may lack any of them.
OPTIONAL = (
    *("torch", "pyarrow", "h5py", "safetensors", "ot", "sklearn"),
    *("onnx", "onnxruntime", "PIL"),
)


def pytest_configure() -> None:
    """Where METHEXIS_REQUIRE_OPTIONAL is set, as in CI, what is optional must be there."""
    missing = [name for name in OPTIONAL if find_spec(name) is None]
    if missing and os.environ.get("METHEXIS_REQUIRE_OPTIONAL") == "1":
        raise pytest.UsageError(f"expected {', '.join(OPTIONAL)}, found no {', '.join(missing)}")
