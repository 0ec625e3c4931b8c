"""Cases of sharpening: how they were found, that they hold, and that a verdict can fail."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from methexis.errors import MethexisError
from methexis.scenarios.sharpening import CASES, chosen_cases, run_case
from methexis.scenarios.sharpening.measure import compare
from methexis.scenarios.sharpening.search import Member, best, members
from methexis.scenarios.sharpening.verdict import FALSE_ALARM, judge, judge_path

FAST = ("trace-up-top-down", "edge")


def test_the_search_finds_the_four() -> None:
    family = members()
    found = {(t, s): best(family, trace_rises=t, top_rises=s) for t in (0, 1) for s in (0, 1)}
    assert found == {
        (0, 0): Member(14, 30.0, "random"),
        (0, 1): Member(38, 30.0, "random"),
        (1, 0): Member(67, 30.0, "flat"),
        (1, 1): Member(46, 30.0, "flat"),
    }


@pytest.mark.parametrize("name", FAST)
def test_quick_runs_pass_and_wrong_predictions_fail(name: str) -> None:
    result = run_case(CASES[name], quick=True)
    assert result.passed, [c for c in result.checks if not c.passed]
    json.dumps(result.summary(), allow_nan=False)
    found = result.found
    # A tenth off is seen, in spite of what a quick run allows.
    at = [list(found.fine_times).index(t) for t in found.case.slow_times]
    wrong = {"top": 1.1 * found.fine["top"][at]}
    points = compare(found.case, found.case.quick, found.readings, wrong)
    assert judge_path("top", points).p_value < FALSE_ALARM
    opposite = tuple({"rises": "falls", "falls": "rises"}[e] for e in found.case.expected)
    turned = replace(found, case=replace(found.case, expected=opposite))
    assert [c.passed for c in judge(turned)[1:3]] == [False, False]


def test_every_case_states_what_evidence_needs() -> None:
    for name, case in CASES.items():
        assert case.name == name
        assert case.full.replicas >= 16
        assert len(case.full.small) >= 3
        assert case.claim.endswith(".")
        assert case.full.allowed == 0.0


def test_an_unknown_case_is_refused_with_the_nearest() -> None:
    with pytest.raises(MethexisError, match=r"got 'egde'; did you mean 'edge'\?"):
        chosen_cases("egde")
