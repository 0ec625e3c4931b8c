"""Adaptive rules from definitions: what the tests of `methexis.theory.adaptive` compare with.

Sums over explicit samples, dense matrices and SciPy's Lyapunov solver; `tests.theory.brute` has the
sample gradients. Nothing here knows that ``D`` is an outer product, or has a closed form.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize

from tests.theory import brute
from tests.theory.brute import Plain


def root_mean_squares(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``D_j = (E g_j²)^{1/2}`` of every weight, from all samples' gradients."""
    return np.sqrt(np.diag(brute.gradient_covariance(p, weights)))


def potential(p: Plain, weights: list[np.ndarray]) -> float:
    """``U = Σ_j D_j``."""
    return float(root_mean_squares(p, weights).sum())


def oblique(p: Plain, weights: list[np.ndarray], d: np.ndarray) -> np.ndarray:
    """Projection onto the kernel of ``J`` along ``D⁻¹`` times its row space."""
    jacobian = brute.jacobian(p, weights)
    pulled = jacobian.T / d[:, None]
    return np.eye(len(d)) - pulled @ np.linalg.pinv(jacobian @ pulled, rcond=1e-10) @ jacobian


def slopes_of_squares(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``∂D_j/∂θ_k`` by Richardson's extrapolation of central differences, at general weights."""
    theta = brute.pack(weights)
    found = np.empty((len(theta), len(theta)))
    for k, e in enumerate(np.eye(len(theta))):

        def slope(width: float, e: np.ndarray = e) -> np.ndarray:
            ahead = root_mean_squares(p, brute.unpack(theta + width * e, p))
            behind = root_mean_squares(p, brute.unpack(theta - width * e, p))
            return (ahead - behind) / (2 * width)

        found[:, k] = (4 * slope(1e-4) - slope(2e-4)) / 3
    return found


def flow(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``-½ Π D⁻¹ ∇U``."""
    d = root_mean_squares(p, weights)
    slope = slopes_of_squares(p, weights).sum(axis=0)
    return -0.5 * oblique(p, weights, d) @ (slope / d)


def drift(p: Plain, weights: list[np.ndarray], x: float, batch: int = 1) -> np.ndarray:
    """Drift per ``η² t`` at ``(1-β₂)/η = x`` from the joint stationary law of weights and ``D``.

    The pair ``(δ, d)`` obeys ``δ' = -D⁻¹Hδ + noise``, ``d' = -x (d - ∂D δ)``; its covariance is a
    Lyapunov equation on the directions that decay.
    """
    d = root_mean_squares(p, weights) / np.sqrt(batch)
    noise = brute.gradient_covariance(p, weights) / batch
    follow = slopes_of_squares(p, weights) / np.sqrt(batch)
    h = brute.hessian(p, weights)
    span = scipy.linalg.orth(brute.jacobian(p, weights).T / d[:, None], rcond=1e-10)
    inner = -np.linalg.pinv(span) @ (h / d[:, None]) @ span
    count, most = span.shape[1], len(d)
    matrix = np.zeros((count + most, count + most))
    matrix[:count, :count] = inner
    matrix[count:, :count] = x * follow @ span
    matrix[count:, count:] = -x * np.eye(most)
    forcing = np.zeros_like(matrix)
    forcing[:count, :count] = (
        np.linalg.pinv(span) @ (noise / np.outer(d, d)) @ np.linalg.pinv(span).T
    )
    joint = scipy.linalg.solve_continuous_lyapunov(matrix, -forcing)
    spread = span @ joint[:count, :count] @ span.T
    tied = joint[count:, :count] @ span.T  # E[d δᵀ]
    theta = brute.pack(weights)

    def slope(direction: np.ndarray, width: float) -> float:
        ahead = brute.hessian(p, brute.unpack(theta + width * direction, p))
        behind = brute.hessian(p, brute.unpack(theta - width * direction, p))
        return float(np.sum((ahead - behind) * spread)) / (2 * width)

    third = np.array([(4 * slope(e, 1e-3) - slope(e, 2e-3)) / 3 for e in np.eye(most)])
    return oblique(p, weights, d) @ (-0.5 * third / d + np.diag(tied @ h) / d**2)


def least_potential(p: Plain, weights: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
    """Descent of ``U`` over the whole gauge orbit from ``weights``, whose widths equal the rank.

    BFGS on the matrices ``T_i``, with the gradient by complex steps.
    """
    widths = [len(w) for w in weights[:-1]]
    sizes = [d * d for d in widths]

    def moved(flat: np.ndarray) -> list[np.ndarray]:
        out, start = list(weights), 0
        for i, (d, size) in enumerate(zip(widths, sizes, strict=True)):
            turn = flat[..., start : start + size].reshape(*flat.shape[:-1], d, d)
            out[i], out[i + 1] = turn @ out[i], out[i + 1] @ np.linalg.inv(turn)
            start += size
        return out

    def value(flat: np.ndarray) -> np.ndarray:
        return minimum_potential(p, moved(flat))

    def slope(flat: np.ndarray) -> np.ndarray:
        return value(flat + 1j * brute.STEP * np.eye(len(flat))).imag / brute.STEP

    start = np.concatenate([np.eye(d).ravel() for d in widths])
    done = scipy.optimize.minimize(value, start, jac=slope, method="BFGS", options={"gtol": 1e-9})
    return float(done.fun), [np.asarray(w) for w in moved(done.x)]


def minimum_potential(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``U`` on the minima from second moments; complex steps and leading dimensions pass."""
    total = 0.0
    noise = p.metric @ p.cov_noise @ p.metric
    for i in range(len(weights)):
        b, a = p.entry, p.exit
        for w in weights[:i]:
            b = w @ b
        for w in reversed(weights[i + 1 :]):
            a = a @ w
        outgoing = np.sqrt((a * (noise @ a)).sum(-2)).sum(-1)
        total = total + 2.0 * outgoing * np.sqrt(((b @ p.cov_x) * b).sum(-1)).sum(-1)
    return total
