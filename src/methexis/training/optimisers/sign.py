"""`SignSGD`: every entry moves by the learning rate, whatever the size of its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from methexis.core.checks import Array
from methexis.training.optimisers.rule import Hyper, UpdateRule


@dataclass(frozen=True, eq=False, kw_only=True)
class SignSGD(UpdateRule):
    """Descent along the signs of the batch-mean gradient.

    One step with ``g = G + λW``::

        W <- (1 - η_t γ) W - η_t sign(g),    sign(0) = 0

    The charges of adjacent layers change at first order in ``η`` (docs/theory.md §2.5).

    Parameters
    ----------
    lr : float or DataArray
        Learning rate ``η > 0``, in units of the weights. At constant ``η`` the weights end by
        jumping to and fro by ``η``: anneal.
    weight_decay, l2, schedule
        As in every rule (`UpdateRule`).

    Raises
    ------
    MethexisError
        On a number outside its range.

    Examples
    --------
    >>> rule = SignSGD(lr=0.1)
    >>> w, g = np.ones((1, 1, 3)), np.array([[[3.0, -0.001, 0.0]]])
    >>> rule.step([w], [g], rule.slots([w]), rule.hyper(), t=0)
    >>> w.round(5).tolist()
    [[[0.9, 1.1, 1.0]]]
    """

    kind: ClassVar[str] = "sign"
    num_slots: ClassVar[int] = 0
    slow_time_unknown: ClassVar[str] = (
        "a step of SignSGD has the same size whatever the gradient, so steps do not shrink with "
        "the noise as those of SGD do"
    )

    def direction(self, gradient: Array, slots: Sequence[Array], hyper: Hyper, t: int) -> Array:
        """The sign of every entry of the gradient, ``sign(g)``."""
        del slots, hyper, t
        return np.asarray(np.sign(gradient))
