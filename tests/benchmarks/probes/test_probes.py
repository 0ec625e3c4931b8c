"""The benchmark of probing: ratios of the same round, peaks above the model alone, bad input."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.probes import job
from benchmarks.probes.job import ProbesSettings, run_probes


def printed(script: Any, kind: str, case: str, samples: int, last: Any, length: int) -> Any:
    """Made up times, that drift from round to round, and peaks."""
    del script, length
    if kind == "peak":
        above = {"forward": 0, "hooks": samples, "probe": 30}[last]
        return (500 + above) * 2**20
    ways = {"forward": 1.0, "hooks": 1.2, "probe": 1.1}
    return {
        way: [[cost * (1 + r), 2 * cost * (1 + r)] for r in range(last)]
        for way, cost in ways.items()
    }


def test_ratios_and_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "printed", printed)
    result = run_probes(ProbesSettings(samples=640, memory=(640, 1280), only=("minilm",)))
    assert result.ratio("minilm", "probe") == pytest.approx(1.1)
    assert result.ratio("minilm", "hooks", processor=True) == pytest.approx(1.2)
    assert result.above("minilm", "probe", 1280) == pytest.approx(30)
    assert result.above("minilm", "hooks", 1280) == pytest.approx(1280)


def test_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "printed", printed)
    words = ["probes", "--samples", "640", "--memory", "640"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    assert "1.100" in done.stdout
    assert "+30" in done.stdout
    assert "efficientnet" in done.stdout
    assert '"ratio"' in CliRunner().invoke(app, [*words, "--json"]).stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--samples", "3"], "samples: expected an integer >= 64"),
        (["--rounds", "0"], "rounds: expected an integer >= 1"),
        (["--only", "gpt"], "only: expected one of"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["probes", *words])
    assert done.exit_code == 2
    assert told in done.stderr
