"""Training runs end on the bits that were stored, and record the same numbers."""

from __future__ import annotations

import pytest

from tests.native.extension import extension
from tests.same_numbers.parts import PARTS, differences, stored

CASES = [(part, name) for part in ("runs",) for name in PARTS[part]]


@pytest.mark.parametrize(("part", "name"), CASES)
def test_the_same_as_stored(part: str, name: str) -> None:
    """Bits where the machine is that of the stored ones, else numbers to a tolerance."""
    if name.startswith("native"):
        extension()  # skips where it is not built; in CI that fails
    assert not differences(part, name)


@pytest.mark.parametrize("part", ["runs"])
def test_everything_stored_is_compared(part: str) -> None:
    assert list(stored(part)) == list(PARTS[part])
