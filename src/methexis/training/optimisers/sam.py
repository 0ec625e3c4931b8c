"""`SAM`: sharpness-aware minimisation, descent by the gradient at a point uphill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.training.cells import HyperParameter
from methexis.training.optimisers.rule import Bounds, Hyper, UpdateRule


@dataclass(frozen=True, eq=False, kw_only=True)
class SAM(UpdateRule):
    """SGD by the gradient at the worst point of a ball of radius ``ρ``, to first order.

    One step; both gradients are means over the same batch, and ``‖G‖`` runs over all layers and
    biases of one network::

        W° = W + ρ G(W) / ‖G(W)‖               (W where the gradient is zero)
        W <- (1 - η_t γ) W - η_t [G(W°) + λ W]

    ``ρ`` is not multiplied by the schedule. The charges of adjacent layers change at first order in
    ``η``, by a known amount (docs/theory.md §2.4).

    Parameters
    ----------
    lr : float or DataArray
        Learning rate ``η > 0`` per step.
    rho : float or DataArray
        Radius ``ρ >= 0``, in units of the weights; 0.05 by default [1]_. With 0 this is `SGD`, at
        twice the cost.
    weight_decay, l2, schedule
        As in every rule (`UpdateRule`); the way uphill does not see them.

    Raises
    ------
    MethexisError
        On a number outside its range.

    References
    ----------
    .. [1] P. Foret, A. Kleiner, H. Mobahi and B. Neyshabur, arXiv:2010.01412.

    Examples
    --------
    >>> rule = SAM(lr=0.1, rho=0.5)
    >>> w, g = np.zeros((1, 1, 2)), np.array([[[3.0, 4.0]]])
    >>> rule.gradient_point([w], [g], rule.hyper())[0].round(5).tolist()
    [[[0.3, 0.4]]]
    """

    rho: HyperParameter = 0.05

    kind: ClassVar[str] = "sam"
    num_slots: ClassVar[int] = 0
    bounds: ClassVar[dict[str, Bounds]] = UpdateRule.bounds | {"rho": {"least": 0.0}}
    slow_time_unknown: ClassVar[str] = (
        "SAM moves the charges at first order in the learning rate, so its drift along the minima "
        "has another clock than that of SGD"
    )

    def gradient_point(
        self, weights: Sequence[Array], gradient: Sequence[Array], hyper: Hyper
    ) -> list[Array] | None:
        """``W°``, the point uphill."""
        # In double precision: the squares of small gradients would underflow in single.
        norm = np.sqrt(
            sum(np.square(g.reshape(len(g), -1), dtype=np.float64).sum(axis=-1) for g in gradient)
        )[:, None, None]
        with np.errstate(divide="ignore"):
            part = np.where(norm > 0.0, hyper["rho"] / norm, 0.0).astype(weights[0].dtype)
        return [w + part * g for w, g in zip(weights, gradient, strict=True)]

    def direction(self, gradient: Array, slots: Sequence[Array], hyper: Hyper, t: int) -> Array:
        """The gradient ``g`` itself, taken where `gradient_point` says."""
        del slots, hyper, t
        return gradient
