"""Measures of neighbour lists against their definitions, sample by sample, in plain Python."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.measures import (
    Preprocessing,
    cknna,
    cycle_knn,
    edit_distance_knn,
    jaccard_knn,
    lcs_knn,
    mutual_knn,
    rank_similarity,
    second_order_cosine,
)
from methexis.measures.inputs.features import features
from methexis.measures.inputs.preprocessing import preprocessing
from tests.measures.cases import related

X, Y = related(n=60)
K = 6


def lists(x: Array, k: int = K) -> list[list[int]]:
    """Largest cosines first; the data have no ties."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return [list(map(int, np.argsort(-row)[:k])) for row in cosines]


def mean_of(alike: Callable[[list[int], list[int]], float]) -> float:
    return float(np.mean([alike(a, b) for a, b in zip(lists(X), lists(Y), strict=True)]))


def longest(a: list[int], b: list[int]) -> int:
    if not a or not b:
        return 0
    if a[-1] == b[-1]:
        return 1 + longest(a[:-1], b[:-1])
    return max(longest(a[:-1], b), longest(a, b[:-1]))


def edits(a: list[int], b: list[int]) -> int:
    if not a or not b:
        return len(a) + len(b)
    return min(
        edits(a[:-1], b) + 1,
        edits(a, b[:-1]) + 1,
        edits(a[:-1], b[:-1]) + (a[-1] != b[-1]),
    )


def ranks(a: list[int], b: list[int]) -> float:
    common = set(a) & set(b)
    if not common:
        return 0.0
    weights = [
        2 / ((1 + abs(a.index(j) - b.index(j))) * (a.index(j) + 1 + b.index(j) + 1)) for j in common
    ]
    return sum(weights) / sum(1 / m for m in range(1, len(common) + 1))


def test_mutual_knn() -> None:
    assert mutual_knn(X, Y, k=K) == pytest.approx(
        mean_of(lambda a, b: len(set(a) & set(b)) / K), rel=1e-12
    )


def test_jaccard_knn() -> None:
    assert jaccard_knn(X, Y, k=K) == pytest.approx(
        mean_of(lambda a, b: len(set(a) & set(b)) / len(set(a) | set(b))), rel=1e-12
    )


def test_lcs_knn() -> None:
    assert lcs_knn(X, Y, k=K) == pytest.approx(mean_of(lambda a, b: longest(a, b) / K), rel=1e-12)


def test_edit_distance_knn() -> None:
    expected = mean_of(lambda a, b: 1 - edits(a, b) / K)
    assert edit_distance_knn(X, Y, k=K) == pytest.approx(expected, rel=1e-12)


def test_rank_similarity() -> None:
    assert rank_similarity(X, Y, k=K) == pytest.approx(mean_of(ranks), rel=1e-12)


def test_cycle_knn() -> None:
    in_x, in_y = lists(X, 2), lists(Y, 2)
    there = np.mean([any(i in in_x[j] for j in in_y[i]) for i in range(60)])
    back = np.mean([any(i in in_y[j] for j in in_x[i]) for i in range(60)])
    assert cycle_knn(X, Y, k=2) == there
    assert cycle_knn(Y, X, k=2) == back
    assert there != back


@pytest.mark.parametrize("profile", ["similarity", "distance"])
def test_second_order_cosine(profile: str) -> None:
    cosines = [u @ u.T for u in (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (X, Y))]
    if profile == "distance":
        cosines = [1 - c for c in cosines]
    found = []
    for i, (a, b) in enumerate(zip(lists(X), lists(Y), strict=True)):
        union = sorted(set(a) | set(b))
        u, v = (c[i, union] for c in cosines)
        found.append(u @ v / np.sqrt((u @ u) * (v @ v)))
    assert second_order_cosine(X, Y, k=K, profile=profile) == pytest.approx(
        np.mean(found), rel=1e-12
    )


def masks(k: int) -> tuple[Array, Array]:
    both = np.zeros((2, 60, 60))
    for mask, v in zip(both, (X, Y), strict=True):
        for i, neighbours in enumerate(lists(v, k)):
            mask[i, neighbours] = 1.0
    return both[0], both[1]


