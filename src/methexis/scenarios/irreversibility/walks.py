"""A case of steps there and back: what is predicted of it, and how it is measured.

The prediction is ``Z(T)``, the mean of what does not return over ``η`` as ``η -> 0``
(`theory.irreversibility`). It is a vector in the space of all weights, and so is the measurement.
They are compared along a few fixed directions that the theory names, and in all the others
together: along and across the minima where a case starts on them, else along ``Z`` itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.core.linalg import flatten
from methexis.core.parallel.caching import cached_property
from methexis.core.samples import Samples
from methexis.errors import MethexisError
from methexis.progress import Progress, Report
from methexis.scenarios.framework.scenario import Cell
from methexis.scenarios.irreversibility.limits import extrapolated, scores, spread
from methexis.scenarios.irreversibility.records import Found, Point, Reading, Rest
from methexis.scenarios.irreversibility.setting import Setting
from methexis.scenarios.irreversibility.walk import Walk, retrace
from methexis.theory.irreversibility import noise_share, unreturned_of
from methexis.training.optimisers import SGD
from methexis.training.plan import Plan, make_plan

#: Rounding of weights after a walk, relative to the largest.
ROUNDING = 1e-13
ALONG, ACROSS, PREDICTED = "along the minima", "across the minima", "as predicted"


@dataclass(frozen=True, eq=False)
class Walks:
    """Steps there and back from one start, to one time, with one way of sampling."""

    setting: Setting
    scaled_time: float  # ``λT``
    sampling: str = "online"  # as in `train`; ``full`` is deterministic
    batch: int = 1

    @property
    def variate(self) -> bool:
        """Whether samples are independent, so that `walk.retrace` has a variate."""
        return self.sampling in ("online", "replace")

    @property
    def time(self) -> float:
        """The time ``T`` that the walk covers, learning rates summed."""
        return self.scaled_time / self.setting.sharpest

    @cached_property
    def share(self) -> float:
        """Share of a sample's gradient noise in a batch."""
        source = self.setting.source
        count = source.num_samples if isinstance(source, Samples) else None
        return noise_share(self.sampling, self.batch, count)

    @cached_property
    def predicted(self) -> Array:
        """What theory says does not return, ``Z(T)``, as one flat vector."""
        return self._limit(self.share)

    def _limit(self, share: float) -> Array:
        left = unreturned_of(self.setting.problem, self.setting.start, np.array([self.time]), share)
        return np.asarray(flatten(left)[0])

    @cached_property
    def directions(self) -> dict[str, Array]:
        """Orthonormal directions of comparison, by name.

        They are those of single samples: a batch changes the length of ``Z`` at a minimum, down to
        zero, and not its direction.
        """
        if not self.setting.minimum:
            return {PREDICTED: self.predicted / np.linalg.norm(self.predicted)}
        whole = self._limit(1.0)
        along = self.setting.tangent(whole)
        across = whole - along
        return {
            ALONG: along / np.linalg.norm(along),
            ACROSS: across / np.linalg.norm(across),
        }

    def plan(self, small: float, replicas: int, seed: int) -> Plan:
        """Steps forward at ``ηλ`` at most ``small``, so that whole epochs of them fill ``T``.

        Where there are no epochs, whole steps. Samples of one epoch know of each other, so that a
        part of one would add a correction that no power of ``η`` describes.
        """
        source, unit = self.setting.source, 1
        if isinstance(source, Samples) and self.sampling == "shuffle":
            unit = source.num_samples // math.gcd(source.num_samples, self.batch)
        steps = unit * math.ceil(self.scaled_time / small / unit - 1e-9)
        return make_plan(
            self.setting.student,
            self.setting.source,
            SGD(lr=self.time / steps),
            steps=steps,
            batch=self.batch,
            sampling=self.sampling,
            init=[self.setting.start],
            replicas=replicas,
            seed=seed,
            engine="reference",
        )

    @property
    def parts(self) -> dict[str | None, float]:
        """Predictions by the names of their directions."""
        return {name: float(v @ self.predicted) for name, v in self.directions.items()}

    def measure(self, cell: Cell[Any], *, seed: int, show: Progress | None = None) -> Found:
        """Walk and compare; ``seed`` is that of the first ensemble.

        Directions in which nothing is predicted are judged where no power is allowed for.

        Raises
        ------
        MethexisError
            If a replica diverges.
        """
        effort = cell.effort
        walks: list[Walk] = []
        rates, steps = [], []
        for number, small in enumerate(effort.small):
            plan = self.plan(small, effort.replicas, seed + number)
            with np.errstate(over="ignore", invalid="ignore"):
                walk = retrace(plan, variate=self.variate)
            if not np.isfinite(walk.left).all():
                raise MethexisError(
                    f"irreversibility: expected walks that stay finite, got a divergence of "
                    f"{cell.curve.name} at {cell.value:g}, learning rate {plan.hyper['lr'][0]:g}"
                )
            walks.append(walk)
            rates.append(float(plan.hyper["lr"][0]))
            steps.append(plan.steps)
            if show is not None:
                show(Report(number + 1, len(effort.small), math.nan))
        basis = self._basis()
        reduced = [(w.left - w.variate) / lr @ basis for w, lr in zip(walks, rates, strict=True)]
        plain = [w.left / lr @ basis for w, lr in zip(walks, rates, strict=True)]
        target = self.predicted @ basis
        weight = max(float(np.abs(w).max()) for w in self.setting.start)
        rounding = ROUNDING * weight / np.array(rates)
        limits = [
            extrapolated(rates, vectors, effort.powers, rounding) for vectors in (reduced, plain)
        ]
        named = len(self.directions)
        allowed = effort.allowed(float(np.linalg.norm(target[:named]))) * np.ones(named)
        judged, raw_judged = (scores(limit, target, named, allowed) for limit in limits)
        points = tuple(
            Point(
                curve=cell.curve.name,
                problem=cell.problem,
                value=cell.value,
                part=part,
                predicted=float(target[i]),
                measured=float(limits[0].mean[i]),
                error=limits[0].error(i),
                half=limits[0].half(i),
                allowed=float(allowed[i]),
                deviation=judged[0][i],
                raw=float(limits[1].mean[i]),
                raw_error=limits[1].error(i),
                raw_deviation=raw_judged[0][i],
                readings=tuple(
                    Reading(
                        small=lr * self.setting.sharpest,
                        lr=lr,
                        steps=steps[k],
                        replicas=effort.replicas,
                        seed=seed + k,
                        value=float(reduced[k][:, i].mean()),
                        error=spread(reduced[k][:, i]),
                        raw=float(plain[k][:, i].mean()),
                        raw_error=spread(plain[k][:, i]),
                    )
                    for k, lr in enumerate(rates)
                ),
                weights=tuple(limits[0].weights.tolist()),
            )
            for i, part in enumerate(self.directions)
        )
        rest = None
        if effort.replicas > 1 and effort.relative == 0.0 and self.share > 0.0:
            rest = Rest(cell.curve.name, cell.problem, cell.value, *judged[1])
        return Found(points, rest, max(w.law for w in walks))

    def _basis(self) -> Array:
        """Orthonormal columns: the named directions, then all others."""
        named = np.stack(list(self.directions.values()), axis=1)
        full = np.linalg.qr(np.hstack([named, np.eye(len(named))]))[0]
        full[:, : named.shape[1]] = named
        return np.asarray(full)
