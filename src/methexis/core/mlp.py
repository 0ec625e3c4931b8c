"""`MLP`: a multilayer perceptron, as a specification without weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from methexis.core.activations import ACTIVATIONS
from methexis.core.checks import MethexisError, hidden_widths, one_of
from methexis.core.view import View
from methexis.display import Displayed


@dataclass(frozen=True, eq=False)
class MLP(Displayed):
    r"""A student ``f(x) = W_D h_{D-1} + b_D`` with ``h_i = act(W_i h_{i-1} + b_i)``, ``h_0 = Z x``.

    The last layer is linear. There are no embeddings; with ``activation="identity"`` and
    ``bias=False`` the student is the `EDLN` with identity embeddings, and the theory applies to it.
    To all others it does not: theory functions refuse them, and of a run's columns only those
    that need no closed form are filled in.

    A layer's weights and bias travel as one array ``[W_i b_i]`` of shape ``(d_i, d_{i-1} + 1)``
    wherever weights are handed in, so that decay, norms, gradients and charges need no special
    case; results give them apart.

    Parameters
    ----------
    hidden : sequence of int
        Widths ``d_1 … d_{D-1}`` of the hidden layers, at least one.
    activation : {"identity", "relu", "leaky_relu", "tanh", "gelu", "softplus"}
        ``act``. Leaky ReLU has slope 0.01 for negative numbers; GELU is the exact one,
        ``z Φ(z)`` with the normal distribution function ``Φ``.
    bias : bool
        Whether layers have a bias ``b_i``, the last one included.
    view : View or array, optional
        What the student sees; a bare matrix is shorthand for ``View(matrix)``.

    Raises
    ------
    MethexisError
        If there is no hidden layer, a width is below 1, the activation is unknown, or the view is
        bad.

    Examples
    --------
    >>> student = MLP(hidden=(64, 64), activation="relu")
    >>> student.depth, student.bias
    (3, True)
    """

    hidden: tuple[int, ...]
    activation: str
    bias: bool
    view: View

    def __init__(
        self,
        hidden: Sequence[int],
        activation: str = "relu",
        bias: bool = True,
        view: View | ArrayLike | None = None,
    ) -> None:
        object.__setattr__(self, "hidden", hidden_widths(hidden))
        object.__setattr__(self, "activation", one_of("activation", activation, [*ACTIVATIONS]))
        if not isinstance(bias, bool | np.bool_):
            raise MethexisError(f"bias: expected True or False, got {bias!r}")
        object.__setattr__(self, "bias", bool(bias))
        object.__setattr__(self, "view", view if isinstance(view, View) else View(view))

    @property
    def depth(self) -> int:
        """Number of trainable layers ``D``."""
        return len(self.hidden) + 1
