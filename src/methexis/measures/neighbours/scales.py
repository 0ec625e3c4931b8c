"""At which scales two representations share neighbourhoods: coarse ones, fine ones, or both.

Few neighbours are what is near, many are what is in the same region. Two models may agree about
regions and about nothing within them, or the other way round, and one number of neighbours shows
one of both. So mutual kNN is taken at several, each beside chance, which is ``k/(n-1)`` and grows
with k; p is the tail of the exact moments at that k (`nulls`), corrected by Holm's method because
several k are looked at. What is not beyond chance at small k may be shared all the same, by less
than so many samples tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array, count, number, one_of, sequence
from methexis.display import Displayed, Table
from methexis.errors import MethexisError
from methexis.measures.inference import nulls, tables
from methexis.measures.inference.multiple import holm
from methexis.measures.inference.printing import probability
from methexis.measures.inputs.features import pair
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.neighbours import drawing, knn
from methexis.measures.neighbours.chance import overlap_moments
from methexis.measures.neighbours.lists import Neighbours, neighbours
from methexis.measures.neighbours.shared import shared
from methexis.measures.neighbours.tied.expected import expected_share

#: Numbers of neighbours where none are named, as far as a quarter of the samples reaches.
SCALES = (4, 16, 64, 256)
#: At which level a scale counts as shared in sentences.
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class NeighbourScales(Displayed, plots.Pictured):
    """Mutual kNN over numbers of neighbours, with the null of each.

    `plot` draws scores over numbers of neighbours, with chance and two of its deviations.

    Attributes
    ----------
    ks : tuple of int
        Numbers of neighbours, the smallest first.
    scores : array (len(ks),)
    chance : array (len(ks),)
        Exact mean for rows paired at random, ``k/(n-1)``.
    sd : array (len(ks),)
        Exact standard deviation for these; NaN where ties are too many for it.
    effects : array (len(ks),)
        ``(score - chance)/(1 - chance)``.
    p : array (len(ks),)
        One-sided, corrected by Holm's method for all these numbers of neighbours; NaN without sd.
    n : int
        Number of samples.
    metric : str
        What nearest means.
    preprocessing : dict
        What was done to the features before.
    """

    ks: tuple[int, ...]
    scores: Array
    chance: Array
    sd: Array
    effects: Array
    p: Array
    n: int
    metric: str
    preprocessing: dict[str, Any]

    def shared(self, alpha: float = LEVEL) -> NDArray[np.bool_]:
        """At which numbers of neighbours more is shared than by chance.

        Raises
        ------
        MethexisError
            If ``alpha`` is no number from 0.
        """
        return np.asarray(self.p <= number("alpha", alpha, least=0.0))

    def said(self, alpha: float = LEVEL) -> str:
        """Which neighbourhoods are shared, in a sentence without its full stop.

        Raises
        ------
        MethexisError
            If ``alpha`` is no number from 0.
        """
        inside = self.shared(alpha)
        fine, coarse = self._at(0), self._at(-1)
        if len(self.ks) == 1:
            return f"neighbourhoods are {'' if inside[0] else 'not '}shared ({fine})"
        if inside.all():
            return f"neighbourhoods are shared at all scales, fine ({fine}) to coarse ({coarse})"
        unknown = f", as far as {self.n:,} samples tell"
        if not inside.any():
            return f"neighbourhoods are shared at no scale{unknown} ({fine}; {coarse})"
        first = int(np.argmax(inside))
        if inside[first:].all():
            return f"coarse neighbourhoods are shared ({coarse}), fine ones not{unknown} ({fine})"
        if inside[: int(inside.sum())].all():
            return f"fine neighbourhoods are shared ({fine}), coarse ones not{unknown} ({coarse})"
        ks = np.array(self.ks)
        listed = (", ".join(map(str, some)) for some in (ks[inside], ks[~inside]))
        return "neighbourhoods are shared at k = {}, and not at k = {}".format(*listed) + unknown

    def __str__(self) -> str:
        return self.said()

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return {
            "ks": list(self.ks),
            **{
                name: getattr(self, name).tolist()
                for name in ("scores", "chance", "sd", "effects", "p")
            },
            "n": self.n,
            "metric": self.metric,
            "preprocessing": self.preprocessing,
        }

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with a row for each number of neighbours."""
        names = ("scores", "chance", "sd", "effects", "p")
        return tables.rows(
            [
                {"k": k} | {name: float(getattr(self, name)[place]) for name in names}
                for place, k in enumerate(self.ks)
            ]
        )

    def _at(self, place: int) -> str:
        """One number of neighbours in words."""
        score, mean = (
            f"{v:.3f}".replace("0.", ".", 1) for v in (self.scores[place], self.chance[place])
        )
        p = probability("p", float(self.p[place])).replace(" 0.", " .")
        told = f", {p}" if np.isfinite(self.p[place]) else ""
        return f"k = {self.ks[place]}: {score}, chance {mean}{told}"

    def _picture(self) -> plots.Panel:
        return drawing.over_scales(self.ks, self.scores, self.chance, self.sd, self.metric)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"ks": self.ks, "shared": self.said()}
        return told | {"n": self.n, "metric": self.metric}

    def _table(self) -> Table:
        """Table with a row for each number of neighbours."""
        columns = (self.ks, self.scores, self.chance, self.effects, self.p)
        rows = [list(row) for row in zip(*columns, strict=True)]
        return ["k", "score", "chance", "effect", "p"], rows


