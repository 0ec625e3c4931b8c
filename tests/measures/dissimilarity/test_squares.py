"""Squared distances beside plain ones: noticed where they are, and not where they are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

import methexis as mx
from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.measures import RDM, compare_group, compare_models, crossnobis, rdm
from methexis.measures.dissimilarity.squares import broken_triangles, said_of_squares

KINDS: dict[str, Callable[[Array], Array]] = {
    "plain": pdist,
    "squared": lambda x: pdist(x) ** 2,
    "1 - r": lambda x: pdist(x, "correlation"),
    "1 - cos": lambda x: pdist(x, "cosine"),
    "city block": lambda x: pdist(x, "cityblock"),
}
#: Pairs of RDMs, given without their kind, that are of one kind or as good as that.
ORDINARY = [*((kind, kind) for kind in KINDS), ("city block", "plain"), ("1 - r", "1 - cos")]


def pair(rng: np.random.Generator) -> tuple[Array, Array]:
    """Features of two systems that share some dimensions, with noise, as studies have them."""
    n, shared = int(rng.integers(10, 60)), int(rng.integers(1, 10))
    latent = rng.normal(size=(n, shared))
    noise = float(rng.choice([0.0, 0.1, 0.3, 1.0, 3.0]))
    x, y = (
        latent @ rng.normal(size=(shared, d)) / shared**0.5 + noise * rng.normal(size=(n, d))
        for d in np.exp(rng.uniform(np.log(3), np.log(200), 2)).astype(int)
    )
    return x, y


def noticed(one: str, other: str, count: int, seed: int) -> float:
    """The share of pairs of such RDMs that are noticed."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(count):
        x, y = pair(rng)
        first, second = RDM(KINDS[one](x)), RDM(KINDS[other](y))
        found += bool(said_of_squares(first, second))
    return found / count


@pytest.mark.parametrize(("one", "other"), ORDINARY)
def test_ordinary_rdms_raise_no_alarm(one: str, other: str) -> None:
    """None of 100: at a rate of 3 % that has a chance of .05."""
    assert noticed(one, other, 100, seed=11) == 0.0


@pytest.mark.long
@pytest.mark.parametrize(("one", "other"), ORDINARY)
def test_alarms_are_rare(one: str, other: str) -> None:
    """At most 5 of 2000: at a rate of 0.6 % that has a chance of .02."""
    assert noticed(one, other, 2000, seed=12) <= 5 / 2000


def test_random_numbers_and_categories_raise_no_alarm() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(20) // 5
    categories = RDM((labels[:, None] != labels).astype(float))
    for _ in range(50):
        given = RDM(rng.random(190))
        assert not said_of_squares(given, RDM(rng.random(190)))
        assert not said_of_squares(given, RDM(pdist(rng.normal(size=(20, 4)))))
        assert not said_of_squares(categories, RDM(pdist(rng.normal(size=(20, 4))) ** 2))


@pytest.mark.parametrize("dims", [1, 2, 3, 5])
def test_squares_are_noticed_where_angles_are_obtuse(dims: int) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(24, dims))
        y = x + 0.1 * rng.normal(size=x.shape)
        squared, plain = RDM(pdist(x) ** 2, name="brain"), RDM(pdist(y), name="model")
        text = said_of_squares(squared, plain)
        assert text.startswith("brain looks like squared distances (they break the triangle")
        assert said_of_squares(plain, squared) == text


def test_broken_triangles_by_brute_force() -> None:
    matrix = squareform(np.random.default_rng(0).random(45))
    triples = [(i, j, k) for i in range(10) for j in range(i) for k in range(j)]
    broken = sum(
        2 * max(matrix[i, j], matrix[i, k], matrix[j, k])
        > matrix[i, j] + matrix[i, k] + matrix[j, k]
        for i, j, k in triples
    )
    assert broken_triangles(matrix) == broken / len(triples)


def test_kinds_that_are_known_need_no_numbers() -> None:
    x = np.random.default_rng(0).normal(size=(12, 60))  # no angle is obtuse
    plain, squared = rdm(x), rdm(x, "squared")
    assert "(squared)" in said_of_squares(plain, squared)
    assert not said_of_squares(plain, rdm(x, "correlation"))
    assert not said_of_squares(squared, squared)
    assert "(squared)" in said_of_squares(RDM(plain.matrix, "euclidean"), squared)
    assert not said_of_squares(RDM(plain.matrix), squared)


X = np.random.default_rng(1).normal(size=(10, 4))
RECORDED = crossnobis(
    np.tile(X, (2, 1)) + 0.1 * np.random.default_rng(2).normal(size=(20, 4)),
    [*range(10)] * 2,
    [0] * 10 + [1] * 10,
)


@pytest.mark.parametrize(
    "call",
    [
        lambda kind: mx.compare(RECORDED, X, "rsa", dissimilarity=kind, num_bootstrap=0),
        lambda kind: mx.compare(X, RECORDED, "rsa_whitened", dissimilarity=kind, num_bootstrap=0),
        lambda kind: mx.closer([RECORDED] * 3, X, X**3, dissimilarity=kind),
        lambda kind: compare_group(X, [RECORDED] * 3, dissimilarity=kind),
        lambda kind: compare_models([X, X**3], [RECORDED] * 3, dissimilarity=kind),
    ],
    ids=["compare", "whitened", "closer", "compare_group", "compare_models"],
)
def test_it_is_a_note_and_a_warning(call: Callable[[str], Any]) -> None:
    with pytest.warns(DegenerateWarning, match="holds squared distances .crossnobis."):
        found = call("euclidean")
    assert len([note for note in found.notes if "squared distances" in note]) >= 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", DegenerateWarning)
        assert call("squared").notes == ()


def test_a_grid_has_it_once() -> None:
    layers = {f"h{k}": X**k for k in (1, 2, 3)}
    with pytest.warns(DegenerateWarning, match="h1 plain ones"):
        grid = mx.compare_all({"brain": RECORDED}, layers, "rsa", num_permutations=19)
    assert len([note for note in grid.notes if "squared distances" in note]) == 1


@pytest.mark.parametrize(
    ("measure", "options"), [("rsa", {"comparison": "spearman"}), ("rsa_kendall", {})]
)
def test_ranks_do_not_see_it(measure: str, options: dict[str, Any]) -> None:
    found = mx.compare(RECORDED, X, measure, num_permutations=19, num_bootstrap=0, **options)
    assert found.notes == ()
