"""The closed forms as they are written in docs/translation.md, by whole matrices and roots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm

Array = NDArray[np.float64]


def moments(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Covariances of both sides, and of y with x."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return x.T @ x / len(x), y.T @ y / len(x), y.T @ x / len(x)


def ridged(cov: Array, ridge: float) -> Array:
    """A covariance of full rank with the ridge added."""
    return cov + ridge * np.trace(cov) / len(cov) * np.eye(len(cov))


def root(matrix: Array) -> Array:
    return np.asarray(np.real(sqrtm(matrix)))


def scaled(x: Array, y: Array, ridge: float) -> Array:
    """``c (Σy + λ)^{1/2} R (Σx + λ)^{-1/2}``, with R the polar factor and c by least squares."""
    cov_x, cov_y, cross = moments(x, y)
    root_x, root_y = root(ridged(cov_x, ridge)), root(ridged(cov_y, ridge))
    left, _, right = np.linalg.svd(np.linalg.inv(root_y) @ cross @ np.linalg.inv(root_x), False)
    there = root_y @ left @ right @ np.linalg.inv(root_x)
    return fitted(there, x, y) * there


def fitted(there: Array, x: Array, y: Array) -> float:
    """The number c that makes ``|y − c T x|²`` least."""
    predicted = (x - x.mean(axis=0)) @ there.T
    return float(np.sum(predicted * (y - y.mean(axis=0))) / np.sum(predicted**2))


def linear(x: Array, y: Array, ridge: float) -> Array:
    """``Σyx (Σx + λ)^{-1}``, by rows: ridge regression with as many equations as there are rows."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    size = ridge * np.sum(x**2) / x.shape[1]
    rows = np.vstack([x, np.sqrt(size) * np.eye(x.shape[1])])
    aims = np.vstack([y, np.zeros((x.shape[1], y.shape[1]))])
    return np.asarray(np.linalg.lstsq(rows, aims)[0].T)


def common_cosines(x: Array, y: Array, new: tuple[Array, Array], ridge: float) -> Array:
    """Cosines in the common space of the linear map, by S^{1/2} from roots of whole matrices.

    With ``M = U S Vᵀ`` the weights are ``V S Vᵀ = (MᵀM)^{1/2}`` on the one side, and the products
    of both sides ``u (V S Uᵀ) v = u Mᵀ v``.
    """
    cov_x, cov_y, cross = moments(x, y)
    white_x = np.linalg.inv(root(ridged(cov_x, ridge)))
    white_y = np.linalg.inv(root(ridged(cov_y, ridge)))
    between = white_y @ cross @ white_x
    u, v = (new[0] - x.mean(axis=0)) @ white_x, (new[1] - y.mean(axis=0)) @ white_y
    long_u = np.sqrt(np.sum((u @ root(between.T @ between)) * u, axis=1))
    long_v = np.sqrt(np.sum((v @ root(between @ between.T)) * v, axis=1))
    return np.asarray(u @ between.T @ v.T / long_u[:, None] / long_v)
