"""How a measure is computed at the sizes at hand: from whole arrays, in one pass, or not at all.

Decided before anything is computed. Whole arrays give everything, and are taken if the memory that
was given holds what that takes. Beyond it measures of second moments are had from one pass over
the rows, whatever their number; and where whole arrays would take too long, those of kernels, which
lose little by it: chance level and deviation stay exact. One pass must fit too, and be well faster
where it is taken to be fast. A measure that has no way is refused at once if memory is short; if it
is only slow, it is told how long it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from methexis.errors import MethexisError
from methexis.measures import MEASURES, Measure
from methexis.measures.budget import memory_bytes, readable
from methexis.measures.inference.costs import (
    Needs,
    default_orders,
    needs,
    order_seconds,
    pass_seconds,
)
from methexis.measures.kernels.contract import KernelMeasure
from methexis.measures.streaming import least_bytes, streams
from methexis.representations import Representation
from methexis.scenarios.comparing.settings import CompareSettings

#: Seconds of one pair that kernels are given. Many layers are given more: their orders alone take
#: `SECONDS_OF_ORDERS`, and buy a correction that one pass has not.
PATIENCE, PATIENCE_OF_MANY = 300.0, 3600.0
#: How many times faster than whole arrays one pass must be to be taken for that: its p is a bound.
FASTER = 3.0
#: Orders drawn for one pair if nothing is said: they resolve p to .001.
ORDERS = 999


@dataclass(frozen=True)
class Plan:
    """How one measure is computed.

    Attributes
    ----------
    one_pass : bool
        In one pass over the rows; else from whole arrays.
    why : str
        Why so, in words, if it is.
    seconds : float
        How long it takes, roughly.
    """

    one_pass: bool
    why: str
    seconds: float


def planned(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
    settings: CompareSettings,
) -> Plan:
    """Choose the way of one measure over all pairs of layers.

    Raises
    ------
    MethexisError
        If there is none within the memory; with what would help.
    """
    found = _needs(measure, first, second, settings)
    budget = memory_bytes("memory", settings.memory)
    short = found.num_bytes > budget
    single = second is not None and len(first) == len(second) == 1
    patience = PATIENCE if single else PATIENCE_OF_MANY
    slow = found.seconds > patience and settings.null == "auto"
    slow = slow and isinstance(measure, KernelMeasure)
    seconds = _pass_seconds(measure, first, second)
    slow = slow and FASTER * seconds < found.seconds
    able = _passes(measure, first, second) and settings.preprocessing == "none"
    able = able and settings.null in {"auto", "none"}
    least = pass_bytes(first, first if second is None else second)
    if (short or slow) and able and least <= budget:
        why = (
            f"whole arrays would take {readable(found.num_bytes)} of memory, and "
            f"{readable(budget)} were given"
            if short
            else f"whole arrays would take {duration(found.seconds)}"
        )
        return Plan(True, why, seconds)
    if short:
        wanted = min(found.num_bytes, least) if able else found.num_bytes
        raise _refusal(measure, first, second, settings, wanted)
    return Plan(False, "", found.seconds)


def pass_bytes(rows: Sequence[Representation], columns: Sequence[Representation]) -> int:
    """The least memory of a pass over the pair of layers that takes most."""
    return max(
        least_bytes(
            one.shape[0],
            (one.shape[1], other.shape[1]),
            (one.array.dtype.itemsize, other.array.dtype.itemsize),
        )
        for one in rows
        for other in columns
    )


def duration(seconds: float) -> str:
    """About how long, in words.

    Examples
    --------
    >>> duration(0.2), duration(40), duration(1300), duration(4.1 * 3600), duration(1e6)
    ('about a second', 'about 40 seconds', 'about 22 minutes', 'about 4 hours', 'about 12 days')
    """
    for unit, width in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * width:
            return f"about {seconds / width:.0f} {unit}"
    return f"about {seconds:.0f} seconds" if seconds >= 1.5 else "about a second"


def told(seconds: float) -> str:
    """What a user is told who waits so long.

    Examples
    --------
    >>> told(1300)
    'about 22 minutes'
    >>> told(1e5)
    'about 28 hours; --null none, or fewer --permutations, take less'
    """
    less = "; --null none, or fewer --permutations, take less"
    return duration(seconds) + (less if seconds > PATIENCE_OF_MANY else "")


def _needs(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
    settings: CompareSettings,
    num_samples: int | None = None,
) -> Needs:
    """Of all pairs: one at a time is held, each layer is reduced once, columns are put in order."""
    n = first[0].shape[0] if num_samples is None else num_samples
    columns = first if second is None else second
    widths = tuple(max(layer.shape[1] for layer in side) for side in (first, columns))
    single = second is not None and len(first) == len(second) == 1
    null = settings.null != "none"
    drawn = null and (settings.null == "permutation" or not _has_moments(measure))
    if not single:
        drawn = null and (drawn or settings.correction == "max")
    orders = settings.num_permutations
    every = [[layer.shape[1] for layer in side] for side in (first, columns)]
    if orders is None:
        orders = ORDERS if single else default_orders(measure, n, every[0], every[1])
    resamples = settings.num_bootstrap if single else 0
    once = needs(measure, n, (widths[0], widths[1]), null=null)
    whole = needs(
        measure,
        n,
        (widths[0], widths[1]),
        null=null,
        num_orders=orders if drawn else 0,
        num_resamples=resamples,
    )
    if single:
        return whole
    layers = len(first) + (0 if second is None else len(second))
    ordered = orders * order_seconds(measure, n, every[0], every[1]) if drawn else 0.0
    return Needs(whole.num_bytes, once.seconds * layers / 2 + ordered)


def _passes(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
) -> bool:
    """Whether one pass can give the measure of these."""
    return streams(measure) and not any(
        layer.dissimilarities for layer in (*first, *(second or ()))
    )


def _pass_seconds(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
) -> float:
    """Of the pairs that `stream_pairs` goes through."""
    half = second is None and measure.symmetric
    columns = first if second is None else second
    pairs = (
        (one.shape[1], other.shape[1])
        for i, one in enumerate(first)
        for j, other in enumerate(columns)
        if not half or i <= j
    )
    return pass_seconds(first[0].shape[0], pairs)


def _has_moments(measure: Measure[Any]) -> bool:
    return type(measure).null_moments is not Measure.null_moments


def _refusal(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
    settings: CompareSettings,
    wanted: int,
) -> MethexisError:
    """What is too much, and what would do instead."""
    n, budget = first[0].shape[0], memory_bytes("memory", settings.memory)
    ways = [f'--memory "{readable(wanted)}" if the machine has that']
    columns = first if second is None else second
    if _passes(measure, first, second) and pass_bytes(first, columns) <= budget:
        changes = {"--preprocessing none": settings.preprocessing == "none"}
        changes["--null auto"] = settings.null in {"auto", "none"}
        less = " ".join(change for change, done in changes.items() if not done)
        ways.append(f"{less}, with which one pass over the rows is enough")
    lean = replace(settings, num_bootstrap=0)
    if _needs(measure, first, second, lean).num_bytes <= budget:
        ways.append("--bootstrap 0")
    if not streams(measure):
        ways.append(f"a measure that reads the rows once ({', '.join(_streaming())})")
    fit = _most_samples(measure, first, second, settings, budget)
    if fit:
        ways.append(f"a sample of at most {fit:,} rows")
    return MethexisError(
        f"memory: expected at least {readable(wanted)} for {measure.title} of {n:,} samples, got "
        f"{readable(budget)}; give {', or '.join(ways)}"
    )


def _streaming() -> list[str]:
    """The best known of those that can be had from one pass, in the words of the command."""
    named = [name for name in ("cka", "rv", "procrustes", "cca") if streams(MEASURES[name]())]
    return ["cka:debiased=true" if name == "cka" else name for name in named]


def _most_samples(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
    settings: CompareSettings,
    budget: int,
) -> int:
    """How many samples fit, to two digits; 0 where hardly any do."""
    low, high = 0, first[0].shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        fits = _needs(measure, first, second, settings, middle).num_bytes <= budget
        low, high = (middle, high) if fits else (low, middle)
    unit = 10 ** max(0, len(str(low)) - 2)
    return low // unit * unit if low >= 10 else 0
