"""Where steps begin: a student of a source, its weights, and the curvature there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.parallel.caching import cached_property
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.curvature import dense_hessian

#: Eigenvalue of the Hessian, relative to the largest, below which a direction is along the minima.
_FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class Setting:
    """A student of a source, and where its steps begin."""

    source: Teacher | Samples
    student: EDLN
    start: list[Array]  # weights
    minimum: bool  # whether they are at a minimum

    @cached_property
    def problem(self) -> Problem:
        """The student bound to its source."""
        return Problem.of(self.source, self.student)

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues, ascending, and eigenvectors of the Hessian at the start."""
        values, vectors = np.linalg.eigh(dense_hessian(self.problem, self.start))
        return values, vectors

    @property
    def sharpest(self) -> float:
        """Largest eigenvalue ``λ``, the unit of all times."""
        return float(self.spectrum[0][-1])

    def tangent(self, vector: Array) -> Array:
        """The part of a vector along the minima."""
        values, vectors = self.spectrum
        flat = vectors[:, values < _FLAT * values[-1]]
        return np.asarray(flat @ (flat.T @ vector))
