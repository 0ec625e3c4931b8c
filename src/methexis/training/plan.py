"""`Plan`: everything a run depends on, validated once; and its fingerprint.

Two runs with equal fingerprints give equal bits, so a checkpoint may only be resumed by a plan
with the fingerprint it was written under. What no plan can say, because it belongs to the machine,
are the versions behind the arithmetic (`numpy_versions`).
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
import xarray as xr
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError, count, integer, one_of, shown
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.parallel.threads import available_cores
from methexis.core.problem import LOSSES, Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher, source_name
from methexis.init import Initialiser
from methexis.training import extension
from methexis.training.cells import (
    HYPER,
    Cells,
    HyperParameter,
    hyper_parameter,
    join,
    per_network,
    seed_parameter,
)
from methexis.training.measuring import BUDGET, Measuring, choose_measuring
from methexis.training.memory import require_memory
from methexis.training.optimisers import RULES, GradientFlow, Optimiser, UpdateRule
from methexis.training.start import sequence, start_weights
from methexis.version import __version__

SAMPLINGS = ("online", "replace", "shuffle", "full")
DTYPES = ("float64", "float32")
#: Most networks of a block of the native engine.
_LANES = 16


@dataclass(frozen=True, eq=False)
class Plan:
    """A validated run. Build it with `make_plan`.

    Attributes
    ----------
    students, problems : tuples
        Specifications, and the same folded with the source (`core.problem.Problem`).
    start : list (student) of list (layer) of arrays (network, d_i, d_{i-1})
        Initial weights.
    cells, replicas :
        What the networks are: each replica number in each cell, the replica running fastest.
    hyper : dict of float64 arrays (network,)
        Hyper-parameters of the optimiser, by the names of `cells.HYPER`; 0 where it lacks one.
    label_noise : float64 array (network,)
        Standard deviation of the fresh noise on the labels.
    seeds, replica_of : uint64 array (network,), uint32 array (network,)
        What the random numbers of a network depend on.
    batch : int
        Samples per step: of ``sampling="full"`` the whole data set, or 1, and of no effect, where
        the gradient comes from moments.
    record : integer array
        Steps after which the run is measured, from 0 to ``steps``.
    measuring : Measuring
        Which costly quantities are measured, at which of these steps and of which networks.
    engine, threads :
        By what the run is to be carried out. The bits depend on the engine, which a checkpoint
        therefore records, and not on the number of threads; neither enters the fingerprint.
    """

    students: tuple[EDLN | MLP, ...]
    problems: tuple[Problem, ...]
    source: Teacher | Samples
    optimiser: Optimiser
    steps: int
    batch: int
    sampling: str
    paired: bool
    loss: str
    start: list[list[Array]]
    cells: Cells
    replicas: tuple[int, ...]
    hyper: dict[str, Array]
    label_noise: Array
    seeds: NDArray[np.uint64]
    replica_of: NDArray[np.uint32]
    dtype: str
    record: NDArray[np.int64]
    measuring: Measuring
    engine: str
    threads: int

    @property
    def exact(self) -> bool:
        """Whether steps use the exact gradient, of all the data and without noise."""
        return self.sampling == "full" and not self.label_noise.any()

    @property
    def from_moments(self) -> bool:
        """Whether steps take the exact gradient in closed form, so that nothing is drawn."""
        return self.exact and all(map(has_closed_form, self.problems))

    @property
    def num_networks(self) -> int:
        """Networks per student: cells times replicas."""
        return len(self.seeds)

    def unfold(self, values: NDArray[Any], axis: int = 0) -> NDArray[Any]:
        """Split the axis of networks into ``(*cells, replica)``."""
        return self.cells.unfold(values, axis, len(self.replicas))

    @property
    def layers(self) -> list[str]:
        """Labels ``student/hN`` of all hidden layers, in order."""
        return [f"{k}/h{i}" for k, s in enumerate(self.students) for i in range(1, s.depth)]

    def fingerprint(self) -> str:
        """SHA-256 of all that the bits of the run depend on."""
        digest = hashlib.sha256()
        described = self.describe()
        if self.measuring.complete:  # as all runs once were: their fingerprints stay
            del described["measured"]
        digest.update(json.dumps(described, sort_keys=True).encode())
        digest.update(self.record.tobytes())
        source = self.source
        for array in (source.weight, source.cov_x, source.cov_noise):
            digest.update(array.tobytes())
        for problem in self.problems:
            for array in (
                problem.target,
                problem.cov_x,
                problem.cov_noise,
                problem.embed_in,
                problem.embed_out,
                problem.label_map,
            ):
                digest.update(array.tobytes())
            if problem.x is not None and problem.y is not None:
                digest.update(problem.x.tobytes())
                digest.update(problem.y.tobytes())
        for layers in self.start:
            for w in layers:
                digest.update(w.tobytes())
        for values in (*self.hyper.values(), self.label_noise):
            digest.update(values.tobytes())
        digest.update(self.seeds.tobytes())
        digest.update(self.replica_of.tobytes())
        return digest.hexdigest()

    def describe(self) -> dict[str, Any]:
        """The plan's settings as plain data, for provenance."""
        optimiser = self.optimiser.describe()
        for name in self.cells.parameters.keys() & optimiser.keys():
            optimiser[name] = self.cells.describe(name)
        cells = {"cells": self.cells.describe_dims()} if self.cells.sizes else {}
        return {
            "source": source_name(self.source),
            **_laws(self.source),
            "dims": [list(p.dims) for p in self.problems],
            "activation": [p.activation for p in self.problems],
            "bias": [p.bias for p in self.problems],
            "optimiser": optimiser,
            "steps": self.steps,
            "batch": None if self.exact else self.batch,
            "sampling": self.sampling,
            "paired": self.paired,
            "loss": self.loss,
            "replicas": list(self.replicas),
            "label_noise": self.cells.describe("label_noise"),
            "seed": self.cells.describe("seed"),
            "dtype": self.dtype,
            "measured": self.measuring.describe(),
        } | cells


