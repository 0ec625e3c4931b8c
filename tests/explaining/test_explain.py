"""`mx.explain`: the rung that is there is named, in words, with what each side has alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import methexis as mx
from evidence.explain import one_draw
from evidence.explain_laws import LAWS
from methexis.core.linalg import random_orthogonal
from methexis.core.parallel.threads import one_blas_thread

#: Small pairs of fixed seeds, on which a wrong name is a fault, not chance: the laws are those of
#: docs/explain-calibration.md, where each is named in at least 95 %.
FEW_DRAWS = 2


def rows(n: int = 300, d: int = 12, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, d)) * np.arange(1, d + 1) ** -0.5


def turn(d: int, seed: int = 1) -> np.ndarray:
    return random_orthogonal(d, np.random.default_rng(seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if law.required])
def test_the_rung_of_every_law_is_named(name: str) -> None:
    draws = [one_draw(name, "small", i, seed=7) for i in range(FEW_DRAWS)]
    assert [one["rung"] for one in draws] == [LAWS[name].truth] * FEW_DRAWS
    assert [one["oracle"] for one in draws] == [LAWS[name].truth] * FEW_DRAWS


def test_both_directions_say_the_same() -> None:
    x = rows()
    y = x @ turn(12) @ np.diag(np.linspace(0.3, 2.0, 12)) @ turn(12, 2)
    one, other = mx.explain(x, y), mx.explain(y, x)
    assert one.rung == other.rung == "linear"
    for rung in one.rungs:
        mirrored = other.rung_named(rung.name)
        # the folds are the same, so only rounding and searches in other coordinates differ
        assert mirrored.share == pytest.approx(rung.share, abs=0.02)


def test_private_noise_needs_no_larger_map() -> None:
    """The best linear prediction is no rotation here, and the gain of the linear map is none."""
    generator = np.random.default_rng(3)
    z = rows(600)
    x = z + 0.3 * generator.normal(size=z.shape)
    y = 2.0 * z @ turn(12) + generator.normal(size=z.shape) @ generator.normal(size=(12, 12)) / 4
    found = mx.explain(x, y)
    assert found.rung == "rotation"
    assert found.rung_named("rotation").share > found.rung_named("linear").share - 0.01


def test_scales_offsets_and_units_of_measure_do_not_matter() -> None:
    x = rows()
    y = x @ turn(12)
    one, other = mx.explain(x, y), mx.explain(1e6 * x + 5.0, 1e-6 * y - 2.0)
    assert one.rung == other.rung == "rotation"
    assert one.rung_named("linear").share == pytest.approx(1.0)
    assert other.rung_named("linear").share == pytest.approx(1.0)


def test_a_column_that_is_stretched_is_no_rotation() -> None:
    x = rows()
    stretched = x.copy()
    stretched[:, 0] *= 3.0
    # units are the principal directions of these rows, so weights along them are enough
    assert mx.explain(x, stretched).rung == "reweighted"
    assert mx.explain(x @ turn(12), stretched @ turn(12, 2)).rung == "reweighted"


def test_repeated_rows_are_left_out_together() -> None:
    """A memory of rows would explain unrelated features whose rows come twice."""
    generator = np.random.default_rng(4)
    x, y = generator.normal(size=(150, 5)), generator.normal(size=(150, 5))
    found = mx.explain(np.vstack([x, x]), np.vstack([y, y]))
    assert found.rung == "nothing"
    assert found.repeated == 150
    assert "150 of 300 samples repeat another" in " ".join(found.notes)


def test_dimensions_that_were_removed_are_private() -> None:
    x = rows(400)
    found = mx.explain(x, (x @ turn(12))[:, :9], names=("whole", "part"))
    assert found.rung == "rotation"
    assert (found.shared, [side.private for side in found.sides]) == (9, [3, 0])
    assert "but for 3 dimensions of whole" in found.sentence


def test_private_directions_name_the_samples_that_they_separate() -> None:
    generator = np.random.default_rng(5)
    x = rows(400)
    alone = 0.05 * generator.normal(size=400)
    alone[[17, 230]] = 3.0, -3.0
    found = mx.explain(x, np.column_stack([x @ turn(12), alone]))
    assert {sample for sample, _ in found.sides[1].apart[:2]} == {17, 230}


def test_ancestry_is_told_from_alignment() -> None:
    generator = np.random.default_rng(6)
    x = rows(300, 16) @ turn(16)
    tuned = x + 0.3 * x @ turn(16, 3) * generator.uniform(0.5, 1.5, 16)
    kept, rotated = mx.explain(x, tuned), mx.explain(x, tuned @ turn(16, 4))
    assert kept.ancestry is not None
    assert rotated.ancestry is not None
    assert kept.ancestry.shared
    assert not rotated.ancestry.shared
    assert kept.ancestry.top1 > 0.9
    assert kept.ancestry.control < 0.2
    assert "ancestry" in kept.sentence
    assert mx.explain(x, x[:, :9]).ancestry is None  # no order of as many units


def test_few_samples_are_not_enough_to_tell() -> None:
    generator = np.random.default_rng(8)
    z = rows(60, 40)
    x = z + 0.3 * generator.normal(size=z.shape)
    found = mx.explain(x, z @ turn(40) + 0.3 * generator.normal(size=z.shape))
    assert found.rung is None
    assert len(found.possible) > 1
    assert found.wanted > 60
    assert "cannot be told" in found.sentence


def test_rank_one_and_one_feature() -> None:
    x = np.random.default_rng(9).normal(size=(100, 1))
    assert mx.explain(x, -2.0 * x).rung == "rotation"
    assert mx.explain(x, 3.0 * x).rung == "identity"
    flat = x @ np.ones((1, 6))
    assert mx.explain(x, flat).rung in {"permutation", "rotation"}
    assert mx.explain(flat, flat[:, :4] * [1.0, 2.0, 3.0, 4.0]).sides[0].rank == 1


def test_tensors_and_half_precision() -> None:
    x = rows()
    found = mx.explain(torch.tensor(x, dtype=torch.float16), torch.tensor(x @ turn(12)))
    assert found.rung == "rotation"


def test_what_is_refused() -> None:
    x = rows(40)
    with pytest.raises(mx.MethexisError, match="expected at least 20 samples that differ"):
        mx.explain(x[:10], x[:10])
    with pytest.raises(mx.MethexisError, match="expected at least 20 samples that differ"):
        mx.explain(np.repeat(x[:10], 4, axis=0), x)
    with pytest.raises(mx.MethexisError, match="material: expected"):
        mx.explain(x, x, material=0.0)
    with pytest.raises(mx.MethexisError, match="names: expected two words"):
        mx.explain(x, x, names=("A",))  # type: ignore[arg-type]
    with pytest.raises(mx.MethexisError, match="got dissimilarities"):
        mx.explain(mx.measures.rdm(x), x)
    with pytest.raises(mx.MethexisError, match="rung: expected one of"):
        mx.explain(x, x).rung_named("affine")


def test_all_pairs() -> None:
    x = rows(200, 8)
    found = mx.explain_all({"a": x, "b": x[:, ::-1], "c": x @ turn(8)})
    assert {pair: one.rung for pair, one in found.pairs.items()} == {
        ("a", "b"): "permutation",
        ("a", "c"): "rotation",
        ("b", "c"): "rotation",
    }
    table = found.to_dataframe()
    assert table["rung"].tolist() == ["permutation", "rotation", "rotation"]
    assert np.isnan(found.share[1, 0])
    assert "rotation 2" in found.sentence
    with pytest.raises(mx.MethexisError, match="expected at least two representations"):
        mx.explain_all({"a": x})


def test_all_pairs_shared_out_are_the_same(tmp_path: Path) -> None:
    x = rows(120, 6)
    np.save(tmp_path / "b.npy", x[:, ::-1] + 0.1 * rows(120, 6, 1))
    given = {"a": x, "b": np.load(tmp_path / "b.npy", mmap_mode="r"), "c": x @ turn(6)}
    right = one_blas_thread(mx.explain_all)(given)
    told: list[tuple[str, int, int]] = []
    with ThreadPoolExecutor(2) as pool:
        shared = mx.explain_all(given, executor=pool, progress=lambda *what: told.append(what))
    assert shared.to_dataframe().equals(right.to_dataframe())
    assert told[-1] == ("pairs", 3, 3)


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    mx.explain(rows(60, 3), rows(60, 3), progress=lambda *step: told.append(step))
    assert told[-1] == ("fits", 10, 10)
