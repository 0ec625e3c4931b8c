"""`Plan`: everything a run depends on, validated once; and its fingerprint.

Two runs with equal fingerprints give equal bits, so a checkpoint may only be resumed by a plan
with the fingerprint it was written under.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.checks import Array, MethexisError, integer, one_of, weight_list
from methexis.core.edln import EDLN
from methexis.core.problem import LOSSES, Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher, source_name
from methexis.init import Initialiser
from methexis.training.optimisers import SGD, GradientFlow, Optimiser

SAMPLINGS = ("online", "replace", "shuffle", "full")
DTYPES = ("float64", "float32")


@dataclass(frozen=True, eq=False)
class Plan:
    """A validated run. Build it with `make_plan`.

    Attributes
    ----------
    students, problems : tuples
        Specifications, and the same folded with the source (`core.problem.Problem`).
    start : list (student) of list (layer) of arrays (replica, d_i, d_{i-1})
        Initial weights.
    record : integer array
        Steps after which the run is measured, from 0 to ``steps``.
    """

    students: tuple[EDLN, ...]
    problems: tuple[Problem, ...]
    source: Teacher | Samples
    optimiser: Optimiser
    steps: int
    batch: int
    sampling: str
    paired: bool
    loss: str
    start: list[list[Array]]
    replicas: tuple[int, ...]
    seed: int
    dtype: str
    record: np.ndarray[tuple[int], np.dtype[np.int64]]
    engine: str

    @property
    def layers(self) -> list[str]:
        """Labels ``student/hN`` of all hidden layers, in order."""
        return [
            f"{k}/h{i}" for k, s in enumerate(self.students) for i in range(1, s.depth)
        ]

    def fingerprint(self) -> str:
        """SHA-256 of all that the bits of the run depend on."""
        digest = hashlib.sha256()
        digest.update(json.dumps(self.describe(), sort_keys=True).encode())
        digest.update(self.record.tobytes())
        for problem in self.problems:
            parts = (problem.target, problem.cov_x, problem.cov_noise)
            parts += (problem.embed_in, problem.embed_out)
            for array in parts:
                digest.update(array.tobytes())
            if problem.x is not None and problem.y is not None:
                digest.update(problem.x.tobytes())
                digest.update(problem.y.tobytes())
        for layers in self.start:
            for w in layers:
                digest.update(w.tobytes())
        return digest.hexdigest()

    def describe(self) -> dict[str, Any]:
        """The plan's settings as plain data, for provenance."""
        optimiser: dict[str, Any] = {"name": type(self.optimiser).__name__, "lr": self.optimiser.lr}
        if isinstance(self.optimiser, SGD):
            optimiser |= {
                "momentum": self.optimiser.momentum,
                "weight_decay": self.optimiser.weight_decay,
                "schedule": self.optimiser.schedule.kind,
                "schedule_final": self.optimiser.schedule.final,
            }
        return {
            "source": source_name(self.source),
            "dims": [list(p.dims) for p in self.problems],
            "optimiser": optimiser,
            "steps": self.steps,
            "batch": self.batch,
            "sampling": self.sampling,
            "paired": self.paired,
            "loss": self.loss,
            "replicas": list(self.replicas),
            "seed": self.seed,
            "dtype": self.dtype,
            "engine": self.engine,
        }


def log_steps(steps: int, count: int = 64) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """About ``count`` steps from 0 to ``steps``, evenly spaced in the logarithm.

    Examples
    --------
    >>> log_steps(1000, count=5).tolist()
    [0, 1, 10, 100, 1000]
    """
    points = np.geomspace(1.0, steps, max(count - 1, 1)) if steps > 1 else np.ones(1)
    return np.unique(np.concatenate([[0], np.round(points)])).astype(np.int64)


