"""Every optimiser once more, one number at a time, from its formula alone.

Nothing here is shared with the package. Hyper-parameters are read off a specification by name, with
0 for those that it lacks; `kind` says which formula is meant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Weights = Sequence[np.ndarray]
GradientAt = Callable[[Weights], list[np.ndarray]]

MEMORY = {"heavy_ball": 1, "nesterov": 1, "adam": 2, "rmsprop": 1}
NAMES = ("weight_decay", "l2", "momentum", "beta1", "beta2", "eps", "rho")


@dataclass
class Step:
    """What one step was made of, for the laws of the charges."""

    weights: list[np.ndarray]  # before
    gradient: list[np.ndarray]  # G, at the weights
    used: list[np.ndarray]  # G, or G° of SAM
    update: list[np.ndarray]  # u
    memory: list[list[np.ndarray]]  # after, [slot][layer]
    after: list[np.ndarray]


def past(beta: float, t: int) -> float:
    """Sum of the weights of the gradients 0 … t in a running mean that began at zero."""
    return sum((1 - beta) * beta**age for age in range(t + 1))


def direction(kind: str, g: float, memory: list[float], p: dict[str, float], t: int) -> float:
    """``u`` of one weight; ``memory`` is advanced."""
    if kind in ("sgd", "sam"):
        return g
    if kind == "sign":
        return 0.0 if g == 0 else math.copysign(1.0, g)
    if kind == "heavy_ball":
        memory[0] = p["momentum"] * memory[0] + g
        return memory[0]
    if kind == "nesterov":
        memory[0] = p["momentum"] * memory[0] + g
        return g + p["momentum"] * memory[0]
    if kind == "rmsprop":
        memory[0] = p["beta2"] * memory[0] + (1 - p["beta2"]) * g * g
        return g / (math.sqrt(memory[0]) + p["eps"])
    assert kind == "adam"
    memory[0] = p["beta1"] * memory[0] + (1 - p["beta1"]) * g
    memory[1] = p["beta2"] * memory[1] + (1 - p["beta2"]) * g * g
    mean = memory[0] / past(p["beta1"], t)
    return mean / (math.sqrt(memory[1] / past(p["beta2"], t)) + p["eps"])


class SlowRule:
    """An optimiser with its memory, for one network; `step` is called once per step, in order."""

    def __init__(self, rule: Any, weights: Weights) -> None:
        self.kind = rule.kind
        self.p = {name: float(getattr(rule, name, 0.0)) for name in NAMES}
        count = MEMORY.get(self.kind, 0)
        self.memory = [[np.zeros_like(w) for w in weights] for _ in range(count)]
        self.t = 0

    def step(self, weights: Weights, gradient_at: GradientAt, lr: float) -> Step:
        """One step of learning rate ``lr``; the weights given are left alone."""
        gradient = gradient_at(weights)
        used = gradient_at(self.uphill(weights, gradient)) if self.kind == "sam" else gradient
        update = [np.zeros_like(w) for w in weights]
        after = [np.zeros_like(w) for w in weights]
        for i, w in enumerate(weights):
            for place in np.ndindex(w.shape):
                memory = [float(slot[i][place]) for slot in self.memory]
                g = float(used[i][place]) + self.p["l2"] * float(w[place])
                u = direction(self.kind, g, memory, self.p, self.t)
                for slot, value in zip(self.memory, memory, strict=True):
                    slot[i][place] = value
                update[i][place] = u
                after[i][place] = (1 - lr * self.p["weight_decay"]) * float(w[place]) - lr * u
        self.t += 1
        memory_after = [[m.copy() for m in slot] for slot in self.memory]
        return Step(list(weights), gradient, used, update, memory_after, after)

    def uphill(self, weights: Weights, gradient: Weights) -> list[np.ndarray]:
        norm = math.sqrt(sum(float(x) ** 2 for g in gradient for x in g.flat))
        part = self.p["rho"] / norm if norm else 0.0
        return [w + part * g for w, g in zip(weights, gradient, strict=True)]
