"""What a comparison concludes: between which levels the most aligned pair lies, and where it is.

A grid of scores with p-values is no answer: of real models nearly every pair is significant. So the
most aligned pair is read against levels (`measures.inference.paired.levels`), and stands with the
pairs that might be the most aligned as well (`measures.inference.paired.ranking`), over all pairs
and in each row.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import Grid, Measure
from methexis.measures.inference.all_pairs.grid import alignment
from methexis.measures.inference.paired.joint import held, joint
from methexis.measures.inference.paired.levels import (
    CEILING,
    CHANCE,
    Levels,
    checked_references,
    checked_repeats,
    levels,
)
from methexis.measures.inference.paired.ranking import Ranking, ranked
from methexis.measures.inference.printing import percent, short
from methexis.measures.inputs.naming import Named, unwrapped
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.representations import Representation, both
from methexis.representations import Representations

#: Most pairs that are followed through one resampling: of more, the most aligned.
MOST_PAIRS = 225
#: How many samples are named that move a score the most.
NUM_MOVERS = 3


@dataclass(frozen=True, eq=False)
class Answer:
    """What one measure says.

    Attributes
    ----------
    sentence : str
        The conclusion.
    place : (int, int)
        Row and column of the most aligned pair.
    levels : Levels or None
        What its score is read against; None where rows were read in one pass.
    ranking : Ranking or None
        Ranking of the pairs that were followed.
    places : tuple of (int, int)
        Places of those pairs in the grid.
    in_set : array (num_a, num_b) of bool
        Whether a pair may be the most aligned of all; nowhere without a ranking.
    in_row : array (num_a, num_b) of bool
        Whether a layer of B may be the most aligned with that layer of A.
    movers : tuple of (int, float)
        Samples that move the most aligned pair's score the most, and their share of its variance.
    why_not : str
        Why there is no ranking, where there is none.
    """

    sentence: str
    place: tuple[int, int]
    levels: Levels | None
    ranking: Ranking | None
    places: tuple[tuple[int, int], ...]
    in_set: NDArray[np.bool_]
    in_row: NDArray[np.bool_]
    movers: tuple[tuple[int, float], ...]
    why_not: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The whole answer in plain types, for JSON."""
        return {
            "sentence": self.sentence,
            "place": list(self.place),
            "levels": None if self.levels is None else asdict(self.levels),
            "ranking": None if self.ranking is None else self.ranking.as_dict(),
            "in_set": self.in_set.tolist(),
            "in_row": self.in_row.tolist(),
            "movers": [list(one) for one in self.movers],
            "why_not": self.why_not,
        }


