"""Small dense linear algebra that several layers need: symmetric roots, inverses, random matrices.

Roots and inverses go through eigenvalues or singular values with one relative rank tolerance
(`checks.RANK_TOLERANCE`); a general matrix square root would lose eight digits at rank deficiency.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg.lapack import dposv

from methexis.core.checks import RANK_TOLERANCE, Array
from methexis.errors import MethexisError

#: Least size of a matrix from which on a call of its own costs nothing beside its work.
_CHOLESKY_FROM = 96


def sqrt_psd(matrix: Array) -> Array:
    """Symmetric square root of a positive semi-definite matrix ``(..., n, n)``."""
    return _spectral_power(matrix, 0.5)


def inverse_sqrt_psd(matrix: Array) -> Array:
    """Pseudo-inverse of the symmetric square root of ``(..., n, n)``."""
    return _spectral_power(matrix, -0.5)


def inverse_psd(matrix: Array) -> Array:
    """Pseudo-inverse of a positive semi-definite matrix ``(..., n, n)``."""
    return _spectral_power(matrix, -1.0)


def _spectral_power(matrix: Array, power: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    alive = values > RANK_TOLERANCE * np.maximum(values[..., -1:], 0.0)
    powers = np.where(alive, np.where(alive, values, 1.0) ** power, 0.0)
    result: Array = (vectors * powers[..., None, :]) @ vectors.mT
    return result


def solve_positive(matrices: Array, right: Array) -> Array:
    """Solve ``(m, n, n)`` positive definite systems for one right-hand side ``(m, n, 1)`` each.

    Large ones one by one by Cholesky, with half the work of the elimination that NumPy has for
    batches; one that is not positive definite, to rounding, is eliminated. The matrices may be
    overwritten.
    """
    if matrices.shape[-1] < _CHOLESKY_FROM:
        return np.asarray(np.linalg.solve(matrices, right))
    solutions = np.empty_like(right)
    for matrix, one, solution in zip(matrices, right, solutions, strict=True):
        _, values, failed = dposv(matrix.T, one)
        solution[...] = np.linalg.solve(matrix, one) if failed else values
    return solutions


def rank(matrix: Array, tolerance: float = RANK_TOLERANCE) -> int:
    """Numerical rank: singular values above ``tolerance`` times the largest."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(values > tolerance * values[0])) if values[0] > 0 else 0


def squared_norm(matrix: Array) -> Array:
    """Squared Frobenius norm over the last two axes (a plain square, so complex steps pass)."""
    result: Array = np.sum(matrix * matrix, axis=(-2, -1))
    return result


def random_orthogonal(dim: int, generator: np.random.Generator) -> Array:
    """Haar-distributed orthogonal matrix: QR of a Gaussian matrix with the signs of R fixed."""
    q, r = np.linalg.qr(generator.standard_normal((dim, dim)))
    result: Array = q * np.sign(np.diag(r))
    return result


def random_conditioned(dim: int, condition: float, generator: np.random.Generator) -> Array:
    """Random ``(dim, dim)`` matrix with the given condition number and determinant of size 1.

    Haar singular vectors; singular values log-uniform with both ends hit exactly, then scaled to
    geometric mean 1.
    """
    log_values = _log_spread(dim, np.log(condition), generator)
    left, right = random_orthogonal(dim, generator), random_orthogonal(dim, generator)
    result: Array = (left * np.exp(log_values)) @ right.T
    return result


def random_covariance(dim: int, condition: float, generator: np.random.Generator) -> Array:
    """Random covariance with the given condition number and determinant 1."""
    log_values = _log_spread(dim, np.log(condition), generator)
    basis = random_orthogonal(dim, generator)
    matrix = (basis * np.exp(log_values)) @ basis.T
    result: Array = (matrix + matrix.T) / 2
    return result


def _log_spread(dim: int, width: float, generator: np.random.Generator) -> Array:
    """Centred values in an interval of the given width, both ends hit when ``dim >= 2``."""
    if dim == 1:
        return np.zeros(1)
    inner = np.sort(generator.uniform(0.0, width, dim - 2))
    values = np.concatenate([[0.0], inner, [width]])
    return np.asarray(values - values.mean())


def in_unit(matrix: Array) -> tuple[Array, int]:
    """A matrix whose fourth powers can be summed, and the power of two that it is less.

    Where they can be as it is, it stays as it is: then, or where a multiplication by ``2**-k`` is
    exact, no bit of what is computed from it changes.
    """
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0.0 or 1e-70 <= largest <= 1e70:
        return matrix, 0
    exponent = int(np.frexp(largest)[1])
    return np.ldexp(matrix, -exponent), exponent


def comparable(name: str, scale: float, exponent: int, words: str) -> float:
    """``scale * 2**exponent``, the scale between two layers that `in_unit` has taken apart.

    Raises
    ------
    MethexisError
        If double precision does not hold it; `words` say which ratio it is.
    """
    whole = float(np.ldexp(scale, exponent))
    if not np.isfinite(whole) or (whole == 0.0) != (scale == 0.0):
        raise MethexisError(
            f"{name}: expected two layers whose scales double precision can compare, got "
            f"{scale:.3g} * 2**{exponent} for {words}; change the units"
        )
    return whole


def flatten(matrices: Sequence[Array]) -> Array:
    """Concatenate layers ``(..., d_i, d_{i-1})`` to one vector ``(..., num_parameters)``."""
    rows = [m.reshape(*m.shape[:-2], m.shape[-2] * m.shape[-1]) for m in matrices]
    return np.concatenate(rows, axis=-1)


def unflatten(vector: Array, dims: Sequence[int]) -> list[Array]:
    """Invert `flatten` for layer sizes ``dims = (d_0, …, d_D)``."""
    layers = []
    start = 0
    for rows, columns in zip(dims[1:], dims[:-1], strict=True):
        stop = start + rows * columns
        layers.append(vector[..., start:stop].reshape(*vector.shape[:-1], rows, columns))
        start = stop
    return layers
