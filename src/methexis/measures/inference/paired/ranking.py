"""Which of many is the most aligned, and which others might be.

The largest of many scores is not the layer that is largest in truth. A pair is *in the set* unless
some other is larger by more than chance makes it: with ``t_i = max_j (s_j - s_i) / e_ij`` it is
left out where ``t_i`` exceeds the 95 % quantile of the same maximum of scores that vary as these do
(`Joint.draws`) about equal expectations. Whichever pair is best in truth, its ``t`` exceeds that
quantile in 5 % at most, so the set holds it in 95 % (comparisons with the best, Hsu 1984). Layers
that are nearly one vary together, so it takes little to tell them apart, and their maximum is
hardly larger than one of them: nothing is lost for having many.

Intervals of all scores hold together, by the largest deviation of any of them; so do p-values of
all differences.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, integer, number
from methexis.display import Displayed, Table
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.budget import memory_bytes
from methexis.measures.inference.paired.closer import chance, default_measure, group_numbers, room
from methexis.measures.inference.paired.joint import Joint, joint
from methexis.measures.inference.printing import rounded
from methexis.measures.inference.sizes import opened
from methexis.measures.inputs.joining import joined
from methexis.measures.inputs.naming import Named, named, single
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.representations import Representation, both, of_one_library
from methexis.measures.measure import Measure
from methexis.measures.rounding import TIE


@dataclass(frozen=True, eq=False)
class Ranking(Displayed):
    """How aligned many pairs are, with what is certain of their order.

    Attributes
    ----------
    labels : tuple of (str, str)
        Names of both sides of each pair.
    measure : str
        Name of the measure.
    title : str
        And its title.
    scores : array (num_pairs,)
    effects : array (num_pairs,)
        ``(score - chance) / (aligned - chance)``, by which pairs are put in order; the scores, less
        is more for a distance, where a measure has no such end.
    intervals : array (num_pairs, 2)
        For all expected effects at once.
    in_set : array (num_pairs,) of bool
        Whether the pair may be the most aligned.
    p_best : array (num_pairs,)
        How probable so large a lead of others over it would be, were it the most aligned.
    confidence : float
    errors : array (num_pairs, num_pairs)
        Standard errors of the differences of effects.
    largest : array (num_draws,)
        The largest of all differences by chance, in standard errors.
    n : int
        Number of samples.
    notes : tuple of str
        What degenerates here; the texts of the warnings.
    joint : Joint or None
        Effects with their covariance.
    """

    labels: tuple[tuple[str, str], ...]
    measure: str
    title: str
    scores: Array
    effects: Array
    intervals: Array
    in_set: NDArray[np.bool_]
    p_best: Array
    confidence: float
    errors: Array
    largest: Array
    n: int
    notes: tuple[str, ...] = ()
    joint: Joint | None = None

    @property
    def best(self) -> int:
        """The place of the most aligned pair."""
        return int(np.argmax(self.effects))

    @property
    def first(self) -> tuple[str, str]:
        """Names of the most aligned pair."""
        return self.labels[self.best]

    @property
    def members(self) -> list[tuple[str, str]]:
        """Names of all pairs in the set, the most aligned first."""
        order = np.argsort(-self.effects, kind="stable")
        return [self.labels[k] for k in order if self.in_set[k]]

    def among(self, places: NDArray[np.int64], seed: int = 0) -> NDArray[np.bool_]:
        """Which of some pairs may be the most aligned of these."""
        assert self.joint is not None
        part = self.joint.part(places)
        return _inside(part.scores, part.draws(seed), part.errors(), self.confidence)[0]

    def difference(self, one: int, other: int) -> tuple[float, float]:
        """The difference of two effects, by places, and its p corrected for all such questions.

        Raises
        ------
        MethexisError
            If either is no place of a pair.
        """
        most = len(self.effects) - 1
        one = integer("one", one, least=0, most=most)
        other = integer("other", other, least=0, most=most)
        apart = float(self.effects[one] - self.effects[other])
        error = float(self.errors[one, other])
        if error == 0.0:
            return apart, 1.0 if apart == 0.0 else 0.0
        extreme = np.count_nonzero(self.largest >= abs(apart) / error)
        return apart, float(1 + extreme) / (1 + len(self.largest))

    def __str__(self) -> str:
        """One sentence that concludes."""
        names = [_joined(one) for one in self.members]
        lead = f"{names[0]} ({self.title} {rounded(float(self.scores[self.best]))})"
        if len(names) == 1:
            return f"Most aligned: {lead}, ahead of all {len(self.labels) - 1} others"
        if len(names) == len(self.labels):
            return f"None of {len(names)} is shown to be the most aligned; largest: {lead}"
        rest = ", ".join(names[1:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        return f"Most aligned: {lead}, indistinguishable from {rest} (of {len(self.labels)})"

    def as_dict(self) -> dict[str, Any]:
        """The whole ranking in plain types, for JSON."""
        return {
            "labels": [list(one) for one in self.labels],
            "measure": self.measure,
            "title": self.title,
            "scores": self.scores.tolist(),
            "effects": self.effects.tolist(),
            "intervals": self.intervals.tolist(),
            "in_set": self.in_set.tolist(),
            "p_best": self.p_best.tolist(),
            "confidence": self.confidence,
            "best": self.best,
            "n": self.n,
            "notes": list(self.notes),
        }

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"measure": self.title, "pairs": len(self.labels)}
        told |= {"may_be_best": int(np.count_nonzero(self.in_set)), "n": self.n}
        told |= {"most_aligned": _pair_name(self.first), "confidence": self.confidence}
        return told | ({"notes": self.notes} if self.notes else {})

    def _table(self) -> Table:
        """Table of the pairs, the most aligned first."""
        order = np.argsort(-self.effects, kind="stable")
        rows = (
            [_pair_name(self.labels[k]), self.effects[k], self.in_set[k], self.p_best[k]]
            for k in order
        )
        return ["pair", "effect", "may be best", "p"], rows


def _pair_name(names: tuple[str, str]) -> str:
    """The name of a pair: both names, without one that is empty."""
    return " and ".join(name for name in names if name)


def nearest(
    a: Any,
    candidates: Any,
    measure: str | Measure[Any] | None = None,
    *,
    groups: Any = None,
    preprocessing: Preprocessing | str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    precision: str = "float64",
    memory: int | str | None = None,
    **options: Any,
) -> Ranking:
    """Which of several representations is the most aligned with one, and which others might be.

    Parameters
    ----------
    a : array (num_samples, num_features) or RDM
        Or several by name or in a list, as the layers of a model; then all pairs are put in order.
    candidates : mapping or sequence
        Representations of the same samples, by name or in a list.
    measure, groups, preprocessing, confidence, seed, precision, memory, **options
        The same as of `closer`.

    Returns
    -------
    Ranking

    Raises
    ------
    MethexisError
        On input that cannot be compared, fewer than two pairs, and for a measure of which it is not
        known how it varies with its samples.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=(300, 6))
    >>> layers = {f"h{k}": a + 0.3 * k * rng.normal(size=(300, 6)) for k in (4, 1, 2)}
    >>> ranking = nearest(a, layers)
    >>> ranking.first[1], ranking.members
    ('h1', [('', 'h1')])
    """
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    steps = steps_named(preprocessing)
    method = default_measure(measure, options)
    a, candidates = joined(a, candidates)
    rows, columns = _rows(a), named("candidates", candidates)
    if len(rows) * len(columns) < 2:
        raise MethexisError("candidates: expected at least two, got one; compare gives its score")
    given = [(one.label or "A", one.array) for one in (*rows, *columns)]
    room(method, given, memory_bytes("memory", memory))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        scaled = method.scale_free or steps.normalise
        checked = _checked(rows, columns, precision, scaled=scaled)
        reduced = [[method.reduce_any(one, steps) for one in side] for side in checked]
        n = checked[0][0].num_samples
        pairs = [(one, other) for one in reduced[0] for other in reduced[1]]
        units = None if groups is None else group_numbers(groups, n)
        joint_scores = joint(method, pairs, num_samples=n, groups=units, seed=seed)
        levels = np.array([chance(method, *pair, n, seed) for pair in pairs])
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    return ranked(
        method,
        joint_scores,
        levels,
        [(one.label, other.label) for one in rows for other in columns],
        n=n,
        confidence=confidence,
        seed=seed,
        notes=tuple(str(w.message) for w in caught if issubclass(w.category, DegenerateWarning)),
    )


def ranked(
    method: Measure[Any],
    joint_scores: Joint,
    levels: Array,
    labels: Sequence[tuple[str, str]],
    *,
    n: int,
    confidence: float = 0.95,
    seed: int = 0,
    notes: tuple[str, ...] = (),
) -> Ranking:
    """Pairs in order, from scores with their covariance and the chance level of each."""
    known = np.isfinite(method.aligned) and np.isfinite(levels).all()
    sign = -1.0 if method.distance else 1.0
    units = method.aligned - levels if known else np.full(len(levels), sign)
    scaled = joint_scores.scaled(units, levels if known else np.zeros(len(levels)))
    draws, errors, effects = scaled.draws(seed), scaled.errors(), scaled.scores
    own = np.sqrt(np.maximum(np.diagonal(scaled.covariance), 0.5 * np.diagonal(scaled.loose)))
    reach = np.quantile(np.max(np.abs(_over(draws, own)), axis=1), confidence) * own
    largest = _largest(draws, errors)
    in_set, p_best = _inside(effects, draws, errors, confidence, float(largest.max()))
    return Ranking(
        labels=tuple(labels),
        measure=method.name,
        title=method.title,
        scores=joint_scores.scores,
        effects=effects,
        intervals=np.stack([effects - reach, effects + reach], axis=1),
        in_set=in_set,
        p_best=p_best,
        confidence=confidence,
        errors=errors,
        largest=largest,
        n=n,
        notes=notes,
        joint=scaled,
    )


def _inside(
    effects: Array, draws: Array, errors: Array, confidence: float, most: float = np.inf
) -> tuple[NDArray[np.bool_], Array]:
    """Which may be the largest, and the p of each; no draw has a difference above `most`."""
    p = _against_the_best(effects, draws, errors, most)
    return (p > 1.0 - confidence) | (effects == effects.max()), p


def _against_the_best(effects: Array, draws: Array, errors: Array, most: float) -> Array:
    """Per effect, the share of draws in which another leads it by as many errors as is so here."""
    shares = np.ones(len(effects))
    if len(effects) == 1:
        return shares
    for i, effect in enumerate(effects):
        others = np.arange(len(effects)) != i
        lead = np.max(_over(effects[others] - effect, errors[i, others]))
        if lead > most:
            shares[i] = 1.0 / (1 + len(draws))
        elif lead > 0.0:
            drawn = np.max(_over(draws[:, others] - draws[:, [i]], errors[i, others]), axis=1)
            shares[i] = (1 + np.count_nonzero(drawn >= lead)) / (1 + len(draws))
    return shares


def _largest(draws: Array, errors: Array) -> Array:
    """The largest of all differences, in errors, of each draw."""
    largest = np.zeros(len(draws))
    for i in range(len(errors) - 1):
        apart = np.abs(draws[:, i + 1 :] - draws[:, [i]])
        largest = np.maximum(largest, np.max(_over(apart, errors[i, i + 1 :]), axis=1))
    return largest


def _over(values: Array, errors: Array) -> Array:
    """Values in standard errors; what has none and is not zero is infinitely far."""
    values = np.where(np.abs(values) > TIE, values, 0.0)  # what is of order one, up to rounding
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = values / errors
    apart = np.where(values > 0.0, np.inf, np.where(values < 0.0, -np.inf, 0.0))
    return np.where(errors > 0.0, ratios, apart)


def _rows(a: Any) -> list[Named]:
    """One representation, or several by name."""
    several = isinstance(a, dict) or hasattr(a, "layers")
    several = several or (isinstance(a, list | tuple) and len(a) > 0 and hasattr(a[0], "shape"))
    return named("a", a) if several else [Named("", "", single("A", a))]


def _checked(
    rows: Sequence[Named], columns: Sequence[Named], precision: str, *, scaled: bool
) -> tuple[list[Representation], list[Representation]]:
    """Both sides as representations, each checked with the first row."""
    names = [one.label or "A" for one in rows], [one.label for one in columns]
    given = [
        [opened(name, one.array) for name, one in zip(side, members, strict=True)]
        for side, members in zip(names, (rows, columns), strict=True)
    ]
    first = given[0][0]

    def beside(name: str, other: Any) -> tuple[Representation, Representation]:
        side = names[0][0], name
        return both(first, other, precision=precision, scaled=scaled, names=side)

    right = [beside(name, one) for name, one in zip(names[1], given[1], strict=True)]
    left = [beside(name, one)[1] for name, one in zip(names[0][1:], given[0][1:], strict=True)]
    every = of_one_library([right[0][0], *left, *(one for _, one in right)])
    return every[: len(rows)], every[len(rows) :]


def _joined(label: tuple[str, str]) -> str:
    return " and ".join(one for one in label if one)
