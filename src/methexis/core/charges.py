"""Charges of adjacent layers: what gradient flow conserves and SGD does not.

``C_i = W_{i+1}ᵀ W_{i+1} - W_i W_iᵀ`` for ``i = 1 … D-1`` (docs/theory.md §2).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from methexis.core.checks import Array


def charges(weights: Sequence[Array]) -> list[Array]:
    """Charges ``C_i = W_{i+1}ᵀ W_{i+1} - W_i W_iᵀ``, each ``(..., d_i, d_i)``.

    Examples
    --------
    >>> import numpy as np
    >>> charges([np.array([[1.0], [0.0]]), np.array([[2.0, 0.0]])])[0].tolist()
    [[3.0, 0.0], [0.0, 0.0]]
    """
    return [b.mT @ b - a @ a.mT for a, b in itertools.pairwise(weights)]


def charge_step(
    charge: Sequence[Array],
    gradients: Sequence[Array],
    *,
    lr: float,
    weight_decay: float = 0.0,
) -> list[Array]:
    r"""Charges after one SGD step, from those before it and the batch's gradients.

    ``C_i' = (1 - ηγ)² C_i + η² (G_{i+1}ᵀ G_{i+1} - G_i G_iᵀ)``, exact for any loss, data and batch
    because ``W_{i+1}ᵀ G_{i+1} = G_i W_iᵀ`` (docs/theory.md §2).

    Parameters
    ----------
    charge : list of arrays (..., d_i, d_i)
        Charges before the step.
    gradients : list of arrays (..., d_i, d_{i-1})
        ``G_i``, mean gradient of the batch, one per layer.
    lr : float
        Learning rate ``η``.
    weight_decay : float
        Decoupled rate ``γ``: ``W -> (1 - ηγ) W - η G``.
    """
    keep = (1.0 - lr * weight_decay) ** 2
    return [keep * c + lr**2 * q for c, q in zip(charge, gradient_charges(gradients), strict=True)]


def gradient_charges(gradients: Sequence[Array]) -> list[Array]:
    """``Q_i = G_{i+1}ᵀ G_{i+1} - G_i G_iᵀ``: the same form as `charges`, of the gradients."""
    return charges(gradients)
