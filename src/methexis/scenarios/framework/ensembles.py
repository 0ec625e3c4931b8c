"""An ensemble: replicas of one problem, how SGD trains them, and when they are looked at.

This is the statement alone, so that the file of a dial that makes one knows no engine;
`simulation.py` carries it out. Snapshots are taken at given slow times ``τ = η² t / B``, so that
runs at different learning rates see the same part of the slow dynamics, and what is left of a
transient enters each of them equally, up to its own correction of order ``η``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.init import Initialiser
from methexis.training.optimisers import SGD, UpdateRule

Start = Initialiser | Sequence[Sequence[Array]]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A problem, how it is trained, and when it is looked at."""

    #: As in `train`; ``start`` is its ``init``.
    source: Teacher | Samples
    students: tuple[EDLN, ...]
    start: Start
    lr: float  # learning rate
    #: Increasing slow times of the snapshots; at least one step is made.
    slow_times: tuple[float, ...]
    sampling: str = "online"
    loss: str = "squared"
    batch: int = 1
    paired: bool = True
    #: ``κ = γB/η``: weight decay in units in which it competes with the entropic force.
    decay: float = 0.0
    #: Per student the problem onto whose minima snapshots are projected, if not the student's own
    #: (a solution of lower rank, say).
    minima: tuple[Problem, ...] | None = None
    #: Standard deviation of fresh noise on the labels of every step. Where it is the only noise,
    #: the force is its square times that of noise of variance one, and slow times count so.
    label_noise: float = 0.0
    #: Makes the optimiser of a learning rate; plain SGD, with ``decay``, where there is none.
    rule: Callable[[float], UpdateRule] | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The folded problem of each student, on whose minima kernels are taken."""
        if self.minima is not None:
            return self.minima
        return tuple(Problem.of(self.source, s, theory_loss(self.loss)) for s in self.students)

    @property
    def optimiser(self) -> UpdateRule:
        """The optimiser at the learning rate."""
        if self.rule is not None:
            return self.rule(self.lr)
        return SGD(lr=self.lr, weight_decay=self.decay * self.lr / self.batch)

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps nearest to the slow times; at the end of an epoch where there are epochs."""
        unit = 1
        if isinstance(self.source, Samples) and self.sampling == "shuffle":
            unit = self.source.num_samples // math.gcd(self.source.num_samples, self.batch)
        only_noise = self.sampling == "full" and self.label_noise > 0.0
        force = self.label_noise**2 if only_noise else 1.0
        times = np.asarray(self.slow_times) * self.batch / (self.lr**2 * force)
        if self.rule is not None:
            pace = self.optimiser.slow_factor(self.optimiser.hyper(), self.batch).item()
            if math.isfinite(pace):  # else the clock of plain SGD is as good as any
                times = np.asarray(self.slow_times) / (pace * force)
        return np.maximum(np.rint(times / unit), 1).astype(np.int64) * unit

    def hurried(self, factor: float) -> Ensemble:
        """The ensemble with all slow times multiplied by a factor."""
        return replace(self, slow_times=tuple(factor * time for time in self.slow_times))

    def thinned(self, every: int) -> Ensemble:
        """The ensemble with every ``every``-th slow time only, the last among them."""
        return replace(self, slow_times=self.slow_times[::-every][::-1])


def theory_loss(loss: str) -> str:
    """The loss whose minima runs settle on: a running estimate has those of the noise's metric.

    Examples
    --------
    >>> theory_loss("whitened_running"), theory_loss("squared")
    ('whitened', 'squared')
    """
    return "whitened" if loss == "whitened_running" else loss


def window(first: float, last: float, count: int) -> tuple[float, ...]:
    """Evenly spaced slow times.

    Examples
    --------
    >>> window(1.0, 2.0, 3)
    (1.0, 1.5, 2.0)
    """
    return tuple(np.linspace(first, last, count).tolist())
