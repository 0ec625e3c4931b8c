"""Cases of sharpening: how they were found, that they hold, and that a verdict can fail."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate

from methexis.errors import MethexisError
from methexis.scenarios.framework.judging import FALSE_ALARM
from methexis.scenarios.sharpening import CASES, chosen_cases, run_case
from methexis.scenarios.sharpening.case import PathPoint
from methexis.scenarios.sharpening.cases.noise_free import exponent, log_slope
from methexis.scenarios.sharpening.cases.signs import Member, best, members
from methexis.scenarios.sharpening.curvature import predicted
from methexis.scenarios.sharpening.measure import compare
from methexis.scenarios.sharpening.verdict import PathVerdict, judge

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
    verdict = PathVerdict("top", tuple(points))
    assert verdict.largest_p < FALSE_ALARM
    assert not verdict.agrees
    opposite = tuple({"rises": "falls", "falls": "rises"}[e] for e in found.case.expected)
    turned = replace(found, case=replace(found.case, expected=opposite))
    assert [c.passed for c in judge(turned)[1:3]] == [False, False]


def noise_free_top(slow_times: list[float]) -> np.ndarray:
    """λ of the case without noise from two scalar equations (docs/theory.md §4.5).

    All stays diagonal: ``W_1 = diag(s, t)``, ``W_2 = diag(1/s, 1/t)``, ``S = 4(2/s² + s² + t²)``,
    each entry moves by ``-¼ ∂S`` over ``1 + entry⁻⁴``, and λ is twice the largest ``1/a² + b²``.
    """

    def rhs(_: float, state: np.ndarray) -> np.ndarray:
        s, t = state
        return -np.array([2 * s - 4 / s**3, 2 * t]) / (1 + state**-4.0)

    solution = scipy.integrate.solve_ivp(
        rhs, (0, max(slow_times)), (1, 1), t_eval=slow_times, method="LSODA", rtol=1e-11, atol=1e-13
    )
    s, t = solution.y
    return np.asarray(2 * (np.maximum(1 / s**2, 1 / t**2) + np.maximum(s**2, t**2)))


def test_sharpening_without_noise_never_ends() -> None:
    case = CASES["noise-free"]
    times = [0.5, 4.0, 16.0]
    top = predicted(case, times)["top"][:, 0]
    # The integrator's tolerance is 1e-6 per unit of a path.
    np.testing.assert_allclose(top, noise_free_top(times), rtol=1e-4)
    # 1/t⁴ → 8τ, so λ → 2 sqrt(8τ): the exponent is 1/2 up to a constant over λ.
    far = [1e6, 1e7]
    late = noise_free_top(far)
    assert math.log10(late[1] / late[0]) == pytest.approx(0.5, abs=2e-4)
    np.testing.assert_allclose(late, 2 * np.sqrt(8 * np.array(far)), rtol=1e-3)


def test_sgd_has_the_exponent_of_the_noise_free_case() -> None:
    found = run_case(CASES["noise-free"], quick=True).found
    first, last = found.case.slow_times[-2:]
    low, high = noise_free_top([first, last])
    wanted = math.log(high / low) / math.log(last / first)
    measured, error, predicted_slope = log_slope(found.of("top"))
    assert predicted_slope == pytest.approx(wanted, abs=1e-5)  # the integrator's tolerance
    # 0.01 for what two learning rates leave of higher powers, as the verdict allows.
    assert abs(measured - wanted) <= 3.3 * error + 0.01
    assert exponent(found)[0].passed
    # A λ that saturated, with exponent zero, would be seen.
    flat = tuple(
        replace(p, predicted=found.of("top")[-2].predicted) if p == found.of("top")[-1] else p
        for p in found.points
    )
    assert not exponent(replace(found, points=flat))[0].passed


def test_the_exponent_is_that_of_a_power_law() -> None:
    points = [
        PathPoint(
            quantity="top",
            student=0,
            slow_time=time,
            predicted=3.0 * time**0.4,
            measured=2.0 * time**0.5,
            error=error,
            half=0.0,
            allowed=0.0,
            deviation=0.0,
        )
        for time, error in ((1.0, 9.0), (2.0, 0.03), (8.0, 0.04))
    ]
    measured, error, wanted = log_slope(points)
    assert (measured, wanted) == (pytest.approx(0.5, rel=1e-12), pytest.approx(0.4, rel=1e-12))
    relative = math.hypot(0.03 / points[1].measured, 0.04 / points[2].measured)
    assert error == pytest.approx(relative / math.log(4.0), rel=1e-12)


def test_every_case_states_what_evidence_needs() -> None:
    for name, case in CASES.items():
        assert case.name == name
        assert case.full.replicas >= 16
        assert len(case.full.small) >= 3
        assert case.claim.endswith(".")
        assert (case.full.relative, case.full.absolute) == (0.0, 0.0)


def test_an_unknown_case_is_refused_with_the_nearest() -> None:
    with pytest.raises(MethexisError, match=r"got 'egde'; did you mean 'edge'\?"):
        chosen_cases("egde")
