"""What tests of sweeps share: many small files, of which none has to outlive a power cut.

That files are written through to the disk is proved in tests/files; waiting for it here would take
most of the time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.files.test_faults import shim  # noqa: F401  a fixture


@pytest.fixture(autouse=True, scope="session")
def nothing_is_written_through() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(os, "fsync", lambda descriptor: None)
    yield
    patch.undo()