def kernels(metric: str) -> list[Array]:
    rows = (X, Y) if metric == "dot" else (v / np.linalg.norm(v, axis=1)[:, None] for v in (X, Y))
    return [v @ v.T for v in rows]


def test_cknna_of_the_paper() -> None:
    a, b = masks(K)
    p, q = (m - m.mean(axis=1, keepdims=True) for m in kernels("cosine"))
    aligned = np.sum(a * b * p * q) / np.sqrt(np.sum(a * p * p) * np.sum(b * q * q))
    assert cknna(X, Y, k=K) == pytest.approx(aligned, rel=1e-12)


def song(p: Array, q: Array) -> float:
    """Song's unbiased HSIC, in dense matrices."""
    n = len(p)
    p, q = p * (1 - np.eye(n)), q * (1 - np.eye(n))
    ones = np.ones(n)
    found = np.trace(p @ q) + ones @ p @ ones * (ones @ q @ ones) / ((n - 1) * (n - 2))
    return float(found - 2 * (ones @ p @ q @ ones) / (n - 2)) / (n * (n - 3))


def test_cknna_of_the_code() -> None:
    a, b = masks(K)
    p, q = kernels("cosine")
    aligned = song(a * b * p, a * b * q) / np.sqrt(song(a * p, a * p) * song(b * q, b * q))
    ours = cknna(X, Y, k=K, definition="code")
    assert ours == pytest.approx(aligned, rel=1e-10)
    assert abs(ours - cknna(X, Y, k=K)) > 1e-3  # two definitions, two numbers
    below = np.sqrt(song(a * p, a * p) * song(b * q, b * q))
    with_offset = cknna(X, Y, k=K, definition="code", offset=1e-3)
    assert with_offset == pytest.approx(aligned * below / (below + 1e-3), rel=1e-10)


def test_cknna_of_the_code_with_all_neighbours_is_debiased_cka() -> None:
    p, q = kernels("cosine")
    aligned = song(p, q) / np.sqrt(song(p, p) * song(q, q))
    with pytest.warns(DegenerateWarning, match="share at least"):
        ours = cknna(X, Y, k=59, definition="code")
    assert ours == pytest.approx(aligned, rel=1e-10)


@pytest.mark.filterwarnings("ignore:X. .* decided between equally near rows")  # they are
def test_a_kernel_without_deviation_has_no_score() -> None:
    """Rows that all point the same way: every cosine is 1, up to rounding."""
    x = np.outer(np.arange(1.0, 9.0), [0.1, 0.2, 0.3])
    with pytest.warns(DegenerateWarning, match="the score is NaN"):
        found = cknna(x, np.random.default_rng(0).normal(size=(8, 3)), k=2)
    assert np.isnan(found)


# --- preprocessing of the literature


def test_the_two_rules_of_clipping() -> None:
    given = features("X", X)
    q = 0.95
    ordered = np.sort(np.abs(X), axis=None)
    assert Preprocessing(clip_quantile=q).bound(given) == ordered[int(q * X.size)]
    rows = np.quantile(np.abs(X), q, axis=1).mean()
    by_rows = Preprocessing(clip_quantile=q, clip_rule="rows")
    assert by_rows.bound(given) == pytest.approx(rows, rel=1e-12)


def test_torch_clips_at_the_same_bound() -> None:
    torch = pytest.importorskip("torch")
    x = torch.asarray(X)
    for rule in ("all", "rows"):
        steps = Preprocessing(clip_quantile=0.9, clip_rule=rule)
        there = steps.bound(features("X", x))
        assert there == pytest.approx(steps.bound(features("X", X)), rel=1e-14)
    reference = torch.quantile(x.abs(), 0.9, dim=1).mean()
    assert there == pytest.approx(float(reference), rel=1e-12)


def test_layers_share_a_bound() -> None:
    steps = preprocessing("prh")
    side_by_side = features("X", np.hstack([X, 3.0 * X]))
    bound = steps.bound(side_by_side)
    clipped = steps(features("X", X), bound=bound).array
    by_hand = np.clip(X, -bound, bound)
    assert clipped == pytest.approx(by_hand / np.linalg.norm(by_hand, axis=1, keepdims=True))
    assert bound > steps.bound(features("X", X))