def _laws(source: Teacher | Samples) -> dict[str, str]:
    """Laws of a teacher's inputs and noise; samples have none."""
    if isinstance(source, Samples):
        return {}
    return {"law_x": source.law_x, "law_noise": source.law_noise}


def numpy_versions() -> dict[str, str]:
    """Versions behind what NumPy and SciPy compute: measurements, and the reference engine.

    The bits of matrix products and logarithms depend on the instruction set in use.
    """
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return {
        "methexis": __version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": f"{platform.machine()} {' '.join(extensions)}",
    }


def log_steps(steps: int, count: int = 64) -> NDArray[np.int64]:
    """About ``count`` steps from 0 to ``steps``, evenly spaced in the logarithm.

    Examples
    --------
    >>> log_steps(1000, count=5).tolist()
    [0, 1, 10, 100, 1000]
    """
    points = np.geomspace(1.0, steps, max(count - 1, 1)) if steps > 1 else np.ones(1)
    return np.unique(np.concatenate([[0], np.round(points)])).astype(np.int64)


def make_plan(
    students: Sequence[EDLN | MLP] | EDLN | MLP,
    source: Teacher | Samples,
    optimiser: Optimiser,
    *,
    steps: int,
    batch: int,
    sampling: str,
    paired: bool = True,
    loss: str = "squared",
    init: Initialiser | Sequence[Sequence[Array]],
    replicas: int | Sequence[int],
    seed: int | xr.DataArray,
    dtype: str = "float64",
    record: Sequence[int] | Array | NDArray[np.int64] | None = None,
    engine: str = "auto",
    label_noise: HyperParameter = 0.0,
    threads: int | None = None,
    measure: str | Sequence[str] | None = None,
    budget: float = BUDGET,
) -> Plan:
    """Validate the arguments of `train` and fold the problems.

    Raises
    ------
    MethexisError
        With one sentence that says what was expected and what came.
    """
    kind = source_name(source)
    if isinstance(students, EDLN | MLP):
        students = [students]
    students = tuple(sequence("students: expected an EDLN, an MLP or a list of them", students))
    if not students:
        raise MethexisError("students: expected at least one, got none")
    if not isinstance(optimiser, UpdateRule | GradientFlow):
        raise MethexisError(
            f"optimiser: expected one of {', '.join(RULES)}, GradientFlow, got {shown(optimiser)}"
        )
    steps = integer("steps", steps, least=1, most=2**62)
    batch = count("batch", batch, least=1, most=2**53)
    one_of("sampling", sampling, SAMPLINGS)
    one_of("loss", loss, LOSSES)
    one_of("dtype", dtype, DTYPES)
    one_of("engine", engine, ("auto", "native", "reference"))
    threads = available_cores() if threads is None else integer("threads", threads, least=1)
    if not isinstance(paired, bool | np.bool_):
        raise MethexisError(f"paired: expected True or False, got {paired!r}")
    exact = sampling == "full" or isinstance(optimiser, GradientFlow)
    if exact:
        sampling = "full"
    _check_sampling(source, kind, sampling, batch)
    problems = tuple(Problem.of(source, s, loss) for s in students)
    at = _record(record, steps)
    if isinstance(replicas, int | np.integer):
        replicas = range(integer("replicas", replicas, least=1, most=2**32))
    listed = sequence("replicas: expected a number or a list of replica numbers", replicas)
    cells = _join(optimiser, label_noise, seed)
    noisy = bool(cells.parameters["label_noise"].values.any())
    moments = exact and all(map(has_closed_form, problems)) and not noisy
    if exact:
        batch = source.num_samples if isinstance(source, Samples) and not moments else 1
    compiled = extension.BUILT and engine != "reference"
    require_memory(
        problems,
        records=len(at),
        networks=cells.num_cells * len(listed),
        batch=0 if moments else batch,
        dtype=dtype,
        slots=optimiser.num_slots,
        stepped=_LANES * threads if compiled else None,
        order=_order_bytes(source, len(problems), sampling, bool(paired), compiled),
    )
    numbers = tuple(integer("replica number", r, least=0, most=2**32 - 1) for r in listed)
    if len(set(numbers)) != len(numbers) or not numbers:
        raise MethexisError("replicas: expected distinct replica numbers, at least one")
    measuring = choose_measuring(
        measure,
        budget,
        problems,
        records=len(at),
        networks=cells.num_cells * len(listed),
        steps=steps,
        batch=batch,
    )
    noise = cells.per_network("label_noise", len(numbers))
    require_closed_forms(problems, source, optimiser, sampling, noise)
    hyper = per_network(cells, len(numbers))
    decay = hyper["lr"] * hyper["weight_decay"]
    if decay.max() >= 1.0:
        raise MethexisError(
            "weight_decay: expected lr * weight_decay < 1 (else weights change sign each step), "
            f"got {decay.max():g}"
        )
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
        start=start_weights(students, problems, source, init, cells, numbers, loss),
        cells=cells,
        replicas=numbers,
        hyper=hyper,
        label_noise=noise,
        seeds=cells.per_network("seed", len(numbers)),
        replica_of=np.tile(np.array(numbers, dtype=np.uint32), cells.num_cells),
        dtype=dtype,
        record=at,
        measuring=measuring,
        engine=engine,
        threads=threads,
    )


