"""What a translation is worth for samples that it has not seen, beside its controls."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis import plots
from methexis.display import Displayed, Table
from methexis.measures.inference import tables
from methexis.transport import drawing
from methexis.transport.worth import Worth


@dataclass(frozen=True, eq=False)
class Certificate(Displayed, plots.Pictured):
    """What a translation is worth for samples that it has not seen, beside three controls.

    All numbers are of samples that the maps, and the choice among maps, were made without.
    `plot` draws what is predicted and what is found against the number of pairs, with the controls
    as lines.

    Attributes
    ----------
    names : (str, str)
        What both sides are called.
    worth : Worth
        With as many pairs as all folds but one have.
    identity : Worth or None
        Control: the same coordinates, with a scale. None where widths differ.
    shuffled : Worth
        Control: the same procedure, taught by shuffled pairs.
    few : tuple of Worth
        Control: the same procedure, taught by fewer pairs, the fewest first.
    predicts : bool
        Whether one side predicts the other better than its mean does, and than what shuffled pairs
        teach, by more than a 99 % interval.
    matches : bool
        Whether partners are found better than by what shuffled pairs teach, likewise.
    """

    names: tuple[str, str]
    worth: Worth
    identity: Worth | None
    shuffled: Worth
    few: tuple[Worth, ...]
    predicts: bool
    matches: bool

    @property
    def curve(self) -> tuple[Worth, ...]:
        """What translation is worth from few pairs to all that there are."""
        return (*self.few, self.worth)

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return asdict(self)

    def rows(self) -> list[tuple[str, Worth]]:
        """Every measurement with its name, the translation first."""
        named = [("translation", self.worth)]
        if self.identity is not None:
            named.append(("same coordinates", self.identity))
        named.append(("shuffled pairs", self.shuffled))
        return named + [(f"{one.pairs:,} pairs", one) for one in reversed(self.few)]

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with two rows, one per direction, for each measurement."""
        a, b = self.names
        records = []
        for name, one in self.rows():
            for k, (source, target) in enumerate(((a, b), (b, a))):
                records.append(
                    {
                        "what": name,
                        "source": source,
                        "target": target,
                        "pairs": one.pairs,
                        "share": one.share[k],
                        "share_low": one.share_ci[k][0],
                        "share_high": one.share_ci[k][1],
                        "top1": one.top1[k],
                        "top1_low": one.top1_ci[k][0],
                        "top1_high": one.top1_ci[k][1],
                        "median_rank": one.median_rank[k],
                        "candidates": one.candidates,
                    }
                )
        return tables.rows(records)

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws, for a page."""
        return drawing.panel(self.curve, self.identity, self.shuffled)

    def _facts(self) -> dict[str, object]:
        return {
            "names": self.names,
            "share": self.worth.share,
            "top1": self.worth.top1,
            "candidates": self.worth.candidates,
            "predicts": self.predicts,
            "matches": self.matches,
            "pairs": self.worth.pairs,
        }

    def _table(self) -> Table:
        """A row for each measurement."""
        a, b = self.names
        head = [
            "learnt from",
            "pairs",
            f"share of {b}",
            f"share of {a}",
            f"{b} found",
            f"{a} found",
        ]
        return head, ([name, w.pairs, *w.share, *w.top1] for name, w in self.rows())
