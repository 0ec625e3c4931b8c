"""Scenarios of irreversibility: walks, limits and verdicts, each against something independent."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import methexis as mx
from methexis.core.layers.products import loss_gradient
from methexis.core.linalg import flatten, unflatten
from methexis.errors import MethexisError
from methexis.scenarios.framework.judging import FALSE_ALARM
from methexis.scenarios.framework.statistics import fit_powers
from methexis.scenarios.irreversibility import REVERSALS, chosen_reversals, run_reversal
from methexis.scenarios.irreversibility.integrators import EIGHTH, METHODS, left_behind
from methexis.scenarios.irreversibility.limits import combination, extrapolated, scores
from methexis.scenarios.irreversibility.problems import DESCRIPTIONS, setting
from methexis.scenarios.irreversibility.result import ReverseScenarioResult
from methexis.scenarios.irreversibility.verdict import Verdict
from methexis.scenarios.irreversibility.walk import batch_curvature, retrace
from methexis.scenarios.irreversibility.walks import ACROSS, ALONG, Walks
from methexis.theory.curvature import dense_hessian
from methexis.training.engines.batches import batches
from methexis.training.engines.gradients import Gradients

PROBLEMS = range(len(DESCRIPTIONS))


# --- walks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampling", "batch"), [("online", 2), ("replace", 3), ("shuffle", 4), ("full", 1)]
)
def test_the_way_there_is_the_engines(sampling: str, batch: int) -> None:
    case = Walks(setting(1, data=sampling != "online", minimum=False), 0.7, sampling, batch)
    plan = case.plan(0.02, 3, seed=5)
    run = mx.train(
        case.setting.student,
        case.setting.source,
        mx.SGD(lr=case.time / plan.steps),
        steps=plan.steps,
        batch=batch,
        sampling=sampling,
        init=[case.setting.start],
        replicas=3,
        seed=5,
        engine="reference",
    )
    for ours, engines in zip(retrace(plan).far, run.weights[0], strict=True):
        np.testing.assert_array_equal(ours, engines)


@pytest.mark.parametrize("number", PROBLEMS)
def test_curvature_of_a_batch_is_the_derivative_of_its_gradient(number: int) -> None:
    plan = Walks(setting(number, minimum=False), 0.5, "online", 3).plan(0.1, 4, seed=0)
    gradients = Gradients(plan.problems, 3, "float64")
    inputs, labels = batches(plan)(0, 1)[0]
    generator = np.random.default_rng(number)
    weights = plan.start[0]
    directions = [generator.standard_normal(w.shape) for w in weights]
    found = batch_curvature(gradients, weights, (inputs[0], labels[0]), directions)
    step = 1e-30  # complex, so nothing cancels; gradients are polynomials in the weights
    ahead = [w + 1j * step * v for w, v in zip(weights, directions, strict=True)]
    expected = [g.imag / step for g in gradients(0, ahead, (inputs[0], labels[0]))]
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=0, atol=1e-12 * np.abs(e).max())


@pytest.mark.parametrize("number", PROBLEMS)
def test_charges_obey_their_law_on_both_ways(number: int) -> None:
    walk = retrace(Walks(setting(number), 1.0).plan(0.02, 8, seed=1))
    assert walk.law < 1e-13  # rounding of a hundred steps
    assert np.abs(walk.left).max() > 1e-4  # and they do move


def test_what_returns_and_what_does_not() -> None:
    still = Walks(setting(0), 2.0, "full").plan(0.02, 1, 0)
    assert np.abs(retrace(still).left).max() < 1e-13  # rounding, amplified by e²
    whole = Walks(setting(0, data=True), 0.5, "shuffle", 16).plan(0.02, 2, 0)
    assert np.abs(retrace(whole).left).max() < 1e-13
    part = Walks(setting(0, data=True), 0.5, "shuffle", 8).plan(0.02, 2, 0)
    assert np.abs(retrace(part).left).max() > 1e-5
    elsewhere = Walks(setting(0, minimum=False), 0.5, "full").plan(0.02, 1, 0)
    assert np.abs(retrace(elsewhere).left).max() > 1e-5


@pytest.mark.parametrize("minimum", [True, False])
def test_variates_have_mean_zero_and_take_off_most_of_the_spread(minimum: bool) -> None:
    case = Walks(setting(1, minimum=minimum), 0.5)
    walk = retrace(case.plan(0.02, 1024, seed=3), variate=True)
    spread = walk.variate.std(axis=0) / np.sqrt(1024)
    assert np.abs(walk.variate.mean(axis=0) / spread).max() < 4.0  # 16 numbers: p = 0.001
    direction = case.directions["along the minima" if minimum else "as predicted"]
    plain, reduced = (np.std(x @ direction) for x in (walk.left, walk.left - walk.variate))
    assert reduced < 0.2 * plain


def test_the_leading_order_holds_replica_by_replica() -> None:
    """A single step: what does not return is -η² H g of the very sample, and the rest is of η³."""
    parts = []
    for small in (0.02, 0.01):
        plan = Walks(setting(0), small).plan(small, 16, seed=2)
        assert plan.steps == 1
        gradients = Gradients(plan.problems, 1, "float64")
        inputs, labels = batches(plan)(0, 1)[0]
        one = (inputs[0], labels[0])
        lr = plan.hyper["lr"][0]
        slope = gradients(0, plan.start[0], one)
        leading = flatten(batch_curvature(gradients, plan.start[0], one, slope)) * -(lr**2)
        rest = np.linalg.norm(retrace(plan).left - leading, axis=1)
        parts.append(rest / np.linalg.norm(leading, axis=1))
    ratio = np.median(parts[0] / parts[1])
    assert 1.8 < ratio < 2.2  # of relative order η


# --- integrators ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*METHODS, EIGHTH], ids=lambda m: m.name)
def test_methods_have_their_order(method: object) -> None:
    """On ``y' = -y``, ``z' = y²``: against the solution in closed form."""

    def error(steps: int) -> float:
        state = np.array([1.0, 0.0])
        for _ in range(steps):
            state = method.step(lambda y: np.array([-y[0], y[0] ** 2]), state, 1.0 / steps)
        exact = np.array([np.exp(-1.0), 0.5 * (1.0 - np.exp(-2.0))])
        return float(np.abs(state - exact).max())

    slope = np.log2(error(4) / error(8))
    assert slope > method.order - 0.3  # between two steps that are not small
    assert slope < method.order + 1.7  # a method may happen to be better than it must


def test_order_eight_returns_to_rounding() -> None:
    start = setting(0, minimum=False)
    assert left_behind(start, EIGHTH, 1.0 / start.sharpest, 20) < 1e-14


def test_a_high_order_integrator_with_its_own_step_returns() -> None:
    """SciPy's DOP853 there and back along the flow, to its tolerance."""
    place = setting(1, minimum=False)
    start = flatten(place.start)
    ends = [start]
    for sign in (-1.0, 1.0):

        def velocity(_: float, y: np.ndarray, sign: float = sign) -> np.ndarray:
            return sign * flatten(loss_gradient(place.problem, unflatten(y, place.problem.dims)))

        solution = scipy.integrate.solve_ivp(
            velocity, (0.0, 1.0 / place.sharpest), ends[-1], method="DOP853", rtol=1e-12, atol=1e-14
        )
        ends.append(solution.y[:, -1])
    assert np.abs(ends[1] - start).max() > 1e-2
    assert np.abs(ends[2] - start).max() < 1e-10


