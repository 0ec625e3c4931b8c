"""`RMSProp`: steps divided, entry by entry, by the recent root mean square of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.training.cells import HyperParameter
from methexis.training.optimisers.rule import DECAY_RATE, EPS, Bounds, Hyper, UpdateRule


@dataclass(frozen=True, eq=False, kw_only=True)
class RMSProp(UpdateRule):
    """RMSProp, not centred and without momentum.

    One step with ``g = G + λW``, where ``G`` is the batch-mean gradient of ``ℓ`` (no ½)::

        v <- β2 v + (1 - β2) g²                (entry by entry)
        W <- (1 - η_t γ) W - η_t g / (√v + eps)

    ``v`` starts at zero and is not corrected for it, so the first steps are larger, by up to
    ``1/√(1 - β2)``. The charges of adjacent layers change at first order in ``η``
    (docs/theory.md §2.5). Near the minima slow time is ``Σ η_t²``, for every batch size
    (docs/adaptive.md).

    Parameters
    ----------
    lr : float or DataArray
        Learning rate ``η > 0``: about how far an entry moves per step.
    beta2 : float or DataArray
        ``β2`` in [0, 1); a window of about 100 steps by default.
    eps : float or DataArray
        Added to the root, in units of the gradient; at least 1e-30.
    weight_decay, l2, schedule
        As in every rule (`UpdateRule`).

    Raises
    ------
    MethexisError
        On a number outside its range.

    Examples
    --------
    >>> rule = RMSProp(lr=0.1, beta2=0.75)
    >>> w, g = np.zeros((1, 1, 2)), np.array([[[3.0, -0.001]]])
    >>> rule.step([w], [g], rule.slots([w]), rule.hyper(), t=0)
    >>> w.round(5).tolist()
    [[[-0.2, 0.2]]]
    """

    beta2: HyperParameter = 0.99
    eps: HyperParameter = 1e-8

    kind: ClassVar[str] = "rmsprop"
    num_slots: ClassVar[int] = 1  # v
    bounds: ClassVar[dict[str, Bounds]] = UpdateRule.bounds | {"beta2": DECAY_RATE, "eps": EPS}
    adaptive: ClassVar[bool] = True

    def effective_lr(self, hyper: Hyper) -> Array:
        """``η``: means over past steps have weight 1, and near the minima sizes stand still."""
        return np.asarray(hyper["lr"])

    def direction(self, gradient: Array, slots: Sequence[Array], hyper: Hyper, t: int) -> Array:
        """``g / (√v + eps)``."""
        del t
        (square,) = slots
        square *= hyper["beta2"]
        square += (1 - hyper["beta2"]) * np.square(gradient)
        return np.asarray(gradient / (np.sqrt(square) + hyper["eps"]))
