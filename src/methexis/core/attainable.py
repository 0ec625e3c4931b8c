r"""The best map that a student can represent, and what that leaves unexplained.

A student's map is ``F = M G E`` with ``G`` of a rank no larger than its narrowest layer. If ``E``
loses inputs, ``M`` misses labels or a layer is too narrow, no such map is ``V``. The loss
``‖(F - V) Σx^{1/2}‖²`` is then least at

    F* Σx^{1/2} = [Π_M V Σx^{1/2} Q]_k,

where ``Π_M`` projects on the range of ``M``, ``Q`` on the row space of ``E Σx^{1/2}`` (together:
the regression of the labels on what is seen), and ``[·]_k`` keeps the ``k`` largest singular
values. What is left, ``(V - F*) x``, is noise to the student. It is uncorrelated with ``F* x``, and
with all that the student sees unless its rank was cut; if ``x`` is Gaussian that means independent
of it (docs/theory.md §6.6).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from methexis.core.checks import RANK_TOLERANCE, ConditionError, integer
from methexis.core.problem import Problem

#: Relative gap between the last singular value that is kept and the first that is not.
GAP_TOLERANCE = 1e-6


def attainable(problem: Problem, rank: int | None = None) -> Problem:
    """The problem as a student meets it: with target ``F*``, and the rest as label noise.

    ``V -> F*`` and ``Σε -> Σε + (V - F*) Σx (V - F*)ᵀ``. A problem whose student can represent
    ``V`` comes back unchanged up to rounding. Data of samples stay what they are.

    Parameters
    ----------
    problem : Problem
        A problem of a linear student and a quadratic loss.
    rank : int, optional
        Largest rank of ``F``; by default, and at most, the narrowest hidden width. Less for a
        student with dead neurons.

    Raises
    ------
    ConditionError
        ``signal`` if the student sees nothing of the labels; ``spectral gap`` if the best map of
        that rank is not unique; or as `Problem.require_theory`.

    Examples
    --------
    >>> from methexis.core import EDLN, Problem, Teacher, View
    >>> teacher = Teacher([[1.0, 2.0]])  # y = x1 + 2 x2 + ε, of which the student sees x1
    >>> reachable = attainable(Problem.of(teacher, EDLN((1,), view=View([[1.0, 0.0]]))))
    >>> reachable.target.round(12).tolist(), reachable.cov_noise.round(12).tolist()
    ([[1.0, 0.0]], [[5.0]])
    """
    problem.require_theory()
    narrowest = min(problem.dims[1:-1])
    most = narrowest if rank is None else min(integer("rank", rank, least=1), narrowest)
    reached = problem.embed_out @ np.linalg.pinv(problem.embed_out)
    entering = problem.embed_in @ problem.root_x
    reading = np.linalg.pinv(entering, rcond=RANK_TOLERANCE)
    signal = problem.target @ problem.root_x
    left, values, right_t = np.linalg.svd(
        reached @ signal @ reading @ entering, full_matrices=False
    )
    if values[0] <= RANK_TOLERANCE * np.linalg.norm(signal):
        raise ConditionError("signal", "expected a student that sees some signal, got none")
    if most < len(values) and values[most] > (1.0 - GAP_TOLERANCE) * values[most - 1]:
        raise ConditionError(
            "spectral gap",
            f"expected one best map of rank {most}, got equal singular values "
            f"{values[most - 1]:.6g} and {values[most]:.6g} on both sides of the cut",
        )
    best = (left[:, :most] * values[:most]) @ right_t[:most]
    target = best @ reading @ problem.embed_in
    missing = problem.target - target
    noise = problem.cov_noise + missing @ problem.cov_x @ missing.T
    return replace(problem, target=target, cov_noise=(noise + noise.T) / 2.0)
