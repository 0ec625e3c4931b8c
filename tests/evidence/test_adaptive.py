"""The committed measurement of adaptive rules: its predictions are those of theory today."""

from __future__ import annotations

import json

import pytest

from evidence.adaptive import MEMORIES, RESULT, SNAPSHOTS, ends, even, limits
from methexis.scenarios.framework.mean_kernels import misalignment

FOUND = json.loads(RESULT.read_text(encoding="utf-8"))


def test_limits_are_those_of_the_runs() -> None:
    assert limits(FOUND["runs"]) == FOUND["limits"]
    assert SNAPSHOTS > 1
    assert all(run["lost"] == 0 for run in FOUND["runs"])


RULES = [("RMSProp", x) for x in MEMORIES]


@pytest.mark.parametrize(("rule", "memory"), RULES)
def test_predictions_are_those_of_theory_and_agree(rule, memory) -> None:
    (limit,) = [found for found in FOUND["limits"] if found["name"] == f"{rule} x={memory:g}"]
    _, kernels = ends(even(), memory)
    i, j = limit["layers"]
    assert misalignment(kernels[i], kernels[j]) == pytest.approx(limit["predicted"], rel=1e-5)
    # Four standard errors; and the prediction is far from none, so that agreement says something.
    assert abs(limit["limit"] - limit["predicted"]) < 4 * limit["error"]
    assert limit["limit"] > 4 * limit["error"]


def test_the_basis_is_that_of_adaptive_rules_alone() -> None:
    afar = {run["name"]: run for run in FOUND["runs"] if run["part"] == "basis"}
    adaptive, sgd = afar["RMSProp from afar"], afar["SGD from afar"]
    # SGD's kernels agree better than RMSProp's at this memory, and its neurons do worse.
    assert max(p["measured"] for p in sgd["pairs"]) < max(p["measured"] for p in adaptive["pairs"])
    for name in ("axis_cosine", "axis_cosine_depth"):
        assert sgd[name] < adaptive[name]
    assert max(adaptive["potential_excess"]) < min(sgd["potential_excess"])
