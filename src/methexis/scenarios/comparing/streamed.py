"""One measure over all pairs of layers whose rows are read once, a block at a time.

The passes over the rows are made once for all measures, and what they gather is kept, if the memory
given holds it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import Comparison, Measure
from methexis.measures.budget import memory_bytes
from methexis.measures.inference.multiple import holm
from methexis.measures.inputs.preprocessing import preprocessing
from methexis.measures.streaming import PassMoments, one_pass
from methexis.measures.streaming.chance import chance
from methexis.measures.streaming.scores import score_of
from methexis.representations import Representation
from methexis.scenarios.comparing.pairs import Pairs, by_source
from methexis.scenarios.comparing.plan import pass_bytes
from methexis.scenarios.comparing.settings import CompareSettings

_BOUNDS = (
    "chance level and σ are exact, but p is the most that it can be whatever the null's shape, "
    "1 / (1 + σ²), and there is no interval"
)
_NO_NULL = (
    "no null: chance level, p, effect and interval are not known from one pass; compare a sample "
    "of the rows for them"
)
#: What one pass tells of a pair.
_KNOWN = ("score", "null_mean", "null_sd", "p", "z")
Show = Callable[[str, int, int], None]


class Passes:
    """What one pass over the rows of each pair gathers.

    Parameters
    ----------
    first, second : sequences of Representation
        The second is None where the layers of one model are compared with each other.
    memory : str or None
        What is given; at most half of it for what is kept, if a pass fits into the rest.
    """

    def __init__(
        self,
        first: Sequence[Representation],
        second: Sequence[Representation] | None,
        memory: str | None,
    ) -> None:
        self.rows, self.columns = first, first if second is None else second
        self.budget = memory_bytes("memory", memory)
        widths = [[layer.shape[1] for layer in side] for side in (self.rows, self.columns)]
        kept = sum(8 * (a * a + b * b + a * b) for a in widths[0] for b in widths[1])
        rest = self.budget - kept
        self._keeps = kept <= rest and pass_bytes(self.rows, self.columns) <= rest
        if self._keeps:
            self.budget = rest
        self._kept: dict[tuple[int, int], PassMoments] = {}

    @property
    def made(self) -> bool:
        """Whether all is gathered, and further measures take no time."""
        return bool(self._kept)

    def moments(self, i: int, j: int, show: Callable[[int, int], None]) -> PassMoments:
        """Of one pair.

        Raises
        ------
        MethexisError
            If a layer is refused; the message names its file.
        """
        if (i, j) in self._kept:
            return self._kept[i, j]
        one, other = self.rows[i], self.columns[j]
        try:
            found = one_pass(one.array, other.array, budget=self.budget, progress=show)
        except MethexisError as error:
            raise MethexisError(by_source(str(error), one, other)) from None
        for layer, matrix in ((one, found.second.xx), (other, found.second.yy)):
            if not np.trace(matrix) > 0.0:
                raise MethexisError(
                    f"{layer.source}: expected features that differ between samples, got "
                    f"{layer.shape[0]} equal rows"
                )
        if self._keeps:
            self._kept[i, j] = found
        return found


def stream_pairs(
    measure: Measure[Any],
    passes: Passes,
    settings: CompareSettings,
    why: str,
    show: Show,
    *,
    itself: bool,
) -> Pairs:
    """Compare every layer with every other from passes over their rows.

    Parameters
    ----------
    measure : Measure
        One that `streams`.
    passes : Passes
    settings : CompareSettings
    why : str
        Why it is done so, in words, for the record.
    show : function of (what, done, all)
    itself : bool
        Whether the layers of one model are compared with each other.

    Raises
    ------
    MethexisError
        If a layer is refused; the message names its file.
    """
    shape = len(passes.rows), len(passes.columns)
    half = itself and measure.symmetric
    cells = [(i, j) for i, j in np.ndindex(*shape) if not half or i <= j]
    values = {name: np.full(shape, np.nan) for name in _KNOWN}
    n = passes.rows[0].shape[0]
    notes: list[str] = []
    for place, (i, j) in enumerate(cells):
        one, other = passes.rows[i], passes.columns[j]

        def tell(done: int, total: int, place: int = place) -> None:
            show("rows", place * total + done, len(cells) * total)

        gathered = passes.moments(i, j, tell)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DegenerateWarning)
            score = score_of(measure, gathered)
        notes += [by_source(str(w.message), one, other) for w in caught]
        values["score"][i, j] = score
        level = chance(measure, gathered) if settings.null != "none" else None
        if level is not None:
            values["null_mean"][i, j], values["null_sd"][i, j] = level.mean, level.sd
            if not (itself and i == j):
                values["p"][i, j], values["z"][i, j] = level.most_likely(score), level.z(score)
    if half:
        lower = np.tri(shape[0], k=-1, dtype=bool)
        values = {name: np.where(lower, array.T, array) for name, array in values.items()}
    known = bool(np.isfinite(values["null_sd"]).any())
    reason = f"computed in one pass over the rows, because {why}"
    if settings.null != "none":
        reason += f"; {_BOUNDS if known else _NO_NULL}"
    pairs = _pairs(
        measure, values, known, (reason, *dict.fromkeys(notes)), half=half, itself=itself
    )
    return pairs if shape != (1, 1) else _single(pairs, passes, settings, n)


def _pairs(
    measure: Measure[Any],
    values: dict[str, Array],
    known: bool,
    notes: tuple[str, ...],
    *,
    half: bool,
    itself: bool,
) -> Pairs:
    score, mean, sd, p, z = (values[name] for name in _KNOWN)
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = np.where(
            measure.aligned != mean, (score - mean) / (measure.aligned - mean), np.nan
        )
    if p.size > 1 and known:
        counted = np.where(np.tri(len(p), dtype=bool), np.nan, p) if half else p
        corrected = holm(counted)
        corrected = np.where(np.isnan(corrected), corrected.T, corrected) if half else corrected
    else:
        corrected = p
    one = "one pair: no correction" if p.size == 1 else "corrected by Holm's method"
    return Pairs(
        measure=measure,
        score=score,
        null_mean=mean,
        null_sd=sd,
        p=p,
        p_corrected=corrected,
        effect=effect,
        z=z,
        null="moments" if known else "none",
        correction=one if known else "not corrected",
        notes=notes,
        precision="float64",
        one_pass=True,
    )


def _single(pairs: Pairs, passes: Passes, settings: CompareSettings, n: int) -> Pairs:
    """One pair, as the record that `compare` gives, without interval."""
    measure = pairs.measure
    one, other = passes.rows[0], passes.columns[0]
    found = Comparison(
        measure=measure.name,
        options=measure.options(),
        score=float(pairs.score[0, 0]),
        null_mean=float(pairs.null_mean[0, 0]),
        null_sd=float(pairs.null_sd[0, 0]),
        p=float(pairs.p[0, 0]),
        effect=float(pairs.effect[0, 0]),
        z=float(pairs.z[0, 0]),
        ci=(float("nan"), float("nan")),
        confidence=0.95,
        n=n,
        d=(one.shape[1], other.shape[1]),
        null=pairs.null,
        num_permutations=0,
        num_bootstrap=0,
        seed=settings.seed,
        preprocessing={
            **preprocessing(settings.preprocessing).described(),
            "given": (one.given, other.given),
            "precision": "float64",
        },
        notes=pairs.notes,
    )
    return replace(pairs, single=found)
