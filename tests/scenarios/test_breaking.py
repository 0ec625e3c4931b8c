"""The contract of every scenario: what its file must state, and what its runs must show.

A quick run of each (one problem, few learning rates) is made once and serves several tests. Its
seeds are fixed, so a verdict that is settled once stays settled.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest

import methexis as mx
from methexis.scenarios.breaking import SCENARIOS, Curve, Scenario, ScenarioResult, chosen
from methexis.scenarios.breaking.case import (
    LEAST_PROBLEMS,
    LEAST_REPLICAS,
    LEAST_VALUES,
    PERFECT,
)
from methexis.scenarios.breaking.job import run_scenario
from methexis.scenarios.breaking.measure import Point, compare, measure
from methexis.scenarios.breaking.result import Verdict
from methexis.scenarios.framework.limit import Distance
from methexis.scenarios.framework.scenario import Cell

NAMES = list(SCENARIOS)
CURVES = [(name, k) for name in NAMES for k in range(len(SCENARIOS[name].curves))]
#: An offset that no scenario's quick run may overlook where perfect alignment is predicted.
WRONG_OFFSET = 0.02


@pytest.fixture(scope="module", params=NAMES)
def quick(request: pytest.FixtureRequest) -> ScenarioResult:
    """Of a table, whose quick run is long, the first column of every group."""
    scenario = SCENARIOS[request.param]
    if scenario.groups:
        first = tuple(values[0] for _, values in scenario.groups)
        curves = (replace(c, quick=replace(c.quick, values=first)) for c in scenario.curves)
        scenario = replace(scenario, curves=tuple(curves))
    return run_scenario(scenario, quick=True)


@pytest.fixture(params=CURVES, ids=lambda p: f"{p[0]}-{p[1]}")
def curve(request: pytest.FixtureRequest) -> tuple[Scenario, Curve]:
    name, k = request.param
    return SCENARIOS[name], SCENARIOS[name].curves[k]


@pytest.mark.parametrize("name", NAMES)
def test_it_states_all_that_evidence_needs(name: str) -> None:
    scenario = SCENARIOS[name]
    dial = scenario.dial
    assert len(dial.values) >= LEAST_VALUES
    assert list(dial.values) == sorted(set(dial.values))
    assert len(dial.names) == (len(dial.values) if dial.scale == "names" else 0)
    # A table of kinds has as many cells as other dials have points, of one problem.
    assert len(scenario.problems) >= (1 if scenario.groups else LEAST_PROBLEMS)
    assert scenario.claim.endswith(".")
    assert scenario.claim.count(". ") == 0  # one sentence
    assert "η" in scenario.limit
    for value in dial.values:
        assert dial.check(value) == value
    for one in scenario.curves:
        assert one.full.replicas >= LEAST_REPLICAS
        assert one.quick.replicas >= LEAST_REPLICAS
        assert len(one.full.small) > len(one.full.powers)  # something is left to test the fit
        assert one.full.powers[0] == 0
        assert one.quick.powers == one.full.powers
        assert len(scenario.values(one.full)) >= LEAST_VALUES
        assert (one.full.relative, one.full.absolute) == (0.0, 0.0)
        for effort in (one.full, one.quick):
            assert list(effort.small) == sorted(effort.small, reverse=True)
            assert set(scenario.values(effort)) <= set(dial.values)


def test_no_two_scenarios_share_random_numbers() -> None:
    firsts = sorted(s.seed for s in SCENARIOS.values())
    cases = max(
        sum(len(s.problems) * len(s.values(c.full)) for c in s.curves) for s in SCENARIOS.values()
    )
    assert all(b - a > 10 * cases for a, b in itertools.pairwise(firsts))


def test_predictions_are_alignments_and_deterministic(curve: tuple[Scenario, Curve]) -> None:
    scenario, one = curve
    for problem in range(len(scenario.problems)):
        for value in (scenario.dial.values[0], scenario.dial.values[-1]):
            case = scenario.case(one, problem, value)
            if case.silent:
                assert not case.kernels
                continue
            assert np.all(np.abs(case.predicted) <= 1.0 + 1e-12)
            assert np.array_equal(case.predicted, case.predicted.T)
            assert np.allclose(np.diag(case.predicted), 1.0, rtol=0, atol=1e-12)
            again = scenario.case(one, problem, value).predicted
            assert np.array_equal(case.predicted, again)


def test_the_platonic_end_is_perfect(curve: tuple[Scenario, Curve]) -> None:
    scenario, one = curve
    end = scenario.dial.platonic
    if end is not None:
        for problem in range(len(scenario.problems)):
            assert scenario.case(one, problem, end).predicted.min() > PERFECT


def test_values_outside_the_meaning_are_refused(curve: tuple[Scenario, Curve]) -> None:
    scenario, one = curve
    dial = scenario.dial
    outside = [math.nan]
    outside += [dial.least - 1.0] if math.isfinite(dial.least) else []
    outside += [dial.most + 1.0] if math.isfinite(dial.most) else []
    for value in outside:
        with pytest.raises(mx.MethexisError, match=r"expected .*, got "):
            scenario.case(one, 0, value)
    with pytest.raises(mx.MethexisError, match="expected a problem from 0 to"):
        scenario.case(one, len(scenario.problems), dial.values[0])


def test_a_tiny_run_works_and_repeats(curve: tuple[Scenario, Curve]) -> None:
    scenario, one = curve
    tiny = replace(one, quick=replace(one.quick, small=one.quick.small[:1], replicas=4))
    value = scenario.values(one.quick)[0]
    first, second = (
        measure(scenario.case(one, 0, value), Cell(tiny, 0, value, True), scenario.seed)
        for _ in range(2)
    )
    # As text, because a prediction that is not a number is not equal to itself.
    assert repr(replace_seconds(first)) == repr(replace_seconds(second))
    assert first.readings[0].lost == 0


def replace_seconds(point: Point) -> Point:
    return replace(point, readings=tuple(replace(r, seconds=0.0) for r in point.readings))


def test_a_quick_run_agrees(quick: ScenarioResult) -> None:
    for verdict in quick.verdicts:
        print(quick.scenario.name, verdict)
        assert verdict.agrees
    json.dumps(quick.summary(), allow_nan=False)


def against(p: Point, curve: Curve, predicted: float) -> Point:
    """The quick run's measurement beside another prediction."""
    limit = Distance(1.0 - p.measured, p.error, math.nan, 1.0, min(r.replicas for r in p.readings))
    return compare(
        Cell(curve, p.problem, p.value, True),
        pair=p.pair,
        predicted=predicted,
        limit=replace(limit, deviation=limit.against(1.0 - predicted)),
        readings=p.readings,
    )


