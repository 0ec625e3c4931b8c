"""The ways in which cases are trained: what a small parameter means, and what theory says then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from methexis.core.checks import Array
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.fixed_points.edge import edge_velocity


@dataclass(frozen=True)
class Training(ABC):
    """How a case is trained: what belongs to a value of the small parameter."""

    #: As in `train`.
    sampling: str = field(default="online", kw_only=True)
    batch: int = field(default=1, kw_only=True)
    #: Whether it is measured: noise and samples are the teacher's.
    batch_sharpness: bool = field(default=False, kw_only=True)

    @abstractmethod
    def source(self, teacher: Teacher) -> Teacher | Samples:
        """What SGD draws from."""

    @abstractmethod
    def rates(self, small: float, sharpest: float) -> tuple[float, float, float]:
        """Learning rate, label noise, and slow time per step."""

    @abstractmethod
    def velocity(self, problem: Problem, weights: list[Array]) -> list[Array]:
        """The velocity ``dθ/dτ`` that theory predicts for this way of training."""


@dataclass(frozen=True)
class Online(Training):
    """SGD on fresh samples, one a step; the small parameter is ``η λ_max``, and ``τ = η² t``."""

    batch_sharpness: bool = field(default=True, kw_only=True)

    def source(self, teacher: Teacher) -> Teacher | Samples:
        """The teacher itself, which draws fresh samples."""
        return teacher

    def rates(self, small: float, sharpest: float) -> tuple[float, float, float]:
        """Learning rate, label noise, slow time per step."""
        lr = small / sharpest
        return lr, 0.0, lr**2 / self.batch

    def velocity(self, problem: Problem, weights: list[Array]) -> list[Array]:
        """The slow drift, which independent samples follow."""
        return drift_velocity(problem, weights)


@dataclass(frozen=True)
class Edge(Training):
    """Full-batch descent at a fixed learning rate near the edge of stability.

    The labels get fresh noise of deviation ``σ`` in every step, and ``σ²`` is the small parameter.
    A data set of ``±Σx^{1/2}`` basis vectors has the teacher's second moment exactly; its mean
    gradient then has label noise of variance ``σ²/N``, and ``τ = σ² η² t / N``.
    """

    lr: float
    sampling: str = field(default="full", kw_only=True)

    def source(self, teacher: Teacher) -> Teacher | Samples:
        """All inputs of the teacher, with labels free of noise."""
        root = np.linalg.cholesky(teacher.cov_x).T * np.sqrt(teacher.dim_x)
        x = np.concatenate([root, -root])
        return Samples(x, x @ teacher.weight.T)

    def rates(self, small: float, sharpest: float) -> tuple[float, float, float]:
        """Learning rate, label noise, slow time per step."""
        del sharpest  # the learning rate is the case's own
        num_samples = 2  # of one input dimension; cases with more need their own number
        return self.lr, float(np.sqrt(small)), small * self.lr**2 / num_samples

    def velocity(self, problem: Problem, weights: list[Array]) -> list[Array]:
        """The drift at this learning rate."""
        return edge_velocity(problem, weights, self.lr)


@dataclass(frozen=True)
class SingleSamples(Training):
    """SGD on single samples of one Gaussian input at a fixed learning rate near *its* edge.

    The teacher's labels are noise-free except for fresh noise of deviation ``σ``; ``σ²`` is the
    small parameter, and ``τ = σ² η² t``.
    """

    lr: float

    def source(self, teacher: Teacher) -> Teacher | Samples:
        """The teacher without its noise."""
        return Teacher(teacher.weight, teacher.cov_x, np.zeros_like(teacher.cov_noise))

    def rates(self, small: float, sharpest: float) -> tuple[float, float, float]:
        """Learning rate, label noise, slow time per step."""
        del sharpest  # the learning rate is the case's own
        return self.lr, float(np.sqrt(small)), small * self.lr**2

    def velocity(self, problem: Problem, weights: list[Array]) -> list[Array]:
        """The drift at this learning rate."""
        return edge_velocity(problem, weights, self.lr, batch=self.batch)
