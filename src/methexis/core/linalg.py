"""Small dense linear algebra that several layers need: symmetric roots, inverses, random matrices.

Roots and inverses go through eigenvalues or singular values with one relative rank tolerance
(`checks.RANK_TOLERANCE`); a general matrix square root would lose eight digits at rank deficiency.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from scipy.linalg import cython_lapack

from methexis.core.checks import RANK_TOLERANCE, Array
from methexis.errors import MethexisError


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


def eliminate_positive(matrix: Array, right: Array) -> bool:
    """Put solutions of one positive definite system in the place of its right-hand sides.

    By Cholesky, with half the work of the elimination that NumPy has, and without Python's lock,
    which SciPy's own wrapper of it holds: several threads eliminate at once.

    Parameters
    ----------
    matrix : array (n, n)
        Contiguous, of doubles. Its factor overwrites it.
    right : array (m, n)
        Contiguous, of doubles, one right-hand side a row.

    Returns
    -------
    bool
        Whether the matrix is positive definite, to rounding. If not, both arrays hold nothing.
    """
    if not (matrix.flags.c_contiguous and right.flags.c_contiguous):
        raise AssertionError  # LAPACK would read other numbers
    size, sides, info = ctypes.c_int(len(matrix)), ctypes.c_int(len(right)), ctypes.c_int(0)
    at = ctypes.byref
    _dposv()(
        ctypes.c_char_p(b"U"),
        *(at(size), at(sides)),
        *(matrix.ctypes.data, at(size)),
        *(right.ctypes.data, at(size), at(info)),
    )
    return info.value == 0


@cache
def _dposv() -> Callable[..., None]:
    """LAPACK's solver by Cholesky, of SciPy's table of routines for compiled callers."""
    capsule = cython_lapack.__pyx_capi__["dposv"]
    api = ctypes.pythonapi
    label = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", api)
    )
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 8)(pointer(capsule, label(capsule)))


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
