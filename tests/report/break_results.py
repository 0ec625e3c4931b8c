"""Results of `break` as if runs had been made: predictions of two scenarios, readings made up."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from methexis.scenarios.breaking import (
    SCENARIOS,
    BreakResult,
    Case,
    Curve,
    Scenario,
    ScenarioResult,
)
from methexis.scenarios.breaking.measure import Reading, compare
from methexis.scenarios.framework.limit import Distance
from methexis.scenarios.framework.points import Line
from methexis.scenarios.framework.scenario import Cell

#: Standard error of a made-up reading.
ERROR = 1e-3


def claimed(
    scenario: Scenario[Case], curve: Curve[Case], problem: int, value: float
) -> tuple[float, str]:
    """Least predicted alignment and why there is none; of a table, of many cells, made up, too."""
    if scenario.groups:
        return (math.nan, "for a reason") if curve.name == "sign" else (1.0 - 1e-3 * value, "")
    return float(scenario.case(curve, problem, value).predicted.min()), ""


def made_up(name: str, *, quick: bool = False, off: float = 0.0) -> ScenarioResult:
    """Readings scattered about the prediction; the last point is ``off`` by so many σ or more."""
    scenario = SCENARIOS[name]
    generator = np.random.default_rng(0)
    points = []
    for curve in scenario.curves:
        effort = curve.quick if quick else curve.full
        for problem in range(1 if quick else min(2, len(scenario.problems))):
            for value in scenario.values(effort):
                predicted, silent = claimed(scenario, curve, problem, value)
                lost = 0.1 if silent else 1.0 - predicted
                last = value == scenario.values(effort)[-1] and curve is scenario.curves[-1]
                shift = 40.0 * off * ERROR if last else 0.0
                readings = tuple(
                    Reading(
                        small=small,
                        lr=small / 20.0,
                        steps=1000,
                        replicas=effort.replicas,
                        lost=int(last),
                        seed=k,
                        value=lost + shift + ERROR * generator.standard_normal(),
                        error=ERROR,
                        seconds=0.1,
                    )
                    for k, small in enumerate(effort.small)
                )
                value_of = lost + shift + ERROR * generator.standard_normal()
                limit = Distance(value_of, ERROR, math.nan, 1.0, effort.replicas - int(last))
                points.append(
                    compare(
                        Cell(curve, problem, value, quick),
                        pair=("D2/h1", "D3/h2"),
                        predicted=predicted,
                        limit=replace(limit, deviation=limit.against(1.0 - predicted)),
                        readings=readings,
                        silent=silent or None,
                    )
                )
    lines = tuple(
        Line(
            c.name,
            0,
            scenario.dial.values,
            tuple(claimed(scenario, c, 0, v)[0] for v in scenario.dial.values),
        )
        for c in scenario.curves
    )
    return ScenarioResult(scenario, quick, scenario.seed, tuple(points), lines, 1.0)


def several(*results: ScenarioResult) -> BreakResult:
    """One result of them all."""
    return BreakResult(results, "methexis break all", 2.0)
