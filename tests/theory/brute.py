"""Independent computations that the tests of `methexis.theory` compare with.

Everything is written from the definitions: a sample is a row, its gradient comes from explicit
back-propagation, an expectation is a weighted sum over an explicit list of samples, a Hessian is
the complex step of a gradient. Nothing is folded, whitened or closed-form, and no function of
`methexis` is called; only its containers are read.

Polynomials of degree at most five in the inputs are integrated exactly by three points per input,
for Gaussian inputs those of Gauss and Hermite; second moments of the noise by two points per
direction.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.linalg

import methexis as mx

STEP = 1e-30  # of the complex steps: no subtraction, so no cancellation


@dataclass(frozen=True)
class Plain:
    """A student's frozen matrices and an explicit list of weighted samples."""

    entry: np.ndarray  # M_I Z
    exit: np.ndarray  # M_O
    metric: np.ndarray  # N of the loss rᵀ N r
    x: np.ndarray  # rows: inputs with private features
    y: np.ndarray  # rows: labels Φ y
    mass: np.ndarray  # probability of each row
    target: np.ndarray  # Φ V, private columns zero
    cov_x: np.ndarray
    cov_noise: np.ndarray  # Φ Σε Φᵀ
    dims: tuple[int, ...]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        return list(zip(self.dims[1:], self.dims[:-1], strict=True))


def case(
    seed: int,
    *,
    depth: int = 3,
    dim_x: int = 3,
    dim_y: int = 3,
    rank: int | None = None,
    spare: int = 0,
    noise: float = 1.0,
    condition_noise: float = 3.0,
    condition_x: float = 2.0,
    condition: float = 2.0,
) -> tuple[mx.Teacher, mx.EDLN]:
    """Draw a teacher and a student with random embeddings and view; hidden widths rank + spare."""
    teacher = mx.Teacher.random(
        dim_x,
        dim_y,
        rank,
        noise=noise,
        condition=2.0,
        condition_x=condition_x,
        condition_noise=condition_noise,
        seed=seed,
    )
    width = (min(dim_x, dim_y) if rank is None else rank) + spare
    student = mx.EDLN.random(teacher, (width,) * (depth - 1), condition=condition, seed=seed + 1)
    return teacher, student


