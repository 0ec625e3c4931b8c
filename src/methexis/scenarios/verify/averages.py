"""What is left when fluctuations are averaged out: mean kernels at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.theory.moments import gradient_moments
from methexis.theory.projection import project_of
from methexis.training.plan import Plan
from methexis.training.records.recording import Recorder, mean_kernels
from methexis.training.records.run import Run

#: Last part of the run, over which kernels are averaged, and how often it is looked at.
LATE_PART, LATE_RECORDS = 0.1, 10


@dataclass(frozen=True, eq=False)
class Averages:
    """Alignments of kernels averaged over replicas and the end of a run."""

    #: (layer, layer)
    raw: Array
    projected: Array
    to_universal: Array  # (layer,): projected kernels against the universal kernel
    #: By student, (replica, layer): ``E‖∇_{W_i}ℓ‖²`` at the end, projected.
    layer_entropy: list[Array]


def late_steps(steps: int) -> NDArray[np.int64]:
    """Steps to record in the last part of a run."""
    return np.linspace((1.0 - LATE_PART) * steps, steps, LATE_RECORDS).astype(np.int64)


def averages(plan: Plan, run: Run) -> Averages:
    """Average kernels of a run that recorded `late_steps`."""
    recorder = Recorder(plan)
    steps = np.asarray(run.data["step"])
    late = steps >= (1.0 - LATE_PART) * steps[-1]
    raw = [[w[late] for w in run.snapshots(k)] for k in range(len(plan.problems))]
    projected = [
        project_of(p, w, strict=False, charge_rtol=1e-5)
        for p, w in zip(plan.problems, raw, strict=True)
    ]
    kernels = mean_kernels(recorder, projected)
    universal = recorder.whitened_universal_kernels()
    return Averages(
        raw=_cosines(mean_kernels(recorder, raw)),
        projected=_cosines(kernels),
        to_universal=np.array([_cosine(k, u) for k, u in zip(kernels, universal, strict=True)]),
        layer_entropy=[
            np.stack(
                gradient_moments(p, [w[-1][run.healthy] for w in layers]).layer_entropy(), axis=-1
            )
            for p, layers in zip(plan.problems, projected, strict=True)
        ],
    )


def _cosine(a: Array, b: Array) -> float:
    return float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))


def _cosines(kernels: Sequence[Array]) -> Array:
    return np.array([[_cosine(a, b) for b in kernels] for a in kernels])
