"""Progress as a run shows it: plain lines without a terminal, one live line with one."""

from __future__ import annotations

import io
import re

import pytest

import methexis as mx
from methexis.progress import Lines, Report, choose

LINE = re.compile(
    r"(label: )?step [\d,]+ of [\d,]+  [\d,]+ steps/s  (\d+ s left|time left unknown)"
    r"  worst pair (-?\d\.\d{5}|nan)"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def train(progress: object, steps: int = 2000) -> mx.Run:
    teacher = mx.Teacher([[1.0]])
    return mx.train(
        mx.EDLN(hidden=(1, 1)), teacher, mx.SGD(lr=0.01), steps=steps, record=[0], progress=progress
    )


def test_plain_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    train(Lines(stream, label="label", interval=0.0))
    text = stream.getvalue()
    assert "\r" not in text
    assert "\x1b" not in text
    assert text.endswith("\n")
    lines = text.splitlines()
    assert len(lines) >= 4  # the first stretches are short
    assert all(LINE.fullmatch(line) for line in lines)
    steps = [int(re.findall(r"step ([\d,]+)", line)[0].replace(",", "")) for line in lines]
    assert steps == sorted(set(steps))  # the last line stands there once
    assert steps[-1] == 2000
    assert float(lines[-1].split()[-1]) <= 1.0


def test_few_lines_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    train(True)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) <= 2  # the end, and one if this machine took five seconds
    assert "step 2,000 of 2,000" in err
    assert re.search(r" [1-9][\d,]* steps/s ", err)  # also when there is only one line


@pytest.mark.parametrize("progress", ["auto", False, None])
def test_silence(progress: object, capsys: pytest.CaptureFixture[str]) -> None:
    train(progress)
    assert capsys.readouterr() == ("", "")


def test_one_live_line_on_a_terminal() -> None:
    stream = Terminal()
    train(Lines(stream, interval=0.0))
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert all(LINE.fullmatch(part) for part in text.strip().split("\r\x1b[2K")[1:])


def test_reports_of_a_run() -> None:
    reports: list[Report] = []
    run = train(reports.append)
    assert [r.steps for r in reports] == [2000] * len(reports)
    assert reports[0].step == 0
    assert reports[-1].step == 2000
    assert reports[-1].worst_pair == run.worst_pair()[-1, 0]
    assert choose(reports.append) == reports.append
