"""`UpdateRule`: what all optimisers have in common.

A rule is a specification: a frozen dataclass of hyper-parameters. It is also the reference for what
an engine does with them, by one method, `direction`, which says where one layer moves. Everything
else is the same for all rules and stands here: with the batch-mean gradient ``G`` of ``ℓ`` (no ½),
the learning rate ``η_t = lr × schedule``, L2 ``λ`` and decoupled decay ``γ``::

    g = G + λ W
    W <- (1 - η_t γ) W - η_t u,    u = direction(g, slots)

The slots are a rule's memory: arrays shaped like the weights, zero at the start. A rule that needs
the gradient at another point than the weights (SAM) names it by `gradient_point`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError
from methexis.core.parallel.caching import cached_property
from methexis.display import Displayed
from methexis.schedules import Schedule
from methexis.training.cells import HyperParameter, hyper_parameter, plain

#: Range of a hyper-parameter: keywords of `number`.
Bounds = dict[str, float]
#: Range of the ``β`` of a running mean.
DECAY_RATE: Bounds = {"least": 0.0, "below": 1.0}
#: Range of what is added to a root: above zero in single precision, too.
EPS: Bounds = {"least": 1e-30}

#: Hyper-parameters of a step under their names, each ``(num_networks, 1, 1)`` in the run's dtype;
#: ``lr`` is already multiplied by the schedule.
Hyper = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class UpdateRule(Displayed, ABC):
    """An optimiser that makes steps; see the module's docstring for what a step is.

    Parameters
    ----------
    lr : float or DataArray
        Learning rate ``η > 0`` per step. The dimensions of a `DataArray`, here and below, become
        cells of one batched run (`training.cells`).
    weight_decay : float or DataArray
        Decoupled rate ``γ >= 0``: weights shrink by ``1 - η_t γ`` in each step.
    l2 : float or DataArray
        ``λ >= 0``: gradient of the penalty ``½ λ ‖W‖²``, added to ``G``.
    schedule : Schedule
        Factor of ``η`` along the run; constant by default.

    Raises
    ------
    MethexisError
        On a number outside its range.
    """

    lr: HyperParameter
    _: KW_ONLY
    weight_decay: HyperParameter = 0.0
    l2: HyperParameter = 0.0
    schedule: Schedule = field(default_factory=Schedule)

    #: Range of every hyper-parameter; the keys name those that are numbers.
    bounds: ClassVar[dict[str, Bounds]] = {
        "lr": {"above": 0.0},
        "weight_decay": {"least": 0.0},
        "l2": {"least": 0.0},
    }
    #: Least power of the learning rate in the change of charges per step: 2 where the first order
    #: cancels, 1 where it does not (docs/theory.md §2).
    charge_order: ClassVar[int] = 1
    #: Whether every entry of a step is divided by the recent size of its gradient: slow time then
    #: takes no note of the batch size (docs/adaptive.md).
    adaptive: ClassVar[bool] = False
    #: Why the rule has no slow time; empty where it has one.
    slow_time_unknown: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name, bounds in self.bounds.items():
            checked = hyper_parameter(name, getattr(self, name), **bounds)
            object.__setattr__(self, name, checked)  # a copy: what is held does not change
        if not isinstance(self.schedule, Schedule):
            raise MethexisError(f"schedule: expected a Schedule, got {self.schedule!r}")
        if isinstance(self.lr, xr.DataArray) or isinstance(self.weight_decay, xr.DataArray):
            return  # the plan joins their dimensions and checks every network
        if self.lr * self.weight_decay >= 1.0:
            raise MethexisError(
                "weight_decay: expected lr * weight_decay < 1 (else weights change sign each "
                f"step), got {self.lr * self.weight_decay:g}"
            )

    @property
    @abstractmethod
    def kind(self) -> str:
        """Name of the formula, under which engines know it."""

    @property
    @abstractmethod
    def num_slots(self) -> int:
        """Arrays of the shape of the weights that a step leaves for the next."""

    @abstractmethod
    def direction(self, gradient: Array, slots: Sequence[Array], hyper: Hyper, t: int) -> Array:
        """Direction ``u`` of one layer at step ``t >= 0``; advances the slots in place.

        Parameters
        ----------
        gradient : array (num_networks, d_i, d_{i-1})
            ``g``, the L2 term included. May be overwritten.
        slots : sequence of arrays (num_networks, d_i, d_{i-1})
            This layer's memory.
        """

    def gradient_point(
        self, weights: Sequence[Array], gradient: Sequence[Array], hyper: Hyper
    ) -> list[Array] | None:
        """Weights at which the step takes its gradient, if not those it moves; else None.

        The engine then asks for the gradient there, on the same batch, and gives that to `step`.
        """
        del weights, gradient, hyper
        return None

    def step(
        self,
        weights: Sequence[Array],
        gradient: Sequence[Array],
        slots: Sequence[Sequence[Array]],
        hyper: Hyper,
        t: int,
    ) -> None:
        """Do step ``t`` on all layers of one student, in place.

        Parameters
        ----------
        weights, gradient : sequences (layer) of arrays (num_networks, d_i, d_{i-1})
            Weights, and batch-mean gradients at them (or at `gradient_point`); both are
            overwritten.
        slots : sequence (slot) of sequences (layer) of arrays
            Memory, overwritten.
        """
        lr = hyper["lr"]
        for i, w in enumerate(weights):
            g = gradient[i]
            if self._has_l2:
                g += hyper["l2"] * w
            move = lr * self.direction(g, [slot[i] for slot in slots], hyper, t)
            if self._decays:
                np.multiply(w, 1 - lr * hyper["weight_decay"], out=w)
            np.subtract(w, move, out=w)

    @cached_property
    def _has_l2(self) -> bool:
        return bool(np.any(self.l2))

    @cached_property
    def _decays(self) -> bool:
        return bool(np.any(self.weight_decay))

    def slots(self, weights: Sequence[Array]) -> list[list[Array]]:
        """Memory before the first step: zeros, ``[slot][layer]``."""
        return [[np.zeros_like(w) for w in weights] for _ in range(self.num_slots)]

    def hyper(self) -> dict[str, Array]:
        """Hyper-parameters as `step` takes them, of one network at the full learning rate.

        Raises
        ------
        MethexisError
            If one of them differs from cell to cell.
        """
        return {name: np.full((1, 1, 1), plain(name, getattr(self, name))) for name in self.bounds}

    def rates(self, first: int, count: int, total: int) -> Array:
        """Learning rates ``η_t`` of ``count`` steps from ``first`` in a run of ``total``."""
        return np.asarray(plain("lr", self.lr) * self.schedule.factors(first, count, total))

    def effective_lr(self, hyper: Hyper) -> Array:
        """Learning rate of the plain SGD with the same slow dynamics; NaN where none is known."""
        return np.full_like(hyper["lr"], np.nan)

    def slow_factor(self, hyper: Hyper, batch: int = 1) -> Array:
        """Slow time per step where the schedule's factor is 1: ``η_eff²/B``."""
        return np.square(self.effective_lr(hyper)) / (1 if self.adaptive else batch)

    def slow_time(self, steps: NDArray[np.int64], total: int, batch: int) -> Array:
        """``τ = Σ_{s<t} η_eff,s² / B`` at each of increasing ``steps``; NaN where unknown.

        Of adaptive rules, near the minima, it is ``Σ η_s²`` for every batch size.
        """
        hyper = {name: np.asarray(plain(name, getattr(self, name))) for name in self.bounds}
        sums = self.schedule.sums_of_squares(steps, total)
        return np.asarray(self.slow_factor(hyper, batch) * sums)

    def describe(self) -> dict[str, Any]:
        """The rule as plain data, for provenance and fingerprint."""
        settings: dict[str, Any] = {"name": type(self).__name__}
        for f in fields(self):
            settings[f.name] = getattr(self, f.name)
        schedule: Schedule = settings.pop("schedule")
        return settings | {"schedule": schedule.kind, "schedule_final": schedule.final}
