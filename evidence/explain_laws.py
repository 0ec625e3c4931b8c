"""Pairs of representations of which the rung is known, for `evidence.explain`.

Both sides are linear maps of latent normal numbers ``g``, ``x = A g`` and ``y = B g``, so that all
second moments of the population are known; in *warped* alone y sees ``w(g) = g + (g² − 1)/√2`` in
place of g. A law draws the maps anew for every pair. Strengths were fixed before the judged runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.core.linalg import random_orthogonal
from methexis.measures.planted import planted_pair

Maps = tuple[Array, Array]


@dataclass(frozen=True)
class Law:
    """How a pair is drawn, and which rung it needs."""

    truth: str
    draw: Callable[[np.random.Generator, int], Maps]
    words: str
    required: bool = True  # whether it counts for the requirement
    warped: float = 0.0  # how much of the square y sees


def base(rng: np.random.Generator, d: int) -> tuple[Array, Array, Array]:
    """Map with variances 1, 1/2, 1/3, … along random directions; these, and the root variances."""
    axes, size = random_orthogonal(d, rng), np.arange(1, d + 1) ** -0.5
    return axes * size, axes, size


def own(rng: np.random.Generator, signal: Array, share: float) -> Array:
    """Map of noise with a random covariance: so much, as a share of the signal's variance."""
    d = len(signal)
    noise = rng.standard_normal((d, d))
    return np.asarray(np.sqrt(share) * np.linalg.norm(signal) / np.linalg.norm(noise) * noise)


def beside(x: Array, y: Array, noise_x: Array | None, noise_y: Array | None) -> Maps:
    """Both with noise of their own, from latents of its own."""
    empty_x, empty_y = np.zeros((len(x), 0)), np.zeros((len(y), 0))
    mine, other = (
        empty_x if noise_x is None else noise_x,
        empty_y if noise_y is None else noise_y,
    )
    return (
        np.hstack([x, mine, np.zeros((len(x), other.shape[1]))]),
        np.hstack([y, np.zeros((len(y), mine.shape[1])), other]),
    )


def _identity(rng: np.random.Generator, d: int) -> Maps:
    x, _, _ = base(rng, d)
    return beside(x, 1.3 * x, None, own(rng, 1.3 * x, 0.3))


def _permuted(rng: np.random.Generator, d: int) -> Maps:
    x, _, _ = base(rng, d)
    return x, 0.7 * x[rng.permutation(d)]


def _permuted_noised(rng: np.random.Generator, d: int) -> Maps:
    x, y = _permuted(rng, d)
    return beside(x, y, own(rng, x, 0.2), own(rng, y, 0.3))


def _rotated(rng: np.random.Generator, d: int) -> Maps:
    x, _, _ = base(rng, d)
    return x, 2.0 * random_orthogonal(d, rng) @ x


def _noised(rng: np.random.Generator, d: int) -> Maps:
    x, y = _rotated(rng, d)
    return beside(x, y, own(rng, x, 0.5), own(rng, y, 0.5))


def _noised_by(share: float) -> Callable[[np.random.Generator, int], Maps]:
    def draw(rng: np.random.Generator, d: int) -> Maps:
        x, y = _rotated(rng, d)
        return beside(x, y, own(rng, x, share), own(rng, y, share))

    return draw


def _reweighted(spread: float, share: float = 0.0) -> Callable[[np.random.Generator, int], Maps]:
    def draw(rng: np.random.Generator, d: int) -> Maps:
        x, _, size = base(rng, d)
        y = random_orthogonal(d, rng) * (size * np.exp(spread * rng.standard_normal(d)))
        if not share:
            return x, y
        return beside(x, y, own(rng, x, share), own(rng, y, share))

    return draw


def _sheared(spread: float, share: float = 0.0) -> Callable[[np.random.Generator, int], Maps]:
    def draw(rng: np.random.Generator, d: int) -> Maps:
        x, _, _ = base(rng, d)
        turn = random_orthogonal(d, rng) * np.exp(spread * rng.standard_normal(d))
        y = turn @ random_orthogonal(d, rng) @ x
        if not share:
            return x, y
        return beside(x, y, own(rng, x, share), own(rng, y, share))

    return draw


