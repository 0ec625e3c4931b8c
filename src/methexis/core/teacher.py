"""`Teacher`: the linear data source ``y = V x + ε`` with exact population moments."""

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
    one_of,
    real_array,
)
from methexis.core.linalg import (
    inverse_sqrt_psd,
    random_covariance,
    random_orthogonal,
    rank,
    sqrt_psd,
)
from methexis.core.parallel.threads import one_blas_thread
from methexis.core.random.laws import LAWS, generator_numbers
from methexis.core.samples import Samples
from methexis.display import Displayed


@dataclass(frozen=True, eq=False)
class Teacher(Displayed):
    r"""Source of samples ``y = V x + ε``, inputs ``x`` and noise ``ε`` independent of each other.

    ``x = Σx^{1/2} z`` and ``ε = Σε^{1/2} z'``, where the coordinates of ``z`` and ``z'`` are
    independent, of mean 0 and variance 1, and by default normal. The moments ``Σx``, ``Σε``
    hold for every law, and so does all of the theory on the minima.

    Parameters
    ----------
    weight : array (dim_y, dim_x)
        The map ``V``.
    cov_x : array (dim_x, dim_x), optional
        Second moment ``Σx`` of the inputs; identity by default.
    cov_noise : array (dim_y, dim_y), optional
        Noise covariance ``Σε``; identity by default.
    law_x, law_noise : {"gaussian", "uniform", "laplace", "student_t"}
        Law of the coordinates of ``z`` and ``z'``: normal; bounded; with exponential tails; with
        heavy tails, Student's with 5 degrees of freedom (`core.random.laws`).

    Raises
    ------
    MethexisError
        On wrong shapes, non-finite entries, a matrix that is not a covariance, or an unknown law.

    Examples
    --------
    >>> Teacher(weight=[[1.0, 1.0], [0.0, 0.5]], cov_noise=[[0.04, 0.0], [0.0, 1.0]]).rank
    2
    """

    weight: Array
    cov_x: Array
    cov_noise: Array
    law_x: str
    law_noise: str

    def __init__(
        self,
        weight: ArrayLike,
        cov_x: ArrayLike | None = None,
        cov_noise: ArrayLike | None = None,
        law_x: str = "gaussian",
        law_noise: str = "gaussian",
    ) -> None:
        object.__setattr__(self, "weight", real_array("weight", weight, (None, None)))
        dim_y, dim_x = self.weight.shape
        cov_x = np.eye(dim_x) if cov_x is None else cov_x
        cov_noise = np.eye(dim_y) if cov_noise is None else cov_noise
        object.__setattr__(self, "cov_x", covariance("cov_x", cov_x, dim_x))
        object.__setattr__(self, "cov_noise", covariance("cov_noise", cov_noise, dim_y))
        object.__setattr__(self, "law_x", one_of("law_x", law_x, LAWS))
        object.__setattr__(self, "law_noise", one_of("law_noise", law_noise, LAWS))

    @classmethod
    @one_blas_thread
    def random(
        cls,
        dim_x: int,
        dim_y: int,
        rank: int | None = None,
        *,
        noise: float = 1.0,
        condition: float = 2.0,
        condition_x: float = 1.0,
        condition_noise: float = 1.0,
        law_x: str = "gaussian",
        law_noise: str = "gaussian",
        seed: int = 0,
    ) -> Teacher:
        """Draw a teacher with Haar singular vectors and log-spaced singular values.

        Parameters
        ----------
        dim_x, dim_y : int
            Numbers of inputs and labels.
        rank : int, optional
            Rank of ``V``; ``min(dim_x, dim_y)`` by default.
        noise : float
            Noise strength ``Tr Σε / Tr(V Σx Vᵀ)``; 1 means as strong as the signal.
        condition : float
            Ratio of the largest to the smallest non-zero singular value of ``V``.
        condition_x, condition_noise : float
            Condition numbers of ``Σx`` and ``Σε``; 1 means isotropic.
        law_x, law_noise : str
            Laws of inputs and noise, as for a teacher itself.
        seed : int
            Seed of the draw.

        Raises
        ------
        MethexisError
            On a count below 1, a rank above ``min(dim_x, dim_y)``, a condition number below 1.

        Examples
        --------
        >>> teacher = Teacher.random(dim_x=8, dim_y=6, rank=4, seed=0)
        >>> teacher.weight.shape, teacher.rank
        ((6, 8), 4)
        """
        dim_x = count("dim_x", dim_x, least=1)
        dim_y = count("dim_y", dim_y, least=1)
        most = min(dim_x, dim_y)
        num_modes = most if rank is None else integer("rank", rank, least=1, most=most)
        noise = number("noise", noise, least=0.0)
        condition = number("condition", condition, least=1.0)
        condition_x = number("condition_x", condition_x, least=1.0)
        condition_noise = number("condition_noise", condition_noise, least=1.0)
        generator = np.random.default_rng(integer("seed", seed, least=0))
        left = random_orthogonal(dim_y, generator)[:, :num_modes]
        right = random_orthogonal(dim_x, generator)[:, :num_modes]
        values = np.geomspace(condition, 1.0, num_modes) / np.sqrt(condition)
        weight = (left * values) @ right.T
        cov_x = random_covariance(dim_x, condition_x, generator)
        cov_noise = random_covariance(dim_y, condition_noise, generator)
        signal = float(np.trace(weight @ cov_x @ weight.T))
        cov_noise = cov_noise * (noise * signal / np.trace(cov_noise))
        return cls(weight, cov_x, cov_noise, law_x, law_noise)

    @property
    def dim_x(self) -> int:
        """Number of input features."""
        return int(self.weight.shape[1])

    @property
    def dim_y(self) -> int:
        """Number of labels per sample."""
        return int(self.weight.shape[0])

    @property
    def rank(self) -> int:
        """Rank of ``V Σx^{1/2}``."""
        return rank(self.weight @ sqrt_psd(self.cov_x))

    @one_blas_thread
    def samples(self, num_samples: int, seed: int = 0) -> Samples:
        """Draw ``num_samples`` independent samples by the teacher's laws.

        Examples
        --------
        >>> Teacher([[1.0]]).samples(5, seed=0).x.shape
        (5, 1)
        """
        size = count("num_samples", num_samples, least=1)
        generator = np.random.default_rng(integer("seed", seed, least=0))
        x = generator_numbers(generator, self.law_x, (size, self.dim_x)) @ sqrt_psd(self.cov_x)
        noise = generator_numbers(generator, self.law_noise, (size, self.dim_y))
        noise = noise @ sqrt_psd(self.cov_noise)
        return Samples(x, x @ self.weight.T + noise)

    @one_blas_thread
    def product_samples(self, num_x: int, num_noise: int, seed: int = 0) -> Samples:
        r"""All pairs of ``num_x`` inputs and ``num_noise`` noise vectors.

        The two sets are draws by the teacher's laws, corrected linearly so that
        ``mean(x xᵀ) = Σx``, ``mean(ε) = 0`` and ``mean(ε εᵀ) = Σε`` hold to rounding. In the
        product every moment of the form ``E[a(x) b(ε)]`` factors, so the theorem's moments hold
        without a finite-sample error.

        Parameters
        ----------
        num_x : int
            Number of inputs, at least ``dim_x``.
        num_noise : int
            Number of noise vectors, at least ``dim_y + 1``.
        seed : int
            Seed of the draw.

        Returns
        -------
        Samples
            ``num_x * num_noise`` rows.

        Examples
        --------
        >>> import numpy as np
        >>> teacher = Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=[[0.04, 0.0], [0.0, 1.0]])
        >>> data = teacher.product_samples(num_x=4, num_noise=5, seed=0)
        >>> bool(np.allclose(data.weight, teacher.weight, rtol=0, atol=1e-12))
        True
        """
        num_x = count("num_x", num_x, least=self.dim_x)
        num_noise = count("num_noise", num_noise, least=self.dim_y + 1)
        generator = np.random.default_rng(integer("seed", seed, least=0))
        x = generator_numbers(generator, self.law_x, (num_x, self.dim_x))
        noise = generator_numbers(generator, self.law_noise, (num_noise, self.dim_y))
        noise -= noise.mean(axis=0)
        x = x @ inverse_sqrt_psd(x.T @ x / num_x) @ sqrt_psd(self.cov_x)
        noise = noise @ inverse_sqrt_psd(noise.T @ noise / num_noise) @ sqrt_psd(self.cov_noise)
        all_x = np.repeat(x, num_noise, axis=0)
        return Samples(all_x, all_x @ self.weight.T + np.tile(noise, (num_x, 1)))

    def _facts(self) -> dict[str, object]:
        dim_y, dim_x = self.weight.shape
        laws = {"law_x": self.law_x, "law_noise": self.law_noise}
        return {"dim_x": dim_x, "dim_y": dim_y} | {k: v for k, v in laws.items() if v != "gaussian"}


def source_name(source: object) -> str:
    """Name a source for messages; refuse what is neither `Teacher` nor `Samples`.

    Raises
    ------
    MethexisError
        If ``source`` is neither.
    """
    if isinstance(source, Teacher):
        return "teacher"
    if isinstance(source, Samples):
        return "samples"
    raise MethexisError(f"source: expected a Teacher or Samples, got {type(source).__name__}")
