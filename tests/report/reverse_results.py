"""Results of `reverse` as if walks had been made: predictions of two problems, readings made up."""

from __future__ import annotations

import numpy as np

from methexis.scenarios.framework.runner import lines
from methexis.scenarios.irreversibility import REVERSALS, ReverseResult, ReverseScenarioResult
from methexis.scenarios.irreversibility.records import Control, Point, Reading, Rest

PROBLEMS = 2


def made_up(name: str, *, quick: bool = False, off: float = 0.0) -> ReverseScenarioResult:
    """Measurements scattered about the prediction; the last point is ``off`` by so many σ."""
    scenario = REVERSALS[name]
    generator = np.random.default_rng(0)
    points, rests = [], []
    for curve in scenario.curves:
        effort = curve.quick if quick else curve.full
        for problem in range(1 if quick else PROBLEMS):
            for value in scenario.values(effort):
                parts = scenario.case(curve, problem, value).parts
                last = curve is scenario.curves[-1] and value == scenario.values(effort)[-1]
                for part, predicted in parts.items():
                    z = float(generator.standard_normal()) + off * last
                    error = 0.01 * abs(predicted) + 1e-6
                    readings = tuple(
                        Reading(
                            small=small,
                            lr=small / 30.0,
                            steps=round(10 + 3 / small),
                            replicas=effort.replicas,
                            seed=k,
                            value=predicted * (1.0 - small),
                            error=error,
                            raw=predicted,
                            raw_error=3.0 * error,
                        )
                        for k, small in enumerate(effort.small)
                    )
                    points.append(
                        Point(
                            curve=curve.name,
                            problem=problem,
                            value=value,
                            part=part,
                            predicted=predicted,
                            measured=predicted + z * error,
                            error=error,
                            half=2.0 * error,
                            allowed=0.0,
                            deviation=z,
                            raw=predicted,
                            raw_error=3.0 * error,
                            raw_deviation=0.5 * z,
                            readings=readings,
                        )
                    )
                if effort.replicas > 1 and not quick:
                    rests.append(Rest(curve.name, problem, value, 13.0, 14))
    controls = () if scenario.controls is None else scenario.controls(True)
    assert all(isinstance(c, Control) for c in controls)
    return ReverseScenarioResult(
        scenario=scenario,
        quick=quick,
        seed=scenario.seed,
        points=tuple(points),
        rests=tuple(rests),
        lines=lines(scenario, 1, scenario.case),
        controls=controls,
        law=0.0 if name == "order" else 3e-15,
        seconds=1.0,
    )


def several(*results: ReverseScenarioResult) -> ReverseResult:
    """One result of them all."""
    return ReverseResult(results, "methexis reverse all", 2.0)
