"""Steps 2 and 3 of `verify`: minima of the loss drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.layers.geometry import cosines_of
from methexis.core.layers.products import hidden_maps
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.scenarios.verify.result import RandomMinima
from methexis.theory.entropy import entropy_of
from methexis.theory.gauge import random_minimum
from methexis.theory.platonic import PlatonicSolution

#: Minima drawn from each law.
NUM_MINIMA = 200


def random_minima(
    source: Teacher | Samples,
    students: Sequence[EDLN],
    solutions: Sequence[PlatonicSolution],
    *,
    distribution: str,
    loss: str,
    seed: int,
) -> RandomMinima:
    """Draw `NUM_MINIMA` minima of every student and measure alignment and entropy."""
    problems = [Problem.of(source, s, loss) for s in students]
    maps: list[Array] = []
    ratios = []
    for k, (problem, student, solution) in enumerate(
        zip(problems, students, solutions, strict=True)
    ):
        draws = [
            random_minimum(
                source,
                student,
                seed=(seed * len(students) + k) * NUM_MINIMA + i,
                distribution=distribution,
                loss=loss,
            )
            for i in range(NUM_MINIMA)
        ]
        weights = [np.stack(layer) for layer in zip(*draws, strict=True)]
        maps += hidden_maps(problem, weights)
        ratios.append(entropy_of(problem, weights) / solution.entropy)
    cosines = cosines_of(maps, problems[0].cov_x)
    upper = np.triu_indices(cosines.shape[-1], k=1)
    return RandomMinima(distribution, cosines[:, *upper], np.stack(ratios, axis=-1))
