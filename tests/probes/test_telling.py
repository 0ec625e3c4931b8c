"""How far a probe is, on a terminal and without one."""

from __future__ import annotations

import io

import pytest

from methexis.probes.telling import Teller


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [80, 30, 2])
def test_a_live_line_never_wraps(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What wraps is not wiped, and every refresh would scroll."""
    monkeypatch.setattr("methexis.progress.columns", lambda _stream: columns)
    stream = Terminal()
    teller = Teller(None, stream)
    for done in (0, 500_000, 1_000_000):
        teller._last = 0.0  # as if long ago
        teller(done, 1_000_000)
    *lines, last = stream.getvalue().removesuffix("\n").split("\r\x1b[2K")[1:]
    assert len(lines) == 2
    assert max(map(len, [*lines, last])) < columns
    assert stream.getvalue().endswith("\n")
    assert stream.getvalue().count("\n") == 1


def test_without_a_terminal_there_are_whole_lines() -> None:
    stream = io.StringIO()
    teller = Teller(None, stream)
    for done in (10, 20):
        teller._last = -60.0
        teller(done, 20)
    assert len(stream.getvalue().splitlines()) == 2
    assert "\r" not in stream.getvalue()
