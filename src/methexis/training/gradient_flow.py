"""Gradient flow: the control run, in which nothing is discrete or noisy.

Integrated by a high-order explicit method with the exact gradient. Once the gradient has vanished
to rounding the weights stand still, and the rest of the run is filled in without integration.
"""

from __future__ import annotations

import numpy as np
import scipy.integrate

from methexis.core.checks import Array, MethexisError
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.core.products import predictor, pullback
from methexis.training.optimisers import GradientFlow
from methexis.training.plan import Plan
from methexis.training.state import State

#: The flow has ended when the gradient is below this part of its start.
_ENDED = 1e-13


class FlowEngine:
    """Advances a `State` along the gradient flow of every student's population loss."""

    name = "gradient flow"

    def __init__(self, plan: Plan) -> None:
        if not isinstance(plan.optimiser, GradientFlow):
            raise MethexisError(f"gradient flow: expected GradientFlow, got {plan.optimiser!r}")
        self.plan = plan
        self.optimiser = plan.optimiser
        self._first = [self._speed(p, w) for p, w in zip(plan.problems, plan.start, strict=True)]

    def start(self) -> State:
        """The state before the first step."""
        return State.start(self.plan, momentum=False)

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``, i.e. by ``lr`` times the steps between."""
        duration = (until - state.step) * self.optimiser.lr
        for k, problem in enumerate(self.plan.problems):
            if duration > 0 and self._speed(problem, state.weights[k]) > _ENDED * self._first[k]:
                state.weights[k] = self._integrate(k, state.weights[k], duration)
        state.step = until

    def _speed(self, problem: Problem, weights: list[Array]) -> float:
        return float(np.linalg.norm(flatten(_gradient(problem, weights))))

    def _integrate(self, k: int, weights: list[Array], duration: float) -> list[Array]:
        problem = self.plan.problems[k]
        start = flatten(weights)
        shape = start.shape

        def rhs(_: float, state: Array) -> Array:
            layers = unflatten(state.reshape(shape), problem.dims)
            return -flatten(_gradient(problem, layers)).ravel()

        def ended(_: float, state: Array) -> float:
            return float(np.linalg.norm(rhs(0.0, state))) / self._first[k] - _ENDED

        ended.terminal = True  # type: ignore[attr-defined]
        solution = scipy.integrate.solve_ivp(
            rhs,
            (0.0, duration),
            start.ravel(),
            method="DOP853",
            rtol=self.optimiser.rtol,
            atol=self.optimiser.rtol * 1e-2,
            events=ended,
        )
        if not solution.success:
            raise MethexisError(f"gradient flow: the integrator failed: {solution.message}")
        return [
            np.array(w, dtype=self.plan.dtype)
            for w in unflatten(solution.y[:, -1].reshape(shape), problem.dims)
        ]


def _gradient(problem: Problem, weights: list[Array]) -> list[Array]:
    delta = predictor(problem, weights) - problem.target
    return pullback(problem, weights, 2.0 * delta @ problem.cov_x)
