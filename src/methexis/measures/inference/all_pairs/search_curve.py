"""How the most aligned of many pairs depends on the number of samples, corrected at each of them.

Whoever takes the best of all pairs of layers, and takes it anew at every number of samples, draws a
line that is above chance where nothing is shared: the largest of many scores is large, and the more
so the fewer samples there are. So at each number the choice pays for itself as it does in a grid:
p is corrected by the largest of all pairs over permutations, and beside each best score stands the
score that it would need (`needed`), which falls towards chance as samples are added. What a pair
that is not chosen anew scores is `followed`: of the pair that is best of all samples, over random
subsets.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis import plots
from methexis.core.checks import Array, count, integer, number, sequence
from methexis.display import Displayed, Table
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.budget import memory_bytes
from methexis.measures.inference import drawing, nulls, tables
from methexis.measures.inference.all_pairs.blocks import Blocks
from methexis.measures.inference.all_pairs.grid import alignment
from methexis.measures.inference.all_pairs.grid_inference import inferred, searched
from methexis.measures.inference.plan import Progress
from methexis.measures.inference.printing import rounded, sized
from methexis.measures.inference.sampling import Sample
from methexis.measures.inference.sizes import opened
from methexis.measures.inputs.joining import joined
from methexis.measures.inputs.naming import Named, named
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.representations import both
from methexis.measures.inputs.source import Source
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen

#: Fewest samples at which a search is made.
FEWEST = 12


@dataclass(frozen=True, eq=False)
class SearchCurve(Displayed, plots.Pictured):
    """The most aligned pair at several numbers of samples, each corrected for the search.

    `plot` draws best scores over numbers of samples with what each would need, and chance.

    Attributes
    ----------
    ns : tuple of int
        Numbers of samples, the largest first; each smaller part is within the larger ones.
    best : tuple of (str, str)
        Names of the most aligned pair at each.
    scores : array (len(ns),)
        Its score.
    chance : array (len(ns),)
        Its mean over orders.
    needed : array (len(ns),)
        The score at which its corrected p would reach `alpha`; NaN where the orders are too few.
    effects : array (len(ns),)
    p : array (len(ns),)
        Of the best, corrected for all pairs at that number of samples.
    significant : tuple of int
        How many pairs have a corrected p of at most `alpha`.
    followed : array (len(ns),)
        Mean score of the pair that is best of all samples, over random subsets of each size.
    followed_sd : array (len(ns),)
        Standard deviation over these subsets; 0 at all samples.
    num_pairs : int
        How many pairs are searched.
    measure : str
    title : str
    distance : bool
        Whether smaller is more aligned.
    alpha : float
    num_permutations, num_subsets, seed : int
    notes : tuple of str
        What degenerates here; the texts of the warnings.
    """

    ns: tuple[int, ...]
    best: tuple[tuple[str, str], ...]
    scores: Array
    chance: Array
    needed: Array
    effects: Array
    p: Array
    significant: tuple[int, ...]
    followed: Array
    followed_sd: Array
    num_pairs: int
    measure: str
    title: str
    distance: bool
    alpha: float
    num_permutations: int
    num_subsets: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def conclusion(self) -> str:
        """From how many samples on the best of all pairs is beyond chance, in a sentence."""
        beyond = self.p <= self.alpha
        if not beyond[0]:
            return (
                f"The best of {self.num_pairs:,} pairs is not beyond chance at {self.ns[0]:,} "
                "samples"
            )
        fewest = self.ns[int(np.argmin(beyond)) - 1] if not beyond.all() else self.ns[-1]
        told = "already at" if fewest == self.ns[-1] else "from"
        score = rounded(float(self.scores[0]))
        return (
            f"The best of {self.num_pairs:,} pairs ({score} at {self.ns[0]:,} samples) is beyond "
            f"chance {told} {fewest:,} samples{'' if told == 'already at' else ' on'}"
        )

    def __str__(self) -> str:
        head = ["n", "score", "needed", "chance", "p corr.", "most aligned"]
        lines = [
            [
                f"{n:,}",
                *(rounded(float(values[k])) for values in (self.scores, self.needed, self.chance)),
                f"{self.p[k]:.3g}",
                " and ".join(self.best[k]),
            ]
            for k, n in enumerate(self.ns)
        ]
        return "\n".join("  ".join(f"{cell:>8s}" for cell in line) for line in [head, *lines])

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with a row for each number of samples."""
        names = ("scores", "chance", "needed", "effects", "p", "followed", "followed_sd")
        return tables.rows(
            [
                {"n": n, "best": " and ".join(self.best[k])}
                | {name: float(getattr(self, name)[k]) for name in names}
                for k, n in enumerate(self.ns)
            ]
        )

    def _picture(self) -> plots.Panel:
        return drawing.over_samples(
            drawing.Searched(
                self.ns, self.scores, self.needed, self.chance, self.followed, self.title
            )
        )

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"measure": self.title, "ns": self.ns, "pairs": self.num_pairs}
        last = " and ".join(self.best[0])
        told |= {"best": last, "score": float(self.scores[0])}
        told["p"] = sized(float(self.p[0]))
        return told | ({"notes": self.notes} if self.notes else {})

    def _table(self) -> Table:
        """Table with a row for each number of samples."""
        head = ["n", "most aligned", "score", "needed", "chance", "p corrected"]
        columns = zip(
            self.ns, self.best, self.scores, self.needed, self.chance, self.p, strict=True
        )
        return head, [[n, " and ".join(pair), *rest] for n, pair, *rest in columns]


