"""`Adam` and `AdamW`: steps divided, entry by entry, by the recent size of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.training.cells import HyperParameter
from methexis.training.optimisers.rule import DECAY_RATE, EPS, Bounds, Hyper, UpdateRule


@dataclass(frozen=True, eq=False, kw_only=True)
class Adam(UpdateRule):
    """Adam: running means of the gradient and of its square, corrected for their start at zero.

    Step ``t = 0, 1, …`` with ``g = G + λW``, where ``G`` is the batch-mean gradient of ``ℓ``::

        m <- β1 m + (1 - β1) g
        v <- β2 v + (1 - β2) g²                                      (entry by entry)
        u  = [m / (1 - β1^{t+1})] / [√(v / (1 - β2^{t+1})) + eps]
        W <- (1 - η_t γ) W - η_t u

    The charges of adjacent layers change at first order in ``η`` (docs/theory.md §2.5). Near the
    minima slow time is ``Σ η_t²``, for every batch size (docs/adaptive.md).

    Parameters
    ----------
    lr : float or DataArray
        Learning rate ``η > 0``: about how far an entry moves per step.
    beta1, beta2 : float or DataArray
        ``β1``, ``β2`` in [0, 1); windows of about 10 and 1000 steps by default [1]_.
    eps : float or DataArray
        Added to the root, in units of the gradient; at least 1e-30, so that single precision holds
        it.
    weight_decay, l2, schedule
        As in every rule (`UpdateRule`). L2 goes through the division by the root, decoupled decay
        does not [2]_.

    Raises
    ------
    MethexisError
        On a number outside its range.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, arXiv:1412.6980.
    .. [2] I. Loshchilov and F. Hutter, arXiv:1711.05101.

    Examples
    --------
    The first step moves every entry by ``lr``, whatever the size of its gradient:

    >>> rule = Adam(lr=0.1)
    >>> w, g = np.zeros((1, 1, 2)), np.array([[[3.0, -0.001]]])
    >>> rule.step([w], [g], rule.slots([w]), rule.hyper(), t=0)
    >>> w.round(5).tolist()
    [[[-0.1, 0.1]]]
    """

    beta1: HyperParameter = 0.9
    beta2: HyperParameter = 0.999
    eps: HyperParameter = 1e-8

    kind: ClassVar[str] = "adam"
    num_slots: ClassVar[int] = 2  # m and v
    bounds: ClassVar[dict[str, Bounds]] = UpdateRule.bounds | {
        "beta1": DECAY_RATE,
        "beta2": DECAY_RATE,
        "eps": EPS,
    }
    adaptive: ClassVar[bool] = True

    def effective_lr(self, hyper: Hyper) -> Array:
        """``η``: means over past steps have weight 1, and near the minima sizes stand still."""
        return np.asarray(hyper["lr"])

    def direction(self, gradient: Array, slots: Sequence[Array], hyper: Hyper, t: int) -> Array:
        """``u`` of the formula."""
        mean, square = slots
        beta1, beta2 = hyper["beta1"], hyper["beta2"]
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * np.square(gradient)
        root = np.sqrt(square / _weight_of_past(beta2, t))
        return np.asarray(mean / _weight_of_past(beta1, t) / (root + hyper["eps"]))


@dataclass(frozen=True, eq=False, kw_only=True)
class AdamW(Adam):
    """`Adam` with decoupled weight decay by default; nothing else differs.

    Parameters
    ----------
    lr, beta1, beta2, eps, l2, schedule
        As in `Adam`.
    weight_decay : float or DataArray
        ``γ``, 0.01 by default.

    Raises
    ------
    MethexisError
        On a number outside its range.

    Examples
    --------
    >>> AdamW(lr=0.001).weight_decay
    0.01
    """

    weight_decay: HyperParameter = 0.01


def _weight_of_past(beta: Array, t: int) -> Array:
    """``1 - β^{t+1}``: the sum of the weights in a running mean after step ``t``.

    In double precision, because in single the difference loses up to half of its digits.
    """
    return np.asarray(1.0 - beta.astype(np.float64) ** (t + 1.0)).astype(beta.dtype)