def law_points(cov: np.ndarray, fourth: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Points and masses with the moments of ``cov^{1/2} z`` up to order five.

    The ``z_a`` are independent and symmetric, with variance 1 and fourth moment ``fourth[a]``: as
    those of the points -√m, 0, √m with masses 1/2m, 1 - 1/m, 1/2m.
    """
    points = itertools.product(*((-np.sqrt(m), 0.0, np.sqrt(m)) for m in fourth))
    masses = itertools.product(*((0.5 / m, 1.0 - 1.0 / m, 0.5 / m) for m in fourth))
    return np.array(list(points)) @ scipy.linalg.sqrtm(cov), np.array([np.prod(m) for m in masses])


def gauss_points(cov: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and masses with the moments of N(0, cov) up to order five."""
    return law_points(cov, [3.0] * len(cov))


def noise_points(cov: np.ndarray) -> np.ndarray:
    """Equally likely points with mean zero and the given second moment."""
    root = np.linalg.cholesky(cov).T * np.sqrt(len(cov))
    return np.concatenate([root, -root])


def plain(source: mx.Teacher | mx.Samples, student: mx.EDLN, loss: str = "squared") -> Plain:
    view = student.view
    phi = np.eye(source.dim_y) if view.label_matrix is None else view.label_matrix
    if isinstance(source, mx.Samples):
        x, labels = source.x, source.y
        mass = np.full(len(x), 1.0 / len(x))
        weight = np.linalg.lstsq(x, labels, rcond=None)[0].T
        cov_x = x.T @ x / len(x)
        rest = labels - x @ weight.T
        cov_noise = rest.T @ rest / len(x)
        y = labels @ phi.T
    else:
        weight, cov_noise = source.weight, source.cov_noise
        cov_x = source.cov_x
        if view.private_cov is not None:
            cov_x = scipy.linalg.block_diag(cov_x, view.private_cov)
        fourth = {"gaussian": 3.0, "uniform": 1.8, "laplace": 6.0, "student_t": 9.0}[source.law_x]
        fourths = [fourth] * source.dim_x + [3.0] * (len(cov_x) - source.dim_x)
        inputs, mass_x = law_points(cov_x, fourths)
        noise = noise_points(cov_noise)
        pairs = list(itertools.product(range(len(inputs)), range(len(noise))))
        x = np.array([inputs[i] for i, _ in pairs])
        y = np.array([phi @ (weight @ inputs[i][: source.dim_x] + noise[j]) for i, j in pairs])
        mass = np.array([mass_x[i] / len(noise) for i, _ in pairs])
    private = x.shape[1] - source.dim_x
    seen = np.eye(x.shape[1]) if view.matrix is None else view.matrix
    entry = seen if student.embed_in is None else student.embed_in @ seen
    last = np.eye(len(phi)) if student.embed_out is None else student.embed_out
    cov_label = phi @ cov_noise @ phi.T
    return Plain(
        entry=entry,
        exit=last,
        metric=np.linalg.inv(cov_label) if loss == "whitened" else np.eye(len(phi)),
        x=x,
        y=y,
        mass=mass,
        target=np.hstack([phi @ weight, np.zeros((len(phi), private))]),
        cov_x=cov_x,
        cov_noise=cov_label,
        dims=(len(entry), *student.hidden, last.shape[1]),
    )


# --- one sample at a time ------------------------------------------------------------------------


def sample_loss(p: Plain, weights: list[np.ndarray], row: int) -> complex | float:
    h = p.entry @ p.x[row]
    for w in weights:
        h = w @ h
    rest = p.exit @ h - p.y[row]
    return rest @ p.metric @ rest


def sample_gradients(p: Plain, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Gradient of every row's loss by back-propagation: ``(num_rows, d_i, d_{i-1})`` per layer."""
    hidden = [p.x @ p.entry.T]
    for w in weights:
        hidden.append(hidden[-1] @ w.T)
    signal = 2.0 * (hidden[-1] @ p.exit.T - p.y) @ p.metric @ p.exit
    found = []
    for i in range(len(weights) - 1, -1, -1):
        found.append(signal[:, :, None] * hidden[i][:, None, :])
        signal = signal @ weights[i]
    return found[::-1]


# --- expectations --------------------------------------------------------------------------------


def loss(p: Plain, weights: list[np.ndarray]) -> complex | float:
    return sum(m * sample_loss(p, weights, n) for n, m in enumerate(p.mass))


def gradient(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    return pack([np.tensordot(p.mass, g, 1) for g in sample_gradients(p, weights)])


def entropy(p: Plain, weights: list[np.ndarray]) -> complex | float:
    """``E‖∇ℓ‖²``; a plain square, so that complex steps pass."""
    return sum(p.mass @ (g * g).sum((1, 2)) for g in sample_gradients(p, weights))


def gradient_covariance(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    rows = np.hstack([g.reshape(len(p.x), -1) for g in sample_gradients(p, weights)])
    return (rows * p.mass[:, None]).T @ rows


def entropy_gradient_of(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    return complex_gradient(lambda w: entropy(p, w), p, weights)


def hessian(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """Dense Hessian of the mean loss: complex step of `gradient`, exact to rounding."""
    theta = pack(weights)
    columns = [
        gradient(p, unpack(theta + 1j * STEP * e, p)).imag / STEP for e in np.eye(len(theta))
    ]
    return np.array(columns)


def complex_gradient(function, p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    theta = pack(weights)
    return np.array(
        [function(unpack(theta + 1j * STEP * e, p)).imag / STEP for e in np.eye(len(theta))]
    )


# --- weights -------------------------------------------------------------------------------------


def pack(layers: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(layer) for layer in layers])


def unpack(theta: np.ndarray, p: Plain) -> list[np.ndarray]:
    layers, start = [], 0
    for rows, columns in p.shapes:
        layers.append(theta[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return layers


def product(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    result = p.entry
    for w in weights:
        result = w @ result
    return p.exit @ result


def kernels(p: Plain, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Kernel ``x1ᵀ K x2`` of every hidden layer, scale included."""
    found, h = [], p.entry
    for w in weights[:-1]:
        h = w @ h
        found.append(h.T @ h)
    return found


def alignment(kernel_a: np.ndarray, kernel_b: np.ndarray, p: Plain) -> float:
    """Cosine of two kernels, (1.9) of docs/theory.md."""
    a, b = p.cov_x @ kernel_a, p.cov_x @ kernel_b
    return float(np.trace(a @ b) / np.sqrt(np.trace(a @ a) * np.trace(b @ b)))


def gaussian_weights(p: Plain, seed: int, scale: float = 0.7) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [scale * generator.standard_normal(shape) for shape in p.shapes]


def rank_minimum(p: Plain, seed: int, widths: tuple[int, ...]) -> list[np.ndarray]:
    """A minimum whose layers carry nothing but the ``r`` live directions, at random."""
    generator = np.random.default_rng(seed)
    u, s, vt = np.linalg.svd(np.linalg.solve(p.exit, p.target) @ np.linalg.inv(p.entry))
    r = int(np.sum(s > 1e-10 * s[0]))
    writes = [np.sqrt(s[:r])[:, None] * vt[:r]]
    reads = []
    for width in widths:
        basis = np.linalg.qr(generator.standard_normal((width, r)))[0]
        gauge = scipy.linalg.expm(0.5 * generator.standard_normal((r, r)))
        writes[-1] = basis @ gauge @ writes[-1]
        reads.append(np.linalg.inv(gauge) @ basis.T)
        writes.append(np.eye(r))
    writes[-1] = u[:, :r] * np.sqrt(s[:r])
    return [writes[0], *(w @ b for w, b in zip(writes[1:], reads, strict=True))]


# --- least entropy on a gauge orbit --------------------------------------------------------------


def minimum_entropy(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``4 Σ Tr[A_iᵀ N Σε N A_i] Tr[B_i Σx B_iᵀ]`` on minima; broadcasts over leading dimensions."""
    total = 0.0
    noise = p.metric @ p.cov_noise @ p.metric
    for i in range(len(weights)):
        b, a = p.entry, p.exit
        for w in weights[:i]:
            b = w @ b
        for w in reversed(weights[i + 1 :]):
            a = a @ w
        total = total + 4.0 * (a * (noise @ a)).sum((-2, -1)) * ((b @ p.cov_x) * b).sum((-2, -1))
    return total


def minimise_entropy(p: Plain, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Newton's method on ``T_i = expm(X_i)`` with symmetric ``X_i``, around the current point."""
    widths = [len(w) for w in weights[:-1]]
    basis: list[list[np.ndarray]] = []
    for place, width in enumerate(widths):
        for a, b in itertools.combinations_with_replacement(range(width), 2):
            direction = [np.zeros((d, d)) for d in widths]
            direction[place][a, b] = direction[place][b, a] = 1.0
            basis.append(direction)
    stacks = [np.array([d[i] for d in basis]) for i in range(len(widths))]

    def moved(at: list[np.ndarray], by: list[np.ndarray]) -> list[np.ndarray]:
        forth = [scipy.linalg.expm(x) for x in by]
        back = [scipy.linalg.expm(-x) for x in by]
        out = [np.asarray(w, dtype=np.result_type(w, by[0])) for w in at]
        for i in range(len(widths)):
            out[i] = forth[i] @ out[i]
            out[i + 1] = out[i + 1] @ back[i]
        return out

    def slope(at: list[np.ndarray]) -> np.ndarray:
        spread = [w[..., None, :, :] for w in at]
        out = list(spread)
        for i, stack in enumerate(stacks):
            eye = np.eye(widths[i])
            out[i] = (eye + 1j * STEP * stack) @ out[i]
            out[i + 1] = out[i + 1] @ (eye - 1j * STEP * stack)
        return minimum_entropy(p, out).imag / STEP

    width = 1e-5
    for _ in range(100):
        value, first = minimum_entropy(p, weights), slope(weights)
        ahead = slope(moved(weights, [width * s for s in stacks]))
        behind = slope(moved(weights, [-width * s for s in stacks]))
        second = (ahead - behind) / (2 * width)
        step = np.linalg.lstsq((second + second.T) / 2, -first, rcond=1e-12)[0]
        if np.abs(step).max() < 1e-13:
            break
        size = min(1.0, 1.0 / np.abs(step).max())
        while True:
            trial = moved(weights, [size * np.tensordot(step, s, 1) for s in stacks])
            if minimum_entropy(p, trial) <= value * (1 + 1e-14):
                break
            size /= 2
            if size < 1e-8:
                return weights
        weights = trial
    return weights


# --- slow dynamics -------------------------------------------------------------------------------


def jacobian(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``dF/dθ``, rows the row-major entries of ``F``; complex step."""
    theta = pack(weights)
    return np.array(
        [
            product(p, unpack(theta + 1j * STEP * e, p)).imag.ravel() / STEP
            for e in np.eye(len(theta))
        ]
    ).T


def tangent_basis(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """Orthonormal columns that span the kernel of the dense Hessian's Gauss-Newton part."""
    return scipy.linalg.null_space(jacobian(p, weights), rcond=1e-7)


def flow_velocity(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``-¼ P ∇S``."""
    basis = tangent_basis(p, weights)
    return -0.25 * basis @ (basis.T @ entropy_gradient_of(p, weights))


def drift_velocity(p: Plain, weights: list[np.ndarray]) -> np.ndarray:
    """``-½ P ∇ Tr(H(θ) Y)`` at fixed ``Y``, ``H Y + Y H = Σ_g`` solved by SciPy.

    The gradient is a Richardson extrapolation of central differences of the dense Hessian.
    """
    tangent = tangent_basis(p, weights)
    normal = scipy.linalg.null_space(tangent.T)
    h = normal.T @ hessian(p, weights) @ normal
    noise = normal.T @ gradient_covariance(p, weights) @ normal
    y = normal @ scipy.linalg.solve_continuous_lyapunov(h, noise) @ normal.T
    theta = pack(weights)

    def slope(direction: np.ndarray, width: float) -> float:
        ahead = hessian(p, unpack(theta + width * direction, p))
        behind = hessian(p, unpack(theta - width * direction, p))
        return float(np.sum((ahead - behind) * y)) / (2 * width)

    pulls = [(4 * slope(t, 1e-3) - slope(t, 2e-3)) / 3 for t in tangent.T]
    return -0.5 * tangent @ np.array(pulls)