def search_curve(
    reps_a: Any,
    reps_b: Any = None,
    measure: str | Measure[Any] = "cka",
    *,
    ns: Sequence[int] | None = None,
    preprocessing: Preprocessing | str | None = None,
    alpha: float = 0.05,
    num_permutations: int = 199,
    num_subsets: int = 20,
    seed: int = 0,
    memory: int | str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> SearchCurve:
    """The most aligned of all pairs over numbers of samples, each time corrected for the search.

    Parameters
    ----------
    reps_a, reps_b, measure, preprocessing, seed, memory, progress, **options
        The same as of `compare_all`.
    ns : sequence of int, optional
        Numbers of samples; by default all, a half, a quarter and an eighth of them, as far as these
        are 12 or more. Each part is a random one of the next larger.
    alpha : float
        Level of significance after correction, for which `needed` is told.
    num_permutations : int
        Orders at each number of samples; 199 resolve p to .005.
    num_subsets : int
        Random subsets of each size for the pair that is followed.

    Returns
    -------
    SearchCurve

    Raises
    ------
    MethexisError
        On input that cannot be compared, and on numbers of samples that are not there.

    Notes
    -----
    Cost: a grid with its permutations at each number of samples.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 4))
    >>> layers = {"h1": x + 3.0 * rng.normal(size=(200, 4)), "h2": rng.normal(size=(200, 4))}
    >>> curve = search_curve(layers, [x], "cka", debiased=True, num_permutations=99)
    >>> curve.ns, curve.best[0], bool(curve.p[0] <= 0.05)
    ((200, 100, 50, 25), ('h1', '0'), True)
    """
    alpha = number("alpha", alpha, above=0.0, below=1.0)
    num_permutations = count("num_permutations", num_permutations, least=2)
    num_subsets = count("num_subsets", num_subsets, least=2)
    seed = integer("seed", seed, least=0)
    budget = memory_bytes("memory", memory)
    method, steps = chosen(measure, options), steps_named(preprocessing)
    reps_a, reps_b = joined(reps_a, reps_b)
    rows = [Named(o.model, o.layer, opened(o.label, o.array)) for o in named("reps_a", reps_a)]
    columns = None
    if reps_b is not None:
        columns = [
            Named(o.model, o.layer, opened(o.label, o.array)) for o in named("reps_b", reps_b)
        ]
    if columns is None and len(rows) < 2:
        raise MethexisError("reps_a: expected two representations or more, or reps_b, got one")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        total = Source(rows, columns, method, steps, "float64").num_samples
        sizes = _sizes(total, ns)
        order = np.random.default_rng([seed, len(sizes)]).permutation(total)
        searches = []
        for place, size in enumerate(sizes):
            part = Sample(np.sort(order[:size]), total, seed)
            side = None if columns is None else part.of_named(columns)

            def tell(what: str, done: int, all_: int, before: int = place) -> None:
                if progress is not None:
                    progress(what, before * all_ + done, len(sizes) * all_)

            source = Source(part.of_named(rows), side, method, steps, "float64")
            blocks = Blocks(method, source, budget, tell)
            orders = nulls.orders(size, num_permutations, seed)
            searches.append(_searched(method, blocks, orders, alpha))
        chosen_pair = searches[0].place
        other = rows if columns is None else columns
        pair = rows[chosen_pair[0]], other[chosen_pair[1]]
        followed = [
            _followed(method, pair, steps, total, size, num_subsets, seed) for size in sizes
        ]
    texts = sorted({str(w.message) for w in caught if issubclass(w.category, DegenerateWarning)})
    for text in texts:
        warnings.warn(text, DegenerateWarning, stacklevel=2)
    scores, chance, needed, effects, p = np.array([one.numbers for one in searches]).T
    return SearchCurve(
        sizes,
        tuple((rows[one.place[0]].label, other[one.place[1]].label) for one in searches),
        scores,
        chance,
        needed,
        effects,
        p,
        tuple(one.significant for one in searches),
        np.array([mean for mean, _ in followed]),
        np.array([sd for _, sd in followed]),
        searches[0].num_pairs,
        method.name,
        method.title,
        method.distance,
        alpha,
        num_permutations,
        num_subsets,
        seed,
        tuple(texts),
    )


@dataclass(frozen=True)
class _Best:
    """The most aligned pair of one grid: score, chance, what is needed, effect, corrected p."""

    place: tuple[int, int]
    numbers: tuple[float, float, float, float, float]
    significant: int
    num_pairs: int


def _searched(method: Measure[Any], blocks: Blocks, orders: Any, alpha: float) -> _Best:
    """One grid with its permutations, and the best of it."""
    size, same = orders.shape[1], blocks.source.same
    closed = method.closed_null(size)
    scores, moments, permuted = blocks.run(orders, moments=closed)
    null = "auto" if closed else "permutation"
    values = inferred(
        method, scores, moments, permuted, num_samples=size, null=null, same=same, correction="max"
    )
    search = searched(method, scores, moments, permuted, closed=closed, same=same)
    ranks = alignment(values["effect"], values["score"], distance=method.distance)
    ranks = np.where(search.cells, ranks, -np.inf)
    i, j = (int(k) for k in np.unravel_index(int(np.argmax(ranks)), ranks.shape))
    # As many of the largest may be at least as large as a score whose p is alpha at most.
    most = int(np.floor(alpha * (1 + len(permuted)) + 1e-9)) - 1
    needed = np.nan
    if most >= 0:
        needed = float(search.at(np.sort(search.largest)[::-1][most])[i, j])
    corrected = values["p_corrected"][search.cells]
    names = ("null_mean", "effect", "p_corrected")
    chance, effect, p = (float(values[name][i, j]) for name in names)
    return _Best(
        (i, j),
        (float(scores[i, j]), chance, needed, effect, p),
        int(np.count_nonzero(corrected <= alpha)),
        int(np.count_nonzero(search.cells)),
    )


def _followed(
    method: Measure[Any],
    pair: tuple[Named, Named],
    steps: Preprocessing,
    total: int,
    size: int,
    num_subsets: int,
    seed: int,
) -> tuple[float, float]:
    """Mean score of one pair over random subsets of a size, and their standard deviation."""
    scaled = method.scale_free or steps.normalise
    scores = []
    for subset in range(num_subsets if size < total else 1):
        drawn = np.random.default_rng([seed, size, subset]).choice(total, size, replace=False)
        part = Sample(np.sort(drawn), total, seed)
        arrays = [part.of(one.label, one.array) for one in pair]
        given = both(*arrays, scaled=scaled, names=(pair[0].label, pair[1].label))
        one, other = (method.reduce_any(each, steps) for each in given)
        scores.append(method.score(one, other))
    sd = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    return float(np.mean(scores)), sd


def _sizes(total: int, ns: Sequence[int] | None) -> tuple[int, ...]:
    """Numbers of samples, the largest first."""
    if ns is None:
        wanted = [total // part for part in (1, 2, 4, 8)]
        return tuple(size for size in wanted if size >= FEWEST) or (total,)
    sizes = {
        integer("ns", size, least=FEWEST, most=total) for size in sequence("ns", ns, "numbers")
    }
    if not sizes:
        raise MethexisError("ns: expected at least one number of samples, got none")
    return tuple(sorted(sizes, reverse=True))
