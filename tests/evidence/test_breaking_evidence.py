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


def test_the_verdict_follows_from_the_file(name: str) -> None:
    summary, result = read(name)
    scenario = SCENARIOS[name]
    curves = {c.name: c for c in scenario.curves}
    for p in result.points:
        case = scenario.case(curves[p.curve], p.problem, p.value)
        predicted = float("nan") if case.silent else case.predicted.min()
        # Fixed points are found to 1e-8 of the force; another machine may take other steps.
        assert predicted == pytest.approx(p.predicted, rel=0, abs=1e-6, nan_ok=True)
        if 1.0 - p.predicted >= RESOLVED:
            # Where nothing fluctuates the error is 1e-8, and rounding of 1e-16 is 1e-8 of it.
            assert beside(p, p.predicted).deviation == pytest.approx(p.deviation, abs=1e-6)
    assert summary["agrees"] is result.agrees
    for told, verdict in zip(summary["scenarios"][0]["curves"], result.verdicts, strict=True):
        assert told["chi2"] == pytest.approx(verdict.chi2, rel=1e-9)
        assert told["agrees"] is verdict.agrees


def beside(p: Point, predicted: float) -> Point:
    """What was measured, beside another predicted alignment."""
    limit = Distance(
        1.0 - p.measured, p.error, 0.0, 1.0, min(r.replicas - r.lost for r in p.readings)
    )
    return replace(p, predicted=predicted, deviation=limit.against(1.0 - predicted))


@pytest.mark.parametrize("name", CHEAP)
def test_a_cell_measured_again_is_the_one_in_the_file(name: str) -> None:
    """One cell at the seed of the full run: the file is what the present code makes."""
    _, result = read(name)
    scenario = SCENARIOS[name]
    number = CHEAP[name]
    cell = scenario.cells(quick=False)[number]
    case = scenario.case(cell.curve, cell.problem, cell.value)
    again = measure(case, cell, first_seed(scenario.seed, 0) + CASE_STRIDE * number)
    old = result.points[number]
    assert (again.pair, again.predicted) == (old.pair, pytest.approx(old.predicted, abs=1e-6))
    # Sums in another order, over 1e5 steps and more, part replicas that are at a chaotic moment.
    assert again.measured == pytest.approx(old.measured, abs=0.2 * old.error)
    assert again.error == pytest.approx(old.error, rel=0.1)


def test_pages_show_the_committed_results() -> None:
    stale = [str(path) for path, text in pages().items() if path.read_text("utf-8") != text]
    assert not stale, f"run `make docs`: {stale}"
