"""The record of one comparison: score, null, p, effect, interval, and what was done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from methexis import plots
from methexis.display import Displayed, Table
from methexis.errors import MethexisError
from methexis.measures.inference import drawing, tables
from methexis.measures.inference.paired.levels import CHANCE, Levels
from methexis.measures.inference.printing import probability, rounded, sized
from methexis.measures.registry import chosen


@dataclass(frozen=True)
class Comparison(Displayed, plots.Pictured):
    """The alignment of two representations.

    `plot` draws the score with its interval beside chance, and the levels where there are any.

    Attributes
    ----------
    measure : str
        Name of the measure.
    options : dict
        Options of the measure.
    score : float
        Value of the score, as it came out.
    null_mean, null_sd : float
        Mean and standard deviation of the score over pairings of the rows at random; NaN without
        a null.
    p : float
        One-sided probability of a score at least as aligned, were the rows paired at random. From
        moments it is the tail of a law fitted to three of them: below about ``1e-4`` its size
        carries no information (far out it is exactly 0), and is to be reported as "< 1e-4".
    effect : float
        ``(score - null_mean) / (aligned - null_mean)``: 0 at chance, 1 for two identical
        representations; NaN where the measure has no such end.
    z : float
        ``(score - null_mean) / null_sd``, positive when more aligned than chance.
    ci : (float, float)
        Interval over samples for the expected score at this number of samples; NaN where
        the measure has none.
    confidence : float
        Confidence level of that interval.
    n : int
        Number of samples.
    d : (int, int)
        Numbers of features; None of an RDM.
    null : str
        "moments" (closed form), "permutation", "regression" (permutations, of most of which a part
        of the score was computed and the rest is predicted from it) or "none".
    num_permutations, num_bootstrap : int
        Orders drawn; and resamples, or scores with samples left out.
    seed : int
        Seed of permutations and bootstrap.
    preprocessing : dict
        What was done to the features before, and the types of their numbers as they came.
    notes : tuple of str
        What degenerates here; the texts of the warnings.
    one_pass : bool
        Whether it comes from one pass over the rows (see `compare`); then p is a bound, and there
        is no interval.
    levels : Levels or None
        What the score is read against, where `references` or `repeats` were given.
    num_whole : int
        Orders of which the whole score was computed; all but by "regression".
    interval : str
        What the interval is from: "bootstrap", "halves", "jackknife" (each sample left out),
        "groups" (of samples left out), "few" (bootstrap samples, by their spread) or "none".
    """

    measure: str
    options: dict[str, Any]
    score: float
    null_mean: float
    null_sd: float
    p: float
    effect: float
    z: float
    ci: tuple[float, float]
    confidence: float
    n: int
    d: tuple[int | None, int | None]
    null: str
    num_permutations: int
    num_bootstrap: int
    seed: int
    preprocessing: dict[str, Any]
    notes: tuple[str, ...]
    one_pass: bool = False
    levels: Levels | None = None
    num_whole: int = 0
    interval: str = "none"

    @property
    def conclusion(self) -> str:
        """One sentence: whether both are aligned, and how much, between which levels.

        Raises
        ------
        MethexisError
            Without levels: how much a score is, chance alone does not tell.
        """
        if self.levels is None:
            raise MethexisError(
                "conclusion: expected levels to read the score by; give references to compare, "
                "such as references={'untrained': Y0}, or references={} for chance and ceiling"
            )
        return self.levels.said(self.measure, self.score, self.p)

    def __str__(self) -> str:
        """One line: score, interval, chance level, p, effect; before it what levels say."""
        parts = [f"{self.measure} {rounded(self.score)}"]
        if np.isfinite(self.ci[0]):
            low, high = (rounded(end) for end in self.ci)
            parts.append(f"{self.confidence:.0%} interval {low} to {high}")
        if self.null != "none":
            parts.append(f"by chance {rounded(self.null_mean)} ± {rounded(self.null_sd)}")
            parts.append(probability("p", self.p) + self._predicted)
        if np.isfinite(self.effect):
            parts.append(f"effect {rounded(self.effect)}")
        one, two = ("(an RDM)" if d is None else d for d in self.d)
        line = ", ".join(parts) + f" (n {self.n}, d {one} and {two})"
        return line if self.levels is None else f"{self.conclusion}\n{line}"

    @property
    def _predicted(self) -> str:
        """In words, of how many orders the score was not computed but predicted."""
        if self.null != "regression":
            return ""
        return f" (of {self.num_permutations} permutations {self.num_whole} whole)"

    def as_dict(self) -> dict[str, Any]:
        """The whole comparison in plain types, for JSON."""
        return asdict(self)

    def _picture(self) -> plots.Panel:
        marks = () if self.levels is None else self.levels.marks
        levels = [
            drawing.Mark(drawing.trimmed(one.name), one.score, one.ci, one.estimated)
            for one in marks
            if one.kind != CHANCE
        ]
        own = drawing.Mark("as given", self.score, self.ci)
        chance = (self.null_mean, self.null_sd)
        return drawing.pair(chosen(self.measure, self.options), own, levels, chance, self.n)

    def to_dataframe(self) -> Any:
        """The comparison as a `pandas.DataFrame` of one row, so that rows can be put together.

        Levels give their scores, and where the score lies between the first and the ceiling.
        """
        record = self.as_dict() | {"levels": None}
        if self.levels is not None:
            scores = {f"level_{one.name}": one.score for one in self.levels.marks}
            record |= scores | {"share": self.levels.headline.share}
        del record["levels"]
        return tables.row(record)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"measure": self.measure, "score": self.score}
        if np.isfinite(self.ci[0]):
            told["ci"] = self.ci
        if self.null != "none":
            told |= {"p": sized(self.p), "effect": self.effect, "chance": self.null_mean}
        told |= {} if self.levels is None else {"levels": self.levels}
        told |= {"n": self.n, "d": self.d, "null": self.null}
        return told | ({"notes": self.notes} if self.notes else {})

    def _table(self) -> Table | None:
        """Where the score lies between the levels it is read by."""
        return None if self.levels is None else self.levels._table()
