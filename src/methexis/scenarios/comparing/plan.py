"""How a measure is computed at the sizes at hand: from whole arrays, in one pass, or not at all.

Decided before anything is computed. Whole arrays give everything, and are taken if the memory that
was given holds what that takes. Beyond it measures of second moments are had from one pass over
the rows, whatever their number; and where whole arrays would take too long, those of kernels, which
lose little by it: chance level and deviation stay exact. A measure that has no such way is refused
at once if memory is short; if it is only slow, it is told how long it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from methexis.errors import MethexisError
from methexis.measures import MEASURES, Measure
from methexis.measures.budget import memory_bytes, readable
from methexis.measures.costs import Needs, default_orders, needs
from methexis.measures.kernel_measure import KernelMeasure
from methexis.measures.streaming import streams
from methexis.representations import Representation
from methexis.scenarios.comparing.settings import CompareSettings

#: Seconds of one pair that kernels are given. Many layers are given more: their orders alone take
#: `SECONDS_OF_ORDERS`, and buy a correction that one pass has not.
PATIENCE, PATIENCE_OF_MANY = 300.0, 3600.0
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
    able = streams(measure) and settings.preprocessing == "none" and not _square(first, second)
    if (short or slow) and able and settings.null in {"auto", "none"}:
        why = (
            f"whole arrays would take {readable(found.num_bytes)} of memory, and "
            f"{readable(budget)} were given"
            if short
            else f"whole arrays would take {duration(found.seconds)}"
        )
        return Plan(True, why, 0.0)
    if short:
        raise _refusal(measure, first, second, settings, found.num_bytes)
    return Plan(False, "", found.seconds)


def duration(seconds: float) -> str:
    """About how long, in words.

    Examples
    --------
    >>> duration(40), duration(1300), duration(4.1 * 3600), duration(1e6)
    ('about 40 seconds', 'about 22 minutes', 'about 4 hours', 'about 12 days')
    """
    for unit, width in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * width:
            return f"about {seconds / width:.0f} {unit}"
    return f"about {max(1, round(seconds))} seconds"


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
    """Of all pairs: one at a time is held, each layer is reduced once, each pair is permuted."""
    n = first[0].shape[0] if num_samples is None else num_samples
    columns = first if second is None else second
    widths = tuple(max(layer.shape[1] for layer in side) for side in (first, columns))
    single = second is not None and len(first) == len(second) == 1
    null = settings.null != "none"
    pairs = len(first) * len(columns)
    drawn = null and (settings.null == "permutation" or not _has_moments(measure))
    if not single:
        drawn = null and (drawn or settings.correction == "max")
    orders = settings.num_permutations
    if orders is None:
        every = [[layer.shape[1] for layer in side] for side in (first, columns)]
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
    layers = len(first) + (0 if second is None else len(second))
    seconds = once.seconds * layers / 2 + (whole.seconds - once.seconds) * pairs
    return Needs(whole.num_bytes, seconds)


def _has_moments(measure: Measure[Any]) -> bool:
    return type(measure).null_moments is not Measure.null_moments


def _square(first: Sequence[Representation], second: Sequence[Representation] | None) -> bool:
    return any(layer.dissimilarities for layer in (*first, *(second or ())))


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
    if streams(measure) and settings.null in {"auto", "none"} and not _square(first, second):
        ways.append("--preprocessing none, with which one pass over the rows is enough")
    elif streams(measure) and not _square(first, second):
        ways.append("--null auto, with which one pass over the rows is enough")
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
