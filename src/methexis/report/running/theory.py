"""What theory predicts for a run, as its report draws it through the measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.plots.replicas import middle
from methexis.report.running import gather
from methexis.theory.path import SlowPath
from methexis.training.prediction.predicted import Predicted
from methexis.training.records.run import Run


@dataclass(frozen=True, eq=False)
class Theory:
    """What a report says of the theory of its run, and draws of it.

    Predicted quantities are those of the healthy among the replicas that were followed; None where
    nothing is drawn.
    """

    sentence: str  # what is drawn and why, or why nothing is
    notes: tuple[str, ...] = ()
    followed: int = 0  # replicas
    worst_pair: Array | None = None  # (step, replica)
    #: (step, replica, student); NaN of students without a path.
    entropy_ratio: Array | None = None
    sharpness: Array | None = None
    hessian_trace: Array | None = None

    @property
    def end(self) -> float | None:
        """Predicted alignment of the worst pair at the end, the median over replicas."""
        return None if self.worst_pair is None else float(middle(self.worst_pair)[-1])


def theory_of(run: Run) -> Theory:
    """What theory predicts for a run without cells; a sentence where that cannot be told."""
    try:
        prediction = run.predict()
    except MethexisError as error:  # the source is gone, or the path would take too long
        return Theory(f"Theory is not drawn: {str(error).removeprefix('predict: ')}.")
    healthy = run.healthy[: len(prediction.replicas)]
    if not any(prediction.paths) or not healthy.any():
        return Theory(str(prediction), prediction.notes)
    worst = None
    if not prediction.reason and run.tree.sizes["layer"] > 1:
        worst = prediction.worst_pair()[:, healthy]

    def along(quantity: Callable[[SlowPath], Array]) -> Array:
        return _along(prediction, quantity)[:, healthy]

    least = [np.nan if level is None else level for level in _least(run)]
    return Theory(
        sentence=_told(prediction),
        notes=prediction.notes,
        followed=int(healthy.sum()),
        worst_pair=worst,
        entropy_ratio=along(SlowPath.entropy) / np.array(least),
        sharpness=along(SlowPath.sharpness),
        hessian_trace=along(SlowPath.hessian_trace),
    )


def _least(run: Run) -> list[float | None]:
    return gather.predicted(run, "predicted_entropy")


def _along(prediction: Predicted, quantity: Callable[[SlowPath], Array]) -> Array:
    """A quantity of all students, ``(step, replica, student)``; NaN of those without a path."""
    missing = np.full((len(prediction.steps), len(prediction.replicas)), np.nan)
    values = [missing if path is None else quantity(path) for path in prediction.paths]
    return np.stack(values, axis=-1)


def _told(prediction: Predicted) -> str:
    """The sentence; where only some students have a path, which, and why the others have none."""
    if not prediction.reason:
        return str(prediction)
    named = [gather.student_name(k) for k, path in enumerate(prediction.paths) if path is not None]
    others = dict.fromkeys(reason for reason in prediction.reasons if reason)
    return (
        f"Theory draws the {prediction.name} of {', '.join(named)} alone; no path of the others, "
        f"because {'; '.join(others)}."
    )
