"""The gauge group, and minima drawn at random from its orbit.

``W_i -> T_i W_i T_{i-1}⁻¹`` with invertible ``T_i`` in the hidden layers (``T_0 = T_D = I``)
changes neither the function nor the loss. The minima of the loss are such orbits; the entropy
singles out one point of them up to rotations. A distribution of minima has to be named: no law on
the orbit is natural (docs/theory.md §3).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from methexis.core.answers import computed, of_replicas, require_finite
from methexis.core.checks import (
    Array,
    MethexisError,
    array_list,
    finite,
    integer,
    number,
    one_of,
    require_replicas,
)
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, inverse_sqrt_psd, random_orthogonal, sqrt_psd
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.projection import project_of

DISTRIBUTIONS = ("lognormal", "ginibre", "landing")


def apply_gauge(weights: Sequence[Array], gauges: Sequence[Array]) -> list[Array]:
    """``W_i -> T_i W_i T_{i-1}⁻¹`` for ``gauges = [T_1, …, T_{D-1}]``, each ``(..., d_i, d_i)``.

    Raises
    ------
    MethexisError
        On shapes that do not fit, entries that are not finite, or a singular gauge. Of several
        replicas those that are lost have NaN.

    Examples
    --------
    >>> import numpy as np
    >>> apply_gauge([np.eye(1), np.eye(1)], [2.0 * np.eye(1)])[1].tolist()
    [[0.5]]
    """
    layers, turns = array_list("weights", weights), array_list("gauges", gauges)
    if len(turns) != len(layers) - 1:
        raise MethexisError(
            f"gauges: expected one per hidden layer, {len(layers) - 1}, got {len(turns)}"
        )
    for i, gauge in enumerate(turns):
        width = layers[i].shape[-2]
        if gauge.shape[-2:] != (width, width) or layers[i + 1].shape[-1] != width:
            raise MethexisError(
                f"gauges[{i}]: expected shape (..., {width}, {width}) between layers of shapes "
                f"{layers[i].shape} and {layers[i + 1].shape}, got {gauge.shape}"
            )
        require_replicas(f"gauges[{i}]", finite(f"gauges[{i}]", gauge), layers[0])
    for i, layer in enumerate(layers):
        require_replicas(f"weights[{i}]", layer, layers[0])
    lead = np.broadcast_shapes(*(w.shape[:-2] for w in layers))
    return of_replicas(
        "apply_gauge",
        [np.broadcast_to(w, (*lead, *w.shape[-2:])) for w in layers],
        lambda w: gauged(w, turns),
        undefined="take gauges that can be inverted",
    )


def gauged(weights: Sequence[Array], gauges: Sequence[Array]) -> list[Array]:
    """`apply_gauge` of checked arrays; complex steps pass."""
    result = list(weights)
    for i, gauge in enumerate(gauges):
        result[i] = gauge @ result[i]
        result[i + 1] = result[i + 1] @ np.linalg.inv(gauge)
    return result


def balanced_minimum(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    loss: str = "squared",
    seed: int | None = None,
) -> list[Array]:
    """The minimum with all charges zero: ``W_D … W_1`` split evenly along its singular values.

    ``W_i = U_i s^{1/D} U_{i-1}ᵀ`` with ``U s Rᵀ = M⁻¹ V E⁻¹``: where weight decay alone leads.

    Parameters
    ----------
    seed : int, optional
        Draws the free rotations ``U_i``; by default they are slices of the identity.

    See `platonic` for the others and for errors.
    """
    problem = theory_problem(source, student, loss)
    with computed("balanced_minimum"):
        weights = balanced_minimum_of(problem, seed=seed)
    require_finite("balanced_minimum", flatten(weights), weights)
    return weights


def balanced_minimum_of(problem: Problem, *, seed: int | None = None) -> list[Array]:
    """`balanced_minimum` for a folded problem."""
    problem.require_theorem()
    # Σx^{1/2} Σx^{+1/2} keeps of V what acts on inputs that occur; the rest is not learned.
    seen = problem.target @ sqrt_psd(problem.cov_x) @ inverse_sqrt_psd(problem.cov_x)
    product = np.linalg.pinv(problem.embed_out) @ seen @ np.linalg.pinv(problem.embed_in)
    left, values, right_t = np.linalg.svd(product, full_matrices=False)
    r = problem.rank
    root = np.diag(values[:r] ** (1.0 / problem.depth))
    if seed is None:
        inner = [np.eye(width, r) for width in problem.dims[1:-1]]
    else:
        generator = np.random.default_rng(integer("seed", seed, least=0))
        inner = [random_orthogonal(width, generator)[:, :r] for width in problem.dims[1:-1]]
    bases = [right_t[:r].T, *inner, left[:, :r]]
    return [b @ root @ a.T for a, b in itertools.pairwise(bases)]


def random_minimum(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    seed: int = 0,
    spread: float = 1.0,
    distribution: str = "lognormal",
    loss: str = "squared",
) -> list[Array]:
    """Draw a minimum of the loss at random from a named distribution.

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    seed : int
        Seed of the draw.
    spread : float
        Width of the distribution, ``> 0``.
    distribution : {"lognormal", "ginibre", "landing"}
        ``lognormal``: the balanced minimum, moved by ``T_i = O e^{spread·Z} O'`` with Haar ``O,
        O'`` and normal diagonal ``Z``. ``ginibre``: the same with Gaussian matrices ``T_i``
        (``spread`` scales them). In both, spare width is filled first: each layer also writes
        Gaussian vectors of the size of its live part into directions that nobody reads.
        ``landing``: where gradient flow ends from Gaussian weights of standard deviation ``spread /
        sqrt(fan-in)``.
    loss : {"squared", "whitened"}
        Both losses have the same minima; kept for symmetry.

    Returns
    -------
    list of arrays (d_i, d_{i-1})

    Raises
    ------
    ConditionError
        If a condition of the theorem on embeddings or widths fails.
    MethexisError
        On shapes that do not fit, or an unknown distribution.

    Examples
    --------
    >>> import numpy as np
    >>> teacher = Teacher.random(dim_x=4, dim_y=3, seed=0)
    >>> weights = random_minimum(teacher, EDLN(hidden=(5, 3)), seed=1)
    >>> product = weights[2] @ weights[1] @ weights[0]
    >>> bool(np.allclose(product, teacher.weight, rtol=0, atol=1e-12))
    True
    """
    problem = theory_problem(source, student, loss)
    with computed("random_minimum"):
        weights = random_minimum_of(problem, seed=seed, spread=spread, distribution=distribution)
    require_finite("random_minimum", flatten(weights), weights, "ask for a smaller spread")
    return weights


def random_minimum_of(
    problem: Problem, *, seed: int = 0, spread: float = 1.0, distribution: str = "lognormal"
) -> list[Array]:
    """`random_minimum` for a folded problem."""
    name = one_of("distribution", distribution, DISTRIBUTIONS)
    spread = number("spread", spread, above=0.0)
    generator = np.random.default_rng(integer("seed", seed, least=0))
    problem.require_theorem()
    if name == "landing":
        start = [
            generator.standard_normal((rows, columns)) * spread / np.sqrt(columns)
            for rows, columns in zip(problem.dims[1:], problem.dims[:-1], strict=True)
        ]
        return project_of(problem, start)
    draw: dict[str, Callable[[int], Array]] = {
        "lognormal": lambda d: (
            random_orthogonal(d, generator)
            * np.exp(spread * generator.standard_normal(d))
            @ random_orthogonal(d, generator)
        ),
        "ginibre": lambda d: generator.standard_normal((d, d)) * spread / np.sqrt(d),
    }
    weights = balanced_minimum_of(problem)
    for i, width in enumerate(problem.dims[1:-1]):
        spare = width - problem.rank
        size = np.linalg.norm(weights[i]) / np.sqrt(problem.rank * weights[i].shape[1])
        dead = generator.standard_normal((spare, weights[i].shape[1]))
        weights[i][problem.rank :] = size * dead
    return gauged(weights, [draw[name](width) for width in problem.dims[1:-1]])
