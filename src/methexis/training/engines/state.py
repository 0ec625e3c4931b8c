"""State of a run between steps, and the two ways in which a network can be lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.training.engines.gradients import start_residual_cov
from methexis.training.plan import Plan

#: Steps at multiples of this number check every network for divergence and collapse.
CHECK_INTERVAL = 64
#: A network whose largest weight exceeds this multiple of its start and of the size that
#: a minimum needs (`Problem.weight_scale`) has diverged.
DIVERGENCE_FACTOR = 1e3
#: A network all of whose layers of one student fall below this part of their start has collapsed.
COLLAPSE_FACTOR = 1e-6


@dataclass(eq=False)
class State:
    """What an engine advances: all that the next step depends on."""

    step: int  # steps done
    #: By student and layer, (network, d_i, d_{i-1} + bias); biases are the last column.
    weights: list[list[Array]]
    #: By student, slot and layer, arrays like these: what the optimiser remembers, that is
    #: velocities and second moments.
    slots: list[list[list[Array]]]
    #: By student, (network, p, p): running second moment of the residuals, where the loss needs it;
    #: else empty.
    residual_cov: list[Array]
    #: (network,): step of the check that found a network lost, or -1. Lost networks hold NaN.
    diverged_step: NDArray[np.int64]
    collapsed_step: NDArray[np.int64]

    @classmethod
    def start(cls, plan: Plan) -> State:
        """The state before the first step."""
        weights = [[w.astype(plan.dtype) for w in layers] for layers in plan.start]
        slots = [
            [[np.zeros_like(w) for w in layers] for _ in range(plan.optimiser.num_slots)]
            for layers in weights
        ]
        residual_cov = []
        if plan.loss == "whitened_running":
            residual_cov = [start_residual_cov(p, plan.label_noise) for p in plan.problems]
        none = np.full(plan.num_networks, -1, dtype=np.int64)
        return cls(0, weights, slots, residual_cov, none, none.copy())

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which networks are neither diverged nor collapsed."""
        return (self.diverged_step < 0) & (self.collapsed_step < 0)

    def mark_lost(self, plan: Plan) -> None:
        """Find networks lost since the last check, record the step and fill them with NaN."""
        diverged, collapsed = self.lost(plan)
        for where, lost in ((self.diverged_step, diverged), (self.collapsed_step, collapsed)):
            new = lost & self.alive
            where[new] = self.step
            if new.any():
                for layers in self.weights:
                    for w in layers:
                        w[new] = np.nan

    def lost(self, plan: Plan) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which networks now have diverged, and which have collapsed to zero."""
        diverged = np.zeros(plan.num_networks, dtype=np.bool_)
        collapsed = diverged.copy()
        for k, layers in enumerate(self.weights):
            size = largest(layers)
            upper, lower = limits(plan, k)
            diverged |= ~(size <= upper)
            collapsed |= size <= lower
        return diverged, collapsed


def largest(layers: Sequence[Array]) -> Array:
    """Size of the largest weight of each network, ``(network,)``; NaN where one is none."""
    ends = []
    for w in layers:
        flat = w.reshape(len(w), -1)
        ends += [flat.max(axis=-1), -flat.min(axis=-1)]  # absolute values would be another array
    return np.asarray(np.max(ends, axis=0))


def limits(plan: Plan, student: int) -> tuple[Array, Array]:
    """Sizes of the largest weight above and below which a network is lost, ``(network,)``."""
    first = largest(plan.start[student])
    least = plan.problems[student].weight_scale
    return DIVERGENCE_FACTOR * np.maximum(first, least), COLLAPSE_FACTOR * first
