"""One measure over all pairs of representations whose rows are read once, a block at a time.

The passes over the rows are made once for all measures, and what they gather is kept, if the memory
given holds it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.inference import nulls
from methexis.measures.inference.all_pairs.grid import Grid, labelled
from methexis.measures.inference.comparison import Comparison
from methexis.measures.inference.multiple import false_discovery_rates, holm
from methexis.measures.inference.plan import Plan, Progress, pass_bytes
from methexis.measures.inference.sizes import sizes_of
from methexis.measures.inputs.naming import Named
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.streaming.pass_moments import PassMoments, one_pass
from methexis.measures.streaming.rows import Rows

_BOUNDS = (
    "chance level and σ are exact, but p is the most that it can be whatever the null's shape, "
    "1 / (1 + σ²), and there is no interval"
)
_NO_NULL = (
    "no null: chance level, p, effect and interval are not known from one pass; compare a sample "
    "of the rows for them"
)
#: What one pass tells of a pair.
KNOWN = ("score", "null_mean", "null_sd", "p", "z")


class Passes:
    """What one pass over the rows of each pair gathers.

    Columns are None where representations are compared with each other. Of the memory given at most
    half is for what is kept, if a pass fits into the rest.
    """

    def __init__(self, rows: Sequence[Named], columns: Sequence[Named] | None, memory: int) -> None:
        self.same = columns is None
        self.rows, self.columns = rows, rows if columns is None else columns
        self.budget = memory
        arrays = [[one.array for one in side] for side in (self.rows, self.columns)]
        sizes = sizes_of(arrays[0], arrays[1])
        self._kept: dict[tuple[int, int], PassMoments] = {}
        self._keeps = False
        if sizes is not None:
            widths_a, widths_b = sizes.widths
            kept = sum(8 * (a * a + b * b + a * b) for a in widths_a for b in widths_b)
            rest = memory - kept
            self._keeps = kept <= rest and pass_bytes(sizes) <= rest
            self.budget = rest if self._keeps else memory

    @property
    def made(self) -> bool:
        """Whether all moments are gathered, so that further measures take no time."""
        return bool(self._kept)

    def moments(self, i: int, j: int, show: Callable[[int, int], None]) -> PassMoments:
        """The moments of one pair, gathered in one pass or kept from an earlier one."""
        if (i, j) in self._kept:
            return self._kept[i, j]
        one, other = self.rows[i], self.columns[j]
        names = one.label, other.label
        gathered = one_pass(one.array, other.array, budget=self.budget, names=names, progress=show)
        for name, matrix in zip(names, (gathered.second.xx, gathered.second.yy), strict=True):
            if not np.trace(matrix) > 0.0:
                raise MethexisError(
                    f"{name}: expected features that differ between samples, got "
                    f"{gathered.second.num_samples} equal rows"
                )
        if self._keeps:
            self._kept[i, j] = gathered
        return gathered


def streamed_grid(
    plan: Plan, passes: Passes, *, null: str, seed: int, progress: Progress | None = None
) -> Grid:
    """All pairs, from passes over their rows; the seed is for the record, nothing is drawn."""
    values, about = _streamed(plan, passes, null, progress)
    measure = plan.measure
    sides = [[Rows(one.label, one.array) for one in side] for side in (passes.rows, passes.columns)]
    widths = [[rows.num_features for rows in side] for side in sides]
    members = list(zip((passes.rows, passes.columns), widths, strict=True))
    about |= {
        "same": passes.same,
        "n": sides[0][0].num_samples,
        "preprocessing": Preprocessing().described(),
        "precision": "float64",
        "given": sorted({rows.given for side in sides for rows in side}),
        "num_permutations": 0,
        "seed": seed,
    }
    half = passes.same and measure.symmetric
    values["q"] = _each_once(false_discovery_rates, values["p"], half=half)
    return labelled(measure, values, members, about)


def streamed_pair(
    plan: Plan,
    passes: Passes,
    *,
    null: str,
    confidence: float,
    seed: int,
    progress: Progress | None = None,
) -> Comparison:
    """One pair, as the record that `compare` gives, without interval."""
    measure = plan.measure
    values, about = _streamed(plan, passes, null, progress)
    sides = [Rows(one.label, one.array) for one in (passes.rows[0], passes.columns[0])]
    numbers: dict[str, Any] = {name: float(values[name][0, 0]) for name in (*KNOWN, "effect")}
    return Comparison(
        measure=measure.name,
        options=measure.options(),
        ci=(float("nan"), float("nan")),
        confidence=confidence,
        n=sides[0].num_samples,
        d=(sides[0].num_features, sides[1].num_features),
        null=about["null"],
        num_permutations=0,
        num_bootstrap=0,
        seed=seed,
        preprocessing={
            **Preprocessing().described(),
            "given": (sides[0].given, sides[1].given),
            "precision": "float64",
        },
        notes=tuple(about["notes"]),
        one_pass=True,
        **numbers,
    )


def _streamed(
    plan: Plan, passes: Passes, null: str, progress: Progress | None
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Variables and attributes of all pairs; each pair's notes are among the attributes."""
    measure, same = plan.measure, passes.same
    shape = len(passes.rows), len(passes.columns)
    half = same and measure.symmetric
    cells = [(i, j) for i, j in np.ndindex(*shape) if not half or i <= j]
    values = {name: np.full(shape, np.nan) for name in KNOWN}
    notes: list[str] = []
    for place, (i, j) in enumerate(cells):

        def show(done: int, total: int, place: int = place) -> None:
            if progress is not None:
                progress("rows", place * total + done, len(cells) * total)

        gathered = passes.moments(i, j, show)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DegenerateWarning)
            score = measure.from_pass(gathered)
        notes += [str(w.message) for w in caught]
        values["score"][i, j] = score
        level = measure.chance_from_pass(gathered) if null != "none" else None
        if level is not None:
            values["null_mean"][i, j], values["null_sd"][i, j] = level.mean, level.sd
            if not (same and i == j):
                values["p"][i, j], values["z"][i, j] = level.most_likely(score), level.z(score)
    if half:
        lower = np.tri(shape[0], k=-1, dtype=bool)
        values = {name: np.where(lower, array.T, array) for name, array in values.items()}
    known = bool(np.isfinite(values["null_sd"]).any())
    reason = f"computed in one pass over the rows, because {plan.why}"
    if null != "none":
        reason += f"; {_BOUNDS if known else _NO_NULL}"
    values["effect"] = nulls.effect(values["score"], values["null_mean"], measure.aligned)
    values["p_corrected"] = values["p"]
    if values["p"].size > 1 and known:
        values["p_corrected"] = _each_once(holm, values["p"], half=half)
    about = {
        "null": "moments" if known else "none",
        "correction": "holm" if known else "none",
        "notes": [reason, *dict.fromkeys(notes)],
        "one_pass": True,
    }
    return values, about


def _each_once(corrected: Callable[[Array], Array], p: Array, *, half: bool) -> Array:
    """Corrected p-values of pairs of which some stand there twice, so that each counts once."""
    if not half:
        return corrected(p)
    once = corrected(np.where(np.tri(len(p), dtype=bool), np.nan, p))
    return np.where(np.isnan(once), once.T, once)