def answered(
    pairs: Grid,
    rows: Sequence[Named],
    columns: Sequence[Named] | None,
    names: tuple[Sequence[str], Sequence[str]],
    references: Mapping[str, Representations | str],
    repeats: Sequence[Representations] = (),
    *,
    preprocessing: str,
    alpha: float,
    seed: int,
    memory: int,
) -> Answer:
    """What a grid says.

    Parameters
    ----------
    pairs : Grid
    rows, columns : sequence of Named
        The layers of both; without columns, a model beside itself.
    names : (sequence of str, sequence of str)
        What layers are called in sentences.
    references : mapping
        Models in place of the second, by name; or the word "random".
    repeats : sequence of Representations
        Repetitions of the first.
    preprocessing : str
    alpha : float
        Level of significance, after correction.
    seed : int
    memory : int
        Most bytes to take.
    """
    i, j = _best(pairs)
    nowhere = np.zeros(pairs.score.shape, dtype=bool)
    if pairs.one_pass:
        why = "rows were read in one pass"
        if references or repeats:
            why += ", and levels need whole arrays; give a larger --memory"
        return answered_plainly(pairs, alpha, why)
    other = rows if columns is None else columns
    method, steps = pairs.measure, steps_named(preprocessing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # told when they were compared
        scaled = method.scale_free or steps.normalise
        labels = rows[i].label, other[j].label
        first, second = both(rows[i].array, other[j].array, scaled=scaled, names=labels)
        reduced = method.reduce_any(first, steps), method.reduce_any(second, steps)
        own = {name: _layer(name, one, *names)(i, j) for name, one in references.items()}
        again = [_repeated(k, one, names[0], i) for k, one in enumerate(repeats)]
        read = levels(
            method,
            (first, second),
            reduced,
            checked_references(own, first, "float64", scaled=scaled),
            chance=float(pairs.null_mean[i, j]),
            repeats=checked_repeats(again or None, first, "float64"),
            steps=steps,
            seed=seed,
        )
        order: Ranking | None = None
        places: tuple[tuple[int, int], ...] = ()
        why = ""
        if pairs.score.size > 1:
            order, places, why = _order(pairs, rows, columns, names, steps, seed, memory)
        movers = _movers(method, reduced)
    sentence = read.said(method.title, float(pairs.score[i, j]), _p(pairs, i, j), alpha)
    in_set, in_row = nowhere.copy(), nowhere.copy()
    if order is not None:
        for place, inside in zip(places, order.in_set, strict=True):
            in_set[place] = inside
        in_row = _rows_of(pairs, order, places, names, seed)
        sentence = f"{sentence} {_where(order, names, (i, j), pairs)}{_along(pairs, names)}"
    return Answer(sentence, (i, j), read, order, places, in_set, in_row, movers, why)


def answered_plainly(pairs: Grid, alpha: float, why: str) -> Answer:
    """What a grid says without levels and without certainty of the order, and why without."""
    i, j = _best(pairs)
    nowhere = np.zeros(pairs.score.shape, dtype=bool)
    said = _plainly(pairs, i, j, alpha)
    return Answer(said, (i, j), None, None, (), nowhere, nowhere, (), why)


def _best(pairs: Grid) -> tuple[int, int]:
    """The place of the most aligned pair."""
    values = alignment(pairs.effect, pairs.score, distance=pairs.measure.distance)
    if pairs.data.attrs["same"] and len(values) > 1:
        np.fill_diagonal(values, -np.inf)
    i, j = np.unravel_index(int(np.argmax(values)), values.shape)
    return int(i), int(j)


def _p(pairs: Grid, i: int, j: int) -> float:
    p = float(pairs.p_corrected[i, j])
    return p if np.isfinite(p) else float(pairs.p[i, j])


def _layer(
    name: str, model: Representations | str, rows: Sequence[str], columns: Sequence[str]
) -> Callable[[int, int], Any]:
    """The layer of a reference that stands for each pair of layers of A and B.

    A reference with B's layers is in the place of B: the layer of B's name. One with A's layers is
    an earlier A: the layer of A's name. One with a single layer is that for all.

    Raises
    ------
    MethexisError
        If it is none of these.
    """
    if isinstance(model, str):
        return lambda _i, _j: model
    layers = {layer.name: layer for layer in model}
    if layers.keys() >= set(columns):
        return lambda _i, j: unwrapped(layers[columns[j]])
    if layers.keys() >= set(rows):
        return lambda i, _j: unwrapped(layers[rows[i]])
    if len(model) == 1:
        return lambda _i, _j: unwrapped(model.layers[0])
    lacking = next(wanted for wanted in columns if wanted not in layers)
    raise MethexisError(
        f"reference {name}: expected the layers of B (it lacks {lacking!r}), those of A, or a "
        f"single layer, got {', '.join(model.names[:4])}{' …' if len(model) > 4 else ''} in "
        f"{model.path}"
    )


def check_references(
    references: Mapping[str, Representations | str],
    first: Representations,
    second: Representations,
) -> None:
    """See that every reference has a layer for every pair of A and B, before work begins.

    Raises
    ------
    MethexisError
        If one is of other samples, or lacks a layer.
    """
    for name, model in references.items():
        if name in {CHANCE, CEILING}:
            raise MethexisError(f"reference: expected another name than {name!r}, which is taken")
        if isinstance(model, str):
            if any(layer.dissimilarities for layer in first):
                raise MethexisError(
                    f"reference {name}: expected features in A, whose spectrum they have, got "
                    "dissimilarities"
                )
            continue
        if model.num_samples != first.num_samples:
            raise MethexisError(
                f"reference {name}: expected {first.num_samples} rows, the same samples in the "
                f"same order as in {first.layers[0].source}, got {model.num_samples} in "
                f"{model.layers[0].source}"
            )
        _layer(name, model, first.names, second.names)


def _repeated(number: int, model: Representations, rows: Sequence[str], i: int) -> Any:
    """The layer of a repetition that repeats layer i of A: that of its name, or its only one."""
    layers = {layer.name: layer for layer in model}
    if rows[i] in layers:
        return unwrapped(layers[rows[i]])
    if len(model) == len(rows) == 1:
        return unwrapped(model.layers[0])
    raise MethexisError(
        f"repetition {number + 1}: expected the layers of A (it lacks {rows[i]!r}), got "
        f"{', '.join(model.names[:4])}{' …' if len(model) > 4 else ''} in {model.path}"
    )


def check_repeats(repeats: Sequence[Representations], first: Representations) -> None:
    """See that every repetition has every layer of A, before work begins.

    Raises
    ------
    MethexisError
        If there is a single one, or one is of other samples or widths, or lacks a layer.
    """
    if len(repeats) == 1:
        raise MethexisError(
            f"repeats: expected at least 2 repetitions of A, got {repeats[0].path} alone"
        )
    for number, model in enumerate(repeats):
        if model.num_samples != first.num_samples:
            raise MethexisError(
                f"repetition {number + 1}: expected {first.num_samples} rows, the same samples in "
                f"the same order as in {first.layers[0].source}, got {model.num_samples} in "
                f"{model.layers[0].source}"
            )
        for i, layer in enumerate(first):
            one = _repeated(number, model, first.names, i)
            if layer.dissimilarities or np.shape(one) != layer.shape:
                raise MethexisError(
                    f"repetition {number + 1}, layer {layer.name!r}: expected features "
                    f"{layer.shape}, as A has, got "
                    f"{'dissimilarities' if layer.dissimilarities else np.shape(one)}"
                )


def _order(
    pairs: Grid,
    rows: Sequence[Named],
    columns: Sequence[Named] | None,
    names: tuple[Sequence[str], Sequence[str]],
    steps: Any,
    seed: int,
    memory: int,
) -> tuple[Ranking | None, tuple[tuple[int, int], ...], str]:
    """Pairs in order with what is certain of it; or why that is not known."""
    method, n = pairs.measure, int(pairs.data.attrs["n"])
    both_sides = (*rows, *(columns or ()))
    widths = [int(one.array.shape[1]) if hasattr(one.array, "shape") else n for one in both_sides]
    if held(method, n, widths) > memory:
        return None, (), "all layers at once do not fit into the memory; give more, or fewer layers"
    places = _followed(pairs)
    if len(places) < 2:
        return None, (), ""  # there is nothing to put in order
    other = rows if columns is None else columns
    first = rows[0]
    made: dict[tuple[str, int], Any] = {}

    def reduced(side: str, place: int, one: Named) -> Any:
        if (side, place) not in made:
            checked: tuple[Representation, Representation] = both(
                first.array,
                one.array,
                scaled=method.scale_free or steps.normalise,
                names=(first.label, one.label),
            )
            made[side, place] = method.reduce_any(checked[1], steps)
        return made[side, place]

    side = "a" if columns is None else "b"
    followed = [(reduced("a", i, rows[i]), reduced(side, j, other[j])) for i, j in places]
    try:
        joint_scores = joint(method, followed, num_samples=n, seed=seed)
    except MethexisError as error:
        return None, (), str(error).partition(": ")[2]
    chance = np.array([pairs.null_mean[place] for place in places])
    labels = [(names[0][i], names[1][j]) for i, j in places]
    return ranked(method, joint_scores, chance, labels, n=n, seed=seed), places, ""


def _followed(pairs: Grid) -> tuple[tuple[int, int], ...]:
    """Pairs that are looked at, each once; of very many, the most aligned."""
    shape = pairs.score.shape
    values = alignment(pairs.effect, pairs.score, distance=pairs.measure.distance)
    kept = np.ones(shape, dtype=bool)
    if pairs.data.attrs["same"]:
        kept = (
            np.triu(kept, 1) if pairs.measure.symmetric else kept & ~np.eye(len(kept), dtype=bool)
        )
    kept &= np.isfinite(values)
    if kept.sum() > MOST_PAIRS:
        least = np.sort(values[kept])[-MOST_PAIRS]
        kept &= values >= least
    return tuple((int(i), int(j)) for i, j in np.argwhere(kept))


def _rows_of(
    pairs: Grid,
    order: Ranking,
    places: tuple[tuple[int, int], ...],
    names: tuple[Sequence[str], Sequence[str]],
    seed: int,
) -> NDArray[np.bool_]:
    """The layers of B that may be the most aligned with each layer of A, as a table of bool."""
    candidates = np.zeros(pairs.score.shape, dtype=bool)
    same = bool(pairs.data.attrs["same"]) and pairs.measure.symmetric
    for i in range(len(candidates)):
        some = [k for k, (a, b) in enumerate(places) if a == i or (same and b == i)]
        inside = order.among(np.array(some, dtype=np.int64), seed) if some else np.empty(0)
        for k, known in zip(some, inside, strict=True):
            a, b = places[k]
            candidates[i, b if a == i else a] = known
    return candidates


def _where(
    order: Ranking,
    names: tuple[Sequence[str], Sequence[str]],
    place: tuple[int, int],
    pairs: Grid,
) -> str:
    """The most aligned pair, and how many might be."""
    i, j = place
    lead = _called(names[0][i], names[1][j], pairs)
    # The largest score need not be the first by effect, where chance differs; nor be in the set.
    members = [one for one in order.members if one != (names[0][i], names[1][j])]
    others = len(members)
    if not others:
        return f"Most aligned: {lead}, ahead of all others."
    if others + 1 == len(order.labels):
        return f"Which pair is the most aligned cannot be told; largest: {lead}."
    first = _called(*members[0], pairs)
    more = f" and {others - 1} more" if others > 1 else ""
    return f"Most aligned: {lead}, indistinguishable from {first}{more} of {len(order.labels)}."


#: Layers of which a course is told, and their least rank correlation with the score.
FEWEST_LAYERS, STEADY = 4, 0.9


def _along(pairs: Grid, names: tuple[Sequence[str], Sequence[str]]) -> str:
    """How the best score goes along the layers of A, or beside one of B, where it goes steadily."""
    side, layers = ("B", names[1]) if len(names[0]) == 1 else ("A", names[0])
    if pairs.data.attrs["same"] or len(layers) < FEWEST_LAYERS:
        return ""
    rows = np.arange(len(pairs.score))
    scores = pairs.score[0] if side == "B" else pairs.score[rows, pairs.better()]
    if not np.isfinite(scores).all() or short(scores[0]) == short(scores[-1]):
        return ""
    steady = float(stats.spearmanr(np.arange(len(scores)), scores).statistic)
    if abs(steady) < STEADY:
        return ""
    goes = "rises" if steady > 0 else "falls"
    ends = [f"{short(float(scores[k]))} ({layers[k]})" for k in (0, -1)]
    what = "the score" if side == "B" else "the best score"
    return f" Along {side} {what} {goes} from {ends[0]} to {ends[1]}."


def _called(one: str, other: str, pairs: Grid) -> str:
    """The words for a pair; of one layer along many, the other layer alone."""
    if pairs.score.shape[0] == 1:
        return other
    return one if pairs.score.shape[1] == 1 else f"{one} with {other}"


def _plainly(pairs: Grid, i: int, j: int, alpha: float) -> str:
    """The conclusion without levels."""
    title, score = pairs.measure.title, float(pairs.score[i, j])
    p, effect = _p(pairs, i, j), float(pairs.effect[i, j])
    if np.isnan(p):
        return f"{title} is {short(score)}; what chance would give is not known."
    if p > alpha:
        return f"Not aligned beyond chance: {title} {short(score)}."
    place = ""
    if np.isfinite(effect):
        place = f", {percent(effect)} of the way from chance to identical"
    return f"Aligned beyond chance: {title} {short(score)}{place}."


def _movers(method: Measure[Any], reduced: tuple[Any, Any]) -> tuple[tuple[int, float], ...]:
    """Samples that move the score the most, with their share of its variance."""
    moved = method.influence(*reduced)
    if moved is None:
        return ()
    squares: Array = np.asarray(moved) ** 2
    total = float(squares.sum())
    if total == 0.0:
        return ()
    order = np.argsort(-squares, kind="stable")[:NUM_MOVERS]
    return tuple((int(k), float(squares[k] / total)) for k in order)
