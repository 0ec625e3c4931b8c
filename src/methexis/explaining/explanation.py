"""What `explain` finds of two representations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis import plots
from methexis.core.checks import one_of
from methexis.display import Displayed, Table
from methexis.explaining import drawing
from methexis.explaining.ancestry import Ancestry
from methexis.explaining.rung import Rung
from methexis.explaining.sharing import Side
from methexis.measures.inference import tables
from methexis.measures.inference.printing import sized


@dataclass(frozen=True, eq=False)
class Explanation(Displayed, plots.Pictured):
    """Which maps must be allowed before one representation predicts the other.

    `plot` draws the share that each rung explains, with its interval.

    Attributes
    ----------
    names : (str, str)
        What both are called.
    rung : str or None
        The smallest rung that is enough; "nothing" if none explains anything; None if that is not
        to be told.
    possible : tuple of str
        Rungs that it may be.
    why : str
        Why it cannot be told, where it cannot.
    rungs : tuple of Rung
        From the smallest to the largest; without identity where widths differ.
    n : int
        Number of samples.
    sides : (Side, Side)
        What each is like, and has alone.
    shared : int
        Number of dimensions that both have.
    ancestry : Ancestry or None
        Whether units are in one order; None where widths differ or are less than 8.
    movers : tuple of (int, float)
        Samples that move the share of the rung the most, and their share of its variance.
    repeated : int
        Samples that repeat another.
    resolves : float
        Least gain that these samples can tell.
    wanted : int
        About how many samples would tell, where these do not; 0 where they do, or none would.
    optimism : float
        What the linear map explains of its own samples more than of others.
    material : float
        Share of what the best rung explains from which a gain matters.
    preprocessing : dict
        What was done before.
    seed : int
    sentence : str
        The conclusion in plain words.
    notes : tuple of str
        What limits it, in sentences.
    """

    names: tuple[str, str]
    rung: str | None
    possible: tuple[str, ...]
    why: str
    rungs: tuple[Rung, ...]
    n: int
    sides: tuple[Side, Side]
    shared: int
    ancestry: Ancestry | None
    movers: tuple[tuple[int, float], ...]
    repeated: int
    resolves: float
    wanted: int
    optimism: float
    material: float
    preprocessing: dict[str, Any]
    seed: int
    sentence: str = ""
    notes: tuple[str, ...] = ()

    def rung_named(self, name: str) -> Rung:
        """One rung by its name.

        Raises
        ------
        MethexisError
            If there is none of this name.
        """
        one_of("rung", name, [one.name for one in self.rungs])
        return next(one for one in self.rungs if one.name == name)

    def __str__(self) -> str:
        """The conclusion in plain words."""
        return self.sentence

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return asdict(self)

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws, for a page."""
        return drawing.panel(self.rungs, self.rung, self.possible)

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with a row for each rung."""
        records = []
        for one in self.rungs:
            record = asdict(one)
            forward, backward = record.pop("shares")
            records.append(record | {"share_of_second": forward, "share_of_first": backward})
        return tables.rows(records)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"rung": self.rung or "cannot tell"}
        if self.rung is None:
            told["possible"] = self.possible
        for one in self.rungs:
            if one.name == self.rung:
                told |= {"share": one.share, "ci": one.ci}
        told |= {"names": self.names, "n": self.n, "shared": self.shared}
        told["private"] = tuple(side.private for side in self.sides)
        if self.ancestry is not None:
            told["ancestry"] = self.ancestry.shared
        return told

    def _table(self) -> Table:
        """A row for each rung."""
        head = ["rung", "share", "from", "to", "gain", "p"]
        return head, ([r.name, r.share, *r.ci, r.gain, sized(r.p)] for r in self.rungs)
