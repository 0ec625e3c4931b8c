r"""Weight decay against the entropic force: where SGD with both comes to rest.

Weight decay takes ``ηγθ`` off the weights in every step. On slow time ``τ = η² t / B`` that is a
pull ``-κθ`` with ``κ = γB/η``, of which the part along the minima moves the weights (the rest is
held by the loss, at the price of a product that is too small by ``O(γ)``):

    dθ/dτ = -P (¼ ∇S + κ θ) = -P ∇ [S/4 + κ ‖θ‖²/2].

In the limit ``η → 0`` at fixed ``κ`` SGD ends at the minimum of ``S/4 + κ‖θ‖²/2`` among the minima
of the loss, unique up to rotations, since both terms are convex along gauge orbits. There the
averaged charge law rests, ``0 = Q_i - 2κ C_i`` with ``Q_i = E[G_{i+1}ᵀG_{i+1} - G_iG_iᵀ]``. As κ
vanishes the end is Platonic; as it grows, weights become balanced, ``C_i = 0``, and hidden layers
depend on depth, embeddings and view (docs/theory.md §6.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from methexis.core.answers import computed
from methexis.core.checks import Array, number, weight_list
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.problem import theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.flow import decayed, entropic_velocity
from methexis.theory.platonic import platonic_of


@computed("decay_fixed_point")
def decay_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    decay: float,
    weights: Sequence[Array] | None = None,
    loss: str = "squared",
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Where shuffled SGD with weight decay ends: the minimum of ``S/4 + κ‖θ‖²/2`` on the minima.

    Also for i.i.d. samples where the noise is isotropic in the loss's metric; elsewhere
    `drift_fixed_point` has the same parameter.

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    decay : float
        ``κ = γB/η >= 0``, with ``γ`` as in ``SGD(weight_decay=γ)``, which takes ``ηγθ`` off the
        weights in each step.
    weights : list of arrays (d_i, d_{i-1}), optional
        Where to start the search; the Platonic point by default.
    loss : {"squared", "whitened"}
        Loss.
    progress : Progress, "auto" or bool, optional
        Told how far the search has come, in digits of the speed that is left.

    Raises
    ------
    MethexisError
        If there is no such end within reach, or on bad input.
    ConditionError
        If a condition of the theorem fails and no ``weights`` were given.

    Examples
    --------
    >>> teacher = Teacher([[1.0], [0.0]])  # W_1 = 1/a, W_2 = a e_1, so S/4 = a² + 2/a²
    >>> end = decay_fixed_point(teacher, EDLN(hidden=(1,)), decay=2.0)
    >>> round(float(end.weights[0][0, 0]) ** -4, 6)  # (1 + κ/2) a⁴ = 2 + κ/2
    1.5
    """
    problem = theory_problem(source, student, loss)
    decay = number("decay", decay, least=0.0)
    start = platonic_of(problem).weights if weights is None else weight_list(weights, problem.dims)

    def velocity(w: list[Array]) -> list[Array]:
        return decayed(problem, w, entropic_velocity(problem, w), decay)

    return fixed_point_of(problem, velocity, start, "weight decay", progress=progress)