# --- limits and verdicts -------------------------------------------------------------------------


def test_the_combination_is_the_fits() -> None:
    rates, errors, values = [0.4, 0.3, 0.2, 0.1], np.array([1.0, 2.0, 3.0, 4.0]), [5.0, 4.0, 7.0, 1]
    weights = combination(rates, (0, 1), errors)
    fit = fit_powers(rates, values, errors.tolist(), (0, 1))
    assert weights @ values == pytest.approx(fit.coefficients[0], rel=1e-12)
    assert np.sqrt(weights**2 @ errors**2) == pytest.approx(fit.errors[0], rel=1e-12)


def test_scores_are_calibrated() -> None:
    """Of correlated samples with a known limit, in many repetitions."""
    generator = np.random.default_rng(0)
    mixing = np.triu(generator.standard_normal((6, 6))) + 2.0 * np.eye(6)
    limit, slope = generator.standard_normal(6), generator.standard_normal(6)
    rates = [0.3, 0.2, 0.1]
    named, rest = [], []
    for _ in range(400):
        found = [
            limit + lr * slope + generator.standard_normal((24, 6)) @ mixing.T * np.sqrt(lr)
            for lr in rates
        ]
        result = extrapolated(rates, found, (0, 1), np.zeros(3))
        z, (chi2, dof) = scores(result, limit, 2, np.zeros(2))
        named += z
        rest.append(scipy.stats.chi2.sf(chi2, dof))
    # Kolmogorov–Smirnov with seeds fixed; degrees of freedom are an approximation.
    assert scipy.stats.kstest(named, "norm").pvalue > 0.01
    assert scipy.stats.kstest(rest, "uniform").pvalue > 0.01


