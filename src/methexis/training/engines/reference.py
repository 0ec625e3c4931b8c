"""The reference engine: plain NumPy, batched over networks, as plain as the equations.

Samples come from `batches`, gradients from `gradients`; what a step does with a gradient is the
optimiser's. All students advance together so that paired samples are drawn once.
"""

from __future__ import annotations

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.training.engines.batches import Draw, batches
from methexis.training.engines.gradients import Gradients
from methexis.training.engines.state import CHECK_INTERVAL, State
from methexis.training.optimisers import UpdateRule
from methexis.training.plan import Plan, numpy_versions

#: Bytes of drawn numbers held at once.
_BLOCK_BYTES = 8 * 2**20


class ReferenceEngine:
    """Advances a `State` by steps of any update rule; see the module's docstring."""

    name = "reference"
    stretch: int | None = 8

    def __init__(self, plan: Plan) -> None:
        if not isinstance(plan.optimiser, UpdateRule):
            raise MethexisError(f"reference engine: {self.refusal(plan)}")
        self.plan = plan
        self.optimiser = plan.optimiser
        self.draw: Draw | None = None if plan.from_moments else batches(plan)
        self.gradients = Gradients(plan.problems, plan.batch, plan.dtype)
        self._hyper = {
            name: values.astype(plan.dtype)[:, None, None] for name, values in plan.hyper.items()
        }
        width = max(p.dims[0] + p.dims[-1] for p in plan.problems)
        row = 8 * plan.num_networks * plan.batch * width * (len(plan.problems) + 1)
        self._block = int(np.clip(_BLOCK_BYTES // row, 1, CHECK_INTERVAL))

    @staticmethod
    def refusal(plan: Plan) -> str:
        """Why this engine cannot carry out ``plan``; empty if it can."""
        if isinstance(plan.optimiser, UpdateRule):
            return ""
        return f"expected an optimiser that makes steps, got {plan.optimiser!r}"

    def versions(self) -> dict[str, str]:
        """What the bits of the steps depend on, besides the plan."""
        return numpy_versions()

    def start(self) -> State:
        """The state before the first step."""
        return State.start(self.plan)

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``.

        Blocks are cut at multiples of the check interval, never where the caller happens to stop,
        as far as bits are concerned: every number is a function of its step.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            while state.step < until:
                edge = (state.step // CHECK_INTERVAL + 1) * CHECK_INTERVAL
                num = min(self._block, edge - state.step, until - state.step)
                self._run_block(state, num)
                if state.step % CHECK_INTERVAL == 0 or state.step == self.plan.steps:
                    state.mark_lost(self.plan)

    def _run_block(self, state: State, num: int) -> None:
        factors = self.optimiser.schedule.factors(state.step, num, self.plan.steps)
        blocks = None if self.draw is None else self.draw(state.step, num)
        for t in range(num):
            rate = (self.plan.hyper["lr"] * factors[t]).astype(self.plan.dtype)
            hyper = self._hyper | {"lr": rate[:, None, None]}
            for k, weights in enumerate(state.weights):
                batch = None if blocks is None else (blocks[k][0][t], blocks[k][1][t])
                precision = None
                if batch is not None and state.residual_cov:
                    precision = self.gradients.whiten(k, weights, batch, state.residual_cov[k])
                gradient = self._gradient(k, weights, batch, precision)
                elsewhere = self.optimiser.gradient_point(weights, gradient, hyper)
                if elsewhere is not None:
                    gradient = self._gradient(k, elsewhere, batch, precision)
                self.optimiser.step(weights, gradient, state.slots[k], hyper, state.step + t)
        state.step += num

    def _gradient(
        self,
        k: int,
        weights: list[Array],
        batch: tuple[Array, Array] | None,
        precision: Array | None,
    ) -> list[Array]:
        """Mean gradient of student ``k`` over a batch; exact, from moments, without one."""
        if batch is None:
            return self.gradients.exact(k, weights)
        return self.gradients(k, weights, batch, precision)
