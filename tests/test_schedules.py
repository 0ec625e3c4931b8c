"""Learning-rate schedules and slow time."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import methexis as mx
from methexis.schedules import SCHEDULES, Schedule


@given(
    kind=st.sampled_from(SCHEDULES),
    final=st.floats(1e-6, 1.0),
    total=st.integers(1, 1000),
    first=st.integers(0, 2000),
    count=st.integers(0, 300),
)
def test_factors_fall_to_the_floor_and_stay(
    kind: str, final: float, total: int, first: int, count: int
) -> None:
    schedule = Schedule(kind, final)
    whole = schedule.factors(0, 2400, total)
    assert whole[0] == 1.0
    assert (np.diff(whole) <= 0).all()
    floor = 1.0 if kind == "constant" else final
    assert (whole >= floor).all()
    # At the floor from step T on; 1/(1 + (1/f - 1)) rounds f three times, 1/f being up to 1e6.
    assert np.allclose(whole[total:], floor, rtol=1e-15, atol=0)
    assert np.array_equal(schedule.factors(first, count, total), whole[first : first + count])


def test_schedules_by_hand() -> None:
    assert mx.schedules.constant().factors(0, 3, 2).tolist() == [1, 1, 1]
    cosine = mx.schedules.cosine(0.2).factors(0, 5, 4)
    half = np.sqrt(0.5)
    by_hand = [1.0, 0.2 + 0.4 * (1 + half), 0.6, 0.2 + 0.4 * (1 - half), 0.2]
    assert np.allclose(cosine, by_hand, rtol=1e-15, atol=0)  # rounding
    falling = mx.schedules.inverse_time(0.25).factors(0, 4, 3)
    assert np.allclose(falling, [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.factors(-1, 2, 10),
        lambda s: s.factors(0, -2, 10),
        lambda s: s.factors(0, 2, 0),
    ],
)
def test_factors_refuse(call: Callable[[Schedule], object]) -> None:
    with pytest.raises(mx.MethexisError, match="expected an integer"):
        call(mx.schedules.cosine())


@pytest.mark.parametrize("kind", SCHEDULES)
def test_slow_time_is_the_sum_of_squares(kind: str) -> None:
    optimiser = mx.SGD(lr=0.03, momentum=0.6, schedule=Schedule(kind, 0.1))
    total, batch = 200_000, 4  # longer than the pieces in which it is summed
    steps = np.array([0, 1, 2, 1000, 65_536, 65_537, 131_071, total])
    squares = (optimiser.rates(0, total, total) / 0.4) ** 2 / batch
    expected = [math.fsum(squares[:step]) for step in steps]
    found = optimiser.slow_time(steps, total, batch)
    # NumPy adds in pairs: some twenty roundings for 2e5 terms, where there are terms at all.
    assert np.allclose(found, expected, rtol=1e-14, atol=0)
    for i in range(len(steps)):  # the same bits whatever else is asked for
        assert optimiser.slow_time(steps[i : i + 1], total, batch)[0] == found[i]


@pytest.mark.parametrize("kind", SCHEDULES)
def test_past_the_end_every_step_adds_the_last_factor(kind: str) -> None:
    schedule = Schedule(kind, 0.3)
    found = schedule.sums_of_squares(np.array([3, 7, 2**40]), 7)
    last = schedule.factors(7, 1, 7)[0] ** 2
    assert found[1] == pytest.approx(np.sum(schedule.factors(0, 7, 7) ** 2), rel=1e-15)
    assert found[2] == pytest.approx(found[1] + (2**40 - 7) * last, rel=1e-15)


@pytest.mark.parametrize("steps", [[3, 1], [-1, 2], [0.5, 1.0], [], [[1, 2]], "3", None])
def test_sums_of_squares_refuse(steps: object) -> None:
    with pytest.raises(mx.MethexisError, match="steps: expected"):
        Schedule("cosine", 0.3).sums_of_squares(steps, 7)  # type: ignore[arg-type]


def test_slow_time_of_a_long_run_takes_no_memory() -> None:
    total = 10**7  # 80 MB as one array
    f = 0.1
    optimiser = mx.SGD(lr=1.0, schedule=mx.schedules.cosine(f))
    tracemalloc.start()
    try:
        found = optimiser.slow_time(np.array([total]), total, 1)[0]
        huge = mx.SGD(lr=1.0).slow_time(np.array([10**18]), 10**18, 1)[0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6  # a few pieces of 2^16 numbers
    # With a = (1+f)/2, b = (1-f)/2: Σ (a + b cos πs/T)² over s < T, where Σ cos = 1 (all but s = 0
    # cancel in pairs) and Σ cos² = T/2. Pairwise sums round 1e7 terms to 1e-14 or so.
    a, b = (1 + f) / 2, (1 - f) / 2
    assert abs(found / (total * (a * a + b * b / 2) + 2 * a * b) - 1) < 1e-12
    assert huge == 1e18


def test_a_run_carries_them() -> None:
    teacher = mx.Teacher([[1.0]])
    optimiser = mx.SGD(lr=0.01, momentum=0.5, schedule=mx.schedules.cosine(0.1))
    run = mx.train(mx.EDLN(hidden=(1,)), teacher, optimiser, steps=100, batch=2, record=[0, 50])
    rates = 0.01 * np.array([1.0, 0.55, 0.1])
    assert np.allclose(run.data["learning_rate"], rates, rtol=1e-14, atol=0)
    squares = (optimiser.rates(0, 100, 100) / 0.5) ** 2 / 2
    expected = [0.0, squares[:50].sum(), squares.sum()]
    assert np.allclose(run.data["slow_time"], expected, rtol=1e-14, atol=0)
    flow = mx.GradientFlow(lr=0.2)
    assert flow.rates(3, 2, 10).tolist() == [0.2, 0.2]
    assert flow.slow_time(np.array([0, 5]), 10, 1).tolist() == [0, 0]
