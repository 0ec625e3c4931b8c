"""The committed full runs of `reverse` are sound, and are what the scenarios state today."""

from __future__ import annotations

import numpy as np
import pytest

from evidence.reverse import FOLDER, pages, read
from methexis.scenarios.irreversibility import REVERSALS, ReverseResult


def test_every_scenario_has_its_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(REVERSALS)


@pytest.mark.parametrize("name", REVERSALS)
def test_the_file_is_a_full_run_of_the_scenario_as_it_stands(name: str) -> None:
    summary, result = read(name)
    scenario = REVERSALS[name]
    assert summary["format"] == ReverseResult.FORMAT
    assert summary["command"] == f"python -m evidence.reverse --only {name}"
    assert result.quick is False
    assert result.seed == scenario.seed
    expected = []
    for curve in scenario.curves:
        for problem in range(len(scenario.problems)):
            for value in scenario.values(curve.full):
                parts = scenario.case(curve, problem, value).parts
                expected += [(curve.name, problem, value, part) for part in parts]
    assert [(p.curve, p.problem, p.value, p.part) for p in result.points] == expected
    efforts = {c.name: c.full for c in scenario.curves}
    for p in result.points:
        effort = efforts[p.curve]
        assert len(p.readings) == len(effort.small)
        assert {r.replicas for r in p.readings} == {effort.replicas}
        for r, small in zip(p.readings, effort.small, strict=True):
            assert r.small <= small * (1.0 + 1e-9)
    seeds = {(p.curve, p.problem, p.value): {r.seed for r in p.readings} for p in result.points}
    if name != "order":  # nothing is drawn there
        assert sum(map(len, seeds.values())) == len(set().union(*seeds.values()))


@pytest.mark.parametrize("name", REVERSALS)
def test_limits_follow_from_the_readings_and_predictions_are_todays(name: str) -> None:
    summary, result = read(name)
    scenario = REVERSALS[name]
    curves = {c.name: c for c in scenario.curves}
    for p in result.points:
        predicted = scenario.case(curves[p.curve], p.problem, p.value).parts[p.part]
        # The integrator's tolerance is 1e-10, and another machine may take other steps.
        assert predicted == pytest.approx(p.predicted, rel=1e-7, abs=1e-9)
        if p.weights:
            values = np.array([r.value for r in p.readings])
            errors = np.array([r.error for r in p.readings])
            weights = np.array(p.weights)
            # Rounding of values that may themselves be rounding.
            assert weights @ values == pytest.approx(p.measured, rel=1e-9, abs=1e-9)
            if p.readings[0].replicas > 1:
                combined = np.sqrt(weights**2 @ errors**2)
                assert combined == pytest.approx(p.error, rel=1e-6, abs=1e-8)
    assert summary["agrees"] is result.agrees
    for told, verdict in zip(summary["scenarios"][0]["curves"], result.verdicts, strict=True):
        assert told["chi2"] == pytest.approx(verdict.chi2, rel=1e-9)
        assert told["agrees"] is verdict.agrees


def test_the_runs_have_power() -> None:
    """A prediction off by the factor of two, of one entropic step, would be seen at every way."""
    for name in ("steps", "batch"):
        for verdict in read(name)[1].verdicts:
            assert verdict.signal > 10.0


def test_pages_show_the_committed_results() -> None:
    stale = [str(path) for path, text in pages().items() if path.read_text("utf-8") != text]
    assert not stale, f"run `make docs`: {stale}"
