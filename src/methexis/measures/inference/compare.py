"""One comparison with all that is needed to believe it: null, p, effect, interval, record.

It is planned from sizes before a number is read (`plan`), and then done from whole arrays, or in
one pass over rows of which there are too many (`streamed`).
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from methexis.core.checks import count, integer, number, one_of
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.budget import memory_bytes
from methexis.measures.inference import amounts, nulls
from methexis.measures.inference.all_pairs.streamed import Passes, streamed_pair
from methexis.measures.inference.comparison import Comparison
from methexis.measures.inference.intervals import interval
from methexis.measures.inference.paired.levels import checked_references, checked_repeats, levels
from methexis.measures.inference.plan import Asked, Plan, Progress, planned, tell
from methexis.measures.inference.regressed import regressed
from methexis.measures.inference.resampling import spreading
from methexis.measures.inference.sampling import sampled
from methexis.measures.inference.sizes import opened, sizes_of
from methexis.measures.inputs.features import Features, warn
from methexis.measures.inputs.joining import joined
from methexis.measures.inputs.naming import Named, single
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.representations import Representation, both
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen
from methexis.measures.rounding import OTHER_WAY
from methexis.measures.work import NOTHING

NULLS = ("auto", "moments", "permutation", "none")


def compare(
    x: Any,
    y: Any,
    measure: str | Measure[Any] = "cka",
    *,
    preprocessing: Preprocessing | str | None = None,
    null: str = "auto",
    num_permutations: int | None = None,
    num_bootstrap: int | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    precision: str = "float64",
    memory: int | str | None = None,
    progress: Progress | None = None,
    names: tuple[str, str] = ("X", "Y"),
    references: Any = None,
    repeats: Any = None,
    sample: int | None = None,
    **options: Any,
) -> Comparison:
    """Compare two representations of the same samples, with null, p-value and interval.

    What it will be is planned first, from sizes alone (`plan` gives the same): whole arrays where
    memory holds what they take, else one pass over the rows where that is enough for the measure.
    One pass is also taken where whole arrays would take minutes and the measure loses little by it:
    linear CKA, HSIC and RV have the null's mean and deviation exactly, and p is the most that it
    can be, ``1 / (1 + z²)`` (Cantelli).

    Parameters
    ----------
    x, y : array (num_samples, num_features) or RDM
        Features with paired rows, of NumPy or PyTorch; for measures of representational similarity
        an RDM may stand in place of either. One layer of what ``mx.representations.load`` returns,
        or all of it where it has one, is taken too; as are arrays that stay on disk, mapped or of a
        zarr store, and paths of ``.npy`` files.
    measure : str or Measure
        What to measure; names are in ``mx.measures.MEASURES``.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before; none by default. It is recorded in the result. Steps change features; an RDM
        beside them stays as it is.
    null : {"auto", "moments", "permutation", "none"}
        "auto" takes moments in closed form where the measure has them and they tell the tail
        (`nulls.trusted`), else permutations. Where the scores of 999 would take more than about
        three seconds, of most of them only a part of the score is computed, if the measure has one
        that is quick, and the rest is predicted from it (`regressed`); the result's null is then
        "regression".
    num_permutations : int, optional
        Orders drawn where they are needed, and scored whole: 999 resolve p to .001. By default 999,
        and where those would take more than about three seconds and no part is quick, as many as
        take that, 199 at least.
    num_bootstrap : int, optional
        Resamples for the interval (of which kind, the measure says); 0 leaves it out. By default
        999; where those would take more than about two seconds the interval is from scores with
        samples left out (the jackknife), or from fewer halves. What is decided depends on sizes
        alone.
    confidence : float
        Confidence level of the interval.
    seed : int
        Seed of permutations and bootstrap.
    precision : {"float64", "float32"}
        Precision of the computation; one pass is always in double precision.
    memory : int or str, optional
        Most bytes to take, such as ``"2 GiB"``; 4 GiB by default. Given arrays do not count.
    progress : function of (what, done, all), optional
        Told what follows and how long it takes, with 0 of 0, before anything is computed, and again
        if one sample turns out to dominate the null, so that permutations are drawn after all;
        then of rows, where it is done in one pass. Without it, what takes more than half a minute
        is a warning of the logger ``methexis``.
    names : (str, str)
        What messages and notes call both.
    references : mapping, or "random", optional
        What the score is read against, by name: representations of the same samples that are
        compared with x in place of y, such as an untrained twin of y, the raw input, or another
        seed of x; or the word "random", for random features with the spectrum of x. The first is
        the level from which the result is told; ``{}`` asks for chance and ceiling alone.
    repeats : array (num_repeats, num_samples, num_features), optional
        Repetitions of x (trials, runs), whose halves make the ceiling; by default halves of the
        units of x do. See `levels`.
    sample : int, optional
        Compare so many of the samples, drawn at random by the seed, in place of all; the same rows
        of everything. A note says so.
    **options
        Options of the measure.

    Raises
    ------
    MethexisError
        On input that cannot be compared; before anything is computed, where memory is not enough,
        with what would help.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> comparison = compare(x, 2.0 * x, "cka")
    >>> round(comparison.score, 6), comparison.p < 1e-3
    (1.0, True)
    >>> y, untrained = x @ np.ones((4, 4)) + x, np.random.default_rng(1).normal(size=(50, 4))
    >>> compare(x, y, references={"untrained": untrained}).levels.headline.share > 0.5
    True
    """
    steps = steps_named(preprocessing)
    asked = _asked(null, num_permutations, num_bootstrap, memory, steps)
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    method = chosen(measure, options)
    x, y, references = joined(x, y, references)
    given = [opened(name, single(name, one)) for name, one in zip(names, (x, y), strict=True)]
    drawn = sampled(sample, given, seed)
    if drawn is not None:
        given = [drawn.of(name, one) for name, one in zip(names, given, strict=True)]
        references, repeats = drawn.of_references(references), drawn.of_repeats(repeats)
    said = () if drawn is None else (str(drawn),)
    plan = None
    sizes = sizes_of(given[:1], given[1:], single=True)
    if sizes is not None:
        plan = planned(method, sizes, asked)
        tell(progress, plan.told(), plan.seconds, method.title)
        if plan.one_pass:
            if references is not None or repeats is not None:
                raise MethexisError(
                    "references: expected arrays that are compared whole, got more samples than "
                    "memory or time allow; give a larger memory, null='moments', or fewer samples"
                )
            one, other = (Named("", name, array) for name, array in zip(names, given, strict=True))
            passes = Passes([one], [other], asked.memory)
            pair = streamed_pair(
                plan, passes, null=null, confidence=confidence, seed=seed, progress=progress
            )
            return replace(pair, notes=(*said, *pair.notes))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        scaled = method.scale_free or steps.normalise
        first, second = both(*given, precision=precision, scaled=scaled, names=names)
        _preprocessable(first, second, steps)
        n, d = first.num_samples, (_num_features(first), _num_features(second))
        if n < method.min_samples:
            raise MethexisError(
                f"{method.name}: expected at least {method.min_samples} samples, got {n}"
            )
        a, b = (method.reduce_any(given, steps) for given in (first, second))
        misleading = method.notice(first, second)
        if misleading:
            warn(misleading)
        score = method.score(a, b)
        null_law = _closed(method, a, b, n, null)
        assert plan is not None  # what has no sizes, `both` refuses
        if null_law is None:
            if plan.orders_if_dominated:
                after = plan.seconds_if_dominated - plan.seconds
                tell(progress, plan.fallback, after, method.title)
            null_law = _drawn(method, a, b, plan, n, seed)
        way = amounts.Resampling(plan.interval, plan.num_resamples, NOTHING)
        resampled, spread_by = None, "none"
        if num_bootstrap != 0:
            resampled, spread_by = spreading(method, a, b, way, num_samples=n, seed=seed)
        ci = interval(score, resampled, confidence)
        if _beyond(ci, method.range):
            warn(
                f"{method.title}: an end of the interval lies outside the range of the score: too "
                "few or too uneven samples for it"
            )
        read = None
        if references is not None or repeats is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DegenerateWarning)  # of halves and references
                read = levels(
                    method,
                    (first, second),
                    (a, b),
                    checked_references(references, first, precision, scaled=scaled),
                    chance=null_law.mean,
                    repeats=checked_repeats(repeats, first, precision),
                    steps=steps,
                    confidence=confidence,
                    seed=seed,
                )
    notes = tuple(str(w.message) for w in caught if issubclass(w.category, DegenerateWarning))
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    sign = -1.0 if method.distance else 1.0
    return Comparison(
        measure=method.name,
        options=method.options(),
        score=score,
        null_mean=null_law.mean,
        null_sd=null_law.sd,
        p=null_law.p_value(score, distance=method.distance)
        if null_law.method != "none"
        else np.nan,
        effect=float(nulls.effect(score, null_law.mean, method.aligned)),
        z=_ratio(sign * (score - null_law.mean), null_law.sd),
        ci=ci,
        confidence=confidence,
        n=n,
        d=d,
        null=null_law.method,
        num_permutations=null_law.num_orders,
        num_whole=len(null_law.scores),
        interval=spread_by,
        num_bootstrap=0 if resampled is None else len(resampled.scores),
        seed=seed,
        preprocessing={
            **steps.described(),
            "given": (_described(first), _described(second)),
            "precision": precision,
        },
        notes=(*said, *notes),
        levels=read,
    )


def plan(
    x: Any,
    y: Any,
    measure: str | Measure[Any] = "cka",
    *,
    preprocessing: Preprocessing | str | None = None,
    null: str = "auto",
    num_permutations: int | None = None,
    num_bootstrap: int | None = None,
    memory: int | str | None = None,
    **options: Any,
) -> Plan:
    """Tell what `compare` will do, and about how long it will take; nothing is computed.

    Parameters
    ----------
    x, y : array (num_samples, num_features), RDM, or (int, int)
        Representations as `compare` takes them, or their shapes alone.
    measure, preprocessing, null, num_permutations, num_bootstrap, memory, **options
        The same as of `compare`.

    Raises
    ------
    MethexisError
        If sizes alone tell that `compare` would refuse.

    Examples
    --------
    >>> print(plan((100, 8), (100, 8), "cca"))
    about a second, null by 999 permutations
    >>> plan((500, 64), (500, 64), "cca", squared=True).null
    'moments'
    """
    steps = steps_named(preprocessing)
    asked = _asked(null, num_permutations, num_bootstrap, memory, steps)
    given = [
        _Shape(one) if _is_shape(one) else opened(name, single(name, one))
        for name, one in (("X", x), ("Y", y))
    ]
    sizes = sizes_of(given[:1], given[1:], single=True)
    if sizes is None:
        raise MethexisError(
            "X, Y: expected arrays (num_samples, num_features), or their shapes, got "
            f"{type(x).__name__} and {type(y).__name__}"
        )
    return planned(chosen(measure, options), sizes, asked)


def _asked(
    null: str,
    num_permutations: int | None,
    num_bootstrap: int | None,
    memory: Any,
    steps: Preprocessing,
) -> Asked:
    """What is asked of the comparison of one pair, checked."""
    return Asked(
        one_of("null", null, NULLS),
        "none",
        _count("num_permutations", num_permutations),
        _count("num_bootstrap", num_bootstrap),
        memory_bytes("memory", memory),
        steps == Preprocessing(),
    )


def _count(name: str, value: int | None) -> int | None:
    return None if value is None else count(name, value, least=0)


class _Shape(NamedTuple):
    """A shape in place of an array."""

    shape: tuple[int, int]


def _is_shape(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and all(isinstance(d, int) for d in given)


def _closed(method: Measure[Any], a: Any, b: Any, n: int, null: str) -> nulls.Null | None:
    """The null as far as it takes no orders; None where these are to be drawn."""
    if null == "none":
        return nulls.Null(np.nan, np.nan, "none", np.nan, np.empty(0))
    if null == "permutation" or not method.closed_null(n):
        return None
    if null == "auto" and n < nulls.FEW_SAMPLES:
        return None
    moments = method.null_moments(a, b)
    assert moments is not None  # `closed_null` said so
    if not nulls.trusted(moments, n):
        if null == "auto":
            return None
        warn(
            f"{method.title}: the tail of the null is not known from its moments, because "
            f"there are {n} samples and the share of one of them is "
            f"{moments.dominance:.2f}; use null='permutation'"
        )
    return nulls.from_moments(moments)


def _drawn(method: Measure[Any], a: Any, b: Any, plan: Plan, n: int, seed: int) -> nulls.Null:
    orders = nulls.orders(n, plan.num_orders or plan.orders_if_dominated, seed)
    if len(orders) < 2:
        raise MethexisError(f"num_permutations: expected at least 2 for a null, got {len(orders)}")
    if plan.null == "regression":
        return regressed(method, a, b, orders, plan.num_whole)
    return nulls.from_scores(method.permuted(a, b, orders), method.null_mean(a, b))


def _beyond(ci: tuple[float, float], bounds: tuple[float, float]) -> bool:
    """Whether an end lies outside by more than rounding; a finite bound is of order one."""
    return ci[0] < bounds[0] - OTHER_WAY or ci[1] > bounds[1] + OTHER_WAY


def _num_features(given: Representation) -> int | None:
    return given.num_features if isinstance(given, Features) else None


def _described(given: Representation) -> str:
    return given.given if isinstance(given, Features) else f"RDM ({given.dissimilarity})"


def _preprocessable(first: Representation, second: Representation, steps: Preprocessing) -> None:
    if steps != Preprocessing() and not any(isinstance(g, Features) for g in (first, second)):
        raise MethexisError(
            "preprocessing: expected none for two RDMs, which have no features to change, got "
            f"{steps}"
        )


def _ratio(above: float, below: float) -> float:
    return above / below if below != 0.0 and np.isfinite(below) else float("nan")
