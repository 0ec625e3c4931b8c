"""An ensemble: replicas of one problem trained by SGD at one learning rate, reduced to kernels.

Snapshots are taken at given slow times ``τ = η² t / B``, so that runs at different learning rates
see the same part of the slow dynamics, and what is left of a transient enters each of them equally,
up to its own correction of order ``η``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError
from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.init import Initialiser
from methexis.progress import Progress
from methexis.scenarios.framework.mean_kernels import joint_kernels, projected
from methexis.training.optimisers import SGD
from methexis.training.plan import Plan, make_plan
from methexis.training.weights import recorded_weights

Start = Initialiser | Sequence[Sequence[Array]]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A problem, how it is trained, and when it is looked at.

    Attributes
    ----------
    source, students, start, sampling, loss, batch, paired :
        As in `train`; ``start`` is its ``init``.
    lr : float
        Learning rate.
    slow_times : tuple of float
        Increasing slow times of the snapshots; at least one step is made.
    decay : float
        ``κ = γB/η``: weight decay in units in which it competes with the entropic force.
    minima : tuple of Problem, optional
        Per student the problem onto whose minima snapshots are projected, if not the student's own
        (a solution of lower rank, say).
    label_noise : float
        Standard deviation of fresh noise on the labels of every step. Where it is the only noise,
        the force is its square times that of noise of variance one, and slow times count so.
    """

    source: Teacher | Samples
    students: tuple[EDLN, ...]
    start: Start
    lr: float
    slow_times: tuple[float, ...]
    sampling: str = "online"
    loss: str = "squared"
    batch: int = 1
    paired: bool = True
    decay: float = 0.0
    minima: tuple[Problem, ...] | None = None
    label_noise: float = 0.0

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The folded problem of each student, on whose minima kernels are taken."""
        if self.minima is not None:
            return self.minima
        return tuple(Problem.of(self.source, s, theory_loss(self.loss)) for s in self.students)

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps nearest to the slow times; at the end of an epoch where there are epochs."""
        unit = 1
        if isinstance(self.source, Samples) and self.sampling == "shuffle":
            unit = self.source.num_samples // math.gcd(self.source.num_samples, self.batch)
        only_noise = self.sampling == "full" and self.label_noise > 0.0
        force = self.label_noise**2 if only_noise else 1.0
        times = np.asarray(self.slow_times) * self.batch / (self.lr**2 * force)
        return np.maximum(np.rint(times / unit), 1).astype(np.int64) * unit

    def hurried(self, factor: float) -> Ensemble:
        """The same with all slow times times a factor."""
        return replace(self, slow_times=tuple(factor * time for time in self.slow_times))

    def thinned(self, every: int) -> Ensemble:
        """The same, looked at at every ``every``-th of the slow times only, the last among them."""
        return replace(self, slow_times=self.slow_times[::-every][::-1])

    def plan(self, replicas: int, seed: int) -> Plan:
        """The run, validated."""
        steps = self.steps
        return make_plan(
            self.students,
            self.source,
            SGD(lr=self.lr, weight_decay=self.decay * self.lr / self.batch),
            steps=int(steps[-1]),
            batch=self.batch,
            sampling=self.sampling,
            paired=self.paired,
            loss=self.loss,
            init=self.start,
            label_noise=self.label_noise,
            replicas=replicas,
            seed=seed,
            dtype="float64",
            record=steps,
            engine="auto",
        )

    def train(self, replicas: int, seed: int, show: Progress | None = None) -> Outcome:
        """Train and return projected kernels of the replicas that were not lost.

        Raises
        ------
        MethexisError
            If fewer than two replicas are left.
        """
        plan = self.plan(replicas, seed)
        weights, healthy = recorded_weights(plan, show)
        left = int(np.sum(healthy))
        if left < 2:
            raise MethexisError(
                f"ensemble: expected replicas that stay finite, got {left} of {replicas} at "
                f"learning rate {self.lr:g}"
            )
        problems = self.problems
        alive = [
            projected(problem, [w[:, healthy] for w in layers])
            for problem, layers in zip(problems, weights, strict=True)
        ]
        kernels = joint_kernels(self.source, self.students, problems, alive)
        # Steps that fall together are recorded once.
        rows = np.searchsorted(plan.record, self.steps)
        return Outcome(np.stack(kernels, axis=2)[rows], self.steps, replicas - left)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Kernels of a trained ensemble.

    Attributes
    ----------
    kernels : array (snapshot, replica, layer, n, n)
        Of all students' hidden layers, whitened, of unit trace, projected onto the minima.
    steps : array (snapshot,)
    lost : int
        Replicas that diverged or collapsed; they are left out.
    """

    kernels: Array
    steps: NDArray[np.int64]
    lost: int

    @property
    def late(self) -> Array:
        """Mean over snapshots, ``(replica, layer, n, n)``."""
        return np.asarray(self.kernels.mean(axis=0))


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
