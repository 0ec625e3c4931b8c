"""Every verb prints and writes what it did when the numbers were stored.

What takes more than about ten seconds is compared only where METHEXIS_LONG is 1.
"""

from __future__ import annotations

import os

import pytest

from tests.same_numbers.parts import PARTS, differences, stored

LONG = os.environ.get("METHEXIS_LONG") == "1"
FILES = ("commands", "commands_long") if LONG else ("commands",)
CASES = [(part, name) for part in FILES for name in PARTS[part]]


@pytest.mark.long  # each starts a process and draws a report
@pytest.mark.parametrize(("part", "name"), CASES)
def test_the_same_as_stored(part: str, name: str) -> None:
    assert not differences(part, name)


@pytest.mark.parametrize("part", FILES)
def test_everything_stored_is_compared(part: str) -> None:
    assert list(stored(part)) == list(PARTS[part])
