"""Entropic gap of an interface between two linear maps, and the gauge that closes it.

A hidden interface with gradient covariances ``A = E[G_i G_iᵀ]`` and ``B = E[G_{i+1}ᵀ G_{i+1}]``
contributes ``Tr A + Tr B`` to the entropy. Under ``W_i -> T W_i``, ``W_{i+1} -> W_{i+1} T⁻¹`` they
become ``T⁻ᵀ A T⁻¹`` and ``T B Tᵀ``; the least sum of traces is ``2 Tr (A^{1/2} B A^{1/2})^{1/2}``,
so what the force can still remove is a squared Bures-Wasserstein distance (docs/theory.md §7).
"""

from __future__ import annotations

import numpy as np

from methexis.core.answers import computed, require_finite
from methexis.core.checks import Array, ConditionError, MethexisError, covariances
from methexis.core.linalg import inverse_sqrt_psd, rank, sqrt_psd


def entropic_gap(grad_out: Array, grad_in: Array) -> Array:
    """``Tr A + Tr B - 2 Tr (A^{1/2} B A^{1/2})^{1/2}`` for ``(..., d, d)`` covariances.

    Parameters
    ----------
    grad_out : array (..., d, d)
        ``A = E[G_i G_iᵀ]``, from the layer that writes the interface.
    grad_in : array (..., d, d)
        ``B = E[G_{i+1}ᵀ G_{i+1}]``, from the layer that reads it.

    Returns
    -------
    array (...)
        Non-negative up to rounding; zero exactly at balance ``A = B``.

    Raises
    ------
    MethexisError
        If the shapes differ or are not square, or they are no covariances.

    Examples
    --------
    >>> import numpy as np
    >>> float(entropic_gap(np.diag([4.0, 1.0]), np.diag([1.0, 1.0])))
    1.0
    """
    grad_out, grad_in = covariances("grad_out", grad_out), covariances("grad_in", grad_in)
    if grad_out.shape != grad_in.shape:
        raise MethexisError(
            "entropic_gap: expected two square matrices of one shape, "
            f"got {grad_out.shape} and {grad_in.shape}"
        )
    with computed("entropic_gap"):
        gap = gap_of(grad_out, grad_in)
    require_finite("entropic_gap", gap, [grad_out, grad_in])
    return gap


def gap_of(grad_out: Array, grad_in: Array) -> Array:
    """`entropic_gap` of covariances; NaN where these are not finite, as of a diverging replica."""
    finite = np.asarray(np.isfinite(grad_out + grad_in).all(axis=(-2, -1)))
    if not finite.all():
        nothing = np.zeros_like(grad_out)
        grad_out, grad_in = (
            np.where(finite[..., None, None], moment, nothing) for moment in (grad_out, grad_in)
        )
        return np.where(finite, gap_of(grad_out, grad_in), np.nan)
    # Tr (A^{1/2} B A^{1/2})^{1/2} is the nuclear norm of B^{1/2} A^{1/2}.
    overlap = np.linalg.svd(sqrt_psd(grad_in) @ sqrt_psd(grad_out), compute_uv=False).sum(-1)
    traces = np.trace(grad_out, axis1=-2, axis2=-1) + np.trace(grad_in, axis1=-2, axis2=-1)
    return np.asarray(traces - 2.0 * overlap)


def canonical_gauge(grad_out: Array, grad_in: Array) -> Array:
    """Symmetric ``T`` that balances one interface: ``T² = B⁻¹ # A``.

    ``B⁻¹ # A = B^{-1/2} (B^{1/2} A B^{1/2})^{1/2} B^{-1/2}`` is the matrix geometric mean. After
    ``W_i -> T W_i``, ``W_{i+1} -> W_{i+1} T⁻¹`` the interface's gap is zero and the function is
    unchanged.

    Raises
    ------
    ConditionError
        ``full-rank gradients``, if a covariance is singular: then the infimum is not attained.
    MethexisError
        If they are no covariances of one shape.

    Examples
    --------
    >>> import numpy as np
    >>> canonical_gauge(np.diag([16.0, 1.0]), np.eye(2)).round(12).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    grad_out, grad_in = covariances("grad_out", grad_out), covariances("grad_in", grad_in)
    if grad_out.ndim != 2 or grad_out.shape != grad_in.shape:
        raise MethexisError(
            "canonical_gauge: expected two square matrices of one shape, got "
            f"{grad_out.shape} and {grad_in.shape}"
        )
    with computed("canonical_gauge"):
        gauge = _canonical(grad_out, grad_in)
    require_finite("canonical_gauge", gauge, [grad_out, grad_in])
    return gauge


def _canonical(grad_out: Array, grad_in: Array) -> Array:
    for name, matrix in (("E[G_i G_iᵀ]", grad_out), ("E[G_{i+1}ᵀ G_{i+1}]", grad_in)):
        if rank(matrix) < len(matrix):
            raise ConditionError(
                "full-rank gradients",
                f"expected {name} of rank {len(matrix)}, got rank {rank(matrix)}",
            )
    root, inverse = sqrt_psd(grad_in), inverse_sqrt_psd(grad_in)
    return sqrt_psd(inverse @ sqrt_psd(root @ grad_out @ root) @ inverse)
