"""Items that have several rows on a side: five captions of an image, ten pictures of a word.

Scores pair one row with one row. Repeating an image for each of its captions would make rows that
are near each other by construction, and samples of what is one; the mean of the captions is none of
them. So one row of each item is chosen on either side, at random, and the score is the mean over
several such choices: what one partner, whichever, has in common with the item. Items are the
samples: chance pairs items at random, in all choices in the same way, and the interval is over
items.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, count, integer, number, shown
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.inference import nulls
from methexis.measures.inference.amounts import Resampling
from methexis.measures.inference.comparison import Comparison
from methexis.measures.inference.intervals import Few, LeftOut, Resamples, interval
from methexis.measures.inference.resampling import spreading
from methexis.measures.inputs.features import Features, features, met, together
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.measure import Measure, Orders
from methexis.measures.registry import chosen
from methexis.measures.work import NOTHING

#: Of both sides, of every item, its rows.
Members: TypeAlias = list[list[NDArray[np.int64]]]
#: Choices of a partner for each item; more change a score by less than its interval is wide.
NUM_CHOICES = 20


def compare_items(
    x: Any,
    y: Any,
    items: Any,
    measure: str | Measure[Any] = "cka",
    *,
    num_choices: int = NUM_CHOICES,
    preprocessing: Preprocessing | str | None = None,
    num_permutations: int = 199,
    num_bootstrap: int = 199,
    confidence: float = 0.95,
    seed: int = 0,
    names: tuple[str, str] = ("X", "Y"),
    **options: Any,
) -> Comparison:
    r"""Compare two representations of items that may have several rows on either side.

    With one row ``r(i)`` of every item i chosen at random on both sides, the score is

    .. math:: \frac 1 C \sum_{c=1}^{C} s(x_{r_c(1)}, …; y_{r'_c(1)}, …)

    and each s is a score of as many samples as there are items. Under chance the items of y are in
    random order, the same in all choices, so that p is exact for the mean.

    Parameters
    ----------
    x, y : array (num_rows, num_features)
        Features; numbers of rows and of features may differ.
    items : (sequence (num_rows_x,), sequence (num_rows_y,))
        Which item each row of x, and of y, belongs to: numbers or words. Both sides have the same
        items, in any order.
    measure : str or Measure
        What to measure; names are in ``mx.measures.MEASURES``.
    num_choices : int
        Choices of a row for every item; one where every item has one row on both sides.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before, over all rows; none by default.
    num_permutations : int
        Orders of the items; 199 resolve p to .005.
    num_bootstrap : int
        Resamples of the items for the interval, or halves, as the measure has it; 0 leaves it out.
    confidence : float
        Confidence level of the interval.
    seed : int
        Seed of choices, permutations and resamples.
    names : (str, str)
        What messages call both.
    **options
        Options of the measure.

    Returns
    -------
    Comparison
        Its number of samples is that of the items; a note tells how many rows they have, and how
        far scores of single choices are apart.

    Raises
    ------
    MethexisError
        On features that are refused, on labels that are not one per row, and if the sides do not
        have the same items.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> images = rng.normal(size=(40, 5))
    >>> captions = np.repeat(images, 3, axis=0) + 0.5 * rng.normal(size=(120, 5))
    >>> found = compare_items(images, captions, (range(40), np.repeat(np.arange(40), 3)))
    >>> found.n, found.p, 0.5 < found.score < 0.95
    (40, 0.005, True)
    """
    steps = steps_named(preprocessing)
    method = chosen(measure, options)
    num_choices = count("num_choices", num_choices, least=1)
    num_permutations = count("num_permutations", num_permutations, least=2)
    num_bootstrap = count("num_bootstrap", num_bootstrap, least=0)
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        given = [
            features(name, one, scaled=method.scale_free or steps.normalise)
            for name, one in zip(names, (x, y), strict=True)
        ]
        given = list(met(*given))
        _on_one_device(given)
        members = members_of(items, names, [one.num_samples for one in given], method)
        n = len(members[0])
        sides = [steps(one) for one in given]
        num_choices = num_choices if several_rows(members) else 1
        every = list(_choices(method, sides, members, num_choices, seed))
        scores = np.array([method.score(a, b) for a, b in every])
        law = _law(method, every, nulls.orders(n, num_permutations, seed))
        ci, spread_by = _spread(method, every, scores, n, num_bootstrap, confidence, seed)
    texts = dict.fromkeys(
        str(w.message) for w in caught if issubclass(w.category, DegenerateWarning)
    )
    for text in texts:
        warnings.warn(text, DegenerateWarning, stacklevel=2)
    score = float(scores.mean())
    above = (score - law.mean) * (-1.0 if method.distance else 1.0)
    return Comparison(
        measure=method.name,
        options=method.options(),
        score=score,
        null_mean=law.mean,
        null_sd=law.sd,
        p=law.p_value(score, distance=method.distance),
        effect=float(nulls.effect(score, law.mean, method.aligned)),
        z=above / law.sd if law.sd > 0.0 else float("nan"),
        ci=ci,
        confidence=confidence,
        n=n,
        d=(given[0].num_features, given[1].num_features),
        null=law.method,
        num_permutations=law.num_orders,
        num_whole=law.num_orders,
        interval=spread_by,
        num_bootstrap=num_bootstrap if spread_by != "none" else 0,
        seed=seed,
        preprocessing={
            **steps.described(),
            "given": tuple(one.given for one in given),
            "precision": "float64",
        },
        notes=(described(members, names, scores), *texts),
    )


def _on_one_device(given: list[Features]) -> None:
    """See that both sides can be compared, whatever their numbers of rows."""
    least = min(one.num_samples for one in given)
    first, second = (replace(one, array=one.array[:least]) for one in given)
    together(first, second)


def members_of(
    items: Any, names: tuple[str, str], num_rows: Sequence[int], method: Measure[Any]
) -> Members:
    """Rows of every item on both sides, the items in one order.

    Parameters
    ----------
    items : (sequence, sequence)
        Labels of the rows of both sides, as `compare_items` takes them.
    names : (str, str)
        What messages call the sides.
    num_rows : sequence of int
        How many rows each has.
    method : Measure
        What needs some number of items.

    Raises
    ------
    MethexisError
        If labels are not one per row, the sides do not have the same items, or these are too few.
    """
    if not isinstance(items, tuple | list) or len(items) != 2:
        raise MethexisError(
            f"items: expected two sequences, of the items of the rows of {names[0]} and of "
            f"{names[1]}, got {shown(items)}"
        )
    labels = [_labels(*one) for one in zip(items, names, num_rows, strict=True)]
    different = [set(one) for one in labels]
    for k, other in ((0, 1), (1, 0)):
        alone = [item for item in labels[k] if item not in different[other]]
        if alone:
            raise MethexisError(
                f"items: expected the same items on both sides, got {shown(alone[0])} in "
                f"{names[k]} and not in {names[other]} ({len(set(alone))} such); leave "
                "their rows out"
            )
    order = {item: place for place, item in enumerate(dict.fromkeys(labels[0]))}
    if len(order) < method.min_samples:
        raise MethexisError(
            f"items: expected at least {method.min_samples} items for {method.name}, got "
            f"{len(order)}"
        )
    rows_of_items = []
    for one in labels:
        places = np.array([order[item] for item in one])
        rows = np.argsort(places, kind="stable")
        cuts = np.cumsum(np.bincount(places, minlength=len(order)))[:-1]
        rows_of_items.append(np.split(rows, cuts))
    return rows_of_items


def several_rows(members: Members) -> bool:
    """Whether an item has several rows on a side, so that one is chosen."""
    return any(len(rows) > 1 for side in members for rows in side)


def picked(of_item: Sequence[NDArray[np.int64]], seed: int, choice: int, side: int) -> Any:
    """A row of every item of one side, chosen at random."""
    generator = np.random.default_rng([seed, choice, side])
    return np.array([one[generator.integers(len(one))] for one in of_item])


def _labels(given: Any, side: str, num_rows: int) -> list[Any]:
    """One label per row, of plain types.

    Raises
    ------
    MethexisError
        If that is not what is given.
    """
    name = f"items of {side}"
    try:
        labels = np.asarray(list(given) if isinstance(given, range) else given)
    except (TypeError, ValueError):
        labels = np.empty(0, dtype=object)
    if labels.ndim != 1 or labels.dtype.kind not in "iuUSb":
        raise MethexisError(
            f"{name}: expected one label per row, numbers or words, got {shown(given)}"
        )
    if len(labels) != num_rows:
        raise MethexisError(
            f"{name}: expected one label for each of {num_rows} rows, got {len(labels)}"
        )
    return list(labels.tolist())


def _choices(
    method: Measure[Any],
    sides: list[Features],
    members: Members,
    num_choices: int,
    seed: int,
) -> Iterator[tuple[Any, Any]]:
    """Both sides reduced, of one row per item each; a side without a choice is reduced once."""
    fixed: list[Any] = [None, None]
    for choice in range(num_choices):
        pair = []
        for k, (side, of_item) in enumerate(zip(sides, members, strict=True)):
            if fixed[k] is not None:
                pair.append(fixed[k])
                continue
            taken = replace(side, array=side.array[picked(of_item, seed, choice, k)])
            pair.append(method.reduce(taken))
            if max(map(len, of_item)) == 1:
                fixed[k] = pair[-1]
        yield pair[0], pair[1]


def _law(method: Measure[Any], every: list[tuple[Any, Any]], orders: Orders) -> nulls.Null:
    """The mean score of all choices with the items of y in random orders."""
    drawn: Array = np.mean([method.permuted(a, b, orders) for a, b in every], axis=0)
    means = [_mean(method, a, b, orders.shape[1]) for a, b in every]
    known = [one for one in means if one is not None]
    return nulls.from_scores(drawn, float(np.mean(known)) if len(known) == len(every) else None)


def _mean(method: Measure[Any], a: Any, b: Any, num_items: int) -> float | None:
    """The mean over all orders, where it is known."""
    moments = method.null_moments(a, b) if method.closed_null(num_items) else None
    return method.null_mean(a, b) if moments is None else moments.mean


def _spread(
    method: Measure[Any],
    every: list[tuple[Any, Any]],
    scores: Array,
    num_items: int,
    num_bootstrap: int,
    confidence: float,
    seed: int,
) -> tuple[tuple[float, float], str]:
    """Interval over items: every choice is resampled in the same way, and the mean is followed."""
    nothing = (float("nan"), float("nan")), "none"
    if num_bootstrap == 0 or method.interval_from(num_items) == "none":
        return nothing
    way = Resampling(method.interval_from(num_items), num_bootstrap, NOTHING)
    drawn: list[Resamples | LeftOut | Few] = []
    kinds = []
    for a, b in every:
        one, kind = spreading(method, a, b, way, num_samples=num_items, seed=seed)
        if one is None:
            return nothing
        drawn.append(one)
        kinds.append(kind)
    moved = np.mean([one.scores - score for one, score in zip(drawn, scores, strict=True)], axis=0)
    mean = float(scores.mean())
    whole = replace(drawn[0], scores=mean + moved)
    if isinstance(whole, Resamples) and whole.acceleration is not None:
        rates = [one.acceleration for one in drawn if isinstance(one, Resamples)]
        whole = replace(whole, acceleration=float(np.mean([r for r in rates if r is not None])))
    return interval(mean, whole, confidence), kinds[0]


def described(members: Members, names: tuple[str, str], scores: Array) -> str:
    """How many rows items have, and how far scores of choices ``(num_choices, …)`` are apart."""
    sizes = [sorted({len(rows) for rows in side}) for side in members]
    rows = [f"{one[0]}" if len(one) == 1 else f"{one[0]} to {one[-1]}" for one in sizes]
    unit = "row" if rows[0] == "1" else "rows"
    text = f"{len(members[0])} items with {rows[0]} {unit} in {names[0]}, {rows[1]} in {names[1]}"
    if len(scores) == 1:
        return text
    apart = np.std(scores, axis=0, ddof=1)
    ends = dict.fromkeys(f"{end:.2g}" for end in (np.nanmin(apart), np.nanmax(apart)))
    return (
        f"{text}: the mean score of {len(scores)} choices of a row for each, which are "
        f"{' to '.join(ends)} apart"
    )