def neighbour_scales(
    x: Any,
    y: Any,
    *,
    ks: Sequence[int] | None = None,
    metric: str = "cosine",
    preprocessing: Preprocessing | str | None = None,
) -> NeighbourScales:
    """At which numbers of neighbours two representations share more than by chance.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Representations with paired rows.
    ks : sequence of int, optional
        Numbers of neighbours, each below the number of samples; by default those of 4, 16, 64 and
        256 that are at most a quarter of it, and 1 if there is none.
    metric : {"cosine", "euclidean", "dot"}
        What nearest means.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before; none by default.

    Returns
    -------
    NeighbourScales

    Raises
    ------
    MethexisError
        On input that cannot be compared, and numbers of neighbours that are none.

    Notes
    -----
    Cost: ``n² d`` per representation once; then ``n k²`` for each k.

    Examples
    --------
    Two that have the same clusters, and nothing in common within them:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> centres = 20.0 * rng.normal(size=(8, 10))[np.repeat(np.arange(8), 64)]
    >>> x, y = centres + rng.normal(size=(2, 512, 10))
    >>> scales = neighbour_scales(x, y, ks=[64], metric="euclidean")
    >>> bool(scales.scores[0] > 0.9), scales.shared().tolist()
    (True, [True])
    """
    one_of("metric", metric, knn.METRICS)
    steps = steps_named(preprocessing)
    first, second = pair(x, y, scaled=True)
    n = first.num_samples
    if ks is None:
        ks = [k for k in SCALES if 4 * k <= n] or [1]
    numbers = tuple(sorted({count("ks", k, least=1) for k in sequence("ks", ks, "numbers")}))
    if not numbers or numbers[-1] >= n:
        raise MethexisError(f"ks: expected numbers of neighbours below {n}, got {ks}")
    reduced = [
        neighbours(steps(given), numbers[-1], metric, share=1.0) for given in (first, second)
    ]
    rows = np.array([_at_scale(reduced[0].cut(k), reduced[1].cut(k)) for k in numbers])
    scores, chance, sd, p = rows.T
    with np.errstate(invalid="ignore", divide="ignore"):
        effects = np.where(chance < 1.0, (scores - chance) / (1.0 - chance), np.nan)
    return NeighbourScales(
        numbers, scores, chance, sd, effects, holm(p), n, metric, steps.described()
    )


def _at_scale(a: Neighbours, b: Neighbours) -> tuple[float, float, float, float]:
    """Score, chance, its deviation and p at one number of neighbours."""
    if a.undecided or b.undecided:
        score = float(np.mean(expected_share(a.groups, b.groups)))
    else:
        score = float(np.mean(shared(a.nearest, b.nearest))) / a.k
    chance = a.k / (len(a.lists) - 1.0)
    own, other = a.sums, b.sums
    if own is None or other is None:
        return score, chance, np.nan, np.nan
    law = nulls.from_moments(overlap_moments(own, other, a.k))
    return score, chance, law.sd, law.p_value(score, distance=False)
