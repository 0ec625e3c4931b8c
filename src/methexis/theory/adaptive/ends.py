"""Where adaptive rules end with independent samples: a point that depends on their memory.

At ``x = (1-β₂)/(η√B) -> 0`` and for even noise that is the least potential. At finite ``x`` the
preconditioner follows the fluctuations that it divides, and the end is off by an amount that does
not vanish with ``η``: small steps at a fixed ``β₂`` are not Platonic. With uneven noise the drift
is no descent of a potential; it then has an end near the least potential, or none.

Hidden rotations are no symmetry of these rules, so that weights at an end stand still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from methexis.core.answers import computed
from methexis.core.checks import Array, MethexisError, boolean, count, number, weight_list
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.adaptive.minimum import minimum_of
from methexis.theory.adaptive.path import adaptive_velocity, epoch_push, heard, silenced
from methexis.theory.adaptive.potential import potential_gradient_of
from methexis.theory.adaptive.slow import Metric
from methexis.theory.curvature import one_set
from methexis.theory.effort import require_spectral
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.projection import project_of


@computed("adaptive_fixed_point")
def adaptive_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    memory: float | None,
    shuffled: bool = False,
    batch: int = 1,
    decay: float = 0.0,
    weights: Sequence[Array] | None = None,
    loss: str = "squared",
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Where Adam and RMSProp end, at leading order in ``η`` and ``1-β₂``.

    Of samples second and third moments count (see `adaptive_potential` for the second).

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    memory : float or None
        ``x = (1-β₂)/(η√B) >= 0`` of independent samples, with learning rate ``η`` and batch size
        ``B``; None for shuffled epochs and a memory so long that third moments of samples do not
        count, whatever the noise.
    shuffled : bool
        Whether samples come in shuffled epochs, in which only their third moments know of ``x``.
    batch : int
        Batch size ``B`` of shuffled epochs; otherwise ``memory`` has all that it does.
    decay : float
        ``κ = γ/η >= 0`` of decoupled weight decay ``γ``, as `AdamW` has it.
    weights : list of arrays (d_i, d_{i-1}), optional
        Where to start the search; the least potential by default. Neurons that are silent there
        stay silent.
    loss : {"squared", "whitened"}
        Loss.
    progress : Progress, "auto" or bool, optional
        Told how far the search has come, in digits of the speed that is left.

    Returns
    -------
    FixedPoint
        Its rotations are zero, and its rates those of all directions along the minima of the
        neurons that are not silent.

    Raises
    ------
    MethexisError
        If there is no such end within reach, or on bad input.
    ConditionError
        If a condition of the theorem fails and no ``weights`` were given.

    Examples
    --------
    >>> teacher = Teacher([[1.0], [0.0]])  # W_1 = 1/a, W_2 = a e_1, so U = 2 (2/a + a)
    >>> end = adaptive_fixed_point(teacher, EDLN(hidden=(1,)), memory=0.0)
    >>> round(float(end.weights[0][0, 0]) ** -2, 6)  # a = √2
    2.0
    """
    problem = theory_problem(source, student, loss)
    size, push = count("batch", batch, least=1), 0.0
    if memory is not None:
        memory = number("memory", memory, least=0.0)
    if boolean("shuffled", shuffled) and memory is not None:
        push = epoch_push(problem, memory, size)
        memory = None
    decay = number("decay", decay, least=0.0)
    if weights is None:
        start = minimum_of(problem).weights
    else:
        layers = weight_list(weights, problem.dims)
        one_set("adaptive_fixed_point", layers)
        start = silenced(problem, project_of(problem, layers))
    return end_of(problem, start, memory, decay, push, progress)


def end_of(
    problem: Problem,
    start: list[Array],
    memory: float | None,
    decay: float,
    push: float = 0.0,
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """`adaptive_fixed_point` from weights on the minima, of the neurons that are not silent."""
    kept = [
        np.ones(problem.dims[0], dtype=np.bool_),
        *heard(problem, start),
        np.ones(problem.dims[-1], dtype=np.bool_),
    ]
    for i, k in enumerate(kept[1:-1]):
        if k.sum() < problem.rank:
            raise MethexisError(
                f"adaptive drift: expected at least {problem.rank} neurons that carry a signal in "
                f"hidden layer {i + 1}, as many as the target has modes, got {int(k.sum())}"
            )
    if memory is not None:
        require_spectral(problem)
    live = replace(problem, dims=tuple(int(k.sum()) for k in kept))
    narrow = [w[np.ix_(kept[i + 1], kept[i])] for i, w in enumerate(start)]
    slope = potential_gradient_of(live, narrow)
    scaled = [k * g for k, g in zip(Metric(live, narrow).inverse, slope, strict=True)]
    end = fixed_point_of(
        live,
        partial(adaptive_velocity, live, memory=memory, push=push, decay=decay),
        narrow,
        "adaptive drift",
        turning=False,
        unit=0.5 * float(np.linalg.norm(flatten(scaled))),
        progress=progress,
    )
    whole = [np.zeros_like(w) for w in start]
    for i, layer in enumerate(end.weights):
        whole[i][np.ix_(kept[i + 1], kept[i])] = layer
    widths = problem.dims[1:-1]
    return replace(end, weights=whole, rotations=[np.zeros((d, d)) for d in widths])