def _join(optimiser: Optimiser, label_noise: HyperParameter, seed: int | xr.DataArray) -> Cells:
    """Cells of a run, from all that may differ between its networks."""
    hyper_parameters: dict[str, float | int | xr.DataArray] = {
        name: getattr(optimiser, name) for name in HYPER if hasattr(optimiser, name)
    }
    hyper_parameters["label_noise"] = hyper_parameter("label_noise", label_noise, least=0.0)
    hyper_parameters["seed"] = seed_parameter(seed)
    return join(hyper_parameters)


def _order_bytes(
    source: Teacher | Samples, students: int, sampling: str, paired: bool, compiled: bool
) -> int:
    """Bytes per network of the epoch orders that an engine keeps; see `memory.needed_memory`."""
    if not isinstance(source, Samples) or sampling != "shuffle":
        return 0
    # The reference engine holds two epochs of 64-bit numbers, where a batch spans two.
    return source.num_samples * (1 if paired else students) * (4 if compiled else 16)


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


def has_closed_form(problem: Problem) -> bool:
    """Whether the exact gradient of the problem follows from second moments."""
    return problem.linear and problem.loss in ("squared", "whitened")


def require_closed_forms(
    problems: Sequence[Problem],
    source: Teacher | Samples,
    optimiser: Optimiser,
    sampling: str,
    label_noise: Array,
) -> None:
    """Refuse runs that need an exact gradient where there is none in closed form.

    Raises
    ------
    MethexisError
        For gradient flow, and for a teacher's population gradient, unless all students are linear,
        the loss is quadratic and there is no label noise; for label noise on class probabilities.
    """
    noisy = bool(label_noise.any())
    if noisy and problems[0].loss == "cross_entropy":
        raise MethexisError(
            "label_noise: expected 0 with 'cross_entropy' (labels with noise are no class "
            f"probabilities), got {label_noise.max():g}"
        )
    linear = all(map(has_closed_form, problems))
    if linear and not noisy:
        return
    what = (
        "label noise"
        if linear
        else ("nonlinear students, biases or a loss other than 'squared' and 'whitened'")
    )
    if isinstance(optimiser, GradientFlow):
        raise MethexisError(
            f"optimiser: expected one that takes steps with {what}, got GradientFlow, which needs "
            "an exact gradient in closed form"
        )
    if sampling != "full":
        return
    if isinstance(source, Teacher):
        raise MethexisError(
            f"sampling: expected 'online' with a teacher and {what}, got 'full', which needs an "
            "exact gradient in closed form; make a data set first with teacher.samples(...)"
        )
    if linear and not label_noise.all():
        # Without noise the gradient comes from moments, with noise from all rows: a network
        # alone would round otherwise than it does beside others.
        raise MethexisError(
            "label_noise: expected all zero or all positive with sampling='full', got both; "
            "train the networks without noise in a run of their own"
        )


def _record(
    record: Sequence[int] | Array | NDArray[np.int64] | None, steps: int
) -> NDArray[np.int64]:
    """Recorded steps, increasing and with the last step among them."""
    if record is None:
        return log_steps(steps)
    try:
        at = np.asarray(record)
    except ValueError:  # ragged nested lists
        at = np.empty(0)
    if at.dtype.kind not in "iu" or at.ndim != 1 or at.size == 0:
        raise MethexisError(f"record: expected a list of step numbers, got {shown(record)}")
    if at.min() < 0 or at.max() > steps:
        raise MethexisError(f"record: expected steps in [0, {steps}], got {at.min()} … {at.max()}")
    return np.unique(np.concatenate([at.astype(np.int64), [steps]]))
