"""What a comparison will be, from sizes alone: its way, its null, its time and memory; a promise.

The way is decided before anything is computed. Whole arrays give everything, and are taken if the
memory that was given holds what that takes. Beyond it, measures of second moments come from one
pass over the rows, whatever their number; and where whole arrays would take too long, so are those
whose chance level and deviation one pass gives exactly, because they lose little by it. One pass
must fit too, and be well faster where it is taken to be fast. A measure that has no way is refused
at once if memory is short; if it is only slow, how long it takes is told.

What is decided never depends on the number of cores, so that results do not; only the time that is
told does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures import speed
from methexis.measures.budget import readable
from methexis.measures.inference import amounts, nulls
from methexis.measures.inference.intervals import MOST_LEFT_OUT
from methexis.measures.inference.sizes import Sizes
from methexis.measures.measure import Measure
from methexis.measures.pairs.grid_products import WORKSPACE
from methexis.measures.registry import MEASURES
from methexis.measures.streaming.pass_moments import least_bytes
from methexis.measures.work import NOTHING, Time, Work, grid_order, products

#: Receives what is being done, how much of it is done, and how much there is; both 0 where a
#: sentence says what follows and how long it takes.
Progress = Callable[[str, int, int], None]

#: Seconds of one core that one pair is given if one pass would do. Many layers are given more:
#: their orders alone take `SECONDS_OF_ORDERS`, and buy a correction that one pass has not.
PATIENCE, PATIENCE_OF_MANY = 300.0, 3600.0
#: How many times faster than whole arrays one pass must be to be taken for that: its p is a bound.
FASTER = 3.0
#: Orders of all pairs if nothing is said: as many as take so many seconds, between these numbers.
#: 199 resolve corrected p-values to .005, 999 to .001.
SECONDS_OF_ORDERS, FEWEST_ORDERS, MOST_ORDERS = 600.0, 199, 999
#: Seconds beyond which who gave no `progress` is told by the log what a comparison will be.
LONG = 30.0

_LOG = logging.getLogger("methexis")


@dataclass(frozen=True)
class Wording:
    """How options are called where one is advised; the command has its own words."""

    memory: str = 'memory="{}"'
    preprocessing: str = 'preprocessing="none"'
    null: str = 'null="auto"'
    bootstrap: str = "num_bootstrap=0"
    less: str = 'null="none", or smaller num_permutations, take less'


@dataclass(frozen=True)
class Asked:
    """What is asked of a comparison, as far as it decides the way."""

    null: str  # as of `compare` and `compare_all`, like the next two
    correction: str
    num_permutations: int | None
    num_bootstrap: int | None
    memory: int  # most bytes
    plain: bool  # whether features are taken as they come, without preprocessing


@dataclass(frozen=True)
class Plan(Displayed):
    """How one measure is computed; as text, the promise in one sentence.

    Attributes
    ----------
    measure : Measure
    one_pass : bool
        In one pass over the rows; else from whole arrays.
    why : str
        Why so, in words, if it is.
    null : str
        Where the null will be from: "moments" (in closed form), "permutation", "regression" (of
        most orders only a part of the score is computed; see `regressed`) or "none".
    num_orders : int
        Orders that are drawn: for the null, or to correct for the number of pairs.
    orders_if_dominated : int
        Orders that are also drawn if one sample makes most of the null's spread, which only the
        data show; the null is then by permutation. 0 where that cannot be.
    interval : str
        What gives an interval: "bootstrap", "halves"; where these would take long scores without
        each sample in closed form, "jackknife", without "groups" of samples, or "few" bootstrap
        samples; or "none".
    seconds, seconds_if_dominated : float
        How long it takes, roughly, on the cores that there are; and in that case.
    num_bytes : int
        Most memory at a time; where pairs are made straight from features, the least.
    direct : bool
        Whether pairs are made straight from features, a block at a time, and nothing is kept.
    num_whole : int
        Orders of which the whole score is computed: all that are drawn, but by "regression".
    num_resamples : int
        How many of those the interval is from.
    """

    measure: Measure[Any]
    one_pass: bool
    why: str
    null: str
    num_orders: int
    orders_if_dominated: int
    interval: str
    seconds: float
    seconds_if_dominated: float
    num_bytes: int
    direct: bool = False
    num_whole: int = 0
    num_resamples: int = 0

    def __str__(self) -> str:
        """How long it takes, and where the null is from."""
        if self.one_pass:
            known = "mean and deviation of the null exact" if self.null == "moments" else "no null"
            how = f"one pass over the rows, {known}"
        elif self.null == "none":
            how = "no null"
        elif self.null == "moments":
            how = "null in closed form"
            if self.num_orders:
                how += f", corrected by {self.num_orders} permutations"
        else:
            how = f"null by {self.num_orders} permutations"
            if self.null == "regression":
                how += f", {self.num_whole} of them whole"
        text = f"{duration(self.seconds)}, {how}"
        if self.orders_if_dominated:
            text += (
                f"; {duration(self.seconds_if_dominated)} with {self.orders_if_dominated} "
                "permutations if one sample dominates"
            )
        return text

    def told(self, wording: Wording | None = None) -> str:
        """The plan in words, and what would take less where it takes very long."""
        less = f"; {(wording or Wording()).less}"
        return str(self) + (less if self.seconds > PATIENCE_OF_MANY else "")

    @property
    def fallback(self) -> str:
        """What is told where one sample dominates the null."""
        return (
            f"one sample dominates: {self.orders_if_dominated} permutations, "
            f"{duration(self.seconds_if_dominated - self.seconds)}"
        )

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"measure": self.measure.name, "null": self.null}
        told |= {"one_pass": self.one_pass, "num_orders": self.num_orders}
        return told | {"interval": self.interval, "seconds": self.seconds}


def tell(progress: Progress | None, sentence: str, seconds: float, title: str) -> None:
    """Tell what follows: by `progress`, or by the log ``methexis`` if it takes long."""
    if progress is not None:
        progress(sentence, 0, 0)
    elif seconds > LONG:
        _LOG.warning("%s: %s", title, sentence)


def planned(
    measure: Measure[Any], sizes: Sizes, asked: Asked, wording: Wording | None = None
) -> Plan:
    """Choose the way of one measure over all pairs of layers.

    Refused, with what would help, if there is none within the memory, or no null as asked for.
    """
    wording = wording or Wording()
    case = _Case(measure, sizes, asked)
    if asked.null == "moments" and case.null != "moments":
        raise MethexisError(
            f"null: expected 'permutation', because {measure.name} has no moments in closed form, "
            "got 'moments'"
        )
    time, num_bytes = case.whole()
    passed = case.one_pass()
    short = num_bytes > asked.memory
    slow = time.seconds() > (PATIENCE if sizes.single else PATIENCE_OF_MANY)
    slow = slow and asked.null == "auto" and measure.streams_null
    slow = slow and FASTER * passed.seconds() < time.seconds()
    able = case.passes and asked.plain and asked.null in {"auto", "none"}
    least = pass_bytes(sizes)
    here = speed.here()
    seconds = here.seconds(time)
    if (short or slow) and able and least <= asked.memory:
        why = f"whole arrays would take {duration(seconds)}"
        if short:
            why = f"whole arrays would take {readable(num_bytes)} of memory, and "
            why += f"{readable(asked.memory)} were given"
        null = "moments" if case.null != "none" and measure.streams_null else "none"
        took = here.seconds(passed)
        return Plan(measure, True, why, null, 0, 0, "none", took, took, least)
    if short:
        raise _refusal(case, min(num_bytes, least) if able else num_bytes, wording)
    doubtful = sizes.single and (asked.null, case.null) == ("auto", "moments")
    drawn, again = 0, NOTHING
    if doubtful and measure.may_be_dominated:
        count = asked.num_permutations
        drawn = amounts.orders(case.work, parts=False).drawn if count is None else count
        again = drawn * case.work.order
    orders, resampling = case.orders, case.resampling
    return Plan(
        measure=measure,
        one_pass=False,
        why="",
        null=case.null,
        num_orders=orders.drawn,
        num_whole=orders.whole,
        orders_if_dominated=drawn,
        interval=resampling.way,
        num_resamples=resampling.count,
        seconds=seconds,
        seconds_if_dominated=seconds + here.seconds(again),
        num_bytes=num_bytes,
        direct=case.direct is not None,
    )


def default_orders(measure: Measure[Any], sizes: Sizes) -> int:
    """How many orders all pairs of layers are given if nothing is said.

    Examples
    --------
    >>> from methexis.measures import CKA, Procrustes
    >>> default_orders(CKA(), Sizes.of(297, [64] * 4, [32] * 4))
    999
    >>> default_orders(CKA(), Sizes.of(4096, [1024] * 12, [1024] * 12))
    999
    >>> default_orders(Procrustes(), Sizes.of(4096, [1024] * 12, [1024] * 12))
    199
    """
    widths = sizes.widths
    seconds = measure.order_work(sizes.num_samples, widths[0], widths[1]).seconds()
    return int(np.clip(SECONDS_OF_ORDERS // seconds, FEWEST_ORDERS, MOST_ORDERS))


def pass_bytes(sizes: Sizes) -> int:
    """The least memory of a pass over the pair of layers that takes most."""
    return max(
        least_bytes(
            sizes.num_samples,
            (one.num_features, other.num_features),
            (one.item_bytes, other.item_bytes),
        )
        for one in set(sizes.rows)
        for other in set(sizes.columns)
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


@dataclass(frozen=True)
class _Case:
    """One measure of representations of some sizes, and what is asked of it."""

    measure: Measure[Any]
    sizes: Sizes
    asked: Asked

    @property
    def null(self) -> str:
        """Where the null is from if no sample dominates it."""
        n, null = self.sizes.num_samples, self.asked.null
        few = self.sizes.single and n < nulls.FEW_SAMPLES and null == "auto"
        if null == "none":
            return null
        if null != "permutation" and not few and self.measure.closed_null(n):
            return "moments"
        if self.asked.num_permutations is None and self.orders.whole < self.orders.drawn:
            return "regression"
        return "permutation"

    @property
    def orders(self) -> amounts.Orders:
        """Orders that are drawn whatever the data are, and how many of them are scored whole."""
        n, null, single = self.sizes.num_samples, self.asked.null, self.sizes.single
        few = single and n < nulls.FEW_SAMPLES and null == "auto"
        needed = null == "permutation" or few or not self.measure.closed_null(n)
        if null == "none" or not (needed or (not single and self.asked.correction == "max")):
            return amounts.Orders(0, 0)
        count = self.asked.num_permutations
        if count is None and single:
            return amounts.orders(self.work, parts=null == "auto" and not few)
        if count is None:
            count = default_orders(self.measure, self.sizes)
        if needed and count < 2:
            raise MethexisError(f"num_permutations: expected at least 2 for a null, got {count}")
        return amounts.Orders(count, count)

    @property
    def resampling(self) -> amounts.Resampling:
        """What gives an interval."""
        n, asked = self.sizes.num_samples, self.asked.num_bootstrap
        kind = self.measure.interval_from(n) if self.sizes.single else "none"
        jackknifed = self.measure.jackknifed
        return amounts.resampling(self.work, kind, n, asked, jackknifed=jackknifed)

    @property
    def work(self) -> Work:
        """What the pair of the widest layers takes."""
        widest = max(self.sizes.widths[0]), max(self.sizes.widths[1])
        return self.measure.work(self.sizes.num_samples, widest)

    @property
    def passes(self) -> bool:
        """Whether one pass can give the measure of these representations."""
        return self.measure.streams and not self.sizes.dissimilarities

    @property
    def direct(self) -> tuple[Time, int] | None:
        """Time and memory of all pairs straight from features; None where there is no such way."""
        sizes, asked = self.sizes, self.asked
        if self.null != "none" or sizes.single or sizes.dissimilarities or not asked.plain:
            return None
        rows, columns = sizes.widths
        item = max(layer.item_bytes for layer in (*sizes.rows, *sizes.columns))
        cost = self.measure.direct_work(
            sizes.num_samples, rows, None if sizes.same else columns, item
        )
        return cost if cost is not None and cost[1] <= asked.memory else None

    def whole(self) -> tuple[Time, int]:
        """Time and memory of whole arrays: one pair at a time is held, each layer reduced once."""
        if self.direct is not None:
            return self.direct
        measure, sizes, orders, work = self.measure, self.sizes, self.orders, self.work
        n, (rows, columns) = sizes.num_samples, sizes.widths
        moments = work.moments if self.null == "moments" else NOTHING
        resampling = self.resampling
        held = max(orders.drawn, 0 if resampling.way == "jackknife" else resampling.count)
        if resampling.way == "bootstrap":
            held = max(orders.drawn, resampling.count + min(n, MOST_LEFT_OUT))
        num_bytes = work.num_bytes + work.drawn_bytes * held
        if sizes.single:
            drawn = orders.time(work) + resampling.time
            if resampling.way == "halves":  # what neighbours share by chance is taken from theirs
                drawn = drawn + (work.moments if measure.closed_null(n) else 200 * work.order)
            return work.reduce + work.score + moments + drawn, num_bytes
        pairs = len(rows) * len(columns)
        if self.null != "none":
            num_bytes = max(num_bytes, WORKSPACE + 8 * orders.drawn * pairs)
        layers = len(rows) + (0 if sizes.same else len(columns))
        time = 0.5 * layers * (work.reduce + moments) + pairs * work.score
        return time + orders.drawn * measure.order_work(n, rows, columns), num_bytes

    def one_pass(self) -> Time:
        """Time of one pass over the rows of each pair."""
        sizes, (rows, columns) = self.sizes, self.sizes.widths
        half = sizes.same and self.measure.symmetric

        def one(widths: tuple[int, int]) -> Time:
            a, b = widths
            return products(sizes.num_samples * (a * a + b * b + a * b))

        return ((1 + 1 / len(rows)) / 2 if half else 1.0) * grid_order(rows, columns, one)

    def fits(self, num_samples: int) -> bool:
        """Whether so many samples fit as whole arrays."""
        other = replace(self, sizes=replace(self.sizes, num_samples=num_samples))
        return other.whole()[1] <= self.asked.memory


def _refusal(case: _Case, wanted: int, wording: Wording) -> MethexisError:
    """The error of a plan that does not fit: what is too much, and what would do instead."""
    measure, asked, n = case.measure, case.asked, case.sizes.num_samples
    ways = [f"{wording.memory.format(readable(wanted))} if the machine has that"]
    if case.passes and pass_bytes(case.sizes) <= asked.memory:
        changes = {wording.preprocessing: asked.plain}
        changes[wording.null] = asked.null in {"auto", "none"}
        less = " ".join(change for change, done in changes.items() if not done)
        ways.append(f"{less}, with which one pass over the rows is enough")
    if replace(case, asked=replace(asked, num_bootstrap=0)).fits(n):
        ways.append(wording.bootstrap)
    if not measure.streams:
        ways.append(f"a measure that reads the rows once ({', '.join(_streaming())})")
    fit = _most_samples(case)
    if fit:
        ways.append(f"a sample of at most {fit:,} rows")
    return MethexisError(
        f"memory: expected at least {readable(wanted)} for {measure.title} of {n:,} samples, got "
        f"{readable(asked.memory)}; give {', or '.join(ways)}"
    )


def _streaming() -> list[str]:
    """The best-known measures that one pass can give, in the words of the command."""
    named = [name for name in ("cka", "rv", "procrustes", "cca") if MEASURES[name]().streams]
    return ["cka:debiased=true" if name == "cka" else name for name in named]


def _most_samples(case: _Case) -> int:
    """How many samples fit, to two digits; 0 where hardly any do."""
    low, high = 0, case.sizes.num_samples
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if case.fits(middle) else (low, middle)
    unit = 10 ** max(0, len(str(low)) - 2)
    return low // unit * unit if low >= 10 else 0
