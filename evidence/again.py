"""One curve of a full run of `methexis break` measured again, the rest kept.

``python -m evidence.again SCENARIO CURVE``: the cells of the curve get the seeds that they have in
``python -m evidence.breaking --only SCENARIO``, so that the file holds what that command would
write. For what changes in one curve alone: a prediction that was wrong, a time that was too short.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from evidence.breaking import FOLDER, read
from evidence.outcome import say
from evidence.scenario_files import write
from methexis.core.parallel.threads import one_blas_thread
from methexis.scenarios.breaking import SCENARIOS, BreakResult
from methexis.scenarios.breaking.measure import measure
from methexis.scenarios.framework.runner import CASE_STRIDE, first_seed, lines


@one_blas_thread
def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one curve, and write the file; 0 if the curve agrees with theory, else 1."""
    parser = argparse.ArgumentParser(prog="python -m evidence.again", description=__doc__)
    parser.add_argument("scenario", choices=list(SCENARIOS))
    parser.add_argument("curve")
    chosen = parser.parse_args(arguments)
    scenario = SCENARIOS[chosen.scenario]
    _, old = read(chosen.scenario)
    case_of, first = cache(scenario.case), first_seed(scenario.seed, 0)
    points = list(old.points)
    for number, cell in enumerate(scenario.cells(quick=False)):
        if cell.curve.name == chosen.curve:
            case = case_of(cell.curve, cell.problem, cell.value)
            points[number] = measure(case, cell, first + CASE_STRIDE * number)
            told = points[number]
            say(f"{told.value:g}: predicted {told.predicted:.6f}, measured {told.measured:.6f}")
    renewed = replace(old, points=tuple(points), lines=lines(scenario, old.problems, case_of))
    command = f"python -m evidence.breaking --only {chosen.scenario}"
    write(BreakResult((renewed,), command, renewed.seconds).summary(), FOLDER)
    return 0 if all(v.agrees for v in renewed.verdicts if v.curve == chosen.curve) else 1


if __name__ == "__main__":
    raise SystemExit(main())