@pytest.mark.long
def test_the_quick_run_of_a_whole_table_agrees() -> None:
    for scenario in SCENARIOS.values():
        if scenario.groups:
            assert run_scenario(scenario, quick=True).agrees


def test_swapped_predictions_fail(quick: ScenarioResult) -> None:
    """The verdict can fail: with the ends of the dial exchanged, or a prediction that is off."""
    for one in quick.scenario.curves:
        points = [p for p in quick.of(one.name) if p.silent is None]
        if not points:
            continue
        found = [p.predicted for p in points]
        ends = {max(found): min(found), min(found): max(found)}
        swapped = [ends.get(p, p) for p in found]
        if max(found) - min(found) < WRONG_OFFSET:
            swapped = [p - WRONG_OFFSET for p in found]
        wrong = [against(p, one, other) for p, other in zip(points, swapped, strict=True)]
        assert not Verdict(one.name, tuple(wrong)).agrees


def test_the_table_of_algorithms_is_whole() -> None:
    scenario = SCENARIOS["algorithms"]
    cells = scenario.cells(quick=False)
    assert len(cells) == 130
    grouped = [value for _, values in scenario.groups for value in values]
    assert grouped == list(scenario.dial.values)
    for name, values in scenario.groups:
        assert name
        assert set(values) <= set(scenario.dial.values)
    silent = {one.name for one in scenario.curves if scenario.case(one, 0, 0.0).silent}
    assert silent == {"sign"}
    assert "leave the normal space" in scenario.case(scenario.curves[5], 0, 0.0).silent


def test_silence_and_predictions_exclude_each_other() -> None:
    case = SCENARIOS["nothing"].case(SCENARIOS["nothing"].curves[0], 0, 0.0)
    with pytest.raises(mx.MethexisError, match="expected kernels or why theory names none"):
        replace(case, silent="of this nothing is known")


@pytest.mark.parametrize(
    ("memory", "expected"), [(-0.5, "expected x >= 0, got -0.5"), (math.inf, "got inf")]
)
def test_a_memory_that_cannot_be(memory: float, expected: str) -> None:
    scenario = SCENARIOS["adaptive"]
    with pytest.raises(mx.MethexisError, match=expected):
        scenario.case(scenario.curves[0], 0, memory)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(mx.MethexisError, match=r"got 'samplin'; did you mean 'sampling'\?"):
        chosen("samplin")
    assert [s.name for s in chosen("all")] == NAMES