def test_where_nothing_is_random_the_error_is_the_last_power() -> None:
    rates = [0.4, 0.2, 0.1]
    found = [np.array([[1.0 + lr + lr**2]]) for lr in rates]
    exact = extrapolated(rates, found, (0, 1, 2), np.zeros(3))
    assert exact.mean[0] == pytest.approx(1.0, abs=1e-12)
    assert exact.error(0) == exact.half(0)
    assert 0.01 < exact.error(0) < 0.3
    assert not np.isfinite(exact.dof)


# --- the contract of every scenario --------------------------------------------------------------


@pytest.mark.parametrize("name", REVERSALS)
def test_what_evidence_needs_is_fixed(name: str) -> None:
    scenario = REVERSALS[name]
    assert scenario.name == name
    assert len(scenario.dial.values) >= 5
    assert len(scenario.problems) >= 3
    assert len({s.problem.dims for s in map(setting, PROBLEMS)}) == 3
    for curve in scenario.curves:
        assert len(curve.full.small) >= 5
        assert len(scenario.values(curve.full)) >= 5
        assert curve.full.replicas == 1 or curve.full.replicas >= 16
        assert (curve.full.relative, curve.full.absolute) == (0.0, 0.0)
        assert len(curve.full.powers) <= len(curve.full.small)
    assert scenario.claim.endswith(".")
    assert scenario.limit.endswith(".")


def test_scenarios_share_no_seeds() -> None:
    ranges = []
    for s in REVERSALS.values():
        cases = len(s.curves) * len(s.problems) * len(s.dial.values)
        ranges.append(range(s.seed, s.seed + 10 * cases))
    for a, b in itertools.pairwise(ranges):
        assert a.stop <= b.start


def test_shuffled_walks_are_whole_epochs_and_batches_fit_the_data() -> None:
    case = Walks(setting(0, data=True), 0.5, "shuffle", 4)
    assert [case.plan(small, 2, 0).steps for small in (0.2, 0.1)] == [4, 8]
    curve = REVERSALS["batch"].curves[1]
    with pytest.raises(MethexisError, match=r"batch: expected an integer in \[1, 16\], got 32"):
        _ = curve.case(0, 32.0).parts


@pytest.mark.parametrize("name", REVERSALS)
def test_bad_values_are_refused(name: str) -> None:
    scenario = REVERSALS[name]
    curve = scenario.curves[0]
    with pytest.raises(MethexisError, match="expected"):
        scenario.case(curve, 0, -1.0)
    with pytest.raises(MethexisError, match=r"expected a problem from 0 to 2, got 3"):
        scenario.case(curve, 3, scenario.dial.values[0])


def test_an_unknown_scenario_is_refused_with_the_nearest() -> None:
    with pytest.raises(MethexisError, match=r"got 'stpes'; did you mean 'steps'\?"):
        chosen_reversals("stpes")


@pytest.mark.parametrize("number", PROBLEMS)
def test_directions_split_the_prediction(number: int) -> None:
    case = Walks(setting(number), 1.0)
    basis = np.stack([case.directions[ALONG], case.directions[ACROSS]])
    np.testing.assert_allclose(basis @ basis.T, np.eye(2), rtol=0, atol=1e-12)
    np.testing.assert_allclose(basis.T @ (basis @ case.predicted), case.predicted, atol=1e-10)
    bent = dense_hessian(case.setting.problem, case.setting.start) @ basis[0]
    assert np.linalg.norm(bent) < 1e-8 * case.setting.sharpest


@pytest.mark.parametrize("name", REVERSALS)
def test_quick_runs_agree_and_wrong_predictions_fail(name: str) -> None:
    result = run_reversal(REVERSALS[name], quick=True)
    assert result.agrees, result.verdicts
    text = json.dumps(result.summary(), allow_nan=False)
    again = ReverseScenarioResult.read(REVERSALS[name], json.loads(text))
    assert again.points == result.points
    assert again.verdicts == result.verdicts
    assert again.controls == result.controls
    # Without the factor of two, of a single step of the entropic force, theory would be wrong.
    curve = result.scenario.curves[0].name
    wrong = [
        replace(p, deviation=(p.measured - 0.5 * p.predicted) / p.error) for p in result.of(curve)
    ]
    verdict = Verdict(curve, tuple(wrong), ())
    assert verdict.p_value < FALSE_ALARM
    assert not verdict.agrees


def test_equal_seeds_give_equal_results_and_others_do_not() -> None:
    case = Walks(setting(0), 0.25)
    found = [retrace(case.plan(0.05, 4, seed)).left for seed in (7, 7, 8)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).min() > 0.0
