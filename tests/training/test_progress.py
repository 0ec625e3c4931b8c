"""Progress as a run shows it: plain lines without a terminal, one live line with one."""

from __future__ import annotations

import io
import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

import methexis as mx
from methexis.progress import Bar, Lines, Report, Silent, choose

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


@pytest.mark.parametrize("columns", [80, 60, 20, 2])
def test_a_live_line_never_wraps(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of ten million steps: what wraps is not wiped, and every refresh would scroll."""
    monkeypatch.setattr("methexis.progress.columns", lambda _stream: columns)
    stream = Terminal()
    line = Lines(stream, label="SGD", interval=0.0)
    for step in (0, 5_078_625, 10_018_999, 10_019_000):
        line(Report(step, 10_019_000, 0.99345))
    *live, done = stream.getvalue().removesuffix("\n").split("\r\x1b[2K")[1:]
    assert len(live) == 3
    assert max(map(len, live)) < columns
    assert all("worst pair" in text for text in live) or columns < 60
    assert "10,019,000 of 10,019,000" in done  # stays, so it may wrap


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


class Handle:
    """What IPython's ``display`` returns, with all that it was given."""

    def __init__(self, first: object) -> None:
        self.shown = [first]

    def update(self, new: object) -> None:
        self.shown.append(new)


def as_notebook(monkeypatch: pytest.MonkeyPatch, shell: object) -> list[Handle]:
    """Let this process look like one in which IPython runs ``shell``."""
    made: list[Handle] = []

    def display(thing: object, *, display_id: bool) -> Handle:
        assert display_id
        made.append(Handle(thing))
        return made[-1]

    ipython, displaying = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    displaying.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displaying)
    return made


@pytest.mark.parametrize("progress", ["auto", True])
def test_one_bar_in_a_notebook(
    progress: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = as_notebook(monkeypatch, SimpleNamespace(kernel=object()))
    train(progress)
    assert capsys.readouterr() == ("", "")  # nothing is written that a notebook would keep
    (handle,) = made
    last = handle.shown[-1]
    assert LINE.fullmatch(repr(last))
    page = last._repr_html_()  # type: ignore[attr-defined]
    assert '<progress value="2000" max="2000"' in page
    assert repr(last) in page
    assert page.isprintable()


def test_a_bar_is_updated_and_made_once() -> None:
    handles: list[Handle] = []

    def display(thing: object, *, display_id: bool) -> Handle:
        handles.append(Handle(thing))
        return handles[-1]

    bar = Bar(display, label="<b>", interval=0.0)
    for step in (1, 2, 3):
        bar(Report(step, 3, 0.5))
    assert len(handles) == 1
    assert [one.report.step for one in handles[0].shown] == [1, 2, 3]  # type: ignore[attr-defined]
    assert "&lt;b&gt;: step 3 of 3" in handles[0].shown[-1]._repr_html_()  # type: ignore[attr-defined]


def test_ipython_on_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    made = as_notebook(monkeypatch, SimpleNamespace())
    assert isinstance(choose("auto"), Silent)  # pytest has taken standard error
    assert type(choose(True)) is Lines
    assert not made
