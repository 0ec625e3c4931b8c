"""A model in canonical gauge, with what each sweep did and the proof that its function stayed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from methexis import plots
from methexis.display import Displayed, Table
from methexis.measures.inference import tables

#: Below which a gap is drawn as this, because balance to rounding has no logarithm.
_LEAST = 1e-18


@dataclass(frozen=True)
class Turned(Displayed):
    """One interface that was balanced.

    Attributes
    ----------
    name, group : str
        As of `Interface`.
    size, count : int
        Coordinates, and how many equal spaces there are.
    gaps : tuple of float
        At the start and after each sweep: how far the moments of both sides are from each other,
        as squared Bures-Wasserstein distance (docs/theory.md 7.5), over the sum of their traces.
    """

    name: str
    group: str
    size: int
    count: int
    gaps: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Canonical(Displayed, plots.Pictured):
    """A model in canonical gauge, of the same function as the one that was given.

    `plot` draws the gap of each interface, sweep by sweep.

    Attributes
    ----------
    model : module
        A copy, in the type of the given model, which is as it was.
    by : str
        What was balanced.
    quantity : str
        What `totals` are of.
    interfaces : tuple of Turned
        Those that were balanced, in the order of the model.
    left : dict of str
        By name of an interface that was left alone: why.
    reasons : dict of str
        By parameter on which no group acts: why.
    totals : tuple of float
        At the start and after each sweep. NaN of activations, which no total is the least of.
    entropy : tuple of float
        Mean squared gradient of a sample before and after, where a loss was given.
    change : float
        Largest change of outputs over all samples, relative to the largest of each, between the
        given model and the new one, as it is given back.
    exact : float
        The same in the precision in which was computed, before weights are rounded to the model's
        own type.
    rounding : float
        How much of a change is rounding in the model's own type.
    tolerance : float
        The gap at which sweeps ended.
    num_samples : int
    dtype : str
        In which was computed.
    notes : tuple of str
        What a reader should know.
    """

    model: Any = field(repr=False)
    by: str
    quantity: str
    interfaces: tuple[Turned, ...]
    left: dict[str, str]
    reasons: dict[str, str]
    totals: tuple[float, ...]
    entropy: tuple[float, ...]
    change: float
    exact: float
    rounding: float
    tolerance: float
    num_samples: int
    dtype: str
    notes: tuple[str, ...] = ()

    @property
    def sweeps(self) -> int:
        """How many sweeps there were."""
        return max(len(self.totals) - 1, 0)

    @property
    def gap(self) -> float:
        """The largest gap that is left, over the sum of traces; 0 without interfaces."""
        return max((one.gaps[-1] for one in self.interfaces), default=0.0)

    @property
    def balanced(self) -> bool:
        """Whether every gap is within the tolerance."""
        return self.gap <= self.tolerance

    @property
    def proved(self) -> bool:
        """Whether outputs changed by no more than rounding."""
        return self.change <= self.rounding

    @property
    def sentence(self) -> str:
        """What was done, and that the function stayed, in one sentence."""
        if not self.interfaces:
            return "No interface of the model has anything to balance, so that it is as it was."
        start = max(one.gaps[0] for one in self.interfaces)
        told = (
            f"{len(self.interfaces)} interfaces were balanced by {self.by} in {self.sweeps} "
            f"sweeps; the largest gap went from {start:.1e} to {self.gap:.1e} of both traces"
        )
        if self.entropy:
            told += f", entropy from {self.entropy[0]:.4g} to {self.entropy[1]:.4g}"
        return f"{told}, while outputs changed by {self.change:.0e} of their largest."

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON, without the model."""
        told = ("by", "quantity", "left", "reasons", "totals", "entropy", "change", "exact",
                "rounding", "proved", "tolerance", "num_samples", "dtype", "notes")  # fmt: skip
        each = [asdict(one) for one in self.interfaces]
        return {name: getattr(self, name) for name in told} | {"interfaces": each}

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with a row per interface and sweep, and for each left alone."""
        rows = [
            {
                "name": one.name, "group": one.group, "size": one.size, "count": one.count,
                "sweep": sweep, "gap": gap, "total": self.totals[sweep], "reason": "",
            }
            for one in self.interfaces
            for sweep, gap in enumerate(one.gaps)
        ]  # fmt: skip
        none = {"group": "", "size": 0, "count": 0, "sweep": 0, "gap": np.nan, "total": np.nan}
        rows += [{"name": name} | none | {"reason": why} for name, why in self.left.items()]
        return tables.rows(rows or [{"name": "none"} | none | {"reason": "no interface"}])

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws: gaps on a logarithmic axis over sweeps."""
        marks: list[plots.Mark] = []
        for place, one in enumerate(self.interfaces):
            colour = plots.style.STUDENTS[place % len(plots.style.STUDENTS)]
            look = plots.Look(colour, marker="o", size=4)
            heights = [max(gap, _LEAST) for gap in one.gaps]
            marks.append(plots.Curve(list(range(len(heights))), heights, look, name=one.name))
        look = plots.Look(plots.style.CONTROL, width=1.0, dashes=(4.0, 2.0))
        if marks:
            marks.append(plots.Level(self.tolerance, look, name="where sweeps end"))
        x = plots.Axis("sweep", grid=False)
        y = plots.Axis("gap over the sum of traces", scale="log")
        return plots.Panel(x, y, tuple(marks), legend=plots.Legend(columns=2))

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {
            "by": self.by, "interfaces": len(self.interfaces), "sweeps": self.sweeps,
            "gap": self.gap, "change": self.change, "proved": "yes" if self.proved else "no",
        }  # fmt: skip
        if self.entropy:
            told["entropy"] = self.entropy
        return told | {"left": len(self.left), "dtype": self.dtype, "notes": self.notes}

    def _table(self) -> Table:
        """A row for each interface: the gap before and after, or why it was left alone."""
        head = ["where", "group", "size", "spaces", "gap before", "gap after", "reason"]
        rows: list[list[Any]] = [
            [one.name, one.group, one.size, one.count, one.gaps[0], one.gaps[-1], ""]
            for one in self.interfaces
        ]
        rows += [[name, "", "", "", "", "", why] for name, why in self.left.items()]
        return head, rows
