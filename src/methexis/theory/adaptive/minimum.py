"""The least potential of adaptive rules: the universal kernel, on one neuron per mode.

Closed form (docs/adaptive.md). With ``V̄ = Σε^{1/2} V Σx^{1/2} = L S Rᵀ`` (thin SVD of rank ``r``),
``p̂ = (Σ_k s_k^{1/2})²``, ``T̂x = Σ_b ‖e_bᵀ E Σx^{1/2}‖``, ``T̂ε = Σ_a ‖Σε^{1/2} M e_a‖`` and
``q̂ = (T̂x T̂ε p̂^{D-1})^{1/D}``, hidden layer ``i`` is ``h_i = a_i U_i S^{1/2} Rᵀ Σx^{-1/2} x`` as at
the Platonic point, but ``U_i`` is a signed permutation, filled up with neurons that carry nothing.

*Proven:* ``U >= 2 D q̂`` on all minima of the loss, with equality at these points and no others; and
``U`` has no other local minimum, so that its descent has nowhere else to stay. *To leading order
only:* that adaptive rules descend ``U``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.answers import computed, require_finite
from methexis.core.checks import Array, integer
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.display import Displayed
from methexis.theory.modes import modes_of


@dataclass(frozen=True, eq=False)
class AdaptiveMinimum(Displayed):
    """Result of `adaptive_minimum`.

    Attributes
    ----------
    weights : list of arrays (d_i, d_{i-1})
        One such point; every other differs by signed permutations of neurons and by dead blocks,
        and where singular values are equal by rotations among their modes.
    kernel : array (dim_x, dim_x)
        Universal kernel ``K``, that of SGD: every hidden layer has ``h(x1)·h(x2) = a_i² x1ᵀ K x2``.
    layer_scales : array (D - 1,)
        ``a_i²``.
    singular_values : array (r,)
        ``S``: neuron ``k`` of layer ``i`` has the second moment ``a_i² s_k``, and no correlation
        with the others.
    p, q, sum_in, sum_out : float
        The scalars ``p̂``, ``q̂``, ``T̂x``, ``T̂ε``.
    potential : float
        ``U_min = 2 D q̂``, the least potential over all minima of the loss.
    layer_potential : array (D,)
        ``2 q̂`` in every layer (equipartition).
    """

    weights: list[Array]
    kernel: Array
    layer_scales: Array
    singular_values: Array
    p: float
    q: float
    sum_in: float
    sum_out: float
    potential: float
    layer_potential: Array

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"rank": len(self.singular_values), "weights": self.weights}
        return told | {"potential": self.potential, "q": self.q, "p": self.p}


def adaptive_minimum(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    loss: str = "squared",
    seed: int | None = None,
) -> AdaptiveMinimum:
    """Closed form of the least `adaptive_potential` over all minima of the loss.

    Parameters
    ----------
    source : Teacher or Samples
        Data. For samples the moments are those of the data; see `platonic`.
    student : EDLN, or a linear MLP
        Network.
    loss : {"squared", "whitened"}
        Loss that the student is trained on.
    seed : int, optional
        Draws the signed permutations ``U_i``; by default neuron ``k`` has mode ``k``.

    Raises
    ------
    ConditionError
        If a condition of the theorem fails, as in `platonic`.
    MethexisError
        On shapes that do not fit.

    Examples
    --------
    >>> teacher = Teacher([[3.0, 0.0], [0.0, 1.0]])
    >>> minimum = adaptive_minimum(teacher, EDLN(hidden=(2,)))
    >>> round(minimum.p, 9), round(minimum.q**2, 9)  # (3^½ + 1)², and four times that
    (7.464101615, 29.856406461)
    >>> minimum.weights[0].round(6).tolist()  # one neuron per mode
    [[1.732051, 0.0], [0.0, 1.0]]
    """
    problem = theory_problem(source, student, loss)
    with computed("adaptive_minimum"):
        minimum = minimum_of(problem, seed=seed)
    require_finite("adaptive_minimum", flatten(minimum.weights), minimum.weights)
    require_finite("adaptive_minimum", np.array([minimum.potential]), minimum.weights)
    return minimum


def minimum_of(problem: Problem, *, seed: int | None = None) -> AdaptiveMinimum:
    """`adaptive_minimum` for a folded problem."""
    modes = modes_of(problem)
    values = modes.values
    p = float(np.sqrt(values).sum() ** 2)
    sum_in = float(np.linalg.norm(problem.embed_in @ modes.root_x, axis=1).sum())
    sum_out = float(np.linalg.norm(modes.root_noise @ problem.embed_out, axis=0).sum())
    depth = problem.depth
    q = float(np.exp((np.log(sum_in * sum_out) + (depth - 1) * np.log(p)) / depth))
    a = np.sqrt(p) * sum_in / q * (p / q) ** np.arange(depth - 1.0)
    return AdaptiveMinimum(
        weights=modes.weights(a, _places(problem.dims[1:-1], len(values), seed)),
        kernel=modes.kernel(),
        layer_scales=a**2,
        singular_values=values,
        p=p,
        q=q,
        sum_in=sum_in,
        sum_out=sum_out,
        potential=2.0 * depth * q,
        layer_potential=np.full(depth, 2.0 * q),
    )


def _places(widths: Sequence[int], r: int, seed: int | None) -> list[Array]:
    """Signed permutations ``U_i``, each ``(d_i, r)``."""
    if seed is None:
        return [np.eye(width, r) for width in widths]
    generator = np.random.default_rng(integer("seed", seed, least=0))
    drawn = []
    for width in widths:
        signs = generator.choice([-1.0, 1.0], width)
        drawn.append((signs[:, None] * np.eye(width)[generator.permutation(width)])[:, :r])
    return drawn


def adaptive_bound(
    source: Teacher | Samples, student: EDLN | MLP, *, loss: str = "squared"
) -> float:
    """Lower bound ``2 D q̂`` of `adaptive_potential` on the minima; see `adaptive_minimum`."""
    return adaptive_minimum(source, student, loss=loss).potential
