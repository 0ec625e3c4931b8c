"""The reference engine: plain NumPy, batched over replicas, as plain as the equations.

One step of one student, with ``h_0 = E x`` and ``t = (2/B) Mᵀ y`` from `batches`::

    h_i = W_i h_{i-1},   g_D = (2/B) MᵀM h_D - t,   G_i = g_i h_{i-1}ᵀ,   g_{i-1} = W_iᵀ g_i

All students advance together so that paired samples are drawn once.
"""

from __future__ import annotations

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.products import loss_gradient
from methexis.training.batches import Draw, batches
from methexis.training.optimisers import UpdateRule
from methexis.training.plan import Plan
from methexis.training.state import CHECK_INTERVAL, State

#: Bytes of drawn numbers held at once.
_BLOCK_BYTES = 8 * 2**20


class ReferenceEngine:
    """Advances a `State` by SGD steps; see the module's docstring."""

    name = "reference"
    stretch = 512

    def __init__(self, plan: Plan) -> None:
        if not isinstance(plan.optimiser, UpdateRule):
            raise MethexisError(f"reference engine: expected steps, got {plan.optimiser!r}")
        self.plan = plan
        self.optimiser = plan.optimiser
        self.draw: Draw | None = None if plan.sampling == "full" else batches(plan)
        self._curvature = [
            (2.0 / plan.batch * (p.embed_out.T @ p.embed_out)).astype(plan.dtype)
            for p in plan.problems
        ]
        self._hyper = {
            name: np.full((1, 1, 1), getattr(self.optimiser, name, 0.0), dtype=plan.dtype)
            for name in ("weight_decay", "l2", "momentum")
        }
        width = max(p.dims[0] + p.dims[-1] for p in plan.problems)
        row = 8 * len(plan.replicas) * plan.batch * width * (len(plan.problems) + 1)
        self._block = int(np.clip(_BLOCK_BYTES // row, 1, CHECK_INTERVAL))

    def start(self) -> State:
        """The state before the first step."""
        return State.start(self.plan, momentum=self.optimiser.num_slots > 0)

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
        rates = self.optimiser.rates(state.step, num, self.plan.steps).astype(self.plan.dtype)
        blocks = None if self.draw is None else self.draw(state.step, num)
        for t in range(num):
            hyper = self._hyper | {"lr": rates[t].reshape(1, 1, 1)}
            for k, weights in enumerate(state.weights):
                if blocks is None:
                    gradients = self._full_gradient(k, weights)
                else:
                    inputs, labels = blocks[k]
                    gradients = self._gradient(k, weights, inputs[t], labels[t])
                slots = [state.velocity[k]] if state.velocity else []
                self.optimiser.step(weights, gradients, slots, hyper, state.step + t)
        state.step += num

    def _gradient(self, k: int, weights: list[Array], inputs: Array, labels: Array) -> list[Array]:
        """Batch-mean gradients ``G_i``, ``(replica, d_i, d_{i-1})``."""
        hidden = [inputs]
        for w in weights:
            hidden.append(w @ hidden[-1])
        signal = self._curvature[k] @ hidden[-1] - labels
        gradients = [signal @ hidden[-2].mT]
        for i in range(len(weights) - 1, 0, -1):
            signal = weights[i].mT @ signal
            gradients.append(signal @ hidden[i - 1].mT)
        return gradients[::-1]

    def _full_gradient(self, k: int, weights: list[Array]) -> list[Array]:
        """Exact gradient of ``L`` over the population or the whole data set."""
        full = loss_gradient(self.plan.problems[k], weights)
        return [g.astype(self.plan.dtype, copy=False) for g in full]
