"""`Samples`: paired inputs and labels, from a teacher's design or from the user's own data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from methexis.core.checks import Array, MethexisError, count, read_only, real_array
from methexis.core.linalg import inverse_psd
from methexis.core.outside.foreign import admitted, is_tensor
from methexis.core.parallel.caching import cached_property
from methexis.core.parallel.threads import one_blas_thread
from methexis.display import Displayed

#: Largest number of which fourth powers can be summed, as least squares need them.
_MOST = 1e70


@dataclass(frozen=True, eq=False)
class Samples(Displayed):
    """A finite data set of paired rows.

    Parameters
    ----------
    x : array (num_samples, dim_x)
        Inputs.
    y : array (num_samples, dim_y)
        Labels; row ``n`` belongs to input row ``n``.

    Raises
    ------
    MethexisError
        If rows are not paired, an entry is not finite, or the largest is beyond ``1e±70``.

    Examples
    --------
    >>> data = Samples([[1.0, 0.0], [0.0, 2.0]], [[1.0], [4.0]])
    >>> data.num_samples, data.dim_x, data.dim_y
    (2, 2, 1)
    >>> data.weight.tolist()
    [[1.0, 2.0]]
    """

    x: Array
    y: Array

    def __init__(self, x: ArrayLike, y: ArrayLike) -> None:
        object.__setattr__(self, "x", real_array("x", x, (None, None)))
        object.__setattr__(self, "y", real_array("y", y, (None, None)))
        if len(self.x) != len(self.y):
            raise MethexisError(
                f"Samples: expected paired rows, got {len(self.x)} inputs and {len(self.y)} labels"
            )
        for name, array in (("x", self.x), ("y", self.y)):
            largest = float(np.abs(array).max())
            if largest and not 1.0 / _MOST <= largest <= _MOST:
                raise MethexisError(
                    f"{name}: expected numbers of which the largest is between {1.0 / _MOST:g} and "
                    f"{_MOST:g}, so that moments can be computed, got {largest:.3g}; change the "
                    "unit"
                )

    @classmethod
    def classes(cls, x: ArrayLike, labels: ArrayLike, num_classes: int | None = None) -> Samples:
        """Data set for classification: each label becomes a row with a single 1 at its class.

        Parameters
        ----------
        x : array (num_samples, dim_x)
            Inputs.
        labels : integer array (num_samples,)
            Classes, counted from 0.
        num_classes : int, optional
            Number of classes; one more than the largest label by default.

        Raises
        ------
        MethexisError
            If a label is no integer in ``[0, num_classes)``, or rows are not paired.

        Examples
        --------
        >>> Samples.classes([[0.5], [0.1], [0.9]], [1, 0, 1]).y.tolist()
        [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
        """
        given = admitted("labels", labels)
        if is_tensor(given) and not given.is_floating_point():
            given = given.cpu().numpy()
        if getattr(given.dtype, "kind", "f") not in "iu" or given.ndim != 1 or given.size == 0:
            raise MethexisError(
                "labels: expected one integer per sample, got dtype "
                f"{given.dtype} and shape {tuple(given.shape)}"
            )
        most = int(given.max()) + 1
        number = count("num_classes", most if num_classes is None else num_classes, least=1)
        if given.min() < 0 or most > number:
            raise MethexisError(
                f"labels: expected classes in [0, {number - 1}], got {given.min()} … {given.max()}"
            )
        rows = np.zeros((len(given), number))
        rows[np.arange(len(given)), given] = 1.0
        return cls(x, rows)

    @property
    def num_samples(self) -> int:
        """Number of samples, the rows of ``x`` and ``y``."""
        return len(self.x)

    @property
    def dim_x(self) -> int:
        """Number of input features."""
        return int(self.x.shape[1])

    @property
    def dim_y(self) -> int:
        """Number of labels per sample."""
        return int(self.y.shape[1])

    @cached_property
    @one_blas_thread
    def cov_x(self) -> Array:
        """Second moment of the inputs (not centred), ``(dim_x, dim_x)``."""
        return read_only(self.x.T @ self.x / self.num_samples)

    @cached_property
    @one_blas_thread
    def weight(self) -> Array:
        """Least-squares map ``E[y xᵀ] E[x xᵀ]⁺``, ``(dim_y, dim_x)``."""
        return read_only(self.y.T @ self.x / self.num_samples @ inverse_psd(self.cov_x))

    @cached_property
    @one_blas_thread
    def cov_noise(self) -> Array:
        """Second moment of the residual ``y - weight x``, ``(dim_y, dim_y)``."""
        residual = self.y - self.x @ self.weight.T
        return read_only(residual.T @ residual / self.num_samples)

    def _facts(self) -> dict[str, object]:
        return {"num_samples": self.num_samples, "dim_x": self.dim_x, "dim_y": self.dim_y}
