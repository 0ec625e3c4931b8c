"""Reduced experiments agree with the committed evidence, and the committed files are sound.

Two runs of one experiment at one learning rate estimate the same number, the reduced one with other
seeds. With standard errors ``a`` and ``b`` their difference divided by ``sqrt(a² + b²)`` is
distributed like Student's t, with no fewer degrees of freedom than the less replicated of the two
has (replicas less one). The bound is its quantile at which all comparisons of this file together
fail falsely with probability 1 % (Bonferroni). Seeds are fixed, so this is settled once.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import scipy.stats

from evidence.outcome import FORMAT, RESULTS, read, to_json
from evidence.registry import EXPERIMENTS
from evidence.render import ROOT, filled, pages, table
from methexis.scenarios.framework.limit import RESOLVED
from methexis.scenarios.framework.statistics import CONFIDENCE, fit_powers, half_width

NAMES = list(EXPERIMENTS)
#: Quantities that reduced runs measure, one learning rate each: 4 in online_offset, else 1.
NUM_COMPARISONS = len(NAMES) + 3
FALSE_ALARM = 0.01


@pytest.mark.parametrize("name", NAMES)
def test_reduced_run_agrees_with_the_committed_one(name: str) -> None:
    outcome = EXPERIMENTS[name].run(True)
    found = to_json(EXPERIMENTS[name], outcome, quick=True, wall_seconds=0.0)
    json.dumps(found, allow_nan=False)
    committed = {q["name"]: q for q in read(name)["quantities"]}
    assert all(r.lost == 0 for r in outcome.runs)
    assert not {r.seed for r in outcome.runs} & set(read(name)["seeds"])
    for q in outcome.quantities:
        assert q.prediction == pytest.approx(committed[q.name]["prediction"], rel=1e-6, abs=1e-9)
        points = {p["lr"]: p for p in committed[q.name]["points"]}
        bound = scipy.stats.t.isf(FALSE_ALARM / 2 / NUM_COMPARISONS, q.replicas - 1)
        for p in q.points:
            difference = p.value - points[p.lr]["value"]
            error = math.hypot(p.error, points[p.lr]["error"])
            print(f"{q.name}, lr {p.lr:g}: {difference / error:+.2f} standard errors")
            assert abs(difference) <= bound * error


@pytest.mark.parametrize("name", NAMES)
def test_committed_file_is_complete(name: str) -> None:
    found = read(name)
    assert found["format"] == FORMAT
    assert found["name"] == name
    assert found["quick"] is False
    assert found["command"] == f"python -m evidence.run --only {name}"
    assert found["confidence"] == CONFIDENCE
    assert found["simultaneous"] == len(found["quantities"])
    assert set(found["machine"]) == {"cores", "architecture"}
    assert re.fullmatch(r"\d+\.\d+.*", found["version"])
    assert found["wall_seconds"] > 0
    assert found["seeds"] == sorted({r["seed"] for r in found["runs"]})
    head = found["quantities"][0]
    assert [found[k] for k in ("value", "interval", "prediction")] == [
        head[k] for k in ("value", "interval", "prediction")
    ]
    assert len(found["seeds"]) == len(found["runs"])  # no two runs share random numbers


@pytest.mark.parametrize("name", NAMES)
def test_committed_verdicts_follow_from_the_committed_points(name: str) -> None:
    found = read(name)
    for q in found["quantities"]:
        lrs, values, errors = ([p[k] for p in q["points"]] for k in ("lr", "value", "error"))
        assert len(lrs) >= 3
        value, error = q["value"], q["error"]
        if "deviation" not in q:  # numbers were extrapolated, not kernels
            fit = fit_powers(lrs, values, errors, tuple(q["powers"]))
            value, error = fit.coefficients[0], fit.errors[0]
        assert q["value"] == pytest.approx(value, rel=1e-9)
        replicas = min(r["replicas"] for r in found["runs"] if _belongs(q, r, found))
        quantities = len(found["quantities"])
        half = half_width(error, replicas=replicas, quantities=quantities)
        assert q["interval"] == pytest.approx([value - half, value + half], rel=1e-9)
        inside = q["interval"][0] <= q["prediction"] <= q["interval"][1]
        if "deviation" in q:
            farthest = scipy.stats.norm.isf((1.0 - CONFIDENCE) / 2.0 / quantities)
            assert q["agrees"] is bool(abs(q["deviation"]) <= farthest)
        if q["prediction"] >= RESOLVED or "deviation" not in q:
            assert q["agrees"] is inside
    assert found["agrees"] is all(q["agrees"] for q in found["quantities"])


def test_an_offset_that_is_wrong_by_a_twentieth_is_refused_four_times_in_five() -> None:
    """By every row that predicts an offset: beyond half of its interval, with a chance of 0.8."""
    rows = 0
    for name in NAMES:
        found = read(name)
        for q in found["quantities"]:
            if "deviation" in q and q["prediction"] >= RESOLVED:
                rows += 1
                half = (q["interval"][1] - q["interval"][0]) / 2.0
                assert half + scipy.stats.norm.isf(0.2) * q["error"] <= 0.05 * q["prediction"]
    assert rows == 10


def _belongs(q: dict[str, Any], run: dict[str, Any], found: dict[str, Any]) -> bool:
    single = len({r["problem"] for r in found["runs"]}) == 1
    return single or q["name"].startswith(run["problem"])


@pytest.mark.parametrize("name", NAMES)
def test_no_run_was_lost(name: str) -> None:
    assert all(run["lost"] == 0 for run in read(name)["runs"])


def test_no_result_without_an_experiment() -> None:
    assert {p.stem for p in RESULTS.glob("*.json")} == set(NAMES)


def test_pages_show_the_committed_results() -> None:
    stale = [str(p) for p, t in pages(ROOT, RESULTS).items() if p.read_text("utf-8") != t]
    assert not stale, f"run `make docs`: {stale}"


def test_renderer_fills_marks_and_leaves_other_text_alone() -> None:
    found = {name: read(name) for name in NAMES}
    assert filled("no marks\n", found) == "no marks\n"
    begin, end = "<!-- evidence:begin summary -->\n", "<!-- evidence:end summary -->"
    once = filled(f"before\n{begin}old{end}\nafter\n", found)
    assert once == f"before\n{begin}{table('summary', found)}{end}\nafter\n"
    assert filled(once, found) == once


@pytest.mark.parametrize(
    "text",
    ["<!-- evidence:begin summary -->\n", "<!-- evidence:end summary -->"],
)
def test_renderer_refuses_a_mark_without_partner(text: str) -> None:
    with pytest.raises(ValueError, match="pairs of evidence marks"):
        filled(text, {})


def test_renderer_refuses_an_unknown_name() -> None:
    text = "<!-- evidence:begin nonsense -->\n<!-- evidence:end nonsense -->"
    with pytest.raises(ValueError, match="expected one of"):
        filled(text, {})


def test_pages_cope_without_a_readme(tmp_path: Path) -> None:
    assert list(pages(tmp_path, RESULTS)) == [tmp_path / "docs" / "evidence.md"]
