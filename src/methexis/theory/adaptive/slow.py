r"""Slow motion of adaptive rules along the minima: a metric that moves, and how slowly it follows.

A rule that divides by ``D`` is SGD in the coordinates ``φ = D^{1/2} θ``. There the Hessian is
``D^{-1/2} H D^{-1/2}``, with eigenvalues ``λ_l`` and modes ``n_l``, and noise stays normal to the
minima; so slow time is ``τ = η² t``, and in ``θ`` the projection onto the minima is oblique, along
``D⁻¹`` times the normal space. The batch size drops out, because ``D`` falls with the noise.

*Even or shuffled noise, slow preconditioner:* ``dθ/dτ = -½ Π D⁻¹ ∇U`` with that projection ``Π``.

*Independent samples:* ``dθ/dτ = Π [-½ D⁻¹ ∇Tr(H Y)|_Y + e]``. Here ``Y = D^{-1/2} y D^{-1/2}`` is
the covariance of the fluctuations, and ``e`` comes from a preconditioner that is not slow: with the
memory of ``1/(1-β₂)`` steps ``D`` follows the fluctuations that it divides, and

    e_j = D_j⁻² Σ_l γ_lj x/(x + λ_l) ∂_{w_l} D_j,    w_l = Σ_m y_ml D^{-1/2} n_m,

where ``γ_l = λ_l D^{1/2} n_l`` is the gradient of mode ``l``, and ``x = (1-β₂)/(η √B)`` the pace of
the memory over that of the fluctuations. All of this is for one sample per batch; the square root
of the batch size divides ``x`` and nothing else.

*Laws that are not symmetric:* a sample is part of the ``v`` that divides it, by ``1-β₂``, so that a
large entry of its gradient is shortened more than a small one. This adds

    ½ x E[g_j² f_j] / D_j³,    f = Σ_l φ_l γ_l (n_lᵀ D^{-1/2} g) / λ_l

where ``f`` is what of the gradient of a sample weights have not yet answered: ``φ_l = x/(x + λ_l)``
for independent samples, ``½`` in shuffled epochs, which take back themselves what they add.
Derivation in docs/adaptive.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.products import (
    predictor_differential,
    pullback,
    pullback_differential,
)
from methexis.core.parallel.caching import cached_property
from methexis.core.problem import Problem
from methexis.theory.adaptive.potential import (
    Scales,
    inverted,
    potential_gradient_of,
    scales_of,
)
from methexis.theory.curvature import dual_of_ends
from methexis.theory.dual.kronecker import KroneckerSum
from methexis.theory.dual.normal import MATRIX_FREE, REACH_TOLERANCE, require_dual

#: Numbers of the directions of all samples that are held at once.
_AT_ONCE = 2**22


class Metric:
    """The metric ``D`` at weights on the minima, with the projection that is oblique in it."""

    def __init__(self, problem: Problem, weights: Sequence[Array]) -> None:
        self.problem, self.weights, self.root = problem, list(weights), problem.root_x
        self.scales: Scales = scales_of(problem, weights)
        self.inverse = [self.scales.inverse(i) for i in range(len(self.weights))]  # 1/D
        self._ends = self.scales.left, self.scales.right

    @cached_property
    def _rescaled(self) -> tuple[list[Array], list[Array]]:
        """Ends of which ``J D⁻¹ Jᵀ`` is made, ``D`` of a layer being an outer product."""
        at = self.scales
        lefts = [
            a * np.sqrt(0.5 * inverted(v))[..., None, :]
            for a, v in zip(at.left, at.alphas, strict=True)
        ]
        rights = [
            np.sqrt(inverted(v))[..., :, None] * (b @ self.root)
            for b, v in zip(at.right, at.betas, strict=True)
        ]
        return lefts, rights

    @cached_property
    def spectrum(self) -> tuple[Array, Array, Array]:
        """``s²`` and ``U`` of ``J D^{-1/2} = U s Qᵀ``, and ``1/s²`` with zeros out of reach.

        Raises
        ------
        MethexisError
            If there is no room for them.
        """
        require_dual(self.problem, int(np.prod(self.weights[0].shape[:-2])))
        values, vectors = np.linalg.eigh(dual_of_ends(*self._rescaled))
        alive = values > REACH_TOLERANCE * values[..., -1:]
        inverse = np.where(alive, 1.0 / np.where(alive, values, 1.0), 0.0)
        return np.where(alive, values, 0.0), vectors, inverse

    @cached_property
    def _operator(self) -> KroneckerSum:
        """``J D⁻¹ Jᵀ`` without forming it."""
        return KroneckerSum(*self._rescaled)

    def along(self, velocity: Sequence[Array]) -> list[Array]:
        """``Π v = v - D⁻¹ Jᵀ (J D⁻¹ Jᵀ)⁺ J v``: onto the kernel of ``J``."""
        moved = predictor_differential(self.problem, self.weights, velocity, self._ends) @ self.root
        solved = self._solved(moved)
        normal = pullback(self.problem, self.weights, solved @ self.root, self._ends)
        return [v - k * n for v, k, n in zip(velocity, self.inverse, normal, strict=True)]

    def _solved(self, moved: Array) -> Array:
        """``(J D⁻¹ Jᵀ)⁺`` times a change of ``F Σx^{1/2}``; of large students by its products."""
        if self.problem.target.size >= MATRIX_FREE:
            solved, missing = self._operator.solve(moved)
            if not missing.any():
                return solved
        _, vectors, inverse = self.spectrum
        flat = moved.reshape(*moved.shape[:-2], -1, 1)
        modes = inverse[..., None] * (vectors.mT @ flat)
        return np.asarray((vectors @ modes).reshape(moved.shape))

    def sharpest(self) -> float:
        """Largest eigenvalue of ``2 J D⁻¹ Jᵀ``, of all replicas."""
        if self.problem.target.size < MATRIX_FREE:
            return 2.0 * float(self.spectrum[0].max(initial=0.0))
        lead = self._operator.lead
        sides = [
            [np.broadcast_to(m, (*lead, *m.shape[-2:])).reshape(-1, *m.shape[-2:]) for m in side]
            for side in self._rescaled
        ]
        tops = [
            KroneckerSum([a[k] for a in sides[0]], [c[k] for c in sides[1]]).largest()
            for k in range(len(sides[0][0]))
        ]
        return 2.0 * max(tops, default=0.0)

    def flow(self) -> list[Array]:
        """``-½ Π D⁻¹ ∇U``: descent of the potential in its own metric."""
        slope = potential_gradient_of(self.problem, self.weights, self.scales)
        return self.along([-0.5 * k * g for k, g in zip(self.inverse, slope, strict=True)])

    def drift(self, memory: float) -> list[Array]:
        """Drift of independent samples at ``x = memory``."""
        values, vectors, inverse = self.spectrum
        s, reach = np.sqrt(values), np.sqrt(inverse)
        noise = vectors.mT @ self.problem.noise_moment @ vectors
        pair = values[..., :, None] + values[..., None, :]
        y = 2.0 * s[..., :, None] * s[..., None, :] * noise / np.where(pair > 0.0, pair, 1.0)
        y = (y + y.mT) / 2.0
        force = self._frozen(y, vectors, s, reach)
        velocity = [k * f for k, f in zip(self.inverse, force, strict=True)]
        if memory > 0.0:
            following = self._following(y, vectors, values, reach, memory)
            velocity = [v + e for v, e in zip(velocity, following, strict=True)]
        return self.along(velocity)

    def push(self, weight: float, memory: float | None = None) -> list[Array]:
        """``½ x Π E[g² f]/D³`` at ``x φ = weight``, times ``x/(x + λ_l)`` at ``x = memory``.

        Zero of a teacher, whose law is symmetric: one of samples is that of all of them.
        """
        x, y = self.problem.x, self.problem.y
        if x is None or y is None or weight == 0.0:
            return [np.zeros_like(w) for w in self.weights]
        noise = y - x @ self.problem.target.T
        rows = max(1, _AT_ONCE // self.problem.num_parameters)
        force = [np.zeros_like(w, dtype=np.float64) for w in self.weights]
        for begin in range(0, len(x), rows):
            part = slice(begin, begin + rows)
            thirds = self._thirds(noise[part], x[part], memory)
            force = [f + t for f, t in zip(force, thirds, strict=True)]
        scale = 2.0 * weight / len(x)
        return self.along([scale * f * k**3 for f, k in zip(force, self.inverse, strict=True)])

    def _thirds(self, noise: Array, x: Array, memory: float | None) -> list[Array]:
        """``Σ (g/2)² f`` over some samples, layer by layer."""
        unanswered = np.asarray(-2.0 * noise[:, :, None] * x[:, None, :])  # f is its pullback
        if memory is not None:
            unanswered = self._slowed(unanswered, memory)
        followed = pullback(self.problem, self._spread, unanswered)
        return [
            np.sum((noise @ a)[..., :, None] ** 2 * (x @ b.mT)[..., None, :] ** 2 * f, axis=-3)
            for a, b, f in zip(self.scales.left, self.scales.right, followed, strict=True)
        ]

    def _slowed(self, products: Array, memory: float) -> Array:
        """Every mode ``l`` of ``ε xᵀ``, ``(sample, p, n)``, times ``x/(x + λ_l)``."""
        values, vectors, _ = self.spectrum
        part = memory / (memory + np.where(values > 0.0, 2.0 * values, np.inf))
        white = products @ np.linalg.pinv(self.root)
        modes = white.reshape(len(products), -1) @ vectors
        slow = (modes * part[..., None, :]) @ vectors.mT
        return np.asarray(slow.reshape(*slow.shape[:-1], *products.shape[1:]) @ self.root)

    def _lifted(self, columns: Array) -> list[Array]:
        """Directions ``D⁻¹ Jᵀ c``, one per column, behind the leading dimensions of the weights."""
        shape = (*columns.shape[:-2], columns.shape[-1], *self.problem.target.shape)
        cotangents = columns.mT.reshape(shape) @ self.root
        pulled = pullback(self.problem, self._spread, cotangents)
        return [k[..., None, :, :] * g for k, g in zip(self.inverse, pulled, strict=True)]

    @cached_property
    def _spread(self) -> list[Array]:
        return [w[..., None, :, :] for w in self.weights]

    def _frozen(self, y: Array, vectors: Array, s: Array, reach: Array) -> list[Array]:
        """``-½ ∇Tr(H Y)`` at fixed ``Y = Σ_k μ_k v_k v_kᵀ``, a sum of derivatives along ``v_k``."""
        strengths, mixing = np.linalg.eigh(y)
        directions = self._lifted(vectors @ (reach[..., :, None] * mixing))
        moved = (vectors @ (s[..., :, None] * mixing)).mT
        moved = moved.reshape(*moved.shape[:-1], *self.problem.target.shape) @ self.root
        second = pullback_differential(self.problem, self._spread, directions, moved)
        return [-2.0 * np.sum(strengths[..., None, None] * g, axis=-3) for g in second]

    def _following(
        self, y: Array, vectors: Array, values: Array, reach: Array, memory: float
    ) -> list[Array]:
        """The velocity ``e`` of a preconditioner that follows the fluctuations."""
        curvature = 2.0 * values  # λ_l
        part = 1.0 if np.isinf(memory) else memory / (memory + curvature)
        along = self._lifted(vectors @ (reach[..., :, None] * y))  # w_l
        # γ_l = λ_l D^{1/2} n_l = 2 s_l Jᵀ U e_l
        columns = (vectors * (2.0 * np.sqrt(values) * part)[..., None, :]).mT
        shape = (*columns.shape[:-1], *self.problem.target.shape)
        slopes = pullback(self.problem, self._spread, columns.reshape(shape) @ self.root)
        changes = self._changes(along)
        return [
            k**2 * np.sum(g * d, axis=-3)
            for k, g, d in zip(self.inverse, slopes, changes, strict=True)
        ]

    def _changes(self, directions: list[Array]) -> list[Array]:
        """``∂_w D`` of every layer along directions behind the leading dimensions."""
        at, weights = self.scales, self._spread
        depth = len(weights)
        d_right: list[Array] = [np.zeros_like(at.right[0])[..., None, :, :]]
        for i in range(depth - 1):
            d_right.append(directions[i] @ at.right[i][..., None, :, :] + weights[i] @ d_right[-1])
        d_left: list[Array] = [np.zeros_like(at.left[-1])[..., None, :, :]]
        for i in range(depth - 1, 0, -1):
            d_left.append(at.left[i][..., None, :, :] @ directions[i] + d_left[-1] @ weights[i])
        d_left.reverse()
        changes = []
        for i in range(depth):
            alpha, beta = at.alphas[i][..., None, :], at.betas[i][..., None, :]
            noisy = (self.problem.cov_noise @ at.left[i])[..., None, :, :]
            seen = (at.right[i] @ self.problem.cov_x)[..., None, :, :]
            d_alpha = np.sum(noisy * d_left[i], axis=-2) * inverted(alpha)
            d_beta = np.sum(seen * d_right[i], axis=-1) * inverted(beta)
            changes.append(
                2.0 * (d_alpha[..., :, None] * beta[..., None, :])
                + 2.0 * (alpha[..., :, None] * d_beta[..., None, :])
            )
        return changes
