"""RDMs in a metric in which their noise is white, without the covariance of their entries.

Patterns measured with independent noise of covariance ``Σ`` between samples (the identity, unless
known) give squared distances whose errors are correlated, because two pairs that share a sample
share its noise. Where the signal is weak the covariance of the entries is, up to a factor,

    V_{(ij)(kl)} = (c_ijᵀ Σ c_kl)²,    c_ij = e_i - e_j

(Diedrichsen et al. 2020, arXiv:2007.02789), a matrix of ``(n (n - 1) / 2)²`` numbers: 200 GB for
``n = 560``. Its inverse is never needed. ``d = A vec(G)`` with rows ``c_ij ⊗ c_ij`` of ``A`` takes
the distances from a Gram matrix, and ``V = A (Σ ⊗ Σ) Aᵀ``, so ``dᵀ V⁻¹ d`` is the least
``‖Σ^{-1/2} G Σ^{-1/2}‖²`` among all ``G`` with those distances. These are
``-D / 2 + u 1ᵀ + 1 uᵀ``, and the least is where ``G Σ⁻¹ 1 = 0``:

    G = -½ Q D Qᵀ,    Q = 1 - 1 wᵀ / (1ᵀ w),    w = Σ⁻¹ 1
    dᵀ V⁻¹ d' = ⟨B, B'⟩,    B = Σ^{-1/2} G Σ^{-1/2}

With ``Σ = 1`` this is the Gram matrix, doubly centred, and the whitened cosine of squared Euclidean
RDMs is linear CKA. Any root of ``Σ`` will do: the inverse of its Cholesky factor is taken.
"""

from __future__ import annotations

import array_api_compat
import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from methexis.core.checks import Array, covariance
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Tensor, to_numpy
from methexis.measures.inputs.rdm import RDM


def whitened(rdm: RDM, matrix: Tensor, noise: ArrayLike | None = None) -> Tensor:
    """The matrix ``B`` derived above: inner products of such are those of whitened RDMs.

    The matrix is an RDM's entries or a function of them, symmetric, with a zero diagonal; the noise
    has a covariance ``Σ`` between samples that is the same for every feature, the identity by
    default.

    Raises
    ------
    MethexisError
        If the covariance is not symmetric and positive definite.
    """
    xp = rdm.xp
    if noise is None:
        columns = xp.mean(matrix, axis=0, keepdims=True)
        return -(matrix - columns - columns.T + xp.mean(columns)) / 2
    white = _whitened_with(to_numpy(matrix), covariance("noise", noise, rdm.num_samples))
    return xp.asarray(white, dtype=matrix.dtype, device=array_api_compat.device(matrix))


def _whitened_with(matrix: Array, noise: Array) -> Array:
    try:
        root = cholesky(noise, lower=True)
    except LinAlgError:
        raise MethexisError(
            "noise: expected a positive definite covariance between samples, got a singular one"
        ) from None
    half = solve_triangular(root, matrix, lower=True)
    both = solve_triangular(root, half.T, lower=True)  # R⁻¹ D R⁻ᵀ
    ones = solve_triangular(root, np.ones(len(matrix)), lower=True)
    ones /= (ones @ ones) ** 0.5  # R⁻¹ 1, of length one: Q is the projection that removes it
    across = both @ ones
    gram = both - across[:, None] * ones - ones[:, None] * across
    gram += (ones @ across) * (ones[:, None] * ones)
    white: Array = -(gram + gram.T) / 4
    return white
