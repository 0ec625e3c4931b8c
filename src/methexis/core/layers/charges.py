r"""Charges of adjacent layers: what gradient flow conserves and optimisers do not.

``C_i = W_{i+1}ᵀ W_{i+1} - W_i W_iᵀ`` for ``i = 1 … D-1``; with biases ``W_i`` includes ``b_i`` as
its last column in the second term, and the first term leaves the column ``b_{i+1}`` out
(docs/theory.md §2).

All laws here rest on one bilinear form, the *mixed charge* of two lists of layers::

    Ξ_i(X, Y) = X_{i+1}ᵀ Y_{i+1} - Y_i X_iᵀ,      Ξ(Y, X) = Ξ(X, Y)ᵀ,     C = Ξ(W, W)

Back-propagation through a linear interface makes ``Ξ(W, G) = 0`` for the gradient at ``W``. Where a
ReLU or leaky ReLU stands between the layers only its diagonal vanishes; then every law below holds
on the diagonal, since none of them mixes the entries of a charge (`conserved_part`). Inserting a
step ``W' = k W - η u`` with ``k = 1 - ηγ`` gives, for any ``u``, `update_charge_step`::

    C' = k² C - η k [Ξ(W, u) + Ξ(W, u)ᵀ] + η² Ξ(u, u)

and each optimiser's law is this with its own ``Ξ(W, u)``. The functions that state the laws are
pure and take quantities of one step. Learning rates and decays may be numbers or arrays that
broadcast against ``(..., d_i, d_i)``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from methexis.core.activations import ACTIVATIONS
from methexis.core.answers import computed
from methexis.core.checks import (
    Array,
    MethexisError,
    array_list,
    boolean,
    finite,
    one_of,
    require_replicas,
)
from methexis.core.outside.foreign import doubles

_HOMOGENEOUS = ("relu", "leaky_relu")


def conserved_part(activation: str) -> str | None:
    """Which entries of a charge obey the laws, given the activation function at the interface.

    Returns
    -------
    ``"matrix"`` for the identity, ``"diagonal"`` for ReLU and leaky ReLU, None for all others.

    Raises
    ------
    MethexisError
        On an unknown activation function.

    Examples
    --------
    >>> [conserved_part(name) for name in ("identity", "relu", "tanh")]
    ['matrix', 'diagonal', None]
    """
    one_of("activation", activation, tuple(ACTIVATIONS))
    if activation == "identity":
        return "matrix"
    return "diagonal" if activation in _HOMOGENEOUS else None


def charges(weights: Sequence[Array], *, bias: bool = False) -> list[Array]:
    """Charges ``C_i = W_{i+1}ᵀ W_{i+1} - W_i W_iᵀ``, each ``(..., d_i, d_i)``.

    Parameters
    ----------
    weights : list of arrays (..., d_i, d_{i-1} + bias)
        Weights, with ``bias`` the biases as last column.
    bias : bool
        Whether there are biases.

    Examples
    --------
    >>> charges([np.array([[1.0], [0.0]]), np.array([[2.0, 0.0]])])[0].tolist()
    [[3.0, 0.0], [0.0, 0.0]]
    """
    return mixed_charges(weights, weights, bias=bias)


def mixed_charges(
    first: Sequence[Array], second: Sequence[Array], *, bias: bool = False
) -> list[Array]:
    """``Ξ_i(X, Y) = X_{i+1}ᵀ Y_{i+1} - Y_i X_iᵀ``, each ``(..., d_i, d_i)``.

    Parameters
    ----------
    first, second : lists of arrays (..., d_i, d_{i-1} + bias)
        ``X`` and ``Y``, shaped like weights.
    bias : bool
        Whether the last column belongs to biases.

    Examples
    --------
    With one neuron per layer: ``2·3 - 5·1``.

    >>> x, y = [np.array([[1.0]]), np.array([[2.0]])], [np.array([[5.0]]), np.array([[3.0]])]
    >>> mixed_charges(x, y)[0].tolist()
    [[1.0]]
    """
    mixed = []
    for (x, y), (x_next, y_next) in itertools.pairwise(zip(first, second, strict=True)):
        inner = slice(None, -1 if bias else None)
        mixed.append(x_next[..., inner].mT @ y_next[..., inner] - y @ x.mT)
    return mixed


def gradient_charges(gradients: Sequence[Array], *, bias: bool = False) -> list[Array]:
    """``Q_i = G_{i+1}ᵀ G_{i+1} - G_i G_iᵀ``: the same form as `charges`, of the gradients."""
    layers = matrices_of_layers("gradients", gradients, bias=bias)
    with computed("gradient_charges"):
        return charges(layers, bias=bias)


def matrices_of_layers(name: str, given: Sequence[Array], *, bias: bool) -> list[Array]:
    """Check arrays ``(..., d_i, d_{i-1} + bias)``, of which each reads what the one before writes.

    Raises
    ------
    MethexisError
        If they are no arrays of numbers, or do not fit.
    """
    boolean("bias", bias)
    layers = array_list(name, given)
    if len(layers) < 2:
        raise MethexisError(f"{name}: expected at least two layers, got {len(layers)}")
    for i, (one, other) in enumerate(itertools.pairwise(layers), start=1):
        if other.shape[-1] - int(bias) != one.shape[-2]:
            raise MethexisError(
                f"{name}[{i}]: expected {one.shape[-2] + int(bias)} columns for what layer {i - 1} "
                f"writes, got shape {other.shape}"
            )
        require_replicas(f"{name}[{i}]", other, one)
    return layers


def charge_step(
    charge: Sequence[Array],
    gradients: Sequence[Array],
    *,
    lr: float | Array,
    weight_decay: float | Array = 0.0,
    l2: float | Array = 0.0,
    bias: bool = False,
) -> list[Array]:
    r"""Charges after one step of SGD, from those before it and the batch's gradients.

    ``C_i' = (1 - η(γ + λ))² C_i + η² (G_{i+1}ᵀ G_{i+1} - G_i G_iᵀ)``, exact for any loss, data and
    batch because ``Ξ(W, G) = 0`` (docs/theory.md (2.8)).

    Parameters
    ----------
    charge : list of arrays (..., d_i, d_i)
        Charges before the step.
    gradients : list of arrays (..., d_i, d_{i-1} + bias)
        ``G_i``, mean gradient of the batch, one per layer, without the L2 term.
    lr : float or array
        Learning rate ``η`` of the step.
    weight_decay, l2 : float or array
        Decoupled rate ``γ`` and L2 ``λ``: ``W -> (1 - ηγ) W - η (G + λW)``.
    bias : bool
        Whether there are biases.

    Raises
    ------
    MethexisError
        On arrays that do not fit, or rates that are not finite. Charges and gradients of lost
        replicas, which are not finite, are let through.

    Examples
    --------
    >>> g = [np.array([[3.0]]), np.array([[4.0]])]
    >>> charge_step([np.array([[1.0]])], g, lr=0.1)[0].round(9).tolist()
    [[1.07]]
    """
    layers = matrices_of_layers("gradients", gradients, bias=bias)
    before = array_list("charge", charge)
    rates = {
        name: finite(name, doubles(name, value))
        for name, value in (("lr", lr), ("weight_decay", weight_decay), ("l2", l2))
    }
    with computed("charge_step"):
        keep = 1.0 - rates["lr"] * (rates["weight_decay"] + rates["l2"])
        squares = charges(layers, bias=bias)
        if [c.shape[-2:] for c in before] != [q.shape[-2:] for q in squares]:
            raise MethexisError(
                f"charge: expected shapes {[q.shape for q in squares]}, as of the gradients' own "
                f"charges, got {[c.shape for c in before]}"
            )
        try:
            return [
                keep**2 * c + rates["lr"] ** 2 * q for c, q in zip(before, squares, strict=True)
            ]
        except ValueError as error:  # of leading dimensions
            raise MethexisError(
                f"charge_step: expected leading dimensions that fit, got: {error}"
            ) from None


def heavy_ball_charge_step(
    charge: Sequence[Array],
    mixed: Sequence[Array],
    velocity: Sequence[Array],
    *,
    lr: float | Array,
    momentum: float | Array,
    weight_decay: float | Array = 0.0,
    l2: float | Array = 0.0,
    bias: bool = False,
) -> tuple[list[Array], list[Array]]:
    r"""Charges, and mixed charges ``Ξ(W, v)``, after one step of heavy ball.

    With the new velocity ``v' = βv + G + λW`` and ``k = 1 - ηγ``, exactly (docs/theory.md (2.9))::

        Ξ(W, v')  = β Ξ(W, v) + λ C
        C'        = k² C - η k [Ξ(W, v') + Ξ(W, v')ᵀ] + η² Ξ(v', v')
        Ξ(W', v') = k Ξ(W, v') - η Ξ(v', v')

    Parameters
    ----------
    charge, mixed : lists of arrays (..., d_i, d_i)
        ``C`` and ``Ξ(W, v)`` before the step; ``Ξ`` is zero at the start, where ``v`` is.
    velocity : list of arrays (..., d_i, d_{i-1} + bias)
        ``v'``, as the step uses it.
    lr, momentum, weight_decay, l2 : float or array
        ``η``, ``β``, ``γ``, ``λ`` of this step; they may differ from those of the step before.
    bias : bool
        Whether there are biases.

    Examples
    --------
    >>> v = [np.array([[3.0]]), np.array([[4.0]])]
    >>> c, x = heavy_ball_charge_step(
    ...     [np.array([[1.0]])], [np.array([[0.0]])], v, lr=0.1, momentum=0.9
    ... )
    >>> c[0].round(9).tolist(), x[0].round(9).tolist()
    ([[1.07]], [[-0.7]])
    """
    keep = 1.0 - lr * weight_decay
    after, mixed_after = [], []
    for c, x, q in zip(charge, mixed, charges(velocity, bias=bias), strict=True):
        crossed = momentum * x + l2 * c
        after.append(keep**2 * c - lr * keep * _both(crossed) + lr**2 * q)
        mixed_after.append(keep * crossed - lr * q)
    return after, mixed_after


def nesterov_charge_step(
    charge: Sequence[Array],
    mixed: Sequence[Array],
    velocity: Sequence[Array],
    update: Sequence[Array],
    *,
    lr: float | Array,
    momentum: float | Array,
    weight_decay: float | Array = 0.0,
    l2: float | Array = 0.0,
    bias: bool = False,
) -> tuple[list[Array], list[Array]]:
    r"""Charges, and mixed charges ``Ξ(W, v)``, after one step of Nesterov momentum.

    With ``g = G + λW``, ``v' = βv + g``, ``u = g + βv'`` and ``k = 1 - ηγ``, exactly
    (docs/theory.md (2.10))::

        Ξ(W, v')  = β Ξ(W, v) + λ C
        Ξ(W, u)   = β Ξ(W, v') + λ C
        C'        = k² C - η k [Ξ(W, u) + Ξ(W, u)ᵀ] + η² Ξ(u, u)
        Ξ(W', v') = k Ξ(W, v') - η Ξ(u, v')

    Parameters
    ----------
    charge, mixed : lists of arrays (..., d_i, d_i)
        ``C`` and ``Ξ(W, v)`` before the step; ``Ξ`` is zero at the start, where ``v`` is.
    velocity, update : lists of arrays (..., d_i, d_{i-1} + bias)
        ``v'`` and ``u``, as the step uses them.
    lr, momentum, weight_decay, l2 : float or array
        ``η``, ``β``, ``γ``, ``λ`` of this step.
    bias : bool
        Whether there are biases.
    """
    keep = 1.0 - lr * weight_decay
    squares = charges(update, bias=bias)
    lagging = mixed_charges(update, velocity, bias=bias)
    after, mixed_after = [], []
    for c, x, q, p in zip(charge, mixed, squares, lagging, strict=True):
        crossed = momentum * x + l2 * c
        after.append(keep**2 * c - lr * keep * _both(momentum * crossed + l2 * c) + lr**2 * q)
        mixed_after.append(keep * crossed - lr * p)
    return after, mixed_after


def sam_charge_step(
    charge: Sequence[Array],
    gradients: Sequence[Array],
    uphill: Sequence[Array],
    *,
    lr: float | Array,
    rho: float | Array,
    weight_decay: float | Array = 0.0,
    l2: float | Array = 0.0,
    bias: bool = False,
) -> list[Array]:
    r"""Charges after one step of SAM, from those before it and its two gradients.

    With ``G`` at ``W``, ``G°`` at ``W + rG``, ``r = ρ/‖G‖`` and ``κ = 1 - η(γ + λ)``, exactly
    (docs/theory.md (2.16))::

        C' = κ² C + η κ r [Ξ(G, G°) + Ξ(G, G°)ᵀ] + η² Ξ(G°, G°)

    Parameters
    ----------
    charge : list of arrays (..., d_i, d_i)
        Charges before the step.
    gradients, uphill : lists of arrays (..., d_i, d_{i-1} + bias)
        ``G`` and ``G°`` of the same batch, without the L2 term.
    lr, rho, weight_decay, l2 : float or array
        ``η``, ``ρ``, ``γ``, ``λ``.
    bias : bool
        Whether there are biases.

    Examples
    --------
    >>> g = [np.array([[3.0]]), np.array([[4.0]])]
    >>> sam_charge_step([np.array([[1.0]])], g, g, lr=0.1, rho=0.5)[0].round(9).tolist()
    [[1.21]]
    """
    keep = 1.0 - lr * (weight_decay + l2)
    norm = np.sqrt(sum(np.sum(g**2, axis=(-2, -1), keepdims=True) for g in gradients))
    radius = rho / np.where(norm > 0.0, norm, np.inf)
    pairs = mixed_charges(gradients, uphill, bias=bias)
    squares = charges(uphill, bias=bias)
    return [
        keep**2 * c + lr * keep * radius * _both(p) + lr**2 * q
        for c, p, q in zip(charge, pairs, squares, strict=True)
    ]


def update_charge_step(
    charge: Sequence[Array],
    weights: Sequence[Array],
    update: Sequence[Array],
    *,
    lr: float | Array,
    weight_decay: float | Array = 0.0,
    bias: bool = False,
) -> list[Array]:
    r"""Charges after ``W' = k W - η u`` with any ``u``: an identity, no law (docs/theory.md (2.7)).

    ``C' = k² C - η k [Ξ(W, u) + Ξ(W, u)ᵀ] + η² Ξ(u, u)`` with ``k = 1 - ηγ``. For Adam, RMSProp and
    sign-SGD this is all there is: ``Ξ(W, u)`` does not vanish, and only the weights tell it.
    """
    keep = 1.0 - lr * weight_decay
    crossed = mixed_charges(weights, update, bias=bias)
    squares = charges(update, bias=bias)
    return [
        keep**2 * c - lr * keep * _both(x) + lr**2 * q
        for c, x, q in zip(charge, crossed, squares, strict=True)
    ]


def scaled_charges(
    weights: Sequence[Array], scale: Sequence[Array], *, bias: bool = False
) -> list[Array]:
    r"""Diagonal charges in the metric of an entrywise ``scale`` ``s``, each ``(..., d_i)``.

    ``D_{i,j}(s; W) = Σ_k s_{i+1,kj} W_{i+1,kj}² - Σ_k s_{i,jk} W_{i,jk}²``: what a descent that
    divides its gradient by a *constant* ``s`` conserves at first order (docs/theory.md (2.18)).

    Parameters
    ----------
    weights, scale : lists of arrays (..., d_i, d_{i-1} + bias)
        Weights, and the positive number by which each entry's gradient is divided.
    bias : bool
        Whether there are biases.
    """
    inner = slice(None, -1 if bias else None)
    squares = [s * w**2 for s, w in zip(scale, weights, strict=True)]
    return [
        after[..., inner].sum(axis=-2) - before.sum(axis=-1)
        for before, after in itertools.pairwise(squares)
    ]


def _both(matrix: Array) -> Array:
    """Twice the symmetric part, ``A + Aᵀ``."""
    return matrix + matrix.mT
