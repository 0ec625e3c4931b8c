"""Results of `break` as if runs had been made: predictions of two scenarios, readings made up."""

from __future__ import annotations

import numpy as np

from methexis.scenarios.breaking import SCENARIOS, BreakResult, ScenarioResult
from methexis.scenarios.breaking.measure import Reading, compare
from methexis.scenarios.framework.points import Line

#: Standard error of a made-up reading.
ERROR = 1e-3


def made_up(name: str, *, quick: bool = False, off: float = 0.0) -> ScenarioResult:
    """Readings scattered about the prediction; the last point is ``off`` by so many σ or more."""
    scenario = SCENARIOS[name]
    generator = np.random.default_rng(0)
    points = []
    for curve in scenario.curves:
        effort = curve.quick if quick else curve.full
        for problem in range(1 if quick else 2):
            for value in scenario.values(effort):
                predicted = float(scenario.case(curve, problem, value).predicted.min())
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
                        value=1.0 - predicted + shift + ERROR * generator.standard_normal(),
                        error=ERROR,
                        seconds=0.1,
                    )
                    for k, small in enumerate(effort.small)
                )
                points.append(
                    compare(
                        curve,
                        problem,
                        value,
                        pair=("D2/h1", "D3/h2"),
                        predicted=predicted,
                        readings=readings,
                        effort=effort,
                    )
                )
    lines = tuple(
        Line(
            c.name,
            0,
            scenario.dial.values,
            tuple(float(scenario.case(c, 0, v).predicted.min()) for v in scenario.dial.values),
        )
        for c in scenario.curves
    )
    return ScenarioResult(scenario, quick, scenario.seed, tuple(points), lines, 1.0)


def several(*results: ScenarioResult) -> BreakResult:
    """One result of them all."""
    return BreakResult(results, "methexis break all", 2.0)