def make_plan(
    students: Sequence[EDLN],
    source: Teacher | Samples,
    optimiser: Optimiser,
    *,
    steps: int,
    batch: int,
    sampling: str,
    paired: bool,
    loss: str,
    init: Initialiser | Sequence[Sequence[Array]],
    replicas: int | Sequence[int],
    seed: int,
    dtype: str,
    record: Sequence[int] | Array | None,
    engine: str,
) -> Plan:
    """Validate the arguments of `train` and fold the problems.

    Raises
    ------
    MethexisError
        With one sentence that says what was expected and what came.
    """
    kind = source_name(source)
    if isinstance(students, EDLN):
        students = [students]
    students = tuple(students)
    if not students:
        raise MethexisError("students: expected at least one, got none")
    if not isinstance(optimiser, SGD | GradientFlow):
        raise MethexisError(f"optimiser: expected SGD or GradientFlow, got {optimiser!r}")
    steps = integer("steps", steps, least=1, most=2**62)
    batch = integer("batch", batch, least=1)
    one_of("sampling", sampling, SAMPLINGS)
    one_of("loss", loss, LOSSES)
    one_of("dtype", dtype, DTYPES)
    one_of("engine", engine, ("auto", "reference"))
    _check_sampling(source, kind, sampling, batch)
    if isinstance(replicas, int | np.integer):
        replicas = range(integer("replicas", replicas, least=1))
    numbers = tuple(integer("replica number", r, least=0, most=2**32 - 1) for r in replicas)
    if len(set(numbers)) != len(numbers) or not numbers:
        raise MethexisError("replicas: expected distinct replica numbers, at least one")
    seed = integer("seed", seed, least=0, most=2**64 - 1)
    problems = tuple(Problem.of(source, s, loss) for s in students)
    start = _start(students, problems, source, init, numbers, seed, loss)
    if record is None:
        at = log_steps(steps)
    else:
        at = np.asarray(record)
        if at.dtype.kind not in "iu" or at.ndim != 1 or at.size == 0:
            raise MethexisError("record: expected a list of step numbers")
        if at.min() < 0 or at.max() > steps:
            raise MethexisError(f"record: expected steps in [0, {steps}], got {at.min()}…{at.max()}")
        at = np.unique(np.concatenate([at.astype(np.int64), [steps]]))
    return Plan(
        students=students,
        problems=problems,
        source=source,
        optimiser=optimiser,
        steps=steps,
        batch=batch,
        sampling=sampling,
        paired=bool(paired),
        loss=loss,
        start=start,
        replicas=numbers,
        seed=seed,
        dtype=dtype,
        record=at,
        engine="reference",
    )


def _check_sampling(source: Teacher | Samples, kind: str, sampling: str, batch: int) -> None:
    if sampling == "online" and isinstance(source, Samples):
        raise MethexisError(
            "sampling: expected 'shuffle', 'replace' or 'full' with Samples, got 'online' "
            "(only a Teacher can draw fresh samples)"
        )
    if sampling in ("shuffle", "replace") and isinstance(source, Teacher):
        raise MethexisError(
            f"sampling: expected 'online' or 'full' with a {kind}, got {sampling!r}; make a data "
            "set first with teacher.samples(...) or teacher.product_samples(...)"
        )
    if isinstance(source, Samples) and sampling == "shuffle" and batch > source.num_samples:
        raise MethexisError(
            f"batch: expected at most {source.num_samples} (one epoch), got {batch}"
        )


def _start(
    students: tuple[EDLN, ...],
    problems: tuple[Problem, ...],
    source: Teacher | Samples,
    init: Initialiser | Sequence[Sequence[Array]],
    replicas: tuple[int, ...],
    seed: int,
    loss: str,
) -> list[list[Array]]:
    if callable(init):
        return [
            init(source, student, number=k, seed=seed, replicas=replicas, loss=loss)
            for k, student in enumerate(students)
        ]
    if len(init) != len(students):
        raise MethexisError(
            f"init: expected weights for {len(students)} students, got {len(init)}"
        )
    start = []
    for problem, layers in zip(problems, init, strict=True):
        checked = weight_list(layers, problem.dims)
        if not all(np.isfinite(w).all() for w in checked):
            raise MethexisError("init: expected finite weights, got NaN or infinity")
        shape = (len(replicas),)
        if checked[0].shape[:-2] not in ((), shape):
            raise MethexisError(
                f"init: expected weights with leading dimensions () or {shape} (replicas), "
                f"got {checked[0].shape[:-2]}"
            )
        start.append([np.array(np.broadcast_to(w, (*shape, *w.shape[-2:]))) for w in checked])
    return start
