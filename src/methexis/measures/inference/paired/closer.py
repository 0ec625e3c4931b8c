"""Is A closer to B than to C? Two scores on the same samples, and their difference.

Both scores go through one resampling (`joint`), so that what moves them together takes no part. The
difference over its standard error follows a t law; that is the interval, and turned round the p:
p ≤ .05 if and only if the 95 % interval leaves out zero. How often that is right is simulated in
`evidence.closer`.

With several subjects the question is one about subjects, of which there may be others: the
difference of the two scores of each, their mean, and a t law over subjects.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import integer, number
from methexis.display import Displayed
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.budget import memory_bytes
from methexis.measures.dissimilarity.contract import RDMMeasure
from methexis.measures.inference import nulls
from methexis.measures.inference.paired.joint import Joint, joint, require_room
from methexis.measures.inference.printing import probability, rounded
from methexis.measures.inference.sizes import opened, sizes_of
from methexis.measures.inference.subjects.groups import subjects
from methexis.measures.inputs.features import Features, warn
from methexis.measures.inputs.joining import joined
from methexis.measures.inputs.naming import single
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.representations import Representation, both, of_one_library
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen
from methexis.measures.rounding import OTHER_WAY

#: Orders for a chance level that only a note needs.
_ORDERS = 20
#: Level at which a printed result says that one is closer.
_LEVEL = 0.05


@dataclass(frozen=True)
class Closer(Displayed):
    """Whether A is closer to B than to C.

    Attributes
    ----------
    measure : str
        Name of the measure.
    options : dict
        Options of the measure.
    names : (str, str, str)
        What A, B and C are called.
    scores : (float, float)
        Scores of A and B, and of A and C; over subjects, their means.
    difference : float
        Difference of the scores: positive if A is closer to B, of distances too.
    ci : (float, float)
        Interval for its expectation at this number of samples; over subjects, in the population
        that they come from.
    confidence : float
        Confidence level of that interval.
    p : float
        Two-sided probability of a difference as large, were both expected scores equal.
    error : float
        Standard error of the difference.
    correlation : float
        Correlation of both scores over samples (or subjects): at 0 pairing gains nothing.
    n : int
        Number of samples.
    units : int
        Number of what was resampled: samples, groups of them, or subjects.
    kind : str
        What was resampled: "samples", "groups" or "subjects".
    preprocessing : dict
        What was done to the features before.
    notes : tuple of str
        What degenerates here; the texts of the warnings.
    """

    measure: str
    options: dict[str, Any]
    names: tuple[str, str, str]
    scores: tuple[float, float]
    difference: float
    ci: tuple[float, float]
    confidence: float
    p: float
    error: float
    correlation: float
    n: int
    units: int
    kind: str
    preprocessing: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def nearer(self) -> str | None:
        """Which of B and C is nearer at a level of 5 %; None if neither is shown to be."""
        if not self.p <= _LEVEL:
            return None
        return self.names[1] if self.difference > 0 else self.names[2]

    def __str__(self) -> str:
        """One sentence that concludes, with the numbers that it rests on."""
        a, b, c = self.names
        if self.nearer is None:
            said = f"{a} is not shown to be closer to {b} or to {c}"
        else:
            said = f"{a} is closer to {self.nearer} than to {c if self.nearer == b else b}"
        one, other = (rounded(score) for score in self.scores)
        low, high = (rounded(end) for end in self.ci)
        return (
            f"{said}: {self.measure} {one} to {b} and {other} to {c}, difference "
            f"{rounded(self.difference)} ({self.confidence:.0%} interval {low} to {high}), "
            f"{probability('p', self.p)} ({self.units} {self.kind})"
        )

    def as_dict(self) -> dict[str, Any]:
        """The whole answer in plain types, for JSON."""
        return asdict(self) | {"nearer": self.nearer}

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"measure": self.measure, "nearer": self.nearer or "not known"}
        told |= {"difference": self.difference, "ci": self.ci, "p": self.p}
        told |= {"names": self.names, "scores": self.scores, "n": self.n}
        told[self.kind] = self.units
        return told | ({"notes": self.notes} if self.notes else {})


def closer(
    a: Any,
    b: Any,
    c: Any,
    measure: str | Measure[Any] | None = None,
    *,
    groups: Any = None,
    preprocessing: Preprocessing | str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    precision: str = "float64",
    memory: int | str | None = None,
    names: tuple[str, str, str] = ("A", "B", "C"),
    **options: Any,
) -> Closer:
    """Whether one representation is closer to a second than to a third, over the same samples.

    Parameters
    ----------
    a, b, c : array (num_samples, num_features) or RDM
        Representations of the same samples in the same order. Recordings of several subjects, a
        list of RDMs or an array ``(num_subjects, num_samples, num_samples)``, may stand for a: then
        the difference is one over subjects, of whom 3 are needed.
    measure : str or Measure, optional
        What to measure; by default debiased linear CKA, whose chance level is 0 at any width, and
        `rsa` for subjects.
    groups : sequence (num_samples,), optional
        Labels of samples that belong together, such as frames of one film: groups are drawn, not
        samples.
    preprocessing : Preprocessing or {"none", "prh", "prh_rows"}, optional
        Steps before; none by default.
    confidence : float
        Confidence level of the interval.
    seed : int
        Seed of what is drawn, where something is; `joint` says where.
    precision : {"float64", "float32"}
        Precision of the computation.
    memory : int or str, optional
        Most bytes to take, such as ``"2 GiB"``; 4 GiB by default. All three are held at once.
    names : (str, str, str)
        What messages and the result call them.
    **options
        Options of the measure.

    Returns
    -------
    Closer

    Raises
    ------
    MethexisError
        On input that cannot be compared, too few subjects or groups, and for a measure of which it
        is not known how it varies with its samples.

    Notes
    -----
    A measure whose chance level depends on the width (Procrustes, biased CKA, CCA) scores a wider
    one of B and C higher, whatever it is; where widths differ a note says what chance makes of the
    difference. The question is one about these samples and others like them, not about other models
    trained like B or C.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=(200, 8))
    >>> b, c = a + 0.5 * rng.normal(size=(200, 8)), a + rng.normal(size=(200, 8))
    >>> answer = closer(a, b, c)
    >>> answer.nearer, answer.p < 1e-4, answer.ci[0] < answer.difference < answer.ci[1]
    ('B', True, True)
    """
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    steps = steps_named(preprocessing)
    called: Any = names
    if not isinstance(called, tuple | list) or len(called) != 3:
        got = len(called) if isinstance(called, tuple | list) else type(called).__name__
        raise MethexisError(f"names: expected three, of A, B and C, got {got}")
    a, b, c = joined(a, b, c)
    several, budget = _several(a), memory_bytes("memory", memory)
    method = default_measure(measure, options, several=several)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        if several:
            if groups is not None:
                raise MethexisError("groups: expected none for several subjects, got some")
            n, joint_scores, kind = _over_subjects(method, a, (b, c), steps, names, precision)
        else:
            room(method, [(names[0], a), (names[1], b), (names[2], c)], budget)
            reduced, checked = reduced_with(method, a, (b, c), steps, names, precision)
            n = checked[0].num_samples
            kind = "samples" if groups is None else "groups"
            joint_scores = joint(
                method,
                [(reduced[0], one) for one in reduced[1:]],
                num_samples=n,
                groups=None if groups is None else group_numbers(groups, n),
                seed=seed,
            )
            _say_chance(method, reduced, checked, seed, joint_scores)
    caught = list({str(w.message): w for w in caught}.values())  # of every subject the same
    notes = tuple(str(w.message) for w in caught if issubclass(w.category, DegenerateWarning))
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    sign = -1.0 if method.distance else 1.0
    error = float(joint_scores.errors()[0, 1])
    difference = sign * float(joint_scores.scores[0] - joint_scores.scores[1])
    reach = joint_scores.quantile(confidence) * error
    spread = np.sqrt(np.diagonal(joint_scores.loose))
    return Closer(
        measure=method.name,
        options=method.options(),
        names=names,
        scores=(float(joint_scores.scores[0]), float(joint_scores.scores[1])),
        difference=difference,
        ci=(difference - reach, difference + reach),
        confidence=confidence,
        p=_p(difference, error, joint_scores),
        error=error,
        correlation=float(joint_scores.loose[0, 1] / np.prod(spread))
        if spread.all()
        else float("nan"),
        n=n,
        units=joint_scores.dof + 1,
        kind=kind,
        preprocessing={**steps.described(), "precision": precision},
        notes=notes,
    )


def reduced_with(
    method: Measure[Any],
    a: Any,
    others: Sequence[Any],
    steps: Preprocessing,
    names: Sequence[str],
    precision: str = "float64",
) -> tuple[list[Any], list[Representation]]:
    """One representation and others beside it, checked and reduced; the first comes first.

    Raises
    ------
    MethexisError
        If one cannot be compared with the first; the message names both.
    """
    given = [opened(name, single(name, one)) for name, one in zip(names, (a, *others), strict=True)]
    scaled = method.scale_free or steps.normalise
    checked: list[Representation] = []
    for name, other in zip(tuple(names)[1:], given[1:], strict=True):
        first, second = both(
            given[0], other, precision=precision, scaled=scaled, names=(names[0], name)
        )
        checked = [*(checked or [first]), second]
    checked = of_one_library(checked)
    n = checked[0].num_samples
    if n < method.min_samples:
        raise MethexisError(
            f"{method.name}: expected at least {method.min_samples} samples, got {n}"
        )
    reduced = [method.reduce_any(one, steps) for one in checked]
    for other in checked[1:]:
        misleading = method.notice(checked[0], other)
        if misleading:
            warn(misleading)
    return reduced, checked


def room(method: Measure[Any], given: Sequence[tuple[str, Any]], memory: int) -> None:
    """See that representations fit into the memory, from their shapes alone."""
    sizes = sizes_of([opened(name, single(name, one)) for name, one in given], None)
    if sizes is not None:  # what has no sizes is refused when it is checked
        require_room(method, sizes.num_samples, sizes.widths[0], memory)


def group_numbers(groups: Any, num_samples: int) -> NDArray[np.int64]:
    """Groups of samples, numbered from 0.

    Raises
    ------
    MethexisError
        If there is not one label for each sample, or fewer than 3 groups.
    """
    try:
        labels = np.asarray(groups)
        different, numbers = np.unique(labels, return_inverse=True)
    except (TypeError, ValueError):
        raise MethexisError(
            f"groups: expected one label for each of {num_samples} samples, numbers or words, got "
            f"{type(groups).__name__}"
        ) from None
    if labels.shape != (num_samples,):
        raise MethexisError(
            f"groups: expected one label for each of {num_samples} samples, got shape "
            f"{labels.shape}"
        )
    if len(different) < 3:
        raise MethexisError(
            f"groups: expected at least 3 groups, got {len(different)}; over so few nothing can be "
            "said"
        )
    return np.asarray(numbers, dtype=np.int64)


def _p(difference: float, error: float, joint_scores: Joint) -> float:
    if error == 0.0:  # both vary as one, to rounding
        return (
            1.0
            if abs(difference) <= OTHER_WAY * float(np.max(np.abs(joint_scores.scores)))
            else 0.0
        )
    return float(joint_scores.two_sided(difference / error))


def _several(a: Any) -> bool:
    """Whether a value holds the recordings of several subjects."""
    if isinstance(a, list | tuple) and len(a) > 0 and all(isinstance(one, RDM) for one in a):
        return True
    shape: Any = getattr(a, "shape", ())
    return len(shape) == 3 and shape[1] == shape[2]


def default_measure(
    measure: str | Measure[Any] | None, options: dict[str, Any], *, several: bool = False
) -> Measure[Any]:
    """The measure, by default one without a chance level."""
    if measure is None:
        return chosen("rsa", options) if several else chosen("cka", {"debiased": True} | options)
    return chosen(measure, options)


def _over_subjects(
    method: Measure[Any],
    a: Any,
    others: Sequence[Any],
    steps: Preprocessing,
    names: tuple[str, str, str],
    precision: str,
) -> tuple[int, Joint, str]:
    """Scores of every subject with each model, and how they vary together over subjects."""
    if not isinstance(method, RDMMeasure):
        raise MethexisError(
            "measure: expected one that compares RDMs, such as rsa, because subjects are given as "
            f"RDMs, got {method.name}"
        )
    stack = subjects(a)
    scores = np.empty((len(stack), len(others)))
    for place, subject in enumerate(stack):
        reduced, _ = reduced_with(method, subject, others, steps, names, precision)
        scores[place] = [method.score(reduced[0], one) for one in reduced[1:]]
    covariance = np.cov(scores.T) / len(stack)
    over_subjects = Joint(np.mean(scores, axis=0), covariance, covariance, len(stack) - 1)
    return stack[0].num_samples, over_subjects, "subjects"


def _say_chance(
    method: Measure[Any],
    reduced: Sequence[Any],
    checked: Sequence[Representation],
    seed: int,
    joint_scores: Joint,
) -> None:
    """Warn where B and C differ in width, and chance alone makes one score higher."""
    widths = [one.num_features if isinstance(one, Features) else 0 for one in checked[1:]]
    if widths[0] == widths[1]:
        return
    n = checked[0].num_samples
    levels = [chance(method, reduced[0], one, n, seed) for one in reduced[1:]]
    apart = levels[0] - levels[1]
    if abs(apart) > 0.2 * float(joint_scores.errors()[0, 1]):
        b, c = (one.name for one in checked[1:])
        warn(
            f"{method.title}: by chance {b} ({widths[0]} features) scores {levels[0]:.3g} and {c} "
            f"({widths[1]}) {levels[1]:.3g}, which is {apart:+.2g} of the difference; take a "
            "measure without a chance level (debiased cka), or as many features of both"
        )


def chance(method: Measure[Any], a: Any, b: Any, n: int, seed: int) -> float:
    """The score with rows paired at random: exactly where it is known, else from some orders."""
    known = method.null_mean(a, b)
    if known is None:
        moments = method.null_moments(a, b) if method.closed_null(n) else None
        if moments is not None:
            return moments.mean
        orders = nulls.orders(n, _ORDERS, seed)
        return float(np.mean(method.permuted(a, b, orders)))
    return known
