"""What a plan knows of grids that are made straight from features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import MethexisError
from methexis.measures.inference.plan import Asked, Plan, planned
from methexis.measures.inference.sizes import Sizes
from methexis.measures.kernels.grids import grid_work, linear_products
from methexis.measures.registry import chosen

MEMORY = 4 * 2**30


def plan_of(name: str, sizes: Sizes, *, null: str = "none", plain: bool = True) -> Plan:
    return planned(chosen(name, {}), sizes, Asked(null, "holm", None, 0, MEMORY, plain))


def test_wide_layers_of_many_samples_are_compared_a_block_at_a_time() -> None:
    """Their matrices would take 19 GB; without a null nothing of them is needed."""
    sizes = Sizes.of(20_000, [12_000] * 3, [12_000])
    plan = plan_of("cka", sizes)
    assert plan.direct
    assert not plan.one_pass
    assert plan.num_bytes < MEMORY


@pytest.mark.parametrize(
    ("name", "changes"), [("cka", {"null": "auto"}), ("cka", {"plain": False}), ("rsa", {})]
)
def test_others_are_not(name: str, changes: dict[str, Any]) -> None:
    """With a null, after steps, or of a measure that is not made so."""
    assert not plan_of(name, Sizes.of(500, [64], [64]), **changes).direct
    assert plan_of("cka", Sizes.of(500, [64], [64])).direct


def test_a_grid_is_the_same_within_little_memory() -> None:
    """Two matrices over 600 samples take twice as much as is given."""
    rng = np.random.default_rng(0)
    a, b = ([rng.normal(size=(600, d)) for d in widths] for widths in ((500, 40), (400,)))
    found, whole = (
        mx.compare_all(a, b, "cka", null="none", memory=memory) for memory in ("3 MiB", None)
    )
    assert not found.one_pass
    np.testing.assert_allclose(found.scores, whole.scores, rtol=1e-12)
    alone = [[mx.measures.cka(x, y) for y in b] for x in a]
    np.testing.assert_allclose(found.scores, alone, rtol=1e-10)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("same", [False, True])
def test_the_least_memory_is_that_with_which_products_are_made(precision: str, same: bool) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(300, d)).astype(precision) for d in (40, 9)]
    columns = None if same else [rng.normal(size=(300, 20)).astype(precision)]
    item = rows[0].dtype.itemsize
    least = grid_work(300, [40, 9], None if same else [20], item)[1]

    def made(budget: int) -> None:
        linear_products(
            rows,
            columns,
            centre=True,
            precision=precision,
            budget=budget,
            progress=lambda *_: None,
        )

    made(least)
    with pytest.raises(MethexisError, match="memory: expected at least"):
        made(least - 1)
