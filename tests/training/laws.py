"""The laws of the charges, followed along a path without looking at its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import methexis as mx
from methexis.core.layers.charges import (
    charge_step,
    charges,
    heavy_ball_charge_step,
    nesterov_charge_step,
    sam_charge_step,
)
from methexis.training.optimisers import SAM
from tests.training.loops import Step

#: Rules that have a law, with decay of both kinds and without.
LAWFUL = {
    "sgd": mx.SGD(lr=0.05),
    "sgd, decays": mx.SGD(lr=0.05, weight_decay=0.4, l2=0.7),
    "heavy ball": mx.SGD(lr=0.02, momentum=0.8),
    "heavy ball, l2": mx.SGD(lr=0.02, momentum=0.8, l2=0.7),
    "heavy ball, decoupled": mx.SGD(lr=0.02, momentum=0.8, weight_decay=0.4),
    "heavy ball, decays": mx.SGD(lr=0.02, momentum=0.8, weight_decay=0.4, l2=0.7),
    "nesterov": mx.SGD(lr=0.02, momentum=0.8, nesterov=True),
    "nesterov, decays": mx.SGD(lr=0.02, momentum=0.8, nesterov=True, weight_decay=0.4, l2=0.7),
    "sam": SAM(lr=0.05, rho=0.2),
    "sam, decays": SAM(lr=0.05, rho=0.2, weight_decay=0.4, l2=0.7),
}
#: Rules that have none.
LAWLESS = {
    "adam": mx.Adam(lr=0.01, weight_decay=0.4, l2=0.3),
    "adamw": mx.AdamW(lr=0.01),
    "rmsprop": mx.RMSProp(lr=0.003, weight_decay=0.4, l2=0.3),
    "sign": mx.SignSGD(lr=0.003, weight_decay=0.4, l2=0.3),
}


class Law:
    """Charges of one network as the rule's law has them, from the gradients of each step."""

    def __init__(self, rule: Any, weights: Sequence[np.ndarray], *, bias: bool) -> None:
        self.rule, self.bias = rule, bias
        self.charge = charges(weights, bias=bias)
        self.mixed = [np.zeros_like(c) for c in self.charge]

    def follow(self, step: Step, lr: float) -> list[np.ndarray]:
        """Charges after a step of learning rate ``lr``."""
        rule = self.rule
        decays = {"lr": lr, "weight_decay": rule.weight_decay, "l2": rule.l2, "bias": self.bias}
        if rule.kind == "sgd":
            self.charge = charge_step(self.charge, step.gradient, **decays)
        elif rule.kind == "sam":
            self.charge = sam_charge_step(
                self.charge, step.gradient, step.used, rho=rule.rho, **decays
            )
        elif rule.kind == "heavy_ball":
            self.charge, self.mixed = heavy_ball_charge_step(
                self.charge, self.mixed, step.memory[0], momentum=rule.momentum, **decays
            )
        else:
            assert rule.kind == "nesterov"
            self.charge, self.mixed = nesterov_charge_step(
                self.charge, self.mixed, step.memory[0], step.update, momentum=rule.momentum,
                **decays,
            )  # fmt: skip
        return self.charge
