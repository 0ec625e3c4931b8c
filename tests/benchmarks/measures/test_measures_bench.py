"""The benchmark of the measures: it says what is so, reasons reproduce numbers, pages are made."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import methexis as mx
from benchmarks.__main__ import app
from benchmarks.measures import agreement, differences, job, ours
from benchmarks.measures import page as measures_page
from benchmarks.measures.agreement import pair
from benchmarks.measures.text import print_measures_bench
from benchmarks.timing import Timing
from methexis.core.checks import Array

PEER = """
import time

class Pairs:
    variant, details = "one pair after another", {"pairs": 1}
    def run(self, num_steps):
        time.sleep(0.001 * num_steps)
        return num_steps

def start(threads):
    return {"peer": "1"}

def prepare(case):
    return Pairs() if case["measure"] == "cka" else "has no " + case["measure"]

def scores(file):
    rows = [("right", %r), ("wrong", 0.25), ("cka(linear, song)", %r)]
    found = [{"function": f, "measure": "cka", "options": {}, "value": v} for f, v in rows]
    failed = {"function": "none", "measure": "cka", "options": {}, "failed": "ValueError: no"}
    return [*found, failed]
"""


@pytest.fixture
def peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One peer, named as one with a known difference, that knows the numbers beforehand."""
    x, y = pair(agreement.SHAPES[0])
    known = differences.DIFFERENCES["repsim", "cka(linear, song)"].formula
    assert known is not None
    (tmp_path / "peer.py").write_text(PEER % (mx.measures.cka(x, y), known(x, y)))
    monkeypatch.setattr(job, "PEERS", {"repsim": "peer.py", "away": "away.py"})
    (tmp_path / "away.py").write_text("import no_such_package\n")
    monkeypatch.setattr(job, "_PEERS", tmp_path)


def test_a_quick_run(peers: None, capsys: pytest.CaptureFixture[str]) -> None:
    del peers
    settings = job.MeasuresSettings(quick=True, threads=1, python=Path(sys.executable))
    result = job.run_measures(settings)
    by_function = {row.function: row for row in result.agreements}
    assert by_function["right"].agrees
    assert not by_function["wrong"].explained
    explained = by_function["cka(linear, song)"]
    assert (explained.agrees, explained.explained) == (False, True)
    assert explained.formula == pytest.approx(0.0, abs=1e-12)
    assert by_function["none"].reason == "ValueError: no"
    speeds = {s.measure: s for s in result.speeds}
    assert set(speeds["cka"].seconds) == {"methexis", "repsim"}
    assert set(speeds["mutual_knn"].seconds) == {"methexis"}
    assert speeds["cka"].extrapolated == {"methexis": False, "repsim": True}
    assert any("skipped away" in note for note in result.notes)
    targets = {t.what: t for t in result.targets}
    assert targets["numbers of peers without explanation"].got == 1.0
    assert targets["peak bytes, CKA from disk"].reached
    data = json.loads(json.dumps(result.summary()))
    page = measures_page.page(data)
    for words in (
        "repsim: wrong",
        "counted up",
        "normalised by biased HSIC",
        "resident",
        "times as fast as repsim",
    ):
        assert words in page
    print_measures_bench(result)
    assert "numbers of peers without explanation" in capsys.readouterr().out


def test_the_fastest_peer_is_what_counts() -> None:
    def timings(**medians: float) -> dict[str, Timing]:
        return {name: Timing((value,)) for name, value in medians.items()}

    speed = job.Speed("cka", timings(methexis=2.0, slow=90.0, fast=30.0), {}, {}, 1)
    assert speed.ratio() == ("fast", 15.0)
    assert replace(speed, seconds=timings(methexis=2.0)).ratio() is None


def test_our_peer_measures_what_it_says(tmp_path: Path) -> None:
    x, y = pair((40, 6, 5))
    np.savez(tmp_path / "pair.npz", x=x, y=y)
    found = ours.score(str(tmp_path / "pair.npz"), "cka", {"debiased": True})
    assert found == mx.measures.cka(x, y, debiased=True)
    layers = np.stack([x, 2.0 * x]).astype(np.float32)
    np.savez(tmp_path / "layers.npz", a=layers, b=layers)
    for measure in job.MEASURES:
        grid = ours.prepare({"measure": measure, "file": str(tmp_path / "layers.npz")})
        assert grid.details["pairs"] == 4
        assert grid.run(1) == 1
    assert ours.product_rate(0.01) > 1e8


def test_reasons_have_formulas_that_are_not_our_number() -> None:
    """Else they would explain nothing."""
    own: dict[tuple[str, str], Callable[[Array, Array], float]] = {
        ("repsim", "cka(linear, song)"): lambda x, y: mx.measures.cka(x, y, debiased=True),
        ("ckatorch", "cka_base(rbf, threshold=1)"): lambda x, y: mx.measures.cka(
            x, y, kernel="rbf"
        ),
        ("thingsvision", "CKATorch(rbf, sigma=1)"): lambda x, y: mx.measures.cka(
            x, y, kernel="rbf"
        ),
    }
    x, y = pair((50, 100, 120))
    for key, function in own.items():
        formula = differences.DIFFERENCES[key].formula
        assert formula is not None
        assert abs(formula(x, y) - function(x, y)) > 10 * differences.AGREEMENT


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"rounds": 0}, "rounds: expected an integer >= 1, got 0"),
        ({"threads": 0}, "threads: expected an integer in"),
        ({"python": Path("nowhere")}, "python: expected an interpreter, got nowhere"),
    ],
)
def test_bad_settings(words: dict[str, Any], message: str) -> None:
    with pytest.raises(mx.MethexisError, match=message):
        job.MeasuresSettings(**words)


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["measures", "--quick", "--no-peers", "--threads", "1", "--json",
              "--only", "packages",
              "--out", str(tmp_path / "out")]
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "out" / "measures.json").read_text())
    assert data["quick"]
    assert data["memory"]["rows"] == 20000
