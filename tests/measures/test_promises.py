"""What a measure says of itself is what then happens: null, one pass, interval, time and memory.

Plans rest on it, and whoever is told "about a second" must not wait minutes for permutations.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest

import methexis as mx
from methexis.errors import DegenerateWarning
from methexis.measures import MEASURES, Measure
from methexis.measures.inference import nulls
from methexis.measures.inference.sizes import Sizes
from methexis.measures.inputs.features import features
from methexis.measures.neighbours.lists import NeighbourMeasure
from methexis.measures.streaming.pass_moments import one_pass
from methexis.measures.subspaces.cca import MOMENTS_SAMPLES
from methexis.measures.work import Work
from tests.measures.cases import VARIANTS, label, related

every_measure = pytest.mark.parametrize("measure", VARIANTS, ids=label)
#: Samples and features: of fewer than tails are believed of, of more features than samples, plain.
SHAPES = [(nulls.FEW_SAMPLES - 1, (3, 2)), (24, (30, 28)), (60, (5, 4))]


def quietly(function: Any, *given: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        return function(*given, **options)


def possible(measure: Measure[Any], n: int) -> bool:
    """Whether there are more samples than neighbours that are asked for, and twice as many."""
    return n > measure.options().get("k", 0)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"n{shape[0]}")
@pytest.mark.parametrize("null", ["auto", "permutation", "none"])
@every_measure
def test_the_null_is_the_one_that_was_promised(
    measure: Measure[Any], null: str, shape: tuple[int, tuple[int, int]]
) -> None:
    n, widths = shape
    if not possible(measure, n):
        return
    x, y = related(n, *widths)
    said: list[str] = []
    asked: Any = {"null": null, "num_permutations": 9, "num_bootstrap": 0}
    plan = mx.measures.plan(x, y, measure, **asked)
    found = quietly(mx.compare, x, y, measure, **asked, progress=lambda what, *_: said.append(what))
    assert said[0] == str(plan)
    fell_back = said[1:] == [plan.fallback]
    assert found.null == ("permutation" if fell_back else plan.null)
    assert found.num_permutations == (plan.orders_if_dominated if fell_back else plan.num_orders)
    if fell_back:
        assert plan.orders_if_dominated == 9
        assert null == "auto"


@every_measure
def test_the_null_in_closed_form_is_there_where_it_is_promised(measure: Measure[Any]) -> None:
    n = 40
    a, b = (
        quietly(measure.reduce, features(name, v)) for name, v in zip("XY", related(n), strict=True)
    )
    assert (measure.null_moments(a, b) is not None) is measure.closed_null(n)
    assert (
        measure.may_be_dominated
        or measure.null_moments(a, b) is None
        or (
            measure.null_moments(a, b).dominance == 0.0  # type: ignore[union-attr]
        )
    )


def test_a_sample_that_dominates_is_told() -> None:
    x, y = related(60)
    x[0] *= 1e4
    y[0] *= 1e4
    said: list[str] = []
    found = mx.compare(x, y, "cka", num_bootstrap=0, progress=lambda what, *_: said.append(what))
    assert found.null == "permutation"
    assert "null in closed form; about a second with 999 permutations if one sample" in said[0]
    assert said[1:] == ["one sample dominates: 999 permutations, about a second"]


@pytest.mark.parametrize(
    ("name", "options"),
    [("cca", {}), ("svcca", {}), ("cknna", {"definition": "code"}), ("rsa_kendall", {})],
)
@pytest.mark.parametrize("num_permutations", [999, None])
def test_no_closed_form_is_promised_where_options_have_none(
    name: str, options: dict[str, Any], num_permutations: int | None
) -> None:
    """What has moments for other options, or none at all."""
    asked: Any = {"num_permutations": num_permutations, "memory": "100 GiB"}
    plan = mx.measures.plan((5000, 64), (5000, 64), name, **asked, **options)
    assert plan.null in {"permutation", "regression"}
    assert plan.num_orders == 999 or (num_permutations is None and plan.num_orders >= 199)
    assert f"null by {plan.num_orders} permutations" in str(plan)
    assert num_permutations is None or "about a second" not in str(plan)


def test_closed_forms_end_where_they_would_take_longer() -> None:
    squared = {n: mx.measures.plan((n, 8), (n, 8), "cca", squared=True).null for n in (2048, 2049)}
    assert MOMENTS_SAMPLES == 2048
    assert squared == {2048: "moments", 2049: "permutation"}


@every_measure
def test_grids_keep_the_promise(measure: Measure[Any]) -> None:
    x, y = related(40)
    said: list[str] = []
    for correction in ("max", "holm"):
        grid = quietly(
            mx.compare_all, [x, y], [y], measure, num_permutations=9, correction=correction,
            progress=lambda what, done, total: said.append(what) if not total else None,
        )  # fmt: skip
        drawn = correction == "max" or not measure.closed_null(40)
        assert grid.null == ("moments" if measure.closed_null(40) else "permutation")
        assert grid.data.attrs["num_permutations"] == (9 if drawn else 0)
        assert ("9 permutations" in said[-1]) is drawn
        assert ("closed form" in said[-1]) is measure.closed_null(40)


@every_measure
def test_what_streams_has_its_score_from_one_pass(measure: Measure[Any]) -> None:
    x, y = related(60)
    if not measure.streams:
        with pytest.raises(NotImplementedError):
            Measure.from_pass(measure, None)
        assert not measure.streams_null
        return
    gathered = one_pass(x, y)
    assert measure.from_pass(gathered) == pytest.approx(measure(x, y), rel=1e-7, abs=1e-10)
    level = measure.chance_from_pass(gathered)
    assert (level is not None) is measure.streams_null
    if level is not None:
        wanted = mx.compare(x, y, measure, null="moments", num_bootstrap=0)
        assert level.mean == pytest.approx(wanted.null_mean, rel=1e-9, abs=1e-12)
        assert level.sd == pytest.approx(wanted.null_sd, rel=1e-9)


@pytest.mark.parametrize("n", [16, 60])
@every_measure
def test_the_interval_is_from_the_resamples_that_were_promised(
    measure: Measure[Any], n: int
) -> None:
    if not possible(measure, n):
        return
    x, y = related(n)
    asked: Any = {"num_permutations": 9, "num_bootstrap": 19}
    plan = mx.measures.plan(x, y, measure, **asked)
    found = quietly(mx.compare, x, y, measure, **asked)
    assert (found.num_bootstrap == 19) is (plan.interval != "none")
    kinds = {
        "none",
        "halves" if issubclass(type(measure), NeighbourMeasure) else measure.resampling,
    }
    assert plan.interval in kinds


def amounts(work: Work) -> list[float]:
    times = (work.reduce, work.score, work.moments, work.order, work.resample)
    return [*(time.seconds() for time in times), work.num_bytes, work.drawn_bytes]


@every_measure
def test_work_grows_with_samples_and_features(measure: Measure[Any]) -> None:
    """Within one way: linear kernels of more than 2048 samples have another."""
    for low, high in ((50, 500), (500, 2000), (20_000, 200_000)):
        less, more = (amounts(measure.work(n, (8, 8))) for n in (low, high))
        assert all(a <= b for a, b in zip(less, more, strict=True))
        assert less[0] < more[0]
        assert less[3] < more[3]
        assert less[5] < more[5]
    narrow, wide = (amounts(measure.work(400, (d, d))) for d in (8, 64))
    assert all(a <= b for a, b in zip(narrow, wide, strict=True))
    assert all(value > 0.0 for value in (narrow[0], narrow[1], narrow[3], narrow[5], narrow[6]))
    assert (narrow[2] > 0.0) or not measure.closed_null(400)
    assert (narrow[4] > 0.0) or measure.resampling == "none"
    orders = [measure.order_work(400, [8] * rows, [8] * 2).seconds() for rows in (1, 3)]
    assert 0.0 < orders[0] < orders[1]


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_states_its_own_work(name: str) -> None:
    assert MEASURES[name].work is not Measure.work


def test_sizes_are_read_without_the_numbers() -> None:
    sizes = Sizes.of(100, [3, 4], None)
    assert (sizes.widths, sizes.same) == (([3, 4], [3, 4]), True)
    plan = mx.measures.plan((10**6, 64), (10**6, 64), "cka")
    assert plan.one_pass
    assert str(plan).endswith("one pass over the rows, mean and deviation of the null exact")


def test_one_comparison_loads_one_measure_and_nothing_slow() -> None:
    """A fresh process compares in less than a second; each of these takes half of one to import."""
    code = (
        "import sys, numpy as np, methexis as mx;"
        "x = np.random.default_rng(0).normal(size=(2, 50, 4));"
        "mx.compare(x[0], x[1], num_bootstrap=19);"
        "print([m for m in ('pandas', 'scipy.stats', 'scipy.optimize', 'scipy.spatial', "
        "'methexis.measures.neighbours', 'methexis.measures.dissimilarity') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
