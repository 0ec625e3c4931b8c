"""Initialisers: where a run starts (``mx.init``).

An initialiser is a frozen specification; calling it with a source, a student's number, and the seed
(one for all, or one each) and number of every replica gives weights ``(replica, d_i, d_{i-1})``,
with zero biases as a last column where the student has biases. The numbers come from the INIT
stream, so a replica run alone starts as it did in the batch. Initialisers that start at a minimum
need the theory's closed forms and refuse other students than linear ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from methexis import lazy as _lazy
from methexis.core.checks import Array, number
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.problem import Problem
from methexis.core.random.streams import StreamId, keys, normals, student_stream
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.gauge import balanced_minimum, random_minimum
from methexis.theory.platonic import platonic

__all__ = [
    "Initialiser",
    "balanced",
    "gaussian",
    "orthogonal",
    "platonic_point",
    "random_minima",
]
__dir__ = _lazy.listed(__all__)


class Initialiser(Protocol):
    """Makes the weights ``(replica, d_i, d_{i-1})`` that a student starts from."""

    def __call__(
        self,
        source: Teacher | Samples,
        student: EDLN | MLP,
        *,
        number: int,
        seed: int | Sequence[int],
        replicas: Sequence[int],
        loss: str,
    ) -> list[Array]:
        """Return one array per layer for the given replica numbers, of one seed or one each."""
        ...


@dataclass(frozen=True)
class _Normal:
    """Normal numbers, as they are or made orthonormal; step = layer, draw = row-major entry."""

    scale: float
    orthonormal: bool = False

    def __call__(
        self,
        source: Teacher | Samples,
        student: EDLN | MLP,
        *,
        number: int,
        seed: int | Sequence[int],
        replicas: Sequence[int],
        loss: str,
    ) -> list[Array]:
        problem = Problem.of(source, student, loss)
        key = keys(seed, replicas, student_stream(StreamId.INIT, number))
        layers = []
        for i, (rows, columns) in enumerate(zip(problem.dims[1:], problem.dims[:-1], strict=True)):
            draw = normals(key, first_step=i, num_steps=1, num_normals=rows * columns)
            w = draw[0].reshape(len(replicas), rows, columns)
            w = self.scale * _haar(w) if self.orthonormal else w * (self.scale / np.sqrt(columns))
            if problem.bias:
                w = np.concatenate([w, np.zeros((*w.shape[:-1], 1))], axis=-1)
            layers.append(w)
        return layers


def _haar(w: Array) -> Array:
    """Orthonormal rows or columns, the fewer, by QR with the signs of R fixed."""
    tall = w.shape[-2] >= w.shape[-1]
    q, r = np.linalg.qr(w if tall else w.mT)
    q = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    return np.asarray(q if tall else q.mT)


@dataclass(frozen=True)
class _Minimum:
    kind: str
    spread: float = 1.0
    distribution: str = "lognormal"

    def __call__(
        self,
        source: Teacher | Samples,
        student: EDLN | MLP,
        *,
        number: int,
        seed: int | Sequence[int],
        replicas: Sequence[int],
        loss: str,
    ) -> list[Array]:
        per_replica = []
        for key in keys(seed, replicas, student_stream(StreamId.GAUGE, number)):
            draw = int(key[0]) + 2**32 * int(key[1])
            if self.kind == "platonic":
                per_replica.append(platonic(source, student, loss=loss, seed=draw).weights)
            elif self.kind == "balanced":
                per_replica.append(balanced_minimum(source, student, loss=loss, seed=draw))
            else:
                per_replica.append(
                    random_minimum(
                        source,
                        student,
                        seed=draw,
                        spread=self.spread,
                        distribution=self.distribution,
                        loss=loss,
                    )
                )
        return [np.stack(layer) for layer in zip(*per_replica, strict=True)]


def gaussian(scale: float = 1.0) -> Initialiser:
    """Independent normal weights of standard deviation ``scale / sqrt(fan-in)``; zero biases.

    With the default 1 a linear layer hands on the mean square of its inputs. ReLU halves it, so
    that deep ReLU networks start best at ``scale=2**0.5`` (He's initialisation).

    Raises
    ------
    MethexisError
        Unless ``scale > 0``.
    """
    return _Normal(number("scale", scale, above=0.0))


def orthogonal(scale: float = 1.0) -> Initialiser:
    """Haar matrices with orthonormal rows or columns (the fewer), times ``scale``; zero biases.

    Raises
    ------
    MethexisError
        Unless ``scale > 0``.
    """
    return _Normal(number("scale", scale, above=0.0), orthonormal=True)


def balanced() -> Initialiser:
    """The minimum with all charges zero, in a random basis (`theory.balanced_minimum`)."""
    return _Minimum("balanced")


def platonic_point() -> Initialiser:
    """A Platonic point, in a random basis (`theory.platonic`)."""
    return _Minimum("platonic")


def random_minima(spread: float = 1.0, distribution: str = "lognormal") -> Initialiser:
    """Minima drawn from a named distribution (`theory.random_minimum`).

    Raises
    ------
    MethexisError
        Unless ``spread > 0``; an unknown distribution is refused when weights are made.
    """
    return _Minimum("random", number("spread", spread, above=0.0), distribution)
