"""`Predicted`: what theory says of a run, a path for each student or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array, MethexisError, one_of
from methexis.display import Displayed, Table
from methexis.theory.drawing import QUANTITIES, along_slow_time
from methexis.theory.path import SlowPath
from methexis.training.records.afterwards import alignments_of


@dataclass(frozen=True, eq=False)
class Predicted(Displayed):
    """What theory predicts for a run, at its recorded steps: the result of `Run.predict`.

    Attributes
    ----------
    steps : integer array (step,)
        Recorded steps of the run.
    slow_time : array (step,)
        ``τ = Σ_t η_t²/B`` at these; NaN where the optimiser has none.
    replicas : tuple of int
        Numbers of the replicas that were followed, from the weights of the first recorded step.
    names, because : tuples of str
        Per student what its dynamics is called, and why it is this one; empty where there is none.
    paths : tuple of SlowPath or None
        Per student the predicted weights ``(step, replica, d_i, d_{i-1})``, on the minima; None
        where theory draws no path.
    reasons : tuple of str
        Per student why there is no path; empty where there is one.
    notes : tuple of str
        Where the run strains what the theory rests on.
    """

    steps: NDArray[np.int64]
    slow_time: Array
    replicas: tuple[int, ...]
    names: tuple[str, ...]
    because: tuple[str, ...]
    paths: tuple[SlowPath | None, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    num_shared: int  # inputs that all students see

    @property
    def name(self) -> str:
        """What the dynamics is called; empty where no student has any."""
        return " and ".join(dict.fromkeys(name for name in self.names if name))

    @property
    def reason(self) -> str:
        """Why there is no path of all students, in one sentence; empty where there is."""
        for k, reason in enumerate(self.reasons):
            if reason:
                alike = len(set(self.reasons)) == 1
                return reason if alike else f"student {k}: {reason}"
        return ""

    def __str__(self) -> str:
        """One sentence: what theory draws and why, or why it draws nothing."""
        if self.reason:
            return f"Theory draws no path: {self.reason}."
        why = "; ".join(dict.fromkeys(self.because))
        return f"Theory draws the {self.name}, because {why}."

    def alignment(self) -> Array:
        """Predicted alignments of all pairs of hidden layers, ``(step, replica, layer, layer)``.

        Raises
        ------
        MethexisError
            If theory draws no path of some student, with the reason.
        """
        followed = self._all_paths()
        with np.errstate(all="ignore"):
            return alignments_of(
                [path.problem for path in followed],
                [path.weights for path in followed],
                self.num_shared,
            )

    def worst_pair(self) -> Array:
        """Predicted alignment of the least aligned pair of layers, ``(step, replica)``.

        Raises
        ------
        MethexisError
            If theory draws no path of some student, with the reason.
        """
        return np.asarray(self.alignment().min(axis=(-2, -1)))

    def plot(self, ax: plots.Axes | None = None, *, quantity: str = "worst_pair") -> plots.Axes:
        """Draw what is predicted over slow time: replicas faint, their median thick.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw, such as the axes that `Run.plot` returns; on a new figure by default.
        quantity : {"worst_pair", "entropy"}
            Alignment of the least aligned pair of layers of all students; or the entropy of each.

        Raises
        ------
        MethexisError
            If theory draws no path, with the reason; or ``ax`` are no axes.
        """
        return plots.onto(ax, self._picture(quantity))

    def _picture(self, quantity: str = "worst_pair") -> plots.Panel:
        one_of("quantity", quantity, tuple(QUANTITIES))
        if quantity == "worst_pair":
            values = self.worst_pair()
        else:
            values = np.concatenate([path.entropy() for path in self._all_paths()], axis=1)
        return along_slow_time(self.slow_time, values, quantity)

    def to_dataframe(self) -> Any:
        """The worst pair as a `pandas.DataFrame`: a row for each recorded step and replica.

        Raises
        ------
        MethexisError
            If theory draws no path of some student, with the reason.
        """
        data = xr.Dataset(
            {
                "worst_pair": (("step", "replica"), self.worst_pair()),
                "slow_time": ("step", self.slow_time),
            },
            coords={"step": self.steps, "replica": list(self.replicas)},
        )
        return data.to_dataframe().reset_index()

    def _all_paths(self) -> Sequence[SlowPath]:
        if self.reason:
            raise MethexisError(
                f"predict: expected a run for which theory draws a path, got one without: "
                f"{self.reason}"
            )
        return [path for path in self.paths if path is not None]

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"students": len(self.paths)}
        if self.reason:
            return told | {"reason": self.reason}
        told |= {"name": self.name, "replicas": len(self.replicas), "records": len(self.steps)}
        told["slow_time"] = float(self.slow_time[-1])
        return told | ({"notes": self.notes} if self.notes else {})

    def _table(self) -> Table:
        rows = zip(self.names, self.because, self.reasons, strict=True)
        told = [(k, name or "none", because or why) for k, (name, because, why) in enumerate(rows)]
        return ("student", "path", "because"), told
