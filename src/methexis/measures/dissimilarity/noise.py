"""Covariance of measurement noise between features, shrunk so that it has an inverse.

A covariance of ``d`` features from ``m`` residuals is singular for ``m <= d``, and its inverse is
wild for ``m`` near ``d``. Shrinking it towards a simple target costs bias and saves variance; both
methods here take the share of the target that minimises the expected squared error, estimated from
the same residuals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from methexis.core.answers import computed, require_finite
from methexis.core.checks import Array, integer, one_of, real_array
from methexis.errors import MethexisError

SHRINKAGES = ("ledoit_wolf", "diagonal", "none")


def noise_covariance(
    residuals: ArrayLike, shrinkage: str = "ledoit_wolf", *, degrees_of_freedom: int | None = None
) -> tuple[Array, float]:
    """Covariance of noise between features, and the share of the target in it.

    With ``S`` the mean of ``e eᵀ`` over the ``m`` residuals ``e``, ``d`` features:

    - ``ledoit_wolf``: ``(1 - a) S + a s I``, ``s = Tr S / d`` and
      ``a = min(β², δ²) / δ²``, ``δ² = ‖S - s I‖²``, ``β² = (Σ ‖e eᵀ - S‖²) / m²`` [1]_.
    - ``diagonal``: variances stay, correlations ``r_kl`` are multiplied by ``1 - a`` with
      ``a = min(1, Σ_{k≠l} Var(r_kl) / Σ_{k≠l} r_kl²)`` [2]_. For features of unlike variance.
    - ``none``: ``S``.

    Parameters
    ----------
    residuals : array (num_residuals, num_features)
        What is left of measurements when their condition's mean is taken away; their own mean is
        taken from them here.
    shrinkage : {"ledoit_wolf", "diagonal", "none"}
        Towards what.
    degrees_of_freedom : int, optional
        Divisor of ``m S`` in the end: ``m`` less the number of parameters that were fitted
        (one mean per condition, say); ``num_residuals - 1`` by default.

    Returns
    -------
    covariance : array (num_features, num_features)
    share : float
        ``a`` above; 0 with ``none``.

    Raises
    ------
    MethexisError
        On residuals that are not finite, fewer than 2, or constant (a variance of zero).

    References
    ----------
    .. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance
       matrices", Journal of Multivariate Analysis 88, 365 (2004).
    .. [2] J. Schäfer and K. Strimmer, "A shrinkage approach to large-scale covariance matrix
       estimation and implications for functional genomics", Statistical Applications in Genetics
       and Molecular Biology 4, 32 (2005).

    Examples
    --------
    >>> import numpy as np
    >>> residuals = np.random.default_rng(0).normal(size=(10, 30))
    >>> covariance, share = noise_covariance(residuals)
    >>> round(share, 2), bool(np.linalg.eigvalsh(covariance)[0] > 0)
    (0.69, True)
    """
    one_of("shrinkage", shrinkage, SHRINKAGES)
    errors = real_array("residuals", residuals, (None, None))
    with computed("noise_covariance"):
        shrunk, share = _shrunk(np.array(errors), shrinkage, degrees_of_freedom)
    require_finite("noise_covariance", shrunk, [errors])
    return shrunk, share


def _shrunk(errors: Array, shrinkage: str, degrees_of_freedom: int | None) -> tuple[Array, float]:
    m, d = errors.shape
    if m < 2:
        raise MethexisError(f"residuals: expected at least 2 rows, got {m}")
    freedom = integer(
        "degrees_of_freedom", m - 1 if degrees_of_freedom is None else degrees_of_freedom, least=1
    )
    errors -= errors.mean(axis=0)
    second = errors.T @ errors / m
    variances = np.diagonal(second)
    if not (variances > 0).all():
        raise MethexisError(
            "residuals: expected features that vary, got zero variance in feature "
            f"{int(np.argmin(variances))}"
        )
    target, share = second, 0.0
    if shrinkage == "ledoit_wolf":
        target = np.eye(d) * (np.trace(second) / d)
        distance = float(np.sum((second - target) ** 2))
        fourth = float(np.sum(np.sum(errors**2, axis=1) ** 2)) / m  # mean of ‖e eᵀ‖²
        spread = (fourth - float(np.sum(second**2))) / m
        share = min(spread, distance) / distance if distance > 0.0 else 0.0
    elif shrinkage == "diagonal":
        target = np.diag(variances)
        share = _correlation_share(errors, freedom)
    return ((1.0 - share) * second + share * target) * (m / freedom), share


def _correlation_share(errors: Array, freedom: int) -> float:
    """Share of the diagonal: the variance of correlations over their squares."""
    m, d = errors.shape
    if d == 1:
        return 0.0
    standard = errors / np.sqrt(np.sum(errors**2, axis=0) / freedom)
    off = ~np.eye(d, dtype=bool)
    means = standard.T @ standard / (m - 1)
    squares = (standard**2).T @ standard**2 / (m - 1)
    variance = float(np.sum((m / freedom**2 * (squares - means**2))[off]))
    size = float(np.sum(means[off] ** 2))
    return max(0.0, min(1.0, variance / size)) if size > 0.0 else 1.0
