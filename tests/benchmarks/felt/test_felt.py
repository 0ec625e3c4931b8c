"""Felt times: what is reported is what was timed, and a call that fails is no fast one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.felt.calls import CALLS, REFERENCE, Call
from benchmarks.felt.job import FeltResult, FeltSettings, run_felt, seconds_of, timed
from benchmarks.felt.limits import committed_ratios, slower
from benchmarks.machine import machine
from benchmarks.timing import Timing
from methexis.errors import MethexisError


def test_a_process_is_timed_from_start_to_end() -> None:
    assert seconds_of(["-c", "import time; time.sleep(0.3)"]) > 0.3


def test_a_call_that_fails_is_an_error() -> None:
    with pytest.raises(MethexisError, match="felt: a call failed: gone"):
        seconds_of(["-c", "import sys; sys.exit('gone')"])


def test_ratios_are_medians_over_that_of_the_reference() -> None:
    result = FeltResult(
        {REFERENCE: Timing((2.0, 1.0, 9.0)), "import": Timing((4.0, 3.0, 8.0))}, {"cores": 2}
    )
    assert result.ratio("import") == 2.0
    assert result.summary()["felt"]["import"]["seconds"] == 4.0


def result_of(ratio: float) -> FeltResult:
    names = ("import", "train d8, default", "train d8, steps alone")
    seconds = {REFERENCE: Timing((2.0,))} | {name: Timing((2.0 * ratio,)) for name in names}
    return FeltResult(seconds, machine())


def test_what_has_doubled_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "felt.json"
    file.write_text(json.dumps(result_of(3.0).summary()))
    committed = committed_ratios(file)
    assert slower(result_of(5.9), committed) == []
    slow = slower(result_of(6.1), committed)
    assert [one.split(":")[0] for one in slow] == ["import", "train d8, default"]
    with pytest.raises(MethexisError, match="expected a committed ratio of import, train d8, def"):
        slower(result_of(1.0), {REFERENCE: 1.0})
    for ratio, status in ((5.9, 0), (6.1, 2)):
        monkeypatch.setattr("benchmarks.__main__.run_felt", lambda *_a, r=ratio, **_k: result_of(r))
        done = CliRunner().invoke(app, ["felt", "--check", str(file)])
        assert done.exit_code == status
        assert ("felt times have doubled: import: 6.1" in done.stderr) == bool(status)


@pytest.mark.parametrize("text", ["", "[]", '{"felt": 1}', '{"felt": {"import": {}}}'])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "felt.json").write_text(text)
    with pytest.raises(MethexisError, match=r"^check: expected felt\.json of an earlier run, got "):
        committed_ratios(tmp_path / "felt.json")


def test_training_is_compared_with_its_steps() -> None:
    seconds = {"train d8, default": Timing((3.0,)), "train d8, steps alone": Timing((2.0,))}
    result = FeltResult(seconds | {REFERENCE: Timing((1.0,))}, {})
    assert result.over_steps("train d8, default") == 1.5
    assert result.over_steps("train d8, steps alone") is None


def test_a_program_times_itself() -> None:
    code = "import json; print(3); print(json.dumps({'b': 2.5, 'a': 1}))"
    assert timed(Call("x", "", ("-c", code), prints=("a", "b"))) == {"x, a": 1.0, "x, b": 2.5}


def test_the_program_of_training() -> None:
    (call,) = (call for call in CALLS if call.name == "train d8")
    found = timed(replace(call, arguments=(*call.arguments[:-1], "200")))
    assert set(found) == set(call.rows)
    assert found["train d8, default"] > 0.0


def test_the_program_of_theory() -> None:
    (call,) = (call for call in CALLS if call.name == "theory")
    found = timed(replace(call, arguments=(*call.arguments[:-3], "4", "3", "2")))
    assert set(found) == set(call.rows)
    assert all(seconds > 0.0 for seconds in found.values())


def test_the_reference_is_always_timed() -> None:
    assert [call.name for call in FeltSettings(only=("import",)).calls] == [REFERENCE, "import"]
    assert len(FeltSettings().calls) == len(CALLS)


def test_one_round_of_the_shortest_calls() -> None:
    result = run_felt(FeltSettings(rounds=1, only=("help",)))
    assert set(result.seconds) == {REFERENCE, "help"}
    assert all(len(timing.rounds) == 1 and timing.low > 0.0 for timing in result.seconds.values())
    json.dumps(result.summary())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--rounds", "0"), "error: rounds: expected an integer >= 1, got 0"),
        (("--only", "imports"), "error: only: expected one of"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str) -> None:
    done = CliRunner().invoke(app, ["felt", *words])
    assert done.exit_code == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_programs_are_there() -> None:
    for call in CALLS:
        assert call.arguments[0] == "-c" or seconds_of(["-m", "py_compile", call.arguments[0]]) > 0