def _warped(rng: np.random.Generator, d: int) -> Maps:
    x, _, size = base(rng, d)
    return x, random_orthogonal(d, rng) * size


def _removed(rng: np.random.Generator, d: int) -> Maps:
    x, y = _rotated(rng, d)
    return x, y[: d * 5 // 8]


def _units_removed(rng: np.random.Generator, d: int) -> Maps:
    x, y = _permuted(rng, d)
    return x, y[: d * 5 // 8]


def _unrelated(rng: np.random.Generator, d: int) -> Maps:
    x, y = base(rng, d)[0], base(rng, d)[0]
    return np.hstack([x, np.zeros_like(x)]), np.hstack([np.zeros_like(y), y])


def _planted(cause: str, strength: float) -> Callable[[np.random.Generator, int], Maps]:
    def draw(rng: np.random.Generator, _: int) -> Maps:
        pair = planted_pair(cause, strength, seed=int(rng.integers(2**31)))
        return pair.map_a, pair.map_b

    return draw


PLANTED: dict[str, Law] = {
    "planted nothing": Law("rotation", _planted("nothing", 1.0), "another rotation and scale"),
    "planted offset": Law("rotation", _planted("offset", 1.0), "and a constant (left out here)"),
    "planted gauge": Law("reweighted", _planted("gauge", 0.5), "a gauge of strength 0.5"),
    "planted rank": Law("rotation", _planted("rank", 0.6), "the weakest modes of B lost"),
    "planted dominant": Law("reweighted", _planted("dominant", 0.5), "one mode of B grown"),
    "planted noise": Law("rotation", _planted("noise", 0.5), "half of B is noise"),
    "planted teacher": Law("rotation", _planted("teacher", 0.25), "another teacher, turned by 22°"),
    "planted inputs": Law("rotation", _planted("inputs", 0.5), "half of the inputs shared"),
    "planted inputs, none shared": Law("nothing", _planted("inputs", 1.0), "no inputs shared"),
}
TRANSFORMED: dict[str, Law] = {
    "same, noised": Law("identity", _identity, "y = 1.3 x + noise, 30 % of the signal"),
    "permuted": Law("permutation", _permuted, "units in another order, times 0.7"),
    "permuted, noised": Law("permutation", _permuted_noised, "and noise: 20 % of x, 30 % of y"),
    "rotated": Law("rotation", _rotated, "a rotation, times 2"),
    "noised": Law("rotation", _noised, "and noise, 50 % of the signal, on both sides"),
    "removed": Law("rotation", _removed, "rotated, then 3/8 of the units removed"),
    "units removed": Law("permutation", _units_removed, "permuted, then 3/8 of the units removed"),
    "reweighted": Law("reweighted", _reweighted(0.5), "weights e^(0.5 g) along the principal axes"),
    "sheared": Law("linear", _sheared(0.7), "weights e^(0.7 g) along random axes"),
    "warped": Law("nonlinear", _warped, "w(g) in place of g", warped=1.0),
    "unrelated": Law("nothing", _unrelated, "nothing shared"),
    "reweighted, noised": Law(
        "reweighted", _reweighted(0.7, 0.2), "weights e^(0.7 g), noise 20 % on both sides", False
    ),
    "sheared, noised": Law(
        "linear", _sheared(0.9, 0.2), "weights e^(0.9 g), noise 20 % on both sides", False
    ),
}
#: The same, where the oracle only just succeeds.
WEAK: dict[str, Law] = {
    "noised, strong": Law("rotation", _noised_by(1.5), "rotated, noise 150 % on both sides", False),
    "reweighted, weak": Law("reweighted", _reweighted(0.3), "weights e^(0.3 g)", False),
    "sheared, weak": Law("linear", _sheared(0.45), "weights e^(0.45 g) along random axes", False),
    "warped, weak": Law("nonlinear", _warped, "w(g) with half of the square", False, 0.5),
    "planted gauge, strong": Law(
        "reweighted", _planted("gauge", 1.0), "a gauge of strength 1", required=False
    ),
}
LAWS = PLANTED | TRANSFORMED | WEAK


def warp(latents: Array, strength: float = 1.0) -> Array:
    """``g + s (g² − 1)/√2``, of variance 1 + s²."""
    return np.asarray(latents + strength * (latents**2 - 1.0) / np.sqrt(2.0))
