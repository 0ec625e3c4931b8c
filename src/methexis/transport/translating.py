"""`translate`: maps between two representations of the same samples, with a certificate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from methexis.core.checks import Array, integer, number, one_of, shown
from methexis.errors import MethexisError
from methexis.maps.fit import Fit, Sums
from methexis.maps.paired import Paired, folds, paired
from methexis.measures.inference.plan import Progress
from methexis.measures.inputs.features import Features, in_range, to_numpy
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.representations import both
from methexis.transport import words
from methexis.transport.between import OneSide
from methexis.transport.certificate import Certificate
from methexis.transport.choosing import best, matching_costs, prediction_costs
from methexis.transport.controls import measured
from methexis.transport.forms import MAPS, Form, Taught, forms
from methexis.transport.translation import Translation


def translate(
    x: Any,
    y: Any,
    *,
    map: str = "auto",
    ridge: float | None = None,
    preprocessing: Preprocessing | str | None = None,
    seed: int = 0,
    names: tuple[str, str] = ("A", "B"),
    progress: Progress | None = None,
) -> Translation:
    r"""Translate between two representations of the same samples, and say what that is worth.

    The maps are closed forms of one family, ``ŷ = (Σy + λ)^{1/2} U f(S) Vᵀ (Σx + λ)^{-1/2} x``; see
    `methexis.transport.forms`. Which kind of map, and which ridge, is decided by samples that are
    left out: for prediction by the variance it explains, for finding partners by their ranks.
    docs/translation.md has the mathematics.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Features of the same samples in the same order, as `compare` takes them; numbers of features
        may differ, and there may be fewer samples than features.
    map : {"auto", "rotation", "scaled", "linear"}
        Kind of map. By default the one of least error on samples left out, and a smaller one where
        these do not tell.
    ridge : float, optional
        Added to the variances, in units of their mean along principal directions. By default it is
        chosen as well. A rotation has none.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before, on every row by itself; none by default. Both sides are centred in any case.
    seed : int
        Of the folds, of shuffled pairs and of few pairs.
    names : (str, str)
        What the result calls both.
    progress : function of (what, done, all), optional
        Told how far it is.

    Returns
    -------
    Translation

    Raises
    ------
    MethexisError
        If either is refused, the rows are not as many, fewer than 20 of them differ, or an option
        is none.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 6))
    >>> turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    >>> translation = translate(x[:200], (x @ turn)[:200] + 1.0)
    >>> translation.map
    'rotation'
    >>> bool(np.allclose(translation.forward(x[200:]), x[200:] @ turn + 1.0))
    True
    >>> translation.match(x[200:], (x @ turn)[200:][::-1] + 1.0).rows[:3].tolist()
    [99, 98, 97]
    """
    one_of("map", map, ("auto", *MAPS))
    if ridge is not None:
        ridge = number("ridge", ridge, least=0.0)
        if map == "rotation":
            raise MethexisError("ridge: expected none with map='rotation', got a number")
    seed = integer("seed", seed, least=0)
    named = named_both(names)
    steps = steps_named(preprocessing)
    if steps.centre:
        raise MethexisError(
            "preprocessing: expected steps that see each row by itself, got centre=True; both "
            "sides are centred anyway, by the mean of the pairs"
        )
    given = both(x, y, names=named)
    rows, bounds = zip(*(_stepped(one, steps) for one in given), strict=True)
    pair = _by_order(paired(rows[0], rows[1], Preprocessing(), names=named, seed=seed), seed)

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress("fits", done, total)

    whole = pair.x, pair.y
    bases = _basis(pair.x), _basis(pair.y)
    pair = replace(pair, x=_within(pair.x, bases[0]), y=_within(pair.y, bases[1]))
    tried = forms(map, ridge)
    measurement = measured(pair, whole, tried, seed=seed, tell=tell)
    predicting = tried[0][best(prediction_costs(measurement.judged))]
    matching = tried[1][best(matching_costs(measurement.judged))]
    certificate = Certificate(
        named, measurement.worth, measurement.identity, measurement.shuffled, measurement.few,
        measurement.predicts, measurement.matches,
    )  # fmt: skip
    fit = Fit.of(Sums.of(pair.x, pair.y))
    means = tuple(one.mean(axis=0) for one in rows)
    sides = _sides(named, pair, means, bases, bounds, Taught(fit), (predicting, matching))
    assert matching.ridge is not None  # `forms` gives all of them one
    translation = Translation(
        names=named,
        map=predicting.map,
        ridge=_ridges(fit, predicting),
        matching=matching.map,
        matching_ridge=matching.ridge,
        n=pair.num_samples,
        repeated=pair.num_repeated,
        certificate=certificate,
        preprocessing=steps,
        seed=seed,
        sides=sides,
    )
    return _told(translation)


def renamed(translation: Translation, names: tuple[str, str]) -> Translation:
    """The same with other names of both."""
    certificate = replace(translation.certificate, names=names)
    one, other = translation.sides
    sides = replace(one, name=names[0]), replace(other, name=names[1])
    return _told(replace(translation, names=names, certificate=certificate, sides=sides))


def _told(translation: Translation) -> Translation:
    """The same with its certificate and its limits in words."""
    certificate, count = translation.certificate, translation.n
    one, other = translation.sides
    ranks = one.axes.shape[1], other.axes.shape[1]
    widths = one.width, other.width
    return replace(
        translation,
        sentence=words.sentence(certificate, translation.map, count),
        notes=tuple(words.limits(certificate, count, ranks, widths, translation.repeated)),
    )


def named_both(names: Any) -> tuple[str, str]:
    """What the result calls both, checked."""
    words_of_both = isinstance(names, tuple | list) and len(names) == 2
    if not words_of_both or not all(isinstance(one, str) for one in names):
        raise MethexisError(f"names: expected two words, of x and of y, got {shown(names)}")
    return names[0], names[1]


def _stepped(given: Any, steps: Preprocessing) -> tuple[Array, float]:
    """Rows of one side after the steps, and where they were clipped.

    Raises
    ------
    MethexisError
        If it holds dissimilarities, or numbers whose powers no double holds.
    """
    if not isinstance(given, Features):
        raise MethexisError(
            f"{given.name}: expected features (num_samples, num_features), got dissimilarities, "
            "which no map predicts"
        )
    in_range(given, 4)
    bound = steps.bound(given)
    stepped = steps(given, bound=bound)
    return np.asarray(to_numpy(stepped.array), dtype=np.float64), bound


def _by_order(pair: Paired, seed: int) -> Paired:
    """The same with groups in the order of their first rows, so that folds know no coordinates.

    `paired` has them in the order of the bytes of their rows, so another unit would cut other
    folds.
    """
    _, first, place = np.unique(pair.groups, return_index=True, return_inverse=True)
    groups = np.argsort(np.argsort(first))[place].astype(np.int64)
    return replace(pair, groups=groups, fold=folds(groups, pair.num_folds, seed))


def _basis(rows: Array) -> Array | None:
    """Orthonormal directions that hold all rows, where these are fewer than directions."""
    if len(rows) > rows.shape[1]:
        return None
    return np.asarray(np.linalg.qr(rows.T)[0])


def _within(rows: Array, basis: Array | None) -> Array:
    return rows if basis is None else np.asarray(rows @ basis)


def _sides(
    names: tuple[str, str],
    pair: Paired,
    means: tuple[Array, ...],
    bases: tuple[Array | None, Array | None],
    bounds: tuple[float, ...],
    taught: Taught,
    chosen: tuple[Form, Form],
) -> tuple[OneSide, OneSide]:
    """Both sides of the translation that all pairs teach."""
    fit, maps = taught.fit, taught.maps(chosen[0])
    axes = [
        one if basis is None else basis @ one
        for one, basis in zip((fit.axes_x, fit.axes_y), bases, strict=True)
    ]
    across, common = (maps.forward, maps.backward), taught.common(chosen[1])
    first, second = (
        OneSide(names[k], means[k], pair.sizes[k], axes[k], across[k], common[k], bounds[k])
        for k in range(2)
    )
    return first, second


def _ridges(fit: Fit, form: Form) -> tuple[float, float]:
    """The ridges that both directions have, in units of the mean variance."""
    if form.ridge is not None:
        return form.ridge, form.ridge
    x, y = (
        float((ridged - values)[0] / values.mean())
        for ridged, values in ((fit.dx, fit.lx), (fit.dy, fit.ly))
    )
    return x, y
