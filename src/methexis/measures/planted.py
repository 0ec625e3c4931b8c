"""Pairs of representations whose true alignment is known exactly, with one planted cause each.

A benchmark of measures needs truth. Layers of embedded deep linear networks have it: both are
linear maps of one latent Gaussian ``z``, ``h_A = A z`` and ``h_B = B z + b``, so the alignment of
the whole population (the cosine of the two kernels, docs/theory.md §1) follows from ``A`` and ``B``
without samples. Every pair starts from the theorem: two networks of other depth and width at their
Platonic points, aligned perfectly. One cause, of one strength in [0, 1], then takes the second away
from there; at strength 0 nothing is wrong.

==============  ================================================================================
``nothing``     control: another rotation, another scale. The truth stays 1.
``offset``      control: a constant added to the second, up to 3 times its size. The truth, of
                centred kernels, stays 1.
``gauge``       the second moves along its orbit of minima: same function, other hidden layer
``rank``        the second loses its weakest modes, down to one: a saddle of the loss
``dominant``    one direction of the second grows, up to 10 times its strongest: an outlier
``noise``       features of the second that the first knows nothing of, up to all of it
``teacher``     the second learns another teacher on the same inputs, up to an unrelated one
``inputs``      the inputs of the two share less and less, down to nothing
==============  ================================================================================

``noise`` and ``inputs`` end at truth 0; ``teacher`` does not: kernels on the same inputs overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from methexis.core.checks import Array, MethexisError, count, integer, number, one_of
from methexis.core.edln import EDLN
from methexis.core.layers.geometry import align_maps
from methexis.core.layers.products import hidden_maps
from methexis.core.linalg import random_orthogonal
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.display import Displayed
from methexis.theory.gauge import apply_gauge
from methexis.theory.platonic import platonic_of

#: Causes by name, the controls first; the table above says what each does.
CAUSES = ("nothing", "offset", "gauge", "rank", "dominant", "noise", "teacher", "inputs")
CONTROLS = ("nothing", "offset")

DIM_X, DIM_Y, RANK = 24, 16, 12
_HIDDEN_A, _LAYER_A = (48, 32), 0
_HIDDEN_B, _LAYER_B = (32, 40, 24), 1
_GAUGE_SPREAD = 1.5  # of the logarithms of a gauge's singular values, at strength 1
_LARGEST_OFFSET = 3.0
_LARGEST_DIRECTION = 10.0


@dataclass(frozen=True, eq=False)
class PlantedPair(Displayed):
    """Two representations of one population.

    Attributes
    ----------
    cause : str
        What separates them.
    strength : float
        How much of it, in [0, 1].
    map_a, map_b : arrays (48, num_latents), (40, num_latents)
        Maps from the latent ``z`` to the features.
    offset_b : array (40,)
        Added to the features of the second.
    alignment : float
        Cosine of the two centred kernels over the whole population, exact.
    """

    cause: str
    strength: float
    map_a: Array = field(repr=False)
    map_b: Array = field(repr=False)
    offset_b: Array = field(repr=False)
    alignment: float

    def samples(self, num_samples: int, seed: int = 0) -> tuple[Array, Array]:
        """Draw paired rows ``(num_samples, 48)`` and ``(num_samples, 40)``.

        Raises
        ------
        MethexisError
            If ``num_samples`` is no number of samples or ``seed`` no integer from 0.
        """
        generator = np.random.default_rng(integer("seed", seed, least=0))
        latents = generator.standard_normal(
            (count("num_samples", num_samples, least=1), self.map_a.shape[1])
        )
        return latents @ self.map_a.T, latents @ self.map_b.T + self.offset_b


def planted_pair(
    cause: str, strength: float, seed: int = 0, *, background: float = 0.0
) -> PlantedPair:
    """Make a pair with one cause of misalignment.

    Parameters
    ----------
    cause : str
        One of `CAUSES`.
    strength : float
        How much of it, in [0, 1]; 0 leaves the pair perfectly aligned.
    seed : int
        Seed of teacher, networks and cause; pairs of one seed differ in strength only.
    background : float
        Share of both representations' variance, in [0, 1), that is noise of their own, whatever the
        cause. Without it an aligned pair scores the same in every draw, and the smallest change is
        seen; with it a change has to stand out.

    Raises
    ------
    MethexisError
        If the cause is unknown, the strength outside [0, 1] or the background outside [0, 1).

    Examples
    --------
    >>> round(planted_pair("nothing", 1.0).alignment, 12)
    1.0
    >>> round(planted_pair("noise", 1.0).alignment, 12)
    0.0
    >>> 0.3 < planted_pair("gauge", 1.0).alignment < 0.9
    True
    """
    one_of("cause", cause, CAUSES)
    strength = number("strength", strength, least=0.0)
    if strength > 1.0:
        raise MethexisError(f"strength: expected a number in [0, 1], got {strength:g}")
    generator = np.random.default_rng([integer("seed", seed, least=0), 1])
    teacher = _teacher(seed)
    first = EDLN.random(teacher, hidden=_HIDDEN_A, seed=2 * seed)
    second = EDLN.random(teacher, hidden=_HIDDEN_B, seed=2 * seed + 1)
    root = Problem.of(teacher, first).root_x
    a = _hidden(teacher, first, _LAYER_A, seed=seed) @ root
    b = _hidden(teacher, second, _LAYER_B, seed=seed) @ root
    offset = np.zeros(len(b))
    private = np.zeros((len(b), 0))
    if cause == "nothing":
        b = (1.0 + strength) * random_orthogonal(len(b), generator) @ b
    elif cause == "offset":
        direction = generator.standard_normal(len(b))
        size = _LARGEST_OFFSET * strength * np.linalg.norm(b)
        offset = size * direction / np.linalg.norm(direction)
    elif cause == "gauge":
        b = _moved(teacher, second, strength, generator, seed=seed) @ root
    elif cause == "rank":
        u, values, vt = np.linalg.svd(b, full_matrices=False)
        kept = RANK - round(strength * (RANK - 1))
        b = (u[:, :kept] * values[:kept]) @ vt[:kept]
    elif cause == "dominant":
        u, values, vt = np.linalg.svd(b, full_matrices=False)
        middle = RANK // 2  # the strongest would only lower the effective rank
        values[middle] *= 1.0 + (_LARGEST_DIRECTION * values[0] / values[middle] - 1.0) * strength
        b = (u * values) @ vt
    elif cause == "noise":
        private = _noise(b, strength, [seed, 4])
        b = np.sqrt(1.0 - strength) * b
    elif cause == "teacher":
        b = _hidden(_turned(teacher, strength, seed), second, _LAYER_B, seed=seed) @ root
    elif cause == "inputs":
        angle = strength * np.pi / 2.0
        private, b = np.sin(angle) * b, np.cos(angle) * b
    background = number("background", background, least=0.0, below=1.0)
    b = np.hstack([b, private])
    a = np.hstack([a, np.zeros((len(a), private.shape[1]))])
    # The noise of each has latents of its own: no generator of the cause is touched by it.
    noises = [_noise(h, background, [seed, 2 + k]) for k, h in enumerate((a, b))]
    maps = (
        np.hstack([np.sqrt(1.0 - background) * a, noises[0], np.zeros((len(a), len(b)))]),
        np.hstack([np.sqrt(1.0 - background) * b, np.zeros((len(b), len(a))), noises[1]]),
    )
    alignment = align_maps(*maps, np.eye(maps[0].shape[1]))
    return PlantedPair(cause, strength, *maps, offset, alignment.cosine)


def _noise(features: Array, share: float, seed: list[int]) -> Array:
    """Map from as many latents as features, of this share of their variance."""
    noise = np.random.default_rng(seed).standard_normal((len(features), len(features)))
    return np.asarray(np.sqrt(share) * np.linalg.norm(features) / np.linalg.norm(noise) * noise)


def _teacher(seed: int) -> Teacher:
    return Teacher.random(dim_x=DIM_X, dim_y=DIM_Y, rank=RANK, seed=seed)


def _hidden(teacher: Teacher, student: EDLN, layer: int, *, seed: int) -> Array:
    """Map from the input to one hidden layer at the Platonic point."""
    problem = Problem.of(teacher, student)
    return hidden_maps(problem, platonic_of(problem, seed=seed).weights)[layer]


def _moved(
    teacher: Teacher, student: EDLN, strength: float, generator: np.random.Generator, *, seed: int
) -> Array:
    """The layer's map moved along its orbit, by ``T = O e^{strength spread Z} O'`` in each layer.

    ``O' = Oᵀ``: at strength 0 nothing moves.
    """
    problem = Problem.of(teacher, student)
    gauges = []
    for width in problem.dims[1:-1]:
        turn = random_orthogonal(width, generator)
        logarithms = _GAUGE_SPREAD * strength * generator.standard_normal(width)
        gauges.append((turn * np.exp(logarithms)) @ turn.T)
    moved = apply_gauge(platonic_of(problem, seed=seed).weights, gauges)
    return hidden_maps(problem, moved)[_LAYER_B]


def _turned(teacher: Teacher, strength: float, seed: int) -> Teacher:
    """``cos V + sin V'`` with the map ``V'`` of another teacher; inputs and noise stay."""
    other = _teacher(seed + 1_000_003)
    angle = strength * np.pi / 2.0
    scale = np.linalg.norm(teacher.weight) / np.linalg.norm(other.weight)
    return Teacher(
        weight=np.cos(angle) * teacher.weight + np.sin(angle) * scale * other.weight,
        cov_x=teacher.cov_x,
        cov_noise=teacher.cov_noise,
    )
