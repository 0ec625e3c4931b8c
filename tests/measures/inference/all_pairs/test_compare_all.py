"""All pairs: scores as one by one, whatever the blocks; corrections that keep their word."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import methexis as mx
from methexis.core.checks import Array
from methexis.measures import Measure
from methexis.measures.inference import nulls
from methexis.measures.inference.all_pairs import compare_all
from methexis.measures.inference.all_pairs.grid import Grid
from methexis.measures.inference.plan import planned
from methexis.measures.inputs.features import features
from tests.measures.cases import VARIANTS, label, measured, related

every_measure = pytest.mark.parametrize("measure", VARIANTS, ids=label)


def layers(n: int = 40, count: int = 3, seed: int = 0) -> dict[str, Array]:
    """Layers of one model: images of shared signals, the further on the noisier."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 3)) * [3.0, 2.0, 1.0]
    return {
        f"h{k}": shared @ rng.normal(size=(3, 5 + k))
        + (0.3 + 0.4 * k) * rng.normal(size=(n, 5 + k))
        for k in range(count)
    }


def noise(n: int = 40, count: int = 3, seed: int = 1) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {f"n{k}": rng.normal(size=(n, 5)) for k in range(count)}


@every_measure
def test_scores_are_those_of_pairs(measure: Measure[Any]) -> None:
    a, b = layers(), layers(count=2, seed=3)
    for null in ("none", "auto"):
        grid = mx.compare_all(a, b, measure, null=null, num_permutations=5)
        for i, x in enumerate(a.values()):
            for j, y in enumerate(b.values()):
                # Sums of 40 x 40 products in another order.
                assert grid.scores[i, j] == pytest.approx(measured(measure, x, y), rel=1e-9)


@every_measure
def test_permuted_grids_are_those_of_pairs(measure: Measure[Any]) -> None:
    """One order for all pairs gives what each pair gives alone, from what is kept of them."""
    a, b = layers().values(), layers(count=2, seed=3).values()
    rows, columns = ([measure.reduce(features("X", x)) for x in side] for side in (a, b))
    orders = nulls.orders(40, 3, seed=2)
    lean = [[measure.lean(r) for r in side] for side in (rows, columns)]
    found = measure.permuted_grid(lean[0], lean[1], orders)
    for i, x in enumerate(rows):
        for j, y in enumerate(columns):
            expected = measure.permuted(x, y, orders)
            assert found[:, i, j] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@every_measure
def test_moments_from_sums_are_those_of_pairs(measure: Measure[Any]) -> None:
    x, y = (measure.reduce(features("X", v)) for v in related())
    sums = [measure.null_sums(v) for v in (x, y)]
    moments = measure.null_moments(x, y)
    if sums[0] is not None:
        assert measure.moments_from(*sums) == moments


@every_measure
def test_symmetry_is_as_declared(measure: Measure[Any]) -> None:
    x, y = related()
    one, other = measured(measure, x, y), measured(measure, y, x)
    assert measure.symmetric == (one == pytest.approx(other, rel=1e-9, abs=1e-12))


@every_measure
def test_a_list_with_itself(measure: Measure[Any]) -> None:
    """Each pair once; a representation with itself is no hypothesis."""
    found = layers()
    one = mx.compare_all(found, measure=measure, num_permutations=19)
    both = mx.compare_all(found, found, measure, num_permutations=19)
    # A distance from itself is the root of rounding.
    np.testing.assert_allclose(one.scores, both.scores, rtol=1e-9, atol=1e-6)
    assert np.isnan(np.diagonal(one.data.p)).all()
    assert np.isnan(np.diagonal(one.data.p_corrected)).all()
    off = ~np.eye(3, dtype=bool)
    assert np.isfinite(one.data.p.values[off]).all()
    if measure.symmetric:
        np.testing.assert_array_equal(one.data.p, one.data.p.T)


@every_measure
def test_cells_agree_with_compare(measure: Measure[Any]) -> None:
    a, b = layers(), layers(count=2, seed=3)
    grid = mx.compare_all(a, b, measure, num_permutations=99, seed=4)
    alone = mx.compare(a["h1"], b["h0"], measure, num_permutations=99, seed=4, num_bootstrap=0)
    cell = grid.data.sel(layer_a="h1", layer_b="h0")
    for name in ("score", "null_mean", "null_sd", "p", "z"):
        # The same orders, or the same closed form.
        assert float(cell[name]) == pytest.approx(getattr(alone, name), rel=1e-8), name
    assert float(cell["effect"]) == pytest.approx(alone.effect, rel=1e-8, nan_ok=True)


def in_memory(method: Any, sizes: Any, asked: Any) -> Any:
    """The plan of whole arrays, so that blocks have less memory than plans leave them."""
    return planned(method, sizes, replace(asked, memory=2**40))


