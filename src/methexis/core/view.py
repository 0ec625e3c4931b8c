"""`View`: what one student sees of a sample that all students share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from methexis.core.checks import (
    Array,
    MethexisError,
    count,
    covariance,
    integer,
    number,
    real_array,
)
from methexis.core.linalg import random_conditioned
from methexis.core.parallel.threads import one_blas_thread
from methexis.display import Displayed


@dataclass(frozen=True, eq=False)
class View(Displayed):
    """A linear view ``Z [x; u]`` of the shared input, and a map ``Φ`` of the shared label.

    Parameters
    ----------
    matrix : array (num_seen, dim_x + num_private), optional
        ``Z``; identity by default. The theorem needs it invertible.
    private_cov : array (num_private, num_private), optional
        Covariance of Gaussian features ``u`` that this student alone sees and that say nothing
        about the label; none by default.
    label_matrix : array (num_labels, dim_y), optional
        ``Φ``: this student is trained on ``Φ y``; identity by default.

    Raises
    ------
    MethexisError
        On wrong shapes, non-finite entries, or a matrix that is not a covariance.

    Examples
    --------
    >>> View([[2.0, 0.0], [0.0, 1.0]]).matrix.shape
    (2, 2)
    """

    matrix: Array | None
    private_cov: Array | None
    label_matrix: Array | None

    def __init__(
        self,
        matrix: ArrayLike | None = None,
        private_cov: ArrayLike | None = None,
        label_matrix: ArrayLike | None = None,
    ) -> None:
        checked = None if matrix is None else real_array("view matrix", matrix, (None, None))
        object.__setattr__(self, "matrix", checked)
        private: Array | None = None
        if private_cov is not None:
            square = real_array("private_cov", private_cov, (None, None))
            private = covariance("private_cov", square, square.shape[0])
        object.__setattr__(self, "private_cov", private)
        if label_matrix is not None:
            label_matrix = real_array("label_matrix", label_matrix, (None, None))
        object.__setattr__(self, "label_matrix", label_matrix)

    @classmethod
    @one_blas_thread
    def random(cls, dim_x: int, condition: float = 3.0, seed: int = 0) -> View:
        """Draw an invertible view with the given condition number and ``|det Z| = 1``.

        Examples
        --------
        >>> import numpy as np
        >>> view = View.random(4, condition=3.0, seed=1)
        >>> round(float(np.linalg.cond(view.matrix)), 6)
        3.0
        """
        dim = count("dim_x", dim_x, least=1)
        generator = np.random.default_rng(integer("seed", seed, least=0))
        return cls(random_conditioned(dim, number("condition", condition, least=1.0), generator))

    @property
    def num_private(self) -> int:
        """Number of private features."""
        return 0 if self.private_cov is None else self.private_cov.shape[0]

    def input_matrix(self, dim_x: int) -> Array:
        """Return ``Z`` as an array ``(num_seen, dim_x + num_private)``.

        Raises
        ------
        MethexisError
            If ``dim_x`` is no number of inputs, or ``Z`` does not have that many columns.
        """
        columns = count("dim_x", dim_x, least=1) + self.num_private
        if self.matrix is None:
            return np.eye(columns)
        if self.matrix.shape[1] != columns:
            raise MethexisError(
                f"view matrix: expected {columns} columns ({dim_x} inputs and "
                f"{self.num_private} private features), got shape {self.matrix.shape}"
            )
        return self.matrix

    def output_matrix(self, dim_y: int) -> Array:
        """Return ``Φ`` as an array ``(num_labels, dim_y)``.

        Raises
        ------
        MethexisError
            If ``dim_y`` is no number of labels, or ``Φ`` does not have as many columns.
        """
        dim_y = count("dim_y", dim_y, least=1)
        if self.label_matrix is None:
            return np.eye(dim_y)
        if self.label_matrix.shape[1] != dim_y:
            raise MethexisError(
                f"label_matrix: expected {dim_y} columns, got shape {self.label_matrix.shape}"
            )
        return self.label_matrix
