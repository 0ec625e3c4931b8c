"""Measures say and find of one pair what they did when the numbers were stored."""

from __future__ import annotations

import pytest

from tests.same_numbers.parts import PARTS, differences, stored

CASES = [(part, name) for part in ("measures", "pairs") for name in PARTS[part]]


@pytest.mark.parametrize(("part", "name"), CASES)
def test_the_same_as_stored(part: str, name: str) -> None:
    if name == "soft_matching":
        pytest.importorskip("ot")
    assert not differences(part, name)


@pytest.mark.parametrize("part", ["measures", "pairs"])
def test_everything_stored_is_compared(part: str) -> None:
    assert list(stored(part)) == list(PARTS[part])
