"""Theory, streams, curves, dissimilarities and files give the numbers that were stored."""

from __future__ import annotations

import pytest

from tests.same_numbers.parts import PARTS, differences, stored

CASES = [(part, name) for part in ("several", "theory") for name in PARTS[part]]


@pytest.mark.parametrize(("part", "name"), CASES)
def test_the_same_as_stored(part: str, name: str) -> None:
    assert not differences(part, name)


@pytest.mark.parametrize("part", ["several", "theory"])
def test_everything_stored_is_compared(part: str) -> None:
    assert list(stored(part)) == list(PARTS[part])
