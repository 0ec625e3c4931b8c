"""Distances in units of the noise: Mahalanobis, and its cross-validated form without bias.

They make RDMs of measurements whose noise is correlated between features, which no option of a
measure could do: two recordings have different features and different noise. So each becomes an
`RDM` here, with its own noise, and the RDMs are compared.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from methexis.core.answers import computed, require_finite
from methexis.core.checks import Array, real_array, sequence
from methexis.core.checks import covariance as checked_covariance
from methexis.errors import MethexisError
from methexis.measures.dissimilarity.dissimilarities import rounding, squared_distances
from methexis.measures.inputs.features import features, to_numpy
from methexis.measures.inputs.rdm import RDM


def mahalanobis(x: Any, covariance: ArrayLike, *, labels: Sequence[str] | None = None) -> RDM:
    """Squared Mahalanobis distances ``(x_i - x_j)ᵀ Σ⁻¹ (x_i - x_j)`` between all rows.

    Noise in ``x`` makes every distance too large, by ``2 d`` on average if ``Σ`` is its covariance;
    `crossnobis` has no such bias.

    Parameters
    ----------
    x : array (num_samples, num_features)
        One pattern per sample.
    covariance : array (num_features, num_features)
        ``Σ``, of the noise between features; `noise_covariance` estimates one. (Of a given
        precision, its inverse.)
    labels : sequence of str, optional
        Names of the samples.

    Returns
    -------
    RDM
        Sums over features, not means: others divide by ``num_features``.

    Raises
    ------
    MethexisError
        If the covariance does not fit, is not symmetric, or not positive definite.

    References
    ----------
    A. Walther, H. Nili, N. Ejaz, A. Alink, N. Kriegeskorte and J. Diedrichsen, "Reliability of
    dissimilarity measures for multi-voxel pattern analysis", NeuroImage 137, 188 (2016).

    Examples
    --------
    >>> x = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]
    >>> mahalanobis(x, [[4.0, 0.0], [0.0, 1.0]]).matrix[0].tolist()
    [0.0, 1.0, 4.0, 5.0]
    """
    rows = to_numpy(features("X", x).array)
    with computed("mahalanobis"):
        matrix = squared_distances(np, _in_units_of_noise(rows, covariance))
    require_finite("mahalanobis", matrix, [rows])
    return RDM(matrix, "mahalanobis", labels, rounding(np, matrix), "X")


def crossnobis(
    measurements: ArrayLike,
    conditions: Sequence[Any],
    partitions: Sequence[Any],
    covariance: ArrayLike | None = None,
) -> RDM:
    """Cross-validated squared Mahalanobis distances: an unbiased estimate of the true ones.

    With ``x_ip`` the mean measurement of condition ``i`` in partition ``p`` of ``P``,

    ``d_ij = Σ_{p ≠ q} (x_ip - x_jp)ᵀ Σ⁻¹ (x_iq - x_jq) / (P (P - 1))``

    No measurement is multiplied with itself, so noise that is independent between partitions adds
    nothing on average: equal patterns have mean 0, and single entries may well be negative. They
    stay so. ``Σ`` only weighs: no error in it makes a bias, as long as it is independent of the
    ``x_ip``: of other measurements, or of residuals within partitions (`residuals`).

    Parameters
    ----------
    measurements : array (num_measurements, num_features)
        Repeated measurements of patterns.
    conditions : sequence (num_measurements,)
        Condition (sample, stimulus) of each measurement. The RDM has them in order of first
        appearance, with their names as labels.
    partitions : sequence (num_measurements,)
        In which independent part of the experiment (run, session) each was made. Every condition
        must be in every partition; several measurements of one in a partition are averaged.
    covariance : array (num_features, num_features), optional
        ``Σ``, of the noise between features; the identity by default. `noise_covariance` estimates
        one.

    Returns
    -------
    RDM
        Sums over features, not means: others divide by ``num_features``.

    Raises
    ------
    MethexisError
        If there are fewer than 2 partitions or 4 conditions, a condition is missing in a partition,
        or the covariance does not fit, is not symmetric, or not positive definite.

    References
    ----------
    A. Walther, H. Nili, N. Ejaz, A. Alink, N. Kriegeskorte and J. Diedrichsen, "Reliability of
    dissimilarity measures for multi-voxel pattern analysis", NeuroImage 137, 188 (2016).

    Examples
    --------
    >>> true = [[0.0], [1.0], [3.0], [6.0]]
    >>> crossnobis(true + true, [*"abcd", *"abcd"], [1] * 4 + [2] * 4).matrix[0].tolist()
    [0.0, 1.0, 9.0, 36.0]
    """
    rows = real_array("measurements", measurements, (None, None))
    names, condition = _numbered("conditions", conditions, len(rows))
    parts, partition = _numbered("partitions", partitions, len(rows))
    if len(parts) < 2:
        raise MethexisError(
            f"partitions: expected at least 2, so that noise is not multiplied with itself, got "
            f"{len(parts)}"
        )
    with computed("crossnobis"):
        matrix = _unbiased_distances(rows, condition, partition, names, parts, covariance)
    require_finite("crossnobis", matrix, [rows])
    return RDM(matrix, "crossnobis", [str(name) for name in names])


def _unbiased_distances(
    rows: Array,
    condition: NDArray[np.intp],
    partition: NDArray[np.intp],
    names: list[Any],
    parts: list[Any],
    covariance: ArrayLike | None,
) -> Array:
    means = _means(rows, condition, partition, names, parts)
    if covariance is not None:
        flat = means.reshape(-1, rows.shape[1])
        means = _in_units_of_noise(flat, covariance).reshape(means.shape)
    means = means - means.mean(axis=1, keepdims=True)  # differences do not see it, rounding does
    total = means.sum(axis=0)
    products = total @ total.T - np.einsum("pik,pjk->ij", means, means, optimize=True)
    lengths = np.diagonal(products)
    matrix = lengths[:, None] + lengths[None, :] - (products + products.T)
    np.fill_diagonal(matrix, 0.0)
    count = len(parts) * (len(parts) - 1)
    return np.asarray(matrix / count)


def residuals(
    measurements: ArrayLike, conditions: Sequence[Any], partitions: Sequence[Any] | None = None
) -> tuple[Array, int]:
    """What is left of repeated measurements without their mean, for `noise_covariance`.

    Parameters
    ----------
    measurements : array (num_measurements, num_features)
        Repeated measurements of patterns.
    conditions : sequence (num_measurements,)
        Condition of each measurement.
    partitions : sequence (num_measurements,), optional
        If given, the mean of each condition in each partition is taken away, else that of each
        condition. Give them for `crossnobis`: of Gaussian noise these residuals are independent of
        the means that it multiplies, while those across partitions are not, and bias it upwards.

    Returns
    -------
    residuals : array (num_measurements, num_features)
    degrees_of_freedom : int
        Measurements less the means that were taken.

    Raises
    ------
    MethexisError
        If nothing is left: no condition was measured twice (in one partition).

    Examples
    --------
    >>> left, freedom = residuals([[1.0], [3.0], [5.0], [5.0]], ["a", "a", "b", "b"])
    >>> left[:, 0].tolist(), freedom
    ([-1.0, 1.0, 0.0, 0.0], 2)
    """
    rows = real_array("measurements", measurements, (None, None))
    cells = sequence("conditions", conditions, "labels")
    _numbered("conditions", cells, len(rows))
    if partitions is not None:
        partitions = sequence("partitions", partitions, "labels")
        _numbered("partitions", partitions, len(rows))
        cells = list(zip(cells, partitions, strict=True))
    names, cell = _numbered("conditions", cells, len(rows))
    freedom = len(rows) - len(names)
    if freedom < 1:
        where = "" if partitions is None else " in one partition"
        raise MethexisError(
            f"conditions: expected one that was measured twice{where}, got {len(rows)} measurements"
        )
    counts = np.bincount(cell).astype(np.float64)
    sums = np.zeros((len(names), rows.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(sums, cell, rows)
    left = rows - (sums / counts[:, None])[cell]
    require_finite("residuals", left, [rows])
    return left, freedom


def _means(
    rows: Array,
    condition: NDArray[np.intp],
    partition: NDArray[np.intp],
    names: list[Any],
    parts: list[Any],
) -> Array:
    """Mean per partition and condition, ``(num_partitions, num_conditions, num_features)``."""
    counts = np.zeros((len(parts), len(names)))
    np.add.at(counts, (partition, condition), 1.0)
    if not counts.all():
        p, i = (int(k) for k in np.argwhere(counts == 0)[0])
        raise MethexisError(
            "conditions: expected every condition in every partition, got no measurement of "
            f"{names[i]!r} in {parts[p]!r}"
        )
    sums = np.zeros((len(parts), len(names), rows.shape[1]))
    np.add.at(sums, (partition, condition), rows)
    return sums / counts[:, :, None]


def _numbered(name: str, labels: Sequence[Any], length: int) -> tuple[list[Any], NDArray[np.intp]]:
    """Distinct labels in order of appearance, and the number of each measurement's label."""
    given = [
        label.item() if isinstance(label, np.generic) else label
        for label in sequence(name, labels, "labels")
    ]
    if len(given) != length:
        raise MethexisError(
            f"{name}: expected {length} labels, one per measurement, got {len(given)}"
        )
    for label in given:
        if not isinstance(label, Hashable):
            raise MethexisError(
                f"{name}: expected labels such as words and numbers, got a {type(label).__name__}"
            )
    numbers = {label: i for i, label in enumerate(dict.fromkeys(given))}
    return list(numbers), np.array([numbers[label] for label in given], dtype=np.intp)


def _in_units_of_noise(rows: Array, covariance: ArrayLike) -> Array:
    """Rows whose Euclidean distances are the Mahalanobis distances of those given."""
    noise = checked_covariance("covariance", covariance, rows.shape[1])
    try:
        root = cholesky(noise, lower=True)
    except LinAlgError:
        raise MethexisError(
            "covariance: expected a positive definite matrix, got a singular one; shrink it "
            "(noise_covariance)"
        ) from None
    whitened: Array = solve_triangular(root, rows.T, lower=True).T
    return whitened
