"""`SGD`: stochastic gradient descent, plain or with momentum; the subject of the theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.training.cells import HyperParameter
from methexis.training.optimisers.rule import DECAY_RATE, Bounds, Hyper, UpdateRule


@dataclass(frozen=True, eq=False, kw_only=True)
class SGD(UpdateRule):
    """Stochastic gradient descent, with heavy-ball or Nesterov momentum.

    One step with ``g = G + λW``, where ``G`` is the batch-mean gradient of ``ℓ`` (no ½)::

        v <- β v + g                          (with momentum)
        u  = g  |  v  |  g + β v              (plain | heavy ball | Nesterov)
        W <- (1 - η_t γ) W - η_t u

    Parameters
    ----------
    lr : float or DataArray
        Learning rate ``η > 0`` per step.
    momentum : float or DataArray
        ``β`` in [0, 1). No ``(1 - β)`` in front of ``g``: a constant gradient moves the weights
        by ``η/(1 - β)`` per step.
    nesterov : bool
        Take the gradient's part of ``v`` once more, as if looking one step ahead.
    weight_decay, l2, schedule
        As in every rule (`UpdateRule`): ``γ``, ``λ``, and the factor of ``η`` along the run. For
        plain SGD ``γ`` and ``λ`` are the same thing; with momentum they are not.

    Raises
    ------
    MethexisError
        On a number outside its range, or ``nesterov`` without momentum.

    Examples
    --------
    >>> SGD(lr=0.01).kind
    'sgd'
    >>> SGD(lr=0.01, momentum=0.9, nesterov=True).slow_time(np.array([100]), 100, batch=1).round(9)
    array([1.])
    """

    momentum: HyperParameter = 0.0
    nesterov: bool = False

    bounds: ClassVar[dict[str, Bounds]] = UpdateRule.bounds | {"momentum": DECAY_RATE}
    charge_order: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.nesterov, bool):
            raise MethexisError(f"nesterov: expected True or False, got {self.nesterov!r}")
        if self.nesterov and isinstance(self.momentum, float) and self.momentum == 0.0:
            raise MethexisError("nesterov: expected momentum > 0, got 0")

    @property
    def _has_momentum(self) -> bool:
        """Whether any network has; in a network that has none, ``v`` is ``g``."""
        return bool(np.any(np.asarray(self.momentum) > 0.0))

    @property
    def kind(self) -> str:
        """``"sgd"`` without momentum, else ``"heavy_ball"`` or ``"nesterov"``."""
        if not self._has_momentum:
            return "sgd"
        return "nesterov" if self.nesterov else "heavy_ball"

    @property
    def num_slots(self) -> int:
        """The velocity ``v``, with momentum."""
        return 0 if self.kind == "sgd" else 1

    def direction(self, gradient: Array, slots: Sequence[Array], hyper: Hyper, t: int) -> Array:
        """``g``, ``v`` or ``g + βv``."""
        del t
        if not slots:
            return gradient
        (velocity,) = slots
        velocity *= hyper["momentum"]
        velocity += gradient
        if not self.nesterov:
            return velocity
        return gradient + hyper["momentum"] * velocity

    def effective_lr(self, hyper: Hyper) -> Array:
        """``η/(1 - β)``: how far one gradient moves the weights in the end (docs/theory.md §2)."""
        return np.asarray(hyper["lr"] / (1.0 - hyper["momentum"]))
