"""Gradient flow: the control run, in which nothing is discrete or noisy.

Integrated to high accuracy with the exact gradient and Hessian, each replica by itself. The
weights at a step are a pure function of the step: the path is integrated over fixed legs, which end
at steps 1, 2, 4, 8, … (the flow slows down about as fast), and read off within a leg from the
integrator's own interpolation. So what is recorded, where the caller stops and where a killed run
resumes do not change a bit. Once the gradient has vanished to the integrator's tolerance the
weights stand still, and the rest of the run is filled in without integration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.integrate

from methexis.core.checks import Array, MethexisError
from methexis.core.layers.products import loss_gradient, pullback
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.theory.curvature import MAX_DENSE_PARAMETERS, dense_hessian
from methexis.training.engines.state import State
from methexis.training.optimisers import GradientFlow
from methexis.training.plan import Plan, numpy_versions


class FlowEngine:
    """Advances a `State` along the gradient flow of every student's population loss."""

    name = "gradient flow"
    stretch: int | None = None  # nothing is gained by stopping between recorded steps

    def __init__(self, plan: Plan) -> None:
        if not isinstance(plan.optimiser, GradientFlow):
            raise MethexisError(f"gradient flow: {self.refusal(plan)}")
        self.plan = plan
        start = State.start(plan).weights
        self._paths = [
            [
                _Path(problem, [w[n].astype(np.float64) for w in layers], plan, n)
                for n in range(plan.num_networks)
            ]
            for problem, layers in zip(plan.problems, start, strict=True)
        ]

    @staticmethod
    def refusal(plan: Plan) -> str:
        """Why this engine cannot carry out ``plan``; empty if it can."""
        if isinstance(plan.optimiser, GradientFlow):
            return ""
        return f"expected GradientFlow, got {plan.optimiser!r}"

    def versions(self) -> dict[str, str]:
        """What the bits of the weights depend on, besides the plan."""
        return numpy_versions()

    def start(self) -> State:
        """The state before the first step."""
        return State.start(self.plan)

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``, i.e. to the time ``until * lr``."""
        for problem, layers, paths in zip(
            self.plan.problems, state.weights, self._paths, strict=True
        ):
            for n, path in enumerate(paths):
                weights = unflatten(path.at(until), problem.dims)
                for w, value in zip(layers, weights, strict=True):
                    w[n] = value
        state.step = until
        state.mark_lost(self.plan)


@dataclass(eq=False)
class _Leg:
    """One integrated piece of a path, from one fixed step to the next."""

    first: int
    last: int
    end: Array
    ended: bool
    position: Callable[[float], Array]


class _Path:
    """The flow of one network; holds one leg at a time."""

    def __init__(self, problem: Problem, weights: list[Array], plan: Plan, network: int) -> None:
        assert isinstance(plan.optimiser, GradientFlow)  # FlowEngine refuses others
        self.problem = problem
        self.origin = flatten(weights)
        self.lr, self.rtol = float(plan.hyper["lr"][network]), plan.optimiser.rtol
        self.steps = plan.steps
        # A start at a minimum has a gradient of rounding only, so the scale of the gradient is
        # that of the whole target as error where it is larger.
        target = pullback(problem, weights, 2.0 * problem.target @ problem.cov_x)
        scale = max(self._speed(self.origin), float(np.linalg.norm(flatten(target))))
        self.still = self.rtol * scale
        self._leg: _Leg | None = None

    def at(self, step: int) -> Array:
        """Weights, flat, at ``step``."""
        if step == 0:
            return self.origin
        if self._leg is None or step <= self._leg.first:
            self._leg = self._integrate(0, 1, self.origin)
        while step > self._leg.last and not self._leg.ended:
            leg = self._leg
            self._leg = self._integrate(leg.last, min(2 * leg.last, self.steps), leg.end)
        leg = self._leg
        return leg.end if step >= leg.last else leg.position((step - leg.first) * self.lr)

    def _velocity(self, _: float, state: Array) -> Array:
        return -flatten(loss_gradient(self.problem, unflatten(state, self.problem.dims)))

    def _speed(self, state: Array) -> float:
        return float(np.linalg.norm(self._velocity(0.0, state)))

    def _method(self) -> dict[str, Any]:
        """LSODA turns implicit where the flow is stiff; its matrix must fit in memory."""
        if self.problem.num_parameters > MAX_DENSE_PARAMETERS:
            return {"method": "DOP853"}

        def jacobian(_: float, state: Array) -> Array:
            return -dense_hessian(self.problem, unflatten(state, self.problem.dims))

        return {"method": "LSODA", "jac": jacobian}

    def _integrate(self, first: int, last: int, start: Array) -> _Leg:
        if self._speed(start) <= self.still:
            return _Leg(first, last, start, True, lambda _: start)

        def ended(_: float, state: Array) -> float:
            return self._speed(state) - self.still

        ended.terminal = True  # type: ignore[attr-defined]
        solution = scipy.integrate.solve_ivp(
            self._velocity,
            (0.0, (last - first) * self.lr),
            start,
            rtol=self.rtol,
            atol=self.rtol * 1e-2 * float(np.abs(start).max()),
            events=ended,
            dense_output=True,
            **self._method(),
        )
        if not solution.success:
            raise MethexisError(f"gradient flow: the integrator failed: {solution.message}")
        path, stop = solution.sol, float(solution.t[-1])
        assert path is not None  # dense_output asks for it

        def position(time: float) -> Array:
            return np.asarray(path(min(time, stop)))

        return _Leg(first, last, solution.y[:, -1], solution.status == 1, position)
