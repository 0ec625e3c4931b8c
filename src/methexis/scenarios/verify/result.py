"""What `verify` finds: one record that the terminal, the report and ``--json`` all read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.display import Displayed, Table
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.framework.records import to_json
from methexis.scenarios.verify.settings import VerifySettings
from methexis.theory.platonic import PlatonicSolution
from methexis.training.records.run import Run


@dataclass(frozen=True, eq=False)
class RunLength:
    """How long the run is, and why."""

    #: First learning rate and the factor it is annealed to (cosine).
    lr: float
    final_factor: float
    batch: int
    steps: int
    slow_time: float  # ``τ`` of the whole run
    slowest_time: float  # ``4/μ_min``: slow time in which the slowest deviation falls by ``e``
    fitted: bool  # whether ``steps`` came from the relaxation spectrum (else from the user)

    @property
    def folds(self) -> float:
        """How many factors ``e`` the slowest deviation falls by."""
        return self.slow_time / self.slowest_time


@dataclass(frozen=True, eq=False)
class RandomMinima:
    """Step 2 and 3: minima of the loss drawn at random."""

    distribution: str  # name of the law (`theory.random_minimum`)
    #: (num_minima, num_pairs): alignment of every pair of hidden layers of the two students.
    pairs: Array
    entropy_ratio: Array  # (num_minima, student): ``S / S_min``


@dataclass(frozen=True, eq=False)
class Prediction:
    """Path on slow time that theory predicts from the same starts."""

    name: str  # ``"entropic flow"`` or ``"slow drift"``
    worst_pair: Array  # (step, predicted)
    #: (step, predicted, student): at the recorded steps of the run, for its first replicas.
    entropy_ratio: Array
    sharpness: Array
    hessian_trace: Array
    final_worst_pair: float  # median over replicas at the end of the run


@dataclass(frozen=True, eq=False)
class Way:
    """One of the three ways to train a problem with anisotropic noise."""

    name: str
    sampling: str
    loss: str
    length: RunLength
    run: Run
    predicted_by: str  # ``"entropic flow"`` or ``"slow drift"``
    #: (step, predicted): predicted worst pair of the first replicas at the recorded steps.
    predicted: Array

    @property
    def relaxations(self) -> Array:
        """Slow time of the recorded steps, in relaxation times of the slowest mode."""
        return np.asarray(self.run.data["slow_time"]) / self.length.slowest_time

    @property
    def compared(self) -> NDArray[np.intp]:
        """Numbers of the healthy replicas that have a prediction."""
        return np.flatnonzero(self.run.healthy[: self.predicted.shape[1]])

    @property
    def final(self) -> dict[str, float]:
        """Medians at the end: worst pair as it is, projected, and predicted."""
        healthy = self.run.healthy
        return {
            "raw": float(np.median(self.run.worst_pair()[-1][healthy])),
            "projected": float(np.median(self.run.worst_pair(projected=True)[-1][healthy])),
            "predicted": float(np.median(self.predicted[-1])),
        }

    @property
    def largest_deviation(self) -> float:
        """Largest distance of the median path, projected, from the median predicted path.

        Over the replicas that have a prediction, and the recorded steps at which all of them are
        close enough to a minimum to be projected; infinite without any.
        """
        these = self.compared
        median = np.median(self.run.worst_pair(projected=True)[:, these], axis=1)
        apart = np.abs(median - np.median(self.predicted[:, these], axis=1))
        apart = apart[np.isfinite(apart)]
        return float(apart.max()) if len(apart) else float("inf")


@dataclass(frozen=True)
class Verdict:
    """PASS or FAIL, and why."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def why(self) -> str:
        """The reason for the verdict in one sentence."""
        failed = [c for c in self.checks if not c.passed]
        if not failed:
            return f"all {len(self.checks)} checks hold"
        return "; ".join(f"{c.name} is {c.found}, expected {c.expected}" for c in failed)


