"""How measures are computed where whole arrays are too many: in one pass, or refused at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import MethexisError
from methexis.measures import Measure
from methexis.measures.budget import memory_bytes
from methexis.measures.inference.all_pairs.streamed import Passes, streamed_grid
from methexis.measures.inference.plan import PATIENCE, Plan
from methexis.measures.inputs.naming import Named
from methexis.measures.speed import here
from methexis.measures.work import products
from methexis.representations import Representation, Representations
from methexis.scenarios import CompareSettings, measures_named, run_compare
from methexis.scenarios.comparing.job import plan_of
from tests.report.compare_results import model


def wide(name: str, samples: int, layers: int = 1, width: int = 64) -> Representations:
    """So many samples without a number in memory."""
    array = np.broadcast_to(np.float32(0.0), (samples, width))
    found = [Representation(f"h{k}", f"{name}{k}.npy", array, "float32") for k in range(layers)]
    return Representations(name, name, tuple(found))


def settings(*names: str, **options: object) -> CompareSettings:
    return CompareSettings(tuple(measures_named(names)), **options)  # type: ignore[arg-type]


def planned(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
    asked: CompareSettings,
) -> Plan:
    return plan_of(measure, named(first), None if second is None else named(second), asked)


def named(layers: Sequence[Representation]) -> list[Named]:
    return [Named("", layer.source, layer.array) for layer in layers]


@pytest.mark.parametrize(
    ("samples", "name", "options", "one_pass"),
    [
        (1000, "cka", {}, False),
        (1000, "cka", {"memory": "20 MiB"}, True),
        (1000, "rv", {"memory": "20 MiB", "null": "none"}, True),
        (200_000, "cka:debiased=true", {}, True),
        (200_000, "hsic:kernel=linear", {}, True),
        (150_000, "procrustes", {}, False),  # slow, but one pass has no null of it
        (200_000, "procrustes", {"memory": "1 GiB"}, True),
        (200_000, "cca", {"memory": "1 GiB"}, True),
        (150_000, "cka", {"null": "moments"}, False),  # asked for: slow, but it fits
        (150_000, "mutual_knn", {}, False),  # slow, and no other way
    ],
)
def test_ways(samples: int, name: str, options: dict[str, object], one_pass: bool) -> None:
    asked = settings(name, **options)
    a, b = wide("a", samples), wide("b", samples)
    plan = planned(asked.measures[0], a.layers, b.layers, asked)
    assert plan.one_pass is one_pass
    assert (plan.why != "") is one_pass


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("rsa", {}, "reads the rows once (cka:debiased=true, rv, procrustes, cca), or a sample of"),
        ("hsic", {}, "of 200,000 samples, got 4 GiB; give --memory"),
        ("mutual_knn", {"memory": "2 GiB", "num_bootstrap": 999}, "or --bootstrap 0, or"),
        ("cka", {"preprocessing": "prh", "memory": "1 GiB"}, "--preprocessing none, with which"),
        ("procrustes", {"null": "permutation", "memory": "1 GiB"}, "--null auto, with which one"),
    ],
)
def test_what_does_not_fit_is_refused_with_advice(
    name: str, options: dict[str, object], expected: str
) -> None:
    asked = settings("cka", name, **options) if name != "cka" else settings(name, **options)
    with pytest.raises(MethexisError) as caught:
        run_compare(wide("a", 200_000), wide("b", 200_000), asked)
    assert expected in str(caught.value)


def test_what_is_advised_fits() -> None:
    for name in ("rsa", "hsic", "mutual_knn", "second_order_cosine"):
        asked = settings(name, memory="500 MiB")
        with pytest.raises(MethexisError) as caught:
            run_compare(wide("a", 10**6), wide("b", 10**6), asked)
        rows = int(str(caught.value).split("at most ")[1].split(" rows")[0].replace(",", ""))
        fitting = wide("a", rows).layers
        planned(asked.measures[0], fitting, fitting, asked)


NAMES = ("cka", "cka:debiased=true", "hsic:kernel=linear", "procrustes_distance", "cca")


def test_one_pair_in_one_pass() -> None:
    a, b = model("a", 1, samples=1500), model("b", 1, seed=1, samples=1500)
    result = run_compare(a, b, settings(*NAMES, memory="1 MiB"))
    for pairs in result.found:
        assert pairs.one_pass
        assert pairs.single is not None
        one, other = a.layers[0].array, b.layers[0].array
        wanted = mx.compare(one, other, pairs.measure, num_permutations=9, num_bootstrap=0)
        assert pairs.single.score == pytest.approx(wanted.score, rel=1e-9)
        assert np.isnan(pairs.single.ci).all()
        assert "computed in one pass over the rows, because whole arrays" in pairs.notes[0]
        if wanted.null == "moments":
            assert pairs.single.null_mean == pytest.approx(wanted.null_mean, rel=1e-9, abs=1e-12)
            assert pairs.single.z == pytest.approx(wanted.z, rel=1e-9)
            assert wanted.p <= pairs.single.p == pytest.approx(1.0 / (1.0 + wanted.z**2))
            assert "no null" not in pairs.notes[0]
        else:
            assert np.isnan([pairs.single.p, pairs.single.null_mean, pairs.single.effect]).all()
            assert "no null: " in pairs.notes[0]


@pytest.mark.parametrize("itself", [False, True])
def test_grids_in_one_pass(itself: bool) -> None:
    a = model("a", 3, samples=1500)
    b = None if itself else model("b", 2, seed=1, samples=1500)
    names = ("cka:debiased=true", "procrustes")
    whole = run_compare(a, b, settings(*names, num_permutations=19))
    found = run_compare(a, b, settings(*names, memory="1 MiB"))
    for pairs, other in zip(found.found, whole.found, strict=True):
        assert pairs.one_pass
        assert not other.one_pass
        assert np.allclose(pairs.score, other.score, rtol=1e-9)
    cka, wanted = found.found[0], whole.found[0]
    assert np.allclose(cka.z, wanted.z, rtol=1e-7, equal_nan=True)
    assert (np.isnan(cka.p_corrected) == np.isnan(wanted.p_corrected)).all()
    known = np.isfinite(cka.p)
    assert (cka.p_corrected[known] >= cka.p[known]).all()
    assert "Holm" in cka.correction
    assert found.found[1].correction == "not corrected"
    assert np.isnan(found.found[1].p).all()


def test_rows_are_read_once_for_all_measures() -> None:
    done: list[tuple[str, int]] = []
    a, b = model("a", 2, samples=3000), model("b", 2, seed=1, samples=3000)
    run_compare(
        a,
        b,
        settings("cka", "rv", memory="2 MiB"),
        show=lambda step: done.append((step.measure, step.done)) if step.total else None,
    )
    assert {name for name, _ in done} == {"linear CKA"}
    assert done[-1][1] == 4 * 3000


def test_what_one_pass_refuses_is_named_by_its_file() -> None:
    asked = settings("cka", memory="2 MiB")
    for value, expected in (
        (np.nan, "bad.npy: expected finite numbers, got nan in row 70"),
        (1, ""),
    ):
        array = np.ones((3000, 4))
        array[70, 1] = value
        bad = Representations("b", "b", (Representation("h", "bad.npy", array, "float64"),))
        with pytest.raises(MethexisError) as caught:
            run_compare(model("a", 1, samples=3000), bad, asked)
        assert (expected or "bad.npy: expected features that differ") in str(caught.value)


def test_no_significance_in_one_pass_where_all_orders_score_the_same() -> None:
    one, other = (
        Representations(
            name, name, (Representation("h", f"{name}.npy", size * np.eye(60), "float64"),)
        )
        for name, size in (("a", 1.7), ("b", 0.3))
    )
    asked = settings("cka", "hsic:kernel=linear")
    passes = Passes(named(one.layers), named(other.layers), memory_bytes("memory", None))
    for measure in asked.measures:
        plan = planned(measure, one.layers, other.layers, asked)
        found = streamed_grid(plan, passes, null="auto", seed=0)
        assert found.p.item() == 1.0
        assert found.null_sd.item() == 0.0
        assert np.isnan(found.z.item())


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("itself", [False, True])
def test_one_pass_that_does_not_fit_is_refused_before_anything_is_read(
    layers: int, itself: bool
) -> None:
    """Moments of 3000 features take 618 MiB, 16 rows 2.6; whole arrays more."""
    a, b = (wide(name, 200_000, layers + itself, width=3000) for name in "ab")
    shown: list[object] = []
    asked = settings("cka", "cca", memory="500 MiB")
    with pytest.raises(MethexisError, match=r"expected at least 620\.6 MiB") as caught:
        run_compare(a, None if itself else b, asked, show=shown.append)
    assert "one pass over the rows is enough" not in str(caught.value)
    assert not shown
    # What is advised is enough.
    advised = str(caught.value).split('--memory "')[1].split('"')[0]
    asked = settings("cka", "cca", memory=advised)
    second = None if itself else b.layers
    assert planned(asked.measures[0], a.layers, second, asked).one_pass


def test_moments_are_kept_only_where_a_pass_fits_beside_them() -> None:
    """600 features: 24.7 MiB for one pass, 8.3 MiB for what it leaves."""
    rng = np.random.default_rng(0)
    a, b = (
        Representations(
            name,
            name,
            (Representation("h", f"{name}.npy", rng.normal(size=(700, 600)), "float64"),),
        )
        for name in "ab"
    )
    for memory, made in (("27 MiB", False), ("36 MiB", True)):
        asked = settings("rv", memory=memory)
        passes = Passes(named(a.layers), named(b.layers), memory_bytes("memory", memory))
        plan = planned(asked.measures[0], a.layers, b.layers, asked)
        streamed_grid(plan, passes, null="auto", seed=0)
        assert passes.made is made


def test_the_time_of_one_pass_is_estimated() -> None:
    """Products of 64 features with each other, nine passes of three layers each."""
    asked = settings("cka", memory="1 GiB")
    a, b = (wide(name, 10**7, 3) for name in "ab")
    plan = planned(asked.measures[0], a.layers, b.layers, asked)
    assert plan.one_pass
    assert plan.seconds == pytest.approx(here().seconds(products(9 * 10**7 * 3 * 64**2)))
    half = planned(asked.measures[0], a.layers, None, asked)
    assert half.seconds == pytest.approx(plan.seconds * 6 / 9)


def test_one_pass_is_taken_for_time_only_where_it_is_well_faster() -> None:
    """Of as many features as samples, products of features are as many as those of samples."""
    asked = settings("cka:debiased=true", memory="100 GiB")
    for samples, width, one_pass in ((200_000, 64, True), (30_000, 30_000, False)):
        a, b = (wide(name, samples, width=width) for name in "ab")
        plan = planned(asked.measures[0], a.layers, b.layers, asked)
        assert plan.one_pass is one_pass
        assert plan.seconds > (0.0 if one_pass else PATIENCE)


def test_orders_of_grids_are_charged_as_they_are_chosen() -> None:
    """What is drawn by default takes the time that orders are given, whatever the grid."""
    for name in ("cka", "procrustes", "mutual_knn"):
        measure = settings(name).measures[0]
        a, b = wide("a", 6000, 40), wide("b", 6000, 2)
        seconds = [
            planned(measure, a.layers, b.layers, settings(name, num_permutations=orders)).seconds
            for orders in (2, 1001)
        ]
        order = measure.order_work(6000, [64] * 40, [64] * 2)
        assert seconds[1] - seconds[0] == pytest.approx(999 * here().seconds(order))
