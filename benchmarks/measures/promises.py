"""What `compare` promises and what it keeps: null and time of every measure at three sizes.

``python -m benchmarks.measures.promises`` prints a table over all measures: the null and the
seconds that `mx.measures.plan` names before anything is computed, those that were found, and their
ratio, marked where it is not within a factor of three. Where more than five minutes are promised a
tenth of the permutations is drawn and the time is scaled. A refusal counts as right only if it was
the promise. ``--shapes 500x64 1000x256 5000x1000 --tier 1`` are ordinary pairs, of which it also
says how many take at most five seconds.

Time is that of the wall clock; ``--cpu`` takes that of the process instead, which other work on the
machine changes less, and is to be run on one thread.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np

import methexis as mx
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import MEASURES, Measure, Plan, speed

SIZES = (500, 5_000, 50_000)
FEATURES = 64
#: Seconds in which an ordinary pair is to be compared.
ORDINARY = 5.0
#: Farthest that a promise may be from what it takes, either way.
FACTOR = 3.0
#: Seconds beyond which a tenth of the permutations is timed.
LONG = 300.0
#: Seconds below which nobody waits, so that no factor is asked for.
SHORT = 1.0
SHARE = 0.1


@dataclass(frozen=True)
class Row:
    """One measure at one size.

    Attributes
    ----------
    measure : str
    samples, features : int
    promised, found : str
        Nulls; "refused" where there is none.
    promise, seconds : float
        What was told, and what it took.
    """

    measure: str
    samples: int
    features: int
    promised: str
    found: str
    promise: float
    seconds: float
    cpu: float  # of all threads

    @property
    def ratio(self) -> float:
        """What it took over what was told."""
        return self.seconds / self.promise if self.promise else float("nan")

    @property
    def kept(self) -> bool:
        """Whether null and time are as promised; both below a second are alike."""
        if self.promised != self.found:
            return False
        if self.promised == "refused" or max(self.promise, self.seconds) < SHORT:
            return True
        return 1.0 / FACTOR <= self.ratio <= FACTOR

    def __str__(self) -> str:
        """One line."""
        sizes = f"{self.measure:<22}{self.samples:>7,}{self.features:>6,}"
        times = (
            f"{self.promise:>10.2f} s{self.seconds:>10.2f} s{self.cpu:>10.2f} s{self.ratio:>7.2f}"
        )
        mark = "" if self.kept else "  <<<"
        return f"{sizes}  {self.promised:<12}{self.found:<12}{times}{mark}"


def planned(measure: Measure[Any], shape: tuple[int, int]) -> Plan | None:
    """The promise; None of a refusal."""
    try:
        return mx.measures.plan(shape, shape, measure)
    except MethexisError:
        return None


def kept_or_not(measure: Measure[Any], shape: tuple[int, int], clock: Callable[[], float]) -> Row:
    """Promise, and what came of it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    y = x + 2.0 * rng.normal(size=shape)
    plan = planned(measure, shape)
    promised = "refused" if plan is None else "one pass" if plan.one_pass else plan.null
    whole = 0 if plan is None else plan.num_whole
    scaled = plan is not None and plan.seconds > LONG and plan.null == "permutation"
    orders = int(SHARE * whole) if scaled else None
    began, used = clock(), time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)
            comparison = mx.compare(x, y, measure, num_permutations=orders)
        found = "one pass" if comparison.one_pass else comparison.null
    except MethexisError:
        found = "refused"
    seconds, used = clock() - began, time.process_time() - used
    told = 0.0 if plan is None else plan.seconds
    if orders:  # what is no permutation is taken from the promise
        order = speed.here().seconds(measure.work(shape[0], (shape[1], shape[1])).order)
        rest = min(seconds, max(0.0, told - whole * order))
        taken = rest + (seconds - rest) * whole / orders
        seconds, used = taken, used * taken / seconds
    row = Row(measure.name, *shape, promised, found, told, seconds, used)
    return row if found != "refused" else replace(row, seconds=0.0)


def main() -> None:
    """Print the table, and how many promises were kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--samples", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--shapes", nargs="*", help="samples x features, such as 5000x1000")
    parser.add_argument("--tier", type=int, help="measures of this tier only")
    parser.add_argument("--cpu", action="store_true", help="time of the process, not of the clock")
    given = parser.parse_args()
    clock = time.process_time if given.cpu else time.perf_counter
    if given.cpu:  # the machine's speed by the same clock
        found = speed.measured(clock)
        mock.patch.object(speed, "here", return_value=found).start()
    shapes = [(samples, FEATURES) for samples in given.samples]
    if given.shapes:
        shapes = [(int(n), int(d)) for n, d in (shape.split("x") for shape in given.shapes)]
    names = [name for name in given.only if given.tier in (None, MEASURES[name].tier)]
    for name in names:  # whatever is loaded at first use
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)
            small = np.random.default_rng(0).normal(size=(2, 40, 4))
            mx.compare(small[0], small[1], name, num_permutations=9, num_bootstrap=9)
    print(
        f"{'measure':<22}{'n':>7}{'d':>6}  {'promised':<12}{'null':<12}{'told':>12}{'took':>12}"
        f"{'CPU':>12}{'ratio':>7}"
    )
    rows = []
    for name in names:
        for shape in shapes:
            rows.append(kept_or_not(MEASURES[name](), shape, clock))
            print(rows[-1], flush=True)
    kept = sum(row.kept for row in rows)
    print(f"{kept} of {len(rows)} promises kept within a factor of {FACTOR:g}")
    quick = sum(row.seconds <= ORDINARY for row in rows)
    print(f"{quick} of {len(rows)} took at most {ORDINARY:g} s")


if __name__ == "__main__":
    main()