@dataclass(frozen=True, eq=False)
class VerifyResult(Displayed):
    """Everything that `verify` found.

    Attributes
    ----------
    run, control : Run
        SGD, and gradient flow from the weights of its first replicas over the same time.
    mean_kernel, mean_kernel_projected : arrays (layer, layer)
        Alignment of the kernels averaged over replicas and the end of the run.
    mean_kernel_to_theory : array (layer,)
        Alignment of the averaged projected kernels with the universal kernel.
    layer_entropy : list (student) of arrays (replica, layer)
        ``E‖∇_{W_i}ℓ‖²`` at the end, projected; theory: ``4q`` in every layer.
    ways : list of Way
        The second problem, trained in three ways; empty if that was not asked for.
    timings : dict
        Seconds per part.
    """

    settings: VerifySettings
    source: Teacher | Samples
    students: list[EDLN]
    solutions: list[PlatonicSolution]
    schedule: RunLength
    minima: list[RandomMinima]
    run: Run
    control: Run
    prediction: Prediction
    mean_kernel: Array
    mean_kernel_projected: Array
    mean_kernel_to_theory: Array
    layer_entropy: list[Array]
    epoch_turn: float | None
    ways: list[Way]
    verdict: Verdict
    timings: dict[str, float]

    @property
    def compared(self) -> NDArray[np.intp]:
        """Numbers of the healthy replicas that have a control and a prediction."""
        return np.flatnonzero(self.run.healthy[: self.prediction.worst_pair.shape[1]])

    def worst(self, which: str) -> Array:
        """Final worst pair per healthy replica: ``"raw"``, ``"projected"`` or ``"control"``."""
        if which == "control":
            return np.asarray(self.control.worst_pair(projected=False)[-1][self.control.healthy])
        worst = self.run.worst_pair(projected=which == "projected")[-1]
        return np.asarray(worst[self.run.healthy])

    def summary(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        raw, projected, control = (self.worst(w) for w in ("raw", "projected", "control"))
        start = self.run.worst_pair()[0]
        lost = np.flatnonzero(~self.run.healthy)
        data = self.run.data
        summary = {
            "passed": self.verdict.passed,
            "why": self.verdict.why,
            "checks": [
                {"name": c.name, "measured": c.found, "expected": c.expected, "passed": c.passed}
                for c in self.verdict.checks
            ],
            "settings": vars(self.settings),
            "schedule": {**vars(self.schedule), "folds": self.schedule.folds},
            "predicted_by": self.prediction.name,
            "worst_pair": {
                "start_median": float(np.nanmedian(start)),
                "final_median": float(np.median(raw)) if len(raw) else None,
                "final_min": float(raw.min()) if len(raw) else None,
                "final_projected_median": float(np.median(projected)) if len(raw) else None,
                "predicted_final_median": self.prediction.final_worst_pair,
                "mean_kernel": float(self.mean_kernel.min()),
                "mean_kernel_projected": float(self.mean_kernel_projected.min()),
                "control_median": float(np.median(control)),
            },
            "epoch_turn": self.epoch_turn,
            "lost_replicas": [
                {k: int(data[k][i]) for k in ("replica", "diverged_step", "collapsed_step")}
                for i in lost
            ],
            "three_ways": [
                {
                    "name": way.name,
                    "sampling": way.sampling,
                    "loss": way.loss,
                    "steps": way.length.steps,
                    "predicted_by": way.predicted_by,
                    "largest_deviation": way.largest_deviation,
                    **way.final,
                }
                for way in self.ways
            ],
            "timings_s": {k: round(v, 3) for k, v in self.timings.items()},
            "provenance": self.run.provenance,
        }
        return dict(to_json(summary))

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"passed": self.verdict.passed, "students": len(self.students)}
        told |= {"steps": self.schedule.steps, "seed": self.settings.seed}
        return told | {"run": self.run, "why": self.verdict.why}

    def _table(self) -> Table:
        """Every check, with what was found and what was expected."""
        head = ["check", "found", "expected", "passed"]
        return head, ([c.name, c.found, c.expected, c.passed] for c in self.verdict.checks)
