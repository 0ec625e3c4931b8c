"""What of a run decides which path theory draws for it: how samples were drawn, and the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.schedules import Schedule
from methexis.theory.flow import Pull, shuffle_factor
from methexis.training.optimisers import RULES

#: Steps between which the learning rate of a schedule is interpolated.
_GRID = 4096
#: Samplings in which no batch knows of another.
_INDEPENDENT = ("online", "replace")


@dataclass(frozen=True, eq=False)
class Setting:
    """The settings of a run without cells, with the source that it was trained on."""

    source: Teacher | Samples
    optimiser: Mapping[str, Any]
    sampling: str
    batch: int
    steps: int
    label_noise: float

    @classmethod
    def of(cls, provenance: Mapping[str, Any], source: Teacher | Samples) -> Setting:
        """The setting of a run, from its provenance."""
        return cls(
            source=source,
            optimiser=provenance["optimiser"],
            sampling=provenance["sampling"],
            batch=provenance["batch"] or 1,  # none where the gradient is exact
            steps=int(provenance["steps"]),
            label_noise=float(provenance["label_noise"]),
        )

    def _number(self, name: str) -> float:
        return float(self.optimiser.get(name, 0.0))

    @property
    def name(self) -> str:
        """Name of the optimiser."""
        return str(self.optimiser["name"])

    @property
    def momentum(self) -> float:
        """The momentum ``β``, 0 where there is none."""
        return self._number("momentum")

    @property
    def effective_lr(self) -> float:
        """``η/(1-β)``: learning rate of the plain SGD with the same slow dynamics."""
        return self._number("lr") / (1.0 - self.momentum)

    @property
    def decay_rate(self) -> float:
        """``λ + (1-β)γ``: weight decay of that plain SGD (docs/theory.md, 2.13)."""
        return self._number("l2") + (1.0 - self.momentum) * self._number("weight_decay")

    @property
    def adaptive(self) -> bool:
        """Whether the optimiser divides every entry of a step by the size of its gradient."""
        rule = RULES.get(self.name)
        return rule is not None and rule.adaptive

    @property
    def memory(self) -> float:
        """``x = (1-β₂)/(η√B)`` of adaptive rules: pace of the memory over that of fluctuations."""
        return (1.0 - self._number("beta2")) / (self._number("lr") * float(np.sqrt(self.batch)))

    @property
    def pull(self) -> float:
        """``κ = γ/η``: decoupled weight decay on the slow time ``η² t`` of adaptive rules."""
        return self._number("weight_decay") / self._number("lr")

    @property
    def independent(self) -> bool:
        """Whether batches are drawn independently of each other."""
        return self.sampling in _INDEPENDENT

    @property
    def num_samples(self) -> int:
        """Rows of the data set; 0 of a teacher."""
        return self.source.num_samples if isinstance(self.source, Samples) else 0

    @property
    def pace(self) -> float:
        """Part of the noise of independent samples that is left in those of the data: 0 of none."""
        if self.independent:
            return 1.0
        return shuffle_factor(self.num_samples, self.batch) if self.sampling == "shuffle" else 0.0

    @property
    def epoch(self) -> float:
        """Steps of an epoch, ``N/B``; 0 where there are none."""
        return self.num_samples / self.batch if self.sampling == "shuffle" else 0.0

    @property
    def gaussian_inputs(self) -> bool:
        """Whether inputs are known to be Gaussian."""
        return isinstance(self.source, Teacher) and self.source.law_x == "gaussian"

    def decay(self) -> float | Pull:
        """Weight decay ``κ = γB/η`` on slow time: a number, or with a schedule its course."""
        kappa = self.decay_rate * self.batch / self.effective_lr
        schedule = Schedule(self.optimiser["schedule"], self.optimiser["schedule_final"])
        if kappa == 0.0 or schedule.kind == "constant":
            return kappa
        at = np.unique(np.linspace(0, self.steps, _GRID + 1).round().astype(np.int64))
        unit = self.effective_lr**2 / self.batch
        times = unit * schedule.sums_of_squares(at, self.steps)
        factors = np.concatenate([schedule.factors(int(t), 1, self.steps) for t in at])

        def pull(time: float) -> float:
            return kappa / float(np.interp(time, times, factors))

        return pull

    def why_none(self) -> str:
        """Why theory draws no path for any student of such a run; nothing where it may."""
        rule = RULES.get(self.name)
        if rule is not None and rule.slow_time_unknown:
            return self._why_not(rule.slow_time_unknown)
        if self.adaptive:
            return self._why_none_of_adaptive()
        if self.name == "GradientFlow":
            return (
                "gradient flow has no noise, so nothing moves along the minima: it keeps its "
                "charges and ends where mx.theory.project takes its start"
            )
        if self.pace == 0.0 and self.label_noise == 0.0:
            return self._without_noise()
        if self.sampling == "shuffle" and self.momentum and self.epoch * (1 - self.momentum) <= 1:
            return (
                f"the momentum of {self.momentum:g} remembers about {1 / (1 - self.momentum):.3g} "
                f"steps, no fewer than the {self.epoch:.3g} of an epoch, so that gradients of one "
                "epoch cancel in it, of which there is no theory"
            )
        return ""

    def _why_not(self, unknown: str) -> str:
        if self.optimiser.get("rho") == 0.0:
            return "SAM with rho 0 takes the steps of SGD; train it as SGD, which has a path"
        if self.pace == 0.0 and self.label_noise == 0.0:
            return (
                f"{self.name} does not keep the charges of its start even without noise, so which "
                "minimum it reaches is not known"
            )
        return f"theory follows SGD, Adam and RMSProp, and {unknown}"

    def _why_none_of_adaptive(self) -> str:
        if self.pace == 0.0 and self.label_noise == 0.0:
            return (
                f"{self.name} does not keep the charges of its start even without noise, so which "
                "minimum it reaches is not known"
            )
        if self.sampling == "shuffle" and self.label_noise:
            return (
                f"of {self.name} theory knows the noise of shuffled epochs and that of independent "
                "draws, and not both at once, as here on data and labels"
            )
        if self._number("l2"):
            return (
                f"{self.name} divides L2 by the size of the gradient, too, and theory speaks of "
                "decoupled weight decay alone"
            )
        if self.optimiser["schedule"] != "constant" and (self.independent or self.decay_rate):
            return (
                f"with a schedule the memory of {self.name} and weight decay change their weight "
                "along the way, and theory speaks of constant ones"
            )
        beta1 = self._number("beta1")
        if self.sampling == "shuffle" and beta1 and self.epoch * (1 - beta1) <= 1:
            return (
                f"the memory β1 = {beta1:g} averages about {1 / (1 - beta1):.3g} steps, no fewer "
                f"than the {self.epoch:.3g} of an epoch, so that gradients of one epoch cancel in "
                "it, of which there is no theory"
            )
        return ""

    def _without_noise(self) -> str:
        exact = (
            "the exact gradient has no noise"
            if self.sampling == "full"
            else f"a batch of all {self.num_samples} samples has no noise"
        )
        if self.decay_rate:
            return (
                f"{exact}, so only weight decay moves the weights along the minima, for which "
                "there is no slow time"
            )
        return (
            f"{exact}, so descent is gradient flow but for the size of its steps: nothing moves "
            "along the minima, and it ends near where mx.theory.project takes its start"
        )


def epoch_turn(setting: Setting, sharpness: float) -> float:
    """``η λ_max N/B``: how far an epoch moves along the stiffest direction."""
    return setting.effective_lr * sharpness * setting.epoch


def times_since_start(slow_time: Array) -> Array:
    """Slow time since the first record, from which a path is followed."""
    return np.asarray(slow_time - slow_time[0], dtype=np.float64)
