"""The committed full runs of the scenarios are sound, and are what the scenarios state today."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evidence.breaking import FOLDER, committed, lean, pages, read
from methexis.scenarios.breaking import SCENARIOS, BreakResult
from methexis.scenarios.breaking.measure import compare


def test_every_scenario_has_its_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(SCENARIOS)


@pytest.mark.parametrize("name", committed())
def test_the_file_is_a_full_run_of_the_scenario_as_it_stands(name: str) -> None:
    summary, result = read(name)
    scenario = SCENARIOS[name]
    assert summary["format"] == BreakResult.FORMAT
    assert summary["command"] == f"python -m evidence.breaking --only {name}"
    assert result.quick is False
    assert result.seed == scenario.seed
    found = [(p.curve, p.problem, p.value) for p in result.points]
    assert found == [
        (c.name, problem, value)
        for c in scenario.curves
        for problem in range(len(scenario.problems))
        for value in scenario.values(c.full)
    ]
    efforts = {c.name: c.full for c in scenario.curves}
    for p in result.points:
        effort = efforts[p.curve]
        assert tuple(r.small for r in p.readings) == effort.small
        assert {r.replicas for r in p.readings} == {effort.replicas}
    seeds = [r.seed for p in result.points for r in p.readings]
    assert len(set(seeds)) == len(seeds)  # no two runs share random numbers


@pytest.mark.parametrize("name", committed())
def test_deviations_follow_from_the_readings(name: str) -> None:
    summary, result = read(name)
    scenario = SCENARIOS[name]
    curves = {c.name: c for c in scenario.curves}
    for p in result.points:
        curve = curves[p.curve]
        again = compare(
            curve,
            p.problem,
            p.value,
            pair=p.pair,
            predicted=p.predicted,
            readings=p.readings,
            effort=curve.full,
            silent=p.silent,
        )
        # Where nothing fluctuates the error is 1e-8, and rounding of 1e-16 is 1e-8 of it.
        assert again.deviation == pytest.approx(p.deviation, rel=1e-9, abs=1e-6, nan_ok=True)
        assert again.measured == pytest.approx(p.measured, rel=1e-12)
        predicted = scenario.case(curve, p.problem, p.value).predicted.min()
        # Fixed points are found to 1e-8 of the force; another machine may take other steps.
        assert predicted == pytest.approx(p.predicted, rel=0, abs=1e-6, nan_ok=True)
    assert summary["agrees"] is result.agrees
    for told, verdict in zip(summary["scenarios"][0]["curves"], result.verdicts, strict=True):
        assert told["chi2"] == pytest.approx(verdict.chi2, rel=1e-9)
        assert told["agrees"] is verdict.agrees


def test_the_lean_of_perfect_points_is_told() -> None:
    """Deviations are averaged; without the first reading the others are fitted anew."""
    curve = SCENARIOS["heterogeneity"].curves[0]
    _, result = read("heterogeneity")
    (p,) = (p for p in result.of(curve.name, 0) if p.value == 0.0)
    # An exact square law but for the largest rate: the fit of the others finds nothing.
    values = [1.0, *(e**2 for e in curve.full.small[1:])]
    readings = tuple(
        replace(r, value=value, error=1e-6) for r, value in zip(p.readings, values, strict=True)
    )
    points = [replace(p, readings=readings, deviation=d) for d in (1.0, 1.0, -2.0, 2.0)]
    told = lean([replace(result, points=tuple(points))])
    assert "4 points are predicted to be 1 exactly" in told
    assert "deviate by +0.50 σ on average, 1.0 standard errors" in told
    assert re.search(r"of each by [+-]0\.00 σ, 0\.0 standard errors", told)
    assert lean([]) == ""


def test_pages_show_the_committed_results() -> None:
    stale = [str(path) for path, text in pages().items() if path.read_text("utf-8") != text]
    assert not stale, f"run `make docs`: {stale}"
