"""One comparison with all that is needed to believe it: null, p, effect, interval, record."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from methexis.core.checks import integer, number, one_of
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.inference import nulls
from methexis.measures.inference.intervals import interval
from methexis.measures.inference.printing import probability, rounded
from methexis.measures.inference.resampling import resamples
from methexis.measures.inputs.features import Features, warn
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.representations import Representation, both
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen
from methexis.measures.rounding import OTHER_WAY

NULLS = ("auto", "moments", "permutation", "none")


@dataclass(frozen=True)
class Comparison:
    """The alignment of two representations.

    Attributes
    ----------
    measure : str
        Name of the measure.
    options : dict
        Its options.
    score : float
        Its value, as it came out.
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
        Of that interval.
    n : int
        Number of samples.
    d : (int, int)
        Numbers of features; None of an RDM.
    null : str
        "moments" (closed form), "permutation" or "none".
    num_permutations, num_bootstrap : int
        Orders and resamples drawn.
    seed : int
        Of both.
    preprocessing : dict
        What was done to the features before, and the types of their numbers as they came.
    notes : tuple of str
        What degenerates here; the texts of the warnings.
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

    def __str__(self) -> str:
        """One line: score, interval, chance level, p, effect."""
        parts = [f"{self.measure} {rounded(self.score)}"]
        if np.isfinite(self.ci[0]):
            low, high = (rounded(end) for end in self.ci)
            parts.append(f"{self.confidence:.0%} interval {low} to {high}")
        if self.null != "none":
            parts.append(f"by chance {rounded(self.null_mean)} ± {rounded(self.null_sd)}")
            parts.append(probability("p", self.p))
        if np.isfinite(self.effect):
            parts.append(f"effect {rounded(self.effect)}")
        one, two = ("(an RDM)" if d is None else d for d in self.d)
        return ", ".join(parts) + f" (n {self.n}, d {one} and {two})"

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return asdict(self)


def compare(
    x: Any,
    y: Any,
    measure: str | Measure[Any] = "cka",
    *,
    preprocessing: Preprocessing | str | None = None,
    null: str = "auto",
    num_permutations: int = 999,
    num_bootstrap: int = 999,
    confidence: float = 0.95,
    seed: int = 0,
    precision: str = "float64",
    **options: Any,
) -> Comparison:
    """Compare two representations of the same samples, with null, p-value and interval.

    Parameters
    ----------
    x, y : array (num_samples, num_features) or RDM
        Features with paired rows, of NumPy or PyTorch; for measures of representational similarity
        an RDM may stand in place of either. One layer of what ``mx.representations.load`` returns,
        or all of it where it has one, is taken too.
    measure : str or Measure
        What to measure; names are in ``mx.measures.MEASURES``.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before; none by default. It is recorded in the result. Steps change features; an RDM
        beside them stays as it is.
    null : {"auto", "moments", "permutation", "none"}
        "auto" takes moments in closed form where the measure has them and they tell the tail
        (`nulls.trusted`), else permutations.
    num_permutations : int
        Orders drawn where they are needed: 999 resolve p to .001.
    num_bootstrap : int
        Resamples for the interval (of which kind, the measure says); 0 leaves it out.
    confidence : float
        Of the interval.
    seed : int
        Of permutations and bootstrap.
    precision : {"float64", "float32"}
        Of the computation.
    **options
        Of the measure.

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> found = compare(x, 2.0 * x, "cka")
    >>> round(found.score, 6), found.p < 1e-3
    (1.0, True)
    """
    one_of("null", null, NULLS)
    num_permutations = integer("num_permutations", num_permutations, least=0)
    num_bootstrap = integer("num_bootstrap", num_bootstrap, least=0)
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    method = chosen(measure, options)
    steps = steps_named(preprocessing)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        first, second = both(x, y, precision=precision)
        _preprocessable(first, second, steps)
        n, d = first.num_samples, (_num_features(first), _num_features(second))
        if n < method.min_samples:
            raise MethexisError(
                f"{method.name}: expected at least {method.min_samples} samples, got {n}"
            )
        a, b = (method.reduce_any(given, steps) for given in (first, second))
        score = method.score(a, b)
        found = _null(method, a, b, n, null=null, num_permutations=num_permutations, seed=seed)
        resampled = (
            resamples(method, a, b, num_samples=n, num_resamples=num_bootstrap, seed=seed)
            if num_bootstrap
            else None
        )
        ci = interval(score, resampled, confidence)
        if _beyond(ci, method.range):
            warn(
                f"{method.title}: an end of the interval lies outside the range of the score: too "
                "few or too uneven samples for it"
            )
    notes = tuple(str(w.message) for w in caught if issubclass(w.category, DegenerateWarning))
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    sign = -1.0 if method.distance else 1.0
    return Comparison(
        measure=method.name,
        options=method.options(),
        score=score,
        null_mean=found.mean,
        null_sd=found.sd,
        p=found.p_value(score, distance=method.distance) if found.method != "none" else np.nan,
        effect=_ratio(score - found.mean, method.aligned - found.mean),
        z=_ratio(sign * (score - found.mean), found.sd),
        ci=ci,
        confidence=confidence,
        n=n,
        d=d,
        null=found.method,
        num_permutations=len(found.scores),
        num_bootstrap=0 if resampled is None else len(resampled.scores),
        seed=seed,
        preprocessing={
            **steps.described(),
            "given": (_described(first), _described(second)),
            "precision": precision,
        },
        notes=notes,
    )


def _null(
    method: Measure[Any],
    a: Any,
    b: Any,
    n: int,
    *,
    null: str,
    num_permutations: int,
    seed: int,
) -> nulls.Null:
    if null == "none":
        return nulls.Null(np.nan, np.nan, "none", np.nan, np.empty(0))
    if null in {"auto", "moments"}:
        moments = method.null_moments(a, b)
        if moments is not None and (null == "moments" or nulls.trusted(moments, n)):
            if not nulls.trusted(moments, n):
                warn(
                    f"{method.title}: the tail of the null is not known from its moments, for "
                    f"there are {n} samples and the share of one of them is "
                    f"{moments.dominance:.2f}; use null='permutation'"
                )
            return nulls.from_moments(moments)
        if null == "moments":
            raise MethexisError(
                f"null: expected 'permutation', for {method.name} has no moments in closed form, "
                "got 'moments'"
            )
    if num_permutations < 2:
        raise MethexisError(
            f"num_permutations: expected at least 2 for a null, got {num_permutations}"
        )
    scores = method.permuted(a, b, nulls.orders(n, num_permutations, seed))
    return nulls.from_scores(scores, method.null_mean(a, b))


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