@pytest.mark.parametrize("name", ["cka", "hsic", "rsa", "mutual_knn", "cca", "procrustes"])
@pytest.mark.parametrize("same", [False, True])
def test_blocks_do_not_matter(name: str, same: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_all, "planned", in_memory)
    a = layers(n=300, count=5)
    b = None if same else layers(n=300, count=4, seed=3)
    whole = mx.compare_all(a, b, name, num_permutations=9)
    # Room for two reduced representations beside what goes on: found from the error's number.
    with pytest.raises(mx.MethexisError, match="memory: expected at least") as error:
        mx.compare_all(a, b, name, num_permutations=9, memory=1000)
    needed = str(error.value).split("at least ")[1].split(" for")[0]
    few = mx.compare_all(a, b, name, num_permutations=9, memory=needed)
    for variable in whole.data:
        np.testing.assert_allclose(few.data[variable], whole.data[variable], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["cka", "mutual_knn"])
def test_memory_is_kept(name: str) -> None:
    """What NumPy allocates at most, sums for moments included, is within what was given."""
    n, budget = 700, 150 * 2**20
    a = layers(n=n, count=30)  # 60 kernels of 4 MB
    b = layers(n=n, count=30, seed=3)
    tracemalloc.start()
    mx.compare_all(a, b, name, num_permutations=3, memory=budget)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < budget


def test_the_correction_keeps_its_level() -> None:
    """Of 400 grids of noise, 5 % have a corrected p below .05, give or take 3 standard errors.

    Three of the four layers are nearly one, which Holm's correction does not know.
    """
    rng = np.random.default_rng(0)
    best = {"max": 0, "holm": 0}
    for seed in range(400):
        x = rng.normal(size=(30, 4))
        a = {str(k): x + 0.1 * rng.normal(size=x.shape) for k in range(4)}
        b = {"y": rng.normal(size=(30, 4))}
        for correction in best:
            found = mx.compare_all(
                a, b, "cka", correction=correction, num_permutations=99, seed=seed
            )
            best[correction] += float(found.data.p_corrected.min()) <= 0.05
    assert abs(best["max"] - 20) < 3 * np.sqrt(400 * 0.05 * 0.95)
    assert best["holm"] < best["max"]


def test_permutation_nulls_are_corrected_too() -> None:
    grid = mx.compare_all(layers(), noise(), "cka", null="permutation", num_permutations=199)
    assert (grid.data.p_corrected.values >= grid.data.p.values).all()
    assert grid.data.attrs["null"] == "permutation"
    related_grid = mx.compare_all(
        layers(), layers(seed=0), "cka", null="permutation", num_permutations=199
    )
    assert related_grid.best().p == pytest.approx(1 / 200)


def test_labels_and_attributes() -> None:
    models = {"one": layers(count=2), "two": [np.eye(40), np.eye(40) + 1.0 * (np.arange(40) > 9)]}
    grid = mx.compare_all(models, noise(count=1), "cka", num_permutations=19, seed=3)
    assert list(grid.data.layer_a.values) == ["one/h0", "one/h1", "two/0", "two/1"]
    assert list(grid.data.model_a.values) == ["one", "one", "two", "two"]
    assert list(grid.data.d_a.values) == [5, 6, 40, 40]
    attributes = grid.data.attrs
    assert (attributes["measure"], attributes["n"], attributes["seed"]) == ("cka", 40, 3)
    assert attributes["num_permutations"] == 19
    assert attributes["null"] == "moments"
    assert grid.as_dict()["attrs"]["title"] == "linear CKA"
    assert grid.as_dict()["attrs"]["options"]["debiased"] is False
    assert grid.as_dict()["attrs"]["same"] is False


def test_a_grid_is_kept_in_files(tmp_path: Path) -> None:
    """NetCDF, by the one engine that needs no package of its own."""
    grid = mx.compare_all(layers(), measure="cka", preprocessing="prh", num_permutations=19)
    path = tmp_path / "grid.nc"
    grid.data.to_netcdf(path, engine="scipy")
    with xr.open_dataset(path, engine="scipy") as found:
        again = Grid(found.load())
    assert again.data.equals(grid.data)
    assert again.as_dict()["attrs"] == grid.as_dict()["attrs"]
    assert str(again) == str(grid)
    assert again.best() == grid.best()


def test_it_prints_what_was_found() -> None:
    grid = mx.compare_all(layers(), measure="cka", num_permutations=99)
    best = grid.best()
    first, second = str(grid).split("\n")
    p = grid.data.p_corrected.values[np.triu_indices(3, 1)]
    assert first == (
        f"linear CKA, n 40, 3 × 3 layers: {np.sum(p <= 0.05)} of 3 pairs significant "
        "(corrected p <= 0.05)"
    )
    effect = float(grid.data["effect"].sel(layer_a=best.layer_a, layer_b=best.layer_b))
    assert second == (
        f"most aligned: {best.layer_a} and {best.layer_b}, score {best.score:.4f}, effect "
        f"{effect:.4f}, corrected p {best.p:.2g}"
    )
    # Six ordered pairs, for the two ways are not the same.
    asymmetric = mx.measures.LinearPredictivity(direction="forward")
    assert " of 6 pairs" in str(mx.compare_all(layers(), measure=asymmetric, num_permutations=9))
    bare = mx.compare_all(layers(count=1), noise(count=2), "procrustes", null="none")
    assert str(bare).split("\n")[0] == "Procrustes score, n 40, 1 × 2 layers"
    assert str(bare).split("\n")[1].startswith("most aligned: h0 and ")
    alone = mx.compare_all(layers(count=1), measure="cka", null="none")
    assert str(alone) == "linear CKA, n 40, 1 × 1 layers"


