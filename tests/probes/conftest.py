"""What tests of real models have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests.probes.real import REAL


@pytest.fixture(scope="module")
def real_packages() -> Iterator[None]:
    """Packages of `make real` can be imported, and nothing is fetched."""
    sys.path.insert(0, str(REAL))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    yield
    sys.path.remove(str(REAL))
