r"""Fluctuations of independent samples about the minima, and the drift that they cause.

With ``H = 2 JᵀJ`` and ``Σ_g = 4 Jᵀ Γ J`` the covariance ``Y`` of the fluctuations is ``Jᵀ Z J``.
The balance of the two gives a Lyapunov equation of the predictor's entries, with ``K = J Jᵀ``:

    K Z + Z K = 2 Γ,        at a step ``η``  K Z + Z K - 2η K Z K = 2 Γ.

The drift takes ``Z`` only as ``W = Z K``, and of that only what is left when labels or inputs are
summed over. For ``dJ Jᵀ = Σ_i (dA_iA_iᵀ ⊗ Q_i + P_i ⊗ dC_iᵀC_i)`` gives

    dTr(H Y) = 4 Tr(dJ Jᵀ W) = 4 Σ_i [Tr(dA_iA_iᵀ N_i) + Tr(dC_iᵀC_i R_i)],
    N_i = Tr_inputs[(1 ⊗ Q_i) W],    R_i = Tr_labels[(P_i ⊗ 1) W],

and reverse differentiation through the partial products takes it to the weights. So no spectrum and
no direction of the normal space is formed; ``Z`` itself has the square of the predictor's entries.

The equation is solved by conjugate gradients. A product with ``K ⊗ 1 + 1 ⊗ K`` takes ``D (p + n)
(p n)²`` multiply-adds, in matrix products; the preconditioner divides by sums of the diagonal of
``K`` in bases in which the sums of its ``P_i`` and of its ``Q_i`` are diagonal. Along a path the
last solution is where the next search begins (`Warm`). The square of the predictor's entries is
needed: solutions at weights away from the Platonic point are no sum of few Kronecker products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.products import after, before
from methexis.core.linalg import flatten
from methexis.core.parallel.memory import require_room
from methexis.core.problem import Problem
from methexis.theory.dual.kronecker import KroneckerSum
from methexis.theory.dual.normal import Normal

#: Outputs times inputs from which on fluctuations are found without a spectrum of ``K``.
WITHOUT_SPECTRUM = 800
#: Residual over the right-hand side at which the search ends unless told, and at which what is
#: reached counts as a solution.
RESIDUAL, _SOLVED = 1e-12, 1e-9
#: Most products, and products without a smaller residual after which none is waited for.
_MOST_PRODUCTS, _STALLED = 150, 25
#: Relative entry of the diagonal of ``K`` below which the equation is left to the spectrum.
_OUT_OF_REACH = 1e-8
#: Most solutions of a replica that are kept for the next velocity, and numbers of those of all.
_POINTS, _MOST_KEPT = 3, 2**27
#: Relative singular value below which weights of a path are no further direction of it.
_ALIKE = 1e-6


#: Orthogonal bases of labels and of inputs.
Bases = tuple[Array, Array]


@dataclass
class Warm:
    """What velocities along a path leave to the next one, by replica.

    Bases, and the last solutions in them, so that nothing of their size is turned; new bases where
    a search takes twice as many products as the first one did. The next search begins with that
    mean of solutions which is the same mean of their weights as comes nearest to the new ones:
    along a smooth path it is off by a high power of the step.
    """

    residual: float = RESIDUAL
    products: int = 0
    bases: dict[int, Bases] = field(default_factory=dict)
    points: dict[int, list[tuple[Array, Array]]] = field(default_factory=dict)
    expected: dict[int, int] = field(default_factory=dict)

    def begin(self, k: int, weights: Array) -> Array | None:
        """Where the search of a replica at such weights begins, if anything is known."""
        points = self.points.get(k)
        if not points:
            return None
        at = np.stack([w for w, _ in points])
        shares = np.linalg.lstsq((at[1:] - at[0]).T, weights - at[0], rcond=_ALIKE)[0]
        guess = (1.0 - shares.sum()) * points[0][1]
        for share, (_, solution) in zip(shares, points[1:], strict=True):
            guess += share * solution
        return np.asarray(guess)

    def keep(
        self, k: int, weights: Array, bases: Bases, solution: Array, products: int, replicas: int
    ) -> None:
        """Keep what a replica came to, with as many solutions as there is room for in all."""
        self.products += products
        most = self.expected.setdefault(k, products)
        if products > 2 * most + 4:
            for of in (self.bases, self.points, self.expected):
                of.pop(k, None)
            return
        room = min(_POINTS, _MOST_KEPT // (replicas * solution.size))
        if room:
            self.bases[k] = bases
            self.points[k] = [(weights, solution), *self.points.get(k, [])][:room]


def fluctuating_force(
    problem: Problem, weights: Sequence[Array], lr: float = 0.0, warm: Warm | None = None
) -> list[Array] | None:
    """``-½ ∇Tr(H Y)|_Y`` of each replica, or None where the equation is not solved.

    Parameters
    ----------
    problem : Problem
    weights : list of arrays (..., d_i, d_{i-1})
        On the minima.
    lr : float
        Step size ``η``; 0 for the limit of small ones.
    warm : Warm, optional
        What to begin with, and where to leave what was found.
    """
    lead = weights[0].shape[:-2]
    flat = [w.reshape(-1, *w.shape[-2:]) for w in weights]
    forces = [np.empty_like(w, dtype=np.float64) for w in flat]
    path = Warm() if warm is None else warm
    if not path.points:  # what a path keeps was asked for when it began
        require_table(problem)
    for k in range(len(flat[0])):
        own = [w[k] for w in flat]
        operator = Normal(problem, own).operator
        bases = path.bases.get(k) or bases_of(operator)
        turned = _Turned(operator, bases)
        noise = _noise_in(problem, bases)
        at = flatten(own)
        solution, products = turned.balanced(noise, lr, path.begin(k, at), path.residual)
        if solution is None:
            return None
        path.keep(k, at, bases, solution, products, len(flat[0]))
        for layer, force in zip(forces, _force(problem, own, turned, solution), strict=True):
            layer[k] = force
    return [f.reshape(*lead, *f.shape[-2:]) for f in forces]


def require_table(problem: Problem) -> None:
    """See that the fluctuations of one replica can be held, seven times over.

    Raises
    ------
    MethexisError
        If not.
    """
    rows, columns = problem.target.shape
    require_room(
        "slow drift",
        8 * 7 * (rows * columns) ** 2,
        f"the covariance of {rows} x {columns} outputs times inputs",
        "take a student with fewer outputs or inputs, or noise that is isotropic in the loss's "
        "metric, for which entropic_flow is the same path",
    )


def bases_of(operator: KroneckerSum) -> Bases:
    """Orthogonal bases in which the sums of all ``P_i`` and of all ``Q_i`` are diagonal."""
    weights = [np.trace(q) for q in operator.inner]
    others = [np.trace(p) for p in operator.outer]
    outer = sum(w * p for w, p in zip(weights, operator.outer, strict=True))
    inner = sum(w * q for w, q in zip(others, operator.inner, strict=True))
    return np.linalg.eigh(outer)[1], np.linalg.eigh(inner)[1]


def _noise_in(problem: Problem, bases: Bases) -> Array:
    """``Γ`` in bases of labels and inputs."""
    left, right = bases
    if problem.x is None or problem.y is None:
        noise = left.T @ problem.cov_noise @ left
        whole = np.zeros((len(left), len(right)) * 2)
        for j in range(len(right)):
            whole[:, j, :, j] = noise
        return whole.reshape(len(left) * len(right), -1)
    half = _applied([left.T], [right.T], problem.noise_moment)
    return _applied([left.T], [right.T], np.ascontiguousarray(half.T))


class _Turned:
    """``K`` of one replica in bases of labels and inputs."""

    def __init__(self, operator: KroneckerSum, bases: Bases) -> None:
        self.bases = bases
        left, right = bases
        self.outer = [left.T @ p @ left for p in operator.outer]
        self.inner = [right.T @ q @ right for q in operator.inner]
        pairs = zip(self.outer, self.inner, strict=True)
        self.diagonal = np.asarray(sum(np.outer(np.diag(p), np.diag(q)) for p, q in pairs)).ravel()

    def __call__(self, z: Array) -> Array:
        """The product ``K Z``, as wide as ``Z`` is."""
        return _applied(self.outer, self.inner, z)

    def balanced(
        self, noise: Array, lr: float = 0.0, first: Array | None = None, residual: float = RESIDUAL
    ) -> tuple[Array | None, int]:
        """``Z`` with ``K Z + Z K - 2η K Z K = 2 Γ``, and the products that it took.

        None where directions are out of reach, or conjugate gradients do not get there.
        """
        diagonal = self.diagonal
        if not diagonal.min() > _OUT_OF_REACH * diagonal.max():
            return None, 0
        sums = diagonal[:, None] + diagonal[None, :]
        if lr:
            sums -= 2.0 * lr * diagonal[:, None] * diagonal[None, :]
        size = 2.0 * float(np.linalg.norm(noise))
        if size == 0.0:
            return np.zeros_like(noise), 0
        if not sums.min() > 0.0:
            return None, 0
        z = 2.0 * noise / sums if first is None else first
        rest = 2.0 * noise - self._both(z, lr)
        products = 1
        ahead = rest / sums
        direction, power = ahead.copy(), float(np.vdot(rest, ahead))
        least, since = np.inf, 0
        while True:
            left = float(np.linalg.norm(rest)) / size
            since = 0 if left < least else since + 1
            least = min(least, left)
            if not left > residual or products >= _MOST_PRODUCTS or since > _STALLED:
                break
            moved = self._both(direction, lr)
            products += 1
            curved = float(np.vdot(direction, moved))
            if not curved > 0.0:
                break
            length = power / curved
            z += length * direction
            moved *= length
            rest -= moved
            np.divide(rest, sums, out=ahead)
            following = float(np.vdot(rest, ahead))
            direction *= following / power
            direction += ahead
            power = following
        return (z if left <= max(_SOLVED, residual) else None), products

    def _both(self, z: Array, lr: float) -> Array:
        half = self(z)
        total = half + half.T
        if lr:  # K Z is Wᵀ, and K Z K is K W
            total -= 2.0 * lr * self(np.ascontiguousarray(half.T))
        return total


def _applied(outer: Sequence[Array], inner: Sequence[Array], z: Array) -> Array:
    """``Σ_i (P_i ⊗ Q_i) Z`` of a matrix ``(p n, columns)``."""
    p, n = len(outer[0]), len(inner[0])
    rows = z.reshape(p, n, -1)
    moved, total, term = np.empty_like(rows), np.empty_like(rows), np.empty_like(rows)
    flat = total.reshape(p, -1), term.reshape(p, -1)
    for i, (left, right) in enumerate(zip(outer, inner, strict=True)):
        np.matmul(right, rows, out=moved)
        np.matmul(left, moved.reshape(p, -1), out=flat[min(i, 1)])
        if i:
            total += term
    return total.reshape(z.shape)


def force_of(problem: Problem, weights: Sequence[Array], table: Array) -> list[Array]:
    """``-½ ∇Tr(H Y)`` at fixed ``Y`` from ``W = Z K``, ``(..., p n, p n)``; replicas broadcast."""
    lefts, rights = after(problem, weights), before(problem, weights)
    outer = [a @ a.mT for a in lefts]
    inner = [c.mT @ c for c in (b @ problem.root_x for b in rights)]
    to_left, to_right = _summed(outer, inner, table)
    return _to_weights(problem, weights, lefts, rights, to_left, to_right)


def _summed(
    outer: Sequence[Array], inner: Sequence[Array], table: Array
) -> tuple[list[Array], list[Array]]:
    """``N_i`` and ``R_i``: what of ``W`` is left when inputs or labels are summed over."""
    p, n = outer[0].shape[-1], inner[0].shape[-1]
    lead = table.shape[:-2]
    parted = table.reshape(*lead, p, n, p, n)  # [b, y, a, x]
    parted = np.moveaxis(parted, -2, -3).reshape(*lead, p * p, n * n)  # [b a, y x]
    inputs = [np.broadcast_to(q, (*lead, n, n)).reshape(*lead, n * n) for q in inner]
    labels = [np.broadcast_to(o, (*lead, p, p)).reshape(*lead, p * p) for o in outer]
    to_left = parted @ np.stack(inputs, axis=-1)
    to_right = parted.mT @ np.stack(labels, axis=-1)
    count = range(len(outer))
    return (
        [to_left[..., i].reshape(*lead, p, p) for i in count],
        [to_right[..., i].reshape(*lead, n, n) for i in count],
    )


def _force(problem: Problem, weights: list[Array], turned: _Turned, solution: Array) -> list[Array]:
    """``-½ ∇Tr(H Y)`` at fixed ``Y = Jᵀ Z J``, of one replica."""
    left, right = turned.bases
    to_left, to_right = _summed(turned.outer, turned.inner, turned(solution).T)
    lefts, rights = after(problem, weights), before(problem, weights)
    return _to_weights(
        problem,
        weights,
        lefts,
        rights,
        [left @ m @ left.T for m in to_left],
        [right @ m @ right.T for m in to_right],
    )


def _to_weights(
    problem: Problem,
    weights: Sequence[Array],
    lefts: Sequence[Array],
    rights: Sequence[Array],
    to_left: list[Array],
    to_right: list[Array],
) -> list[Array]:
    """``-½`` times the gradient, from ``∂/∂A_i = 4 N_iᵀ A_i`` and ``∂/∂C_i = 4 C_i R_i``.

    ``A_i = A_{i+1} W_{i+1}`` and ``B_{i+1} = W_i B_i`` carry them to the weights.
    """
    root = problem.root_x
    from_left = [-2.0 * m.mT @ a for a, m in zip(lefts, to_left, strict=True)]
    from_right = [-2.0 * (b @ root) @ m @ root for b, m in zip(rights, to_right, strict=True)]
    force = [np.zeros_like(w, dtype=np.float64) for w in weights]
    adjoint = from_left[0]
    for i in range(1, len(weights)):
        force[i] += lefts[i].mT @ adjoint
        adjoint = from_left[i] + adjoint @ weights[i].mT
    adjoint = from_right[-1]
    for i in range(len(weights) - 2, -1, -1):
        force[i] += adjoint @ rights[i].mT
        adjoint = from_right[i] + weights[i].mT @ adjoint
    return force
