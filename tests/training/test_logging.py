"""What a run writes under the logger "methexis": nothing unless asked, and then what matters."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import methexis as mx

STUDENT, TEACHER = mx.EDLN(hidden=(1,)), mx.Teacher([[1.0]])


def told(caplog: pytest.LogCaptureFixture, **words: object) -> list[str]:
    with caplog.at_level(logging.INFO, logger="methexis"):
        mx.train(STUDENT, TEACHER, steps=20, progress=None, **words)  # type: ignore[arg-type]
    assert {record.name for record in caplog.records} == {"methexis"}
    return caplog.messages


def test_a_run_tells_its_start_and_its_end(caplog: pytest.LogCaptureFixture) -> None:
    first, last = told(caplog, optimiser=mx.SGD(lr=0.01), replicas=3, engine="reference")
    assert first == "train: 20 steps of 3 networks by reference"
    assert last.startswith("train: done in ")
    assert last.endswith(" s, 0 networks lost")


def test_lost_networks_are_told(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, optimiser=mx.SGD(lr=1e6), replicas=2)[-1].endswith(" 2 networks lost")


def test_resuming_is_told(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    words = {"optimiser": mx.SGD(lr=0.01), "checkpoint": tmp_path / "run"}
    assert len(told(caplog, **words)) == 2
    caplog.clear()
    assert told(caplog, **words)[1] == f"train: resumed at step 20 from {tmp_path / 'run'}"


def test_saving_is_told(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    run = mx.train(STUDENT, TEACHER, mx.SGD(lr=0.01), steps=2, progress=None)
    with caplog.at_level(logging.INFO, logger="methexis"):
        run.save(tmp_path / "run")
    assert caplog.messages == [f"save: run written to {tmp_path / 'run'}"]


def test_nothing_is_shown_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    mx.train(STUDENT, TEACHER, mx.SGD(lr=0.01), steps=2, progress=None)
    assert capsys.readouterr() == ("", "")