def test_progress_is_reported() -> None:
    seen: list[tuple[str, int, int]] = []
    mx.compare_all(
        layers(), noise(), "cka", num_permutations=40, progress=lambda *done: seen.append(done)
    )
    assert seen[-1] == ("pairs", 9, 9)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert len(seen) > 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"reps_a": np.eye(5)}, "reps_a: expected representations by name or in a list"),
        ({"reps_a": {}}, "reps_a: expected at least one representation, got none"),
        ({"reps_a": {"m/h": np.eye(5), "m": {"h": np.eye(5)}}}, "got 'm/h' twice"),
        ({"reps_b": [np.eye(6)]}, "expected paired rows"),
        ({"memory": "2 gallons"}, "memory: expected bytes or words such as '2 GiB'"),
        ({"memory": 0}, "memory: expected an integer >= 1"),
        ({"correction": "none"}, "correction: expected one of 'max', 'holm'"),
        ({"null": "permutation", "num_permutations": 1}, "num_permutations: expected at least 2"),
        ({"num_permutations": -1}, "num_permutations: expected an integer >= 0"),
        ({"measure": "nothing"}, "measure: expected one of"),
    ],
)
def test_bad_input(words: dict[str, Any], message: str) -> None:
    given = {"reps_a": [np.eye(5)], "reps_b": [np.eye(5)]} | words
    with pytest.raises(mx.MethexisError, match=message):
        mx.compare_all(**given)


def test_a_bad_layer_is_named_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_all, "planned", in_memory)
    bad = layers(n=200)
    bad["h2"][3, 4] = np.nan
    with pytest.raises(mx.MethexisError, match=r"m/h2: expected finite numbers, got nan in row 3"):
        mx.compare_all({"m": bad}, measure="cka", memory=1)


def test_torch_gives_the_same() -> None:
    torch = pytest.importorskip("torch")
    a, b = layers(), layers(seed=3)
    for name in ("cka", "mutual_knn"):
        there = mx.compare_all(
            {k: torch.asarray(v) for k, v in a.items()},
            {k: torch.asarray(v) for k, v in b.items()},
            name,
            num_permutations=9,
        )
        here = mx.compare_all(a, b, name, num_permutations=9)
        for variable in here.data:
            np.testing.assert_allclose(there.data[variable], here.data[variable], rtol=1e-8)


def test_p_values_of_moments_are_those_of_many_permutations() -> None:
    """A closed p and the share of 4000 orders differ by what 4000 draws differ by."""
    a, b = layers(count=2), noise(count=2)
    closed = mx.compare_all(a, b, "cka", num_permutations=0)
    drawn = mx.compare_all(a, b, "cka", null="permutation", num_permutations=4000)
    p = closed.data.p.values
    # 5 standard errors, and what a Pearson III tail is off by at n = 40
    allowed = 5 * np.sqrt(p * (1 - p) / 4000) + 0.01
    assert (np.abs(p - drawn.data.p.values) < allowed).all()
    assert np.isnan(closed.data.p_corrected).all()
    assert stats.spearmanr(p.ravel(), drawn.data.p.values.ravel())[0] > 0.9


def test_rdms_stand_in_place_of_features() -> None:
    a = layers()
    rdm = mx.measures.RDM(np.linalg.norm(a["h1"][:, None] - a["h1"][None], axis=-1))
    found = mx.compare_all({"brain": rdm}, a, "rsa", num_permutations=19)
    expected = mx.compare_all({"brain": a["h1"]}, a, "rsa", num_permutations=19)
    np.testing.assert_allclose(found.data.p_corrected, expected.data.p_corrected)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-9)
    assert found.data.d_a.values.tolist() == [0]
    with pytest.raises(mx.MethexisError, match="expected features for brain"):
        mx.compare_all({"brain": rdm}, a, "cka")


def test_the_best_pair_is_that_of_the_largest_effect() -> None:
    """A wide layer with noise has the larger z; a narrow one, nearly the same, is more aligned."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(200, 40))
    narrow = signal[:, :2] + 0.3 * rng.normal(size=(200, 2))
    wide = signal + 0.9 * rng.normal(size=(200, 40))
    target = {"narrow": signal[:, :2], "wide": signal}
    grid = mx.compare_all(
        target, {"narrow": narrow, "wide": wide}, "procrustes", num_permutations=99
    )
    data = grid.data
    assert data.z.values[1, 1] > data.z.values[0, 0]
    assert data.effect.values[0, 0] > data.effect.values[1, 1]
    assert (grid.best().layer_a, grid.best().layer_b) == ("narrow", "narrow")


def test_the_best_pair_is_of_different_representations() -> None:
    layers = {name: np.random.default_rng(k).normal(size=(50, 3)) for k, name in enumerate("abc")}
    for null in ("auto", "none"):
        best = mx.compare_all(layers, None, "cka", null=null, num_permutations=19).best()
        assert best.layer_a != best.layer_b
