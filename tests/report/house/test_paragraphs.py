"""Paragraphs on a terminal keep its width, their indentation and every word."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from methexis.report.house.outcome import mark
from methexis.report.house.paragraphs import LONGEST, say

TEXT = "largest eigenvalue: path [16 points]: largest deviation -0.14 σ (p 1); expected p >= 0.001 "


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_lines_break_between_words_and_hang(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    say(console, 3 * TEXT, lead=mark(True), indent=4)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= min(width, LONGEST)
    assert lines[0].startswith("  ✓ largest")
    assert all(line.startswith("    ") and line[4] != " " for line in lines[1:])
    assert " ".join(out.getvalue().split()) == "✓ " + " ".join((3 * TEXT).split())
    # Greedy: no line could have taken the first word of the next one.
    room = min(width, LONGEST)
    for line, following in itertools.pairwise(lines):
        assert len(line) + 1 + len(following.split()[0]) > room


def test_a_failed_check_has_another_mark() -> None:
    assert "✗" in mark(False)
    assert "✗" not in mark(True)
