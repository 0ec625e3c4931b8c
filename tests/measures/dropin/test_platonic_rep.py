"""Functions with other tools' names, against plain readings of those tools' definitions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import MEASURES, dropin
from tests.measures.cases import related

K = 7
#: Float64 on both sides, sums of up to 60² numbers: rounding. Kernels of nearby points are one less
#: a thousandth, of whose square HSIC is made: six digits cancel.
ROUNDING, CANCELLED = 1e-11, 1e-8


def pairs() -> list[tuple[Array, Array]]:
    x, y = related(n=60, dx=12, dy=15)
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y)]
    return [(x, y), (unit[0], unit[1]), (0.05 * unit[0], y)]


def lists(feats: Array, topk: int) -> list[list[int]]:
    found = []
    for i, row in enumerate(feats @ feats.T):
        others = [j for j in range(len(feats)) if j != i]
        found.append(sorted(others, key=lambda j: -row[j])[:topk])
    return found


def lcs(x: Sequence[int], y: Sequence[int]) -> int:
    if not x or not y:
        return 0
    if x[-1] == y[-1]:
        return 1 + lcs(x[:-1], y[:-1])
    return max(lcs(x[:-1], y), lcs(x, y[:-1]))


def levenshtein(x: Sequence[int], y: Sequence[int]) -> int:
    if not x or not y:
        return len(x) + len(y)
    return min(
        levenshtein(x[:-1], y) + 1,
        levenshtein(x, y[:-1]) + 1,
        levenshtein(x[:-1], y[:-1]) + (x[-1] != y[-1]),
    )


def plain_mutual(a: Array, b: Array) -> float:
    both = zip(lists(a, K), lists(b, K), strict=True)
    return float(np.mean([len(set(p) & set(q)) / K for p, q in both]))


def plain_cycle(a: Array, b: Array) -> float:
    in_a, in_b = lists(a, K), lists(b, K)
    return float(np.mean([any(i in in_a[j] for j in in_b[i]) for i in range(len(a))]))


def plain_lcs(a: Array, b: Array) -> float:
    return float(np.mean([lcs(p, q) for p, q in zip(lists(a, K), lists(b, K), strict=True)]))


def plain_edit(a: Array, b: Array) -> float:
    both = zip(lists(a, 5), lists(b, 5), strict=True)
    return 1.0 - float(np.mean([levenshtein(p, q) for p, q in both])) / 5


def hsic_biased(one: Array, other: Array) -> float:
    n = len(one)
    h = np.eye(n) - 1.0 / n
    return float(np.trace(one @ h @ other @ h))


def hsic_unbiased(one: Array, other: Array) -> float:
    n = len(one)
    off = 1.0 - np.eye(n)
    one, other, ones = one * off, other * off, np.ones(n)
    found = np.trace(one @ other)
    found += (ones @ one @ ones) * (ones @ other @ ones) / ((n - 1) * (n - 2))
    found -= 2.0 / (n - 2) * (ones @ one @ other @ ones)
    return float(found / (n * (n - 3)))


def plain_cka(a: Array, b: Array, *, sigma: float | None, unbiased: bool) -> float:
    def kernel(v: Array) -> Array:
        if sigma is None:
            return np.asarray(v @ v.T)
        squares = ((v[:, None] - v[None]) ** 2).sum(axis=-1)
        return np.asarray(np.exp(-squares / (2 * sigma**2)))

    h = hsic_unbiased if unbiased else hsic_biased
    one, other = kernel(a), kernel(b)
    return h(one, other) / (math.sqrt(h(one, one) * h(other, other)) + 1e-6)


def plain_cknna(a: Array, b: Array, *, unbiased: bool) -> float:
    def near(kernel: Array) -> Array:
        kernel = np.where(np.eye(len(kernel)) > 0, -np.inf, kernel) if unbiased else kernel
        mask = np.zeros_like(kernel)
        for i, row in enumerate(kernel):
            mask[i, np.argsort(-row)[:K]] = 1.0
        return mask

    h = hsic_unbiased if unbiased else hsic_biased
    one, other = a @ a.T, b @ b.T

    def similarity(p: Array, q: Array) -> float:
        mask = near(p) * near(q)
        return h(mask * p, mask * q)

    root = math.sqrt(similarity(one, one) * similarity(other, other))
    return similarity(one, other) / (root + 1e-6)


def plain_svcca(a: Array, b: Array) -> float:
    bases = []
    for given in (a, b):
        scaled = (given - given.mean(axis=0)) / (given.std(axis=0, ddof=1) + 1e-8)
        bases.append(np.linalg.svd(scaled, full_matrices=False)[0][:, :5])
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).mean())


CASES: dict[str, tuple[Callable[[Array, Array], float], Callable[[Array, Array], float]]] = {
    "mutual_knn": (lambda a, b: dropin.mutual_knn(a, b, topk=K), plain_mutual),
    "cycle_knn": (lambda a, b: dropin.cycle_knn(a, b, topk=K), plain_cycle),
    "lcs_knn": (lambda a, b: dropin.lcs_knn(a, b, topk=K), plain_lcs),
    "edit_distance_knn": (lambda a, b: dropin.edit_distance_knn(a, b, topk=5), plain_edit),
    "cka": (dropin.cka, lambda a, b: plain_cka(a, b, sigma=None, unbiased=False)),
    "rbf": (
        lambda a, b: dropin.cka(a, b, kernel_metric="rbf", rbf_sigma=2.0),
        lambda a, b: plain_cka(a, b, sigma=2.0, unbiased=False),
    ),
    "unbiased": (dropin.unbiased_cka, lambda a, b: plain_cka(a, b, sigma=None, unbiased=True)),
    "unbiased rbf": (
        lambda a, b: dropin.unbiased_cka(a, b, kernel_metric="rbf", rbf_sigma=2.0),
        lambda a, b: plain_cka(a, b, sigma=2.0, unbiased=True),
    ),
    "cknna": (
        lambda a, b: dropin.cknna(a, b, topk=K),
        lambda a, b: plain_cknna(a, b, unbiased=True),
    ),
    "biased cknna": (
        lambda a, b: dropin.cknna(a, b, topk=K, unbiased=False),
        lambda a, b: plain_cknna(a, b, unbiased=False),
    ),
    "svcca": (lambda a, b: dropin.svcca(a, b, cca_dim=5), plain_svcca),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("which", range(3))
def test_it_is_their_definition(name: str, which: int) -> None:
    ours, plain = CASES[name]
    a, b = pairs()[which]
    wanted, off = plain(a, b), CANCELLED if "rbf" in name else ROUNDING
    assert ours(a, b) == pytest.approx(wanted, rel=off, abs=off)
    torch = pytest.importorskip("torch")
    there = ours(torch.asarray(a), torch.asarray(b))
    assert isinstance(there, float)
    assert there == pytest.approx(wanted, rel=off, abs=off)


def test_their_constant_matters_for_small_features() -> None:
    """The reason why it is kept: without it the score of small features is another one."""
    x = pairs()[2][0]
    assert dropin.unbiased_cka(x, x) < 1.0 - 1e-3
    assert mx.measures.cka(x, x, debiased=True) == pytest.approx(1.0, abs=1e-12)


def test_svcca_takes_constant_and_tiny_features_as_theirs_does() -> None:
    """Their ``1e-8`` makes constant features zero, and halves one that varies by as much."""
    a, b = pairs()[0]
    a = np.column_stack([a, np.zeros(60), np.full(60, 0.1)])
    b = np.column_stack([b, np.zeros(60)])
    tiny = np.column_stack([a, 1e-8 * np.random.default_rng(2).normal(size=60)])
    for one, other in ((a, b), (tiny, b)):
        wanted = plain_svcca(one, other)
        assert dropin.svcca(one, other, cca_dim=5) == pytest.approx(wanted, rel=ROUNDING)
    without = dropin.svcca(tiny[:, :-1], b, cca_dim=5)
    assert abs(dropin.svcca(tiny, b, cca_dim=5) - without) > 1e-4


def test_distance_agnostic_counts_neighbours() -> None:
    a, b = pairs()[0]
    agnostic = dropin.cknna(a, b, topk=K, distance_agnostic=True)
    # The difference is their constant, over n k.
    assert agnostic == pytest.approx(plain_mutual(a, b), abs=1e-8)


def test_argument_names_are_theirs() -> None:
    wanted = {
        "mutual_knn": ["feats_A", "feats_B", "topk"],
        "cycle_knn": ["feats_A", "feats_B", "topk"],
        "lcs_knn": ["feats_A", "feats_B", "topk"],
        "edit_distance_knn": ["feats_A", "feats_B", "topk"],
        "cka": ["feats_A", "feats_B", "kernel_metric", "rbf_sigma", "unbiased"],
        "cknna": ["feats_A", "feats_B", "topk", "distance_agnostic", "unbiased"],
        "svcca": ["feats_A", "feats_B", "cca_dim"],
    }
    for name, arguments in wanted.items():
        assert list(inspect.signature(getattr(dropin, name)).parameters) == arguments
    found = list(inspect.signature(dropin.calibrate).parameters)
    assert set(found) >= {"X", "Y", "sim", "K", "alpha", "smax", "perm_fn"}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda a, b: dropin.mutual_knn(a, b[:-1]), "feats_A, feats_B: expected paired rows"),
        (lambda a, b: dropin.mutual_knn(a, b, topk=60), "k: expected fewer"),
        (lambda a, b: dropin.cka(a, b, kernel_metric="cosine"), "kernel_metric: expected one of"),
        (lambda a, b: dropin.cka(a, b, "rbf", 0.0), "rbf_sigma: expected a finite number > 0"),
        (lambda a, b: dropin.cknna(a, b, topk=1), "topk: expected an integer >= 2"),
        (lambda a, b: dropin.calibrate(a, b, "cka", K=0), "K: expected an integer >= 1"),
        (lambda a, b: dropin.calibrate(a, b, "ckaa"), "did you mean 'cka'"),
        (lambda a, b: dropin.calibrate(a, b, "cka", alpha=1.0), "alpha: expected"),
        (lambda a, b: dropin.calibrate(a, b, "procrustes_distance"), "sim: expected a similarity"),
        (lambda a, b: dropin.calibrate(a, b, lambda x, y: "no"), "sim: expected a function"),
        (lambda a, b: dropin.calibrate(a, b, lambda x, y: np.nan), "sim: expected a number"),
        (
            lambda a, b: dropin.calibrate(a, b, "cka", perm_fn=lambda n, device: np.zeros(n)),
            "perm_fn: expected an order of 60 rows",
        ),
    ],
)
def test_bad_input(call: Callable[[Array, Array], object], expected: str) -> None:
    with pytest.raises(MethexisError, match="expected") as error:
        call(*pairs()[0])
    assert expected in str(error.value)


def plain_calibrate(
    x: Array, y: Array, sim: Callable[..., float], orders: Array, alpha: float, smax: float | None
) -> tuple[float, float, float]:
    observed = sim(x, y)
    null = [sim(x, y[order]) for order in orders]
    place = math.ceil((1 - alpha) * (len(orders) + 1))
    tau = sorted([observed, *null])[place - 1]
    p = (1 + sum(s >= observed for s in null)) / (len(orders) + 1)
    above = max(0.0, observed - tau)
    return (above if smax is None else above / (smax - tau)), p, tau


@pytest.mark.parametrize("smax", [1.0, None])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.5])
def test_calibrate_is_its_definition(alpha: float, smax: float | None) -> None:
    x, y = related(n=40)
    orders = np.array([np.random.default_rng(k).permutation(40) for k in range(50)])
    wanted = plain_calibrate(x, y, mx.measures.cka, orders, alpha, smax)
    options: dict[str, Any] = {"K": 50, "alpha": alpha, "smax": smax}
    ours: list[Any] = [mx.measures.cka, "cka", MEASURES["cka"]()]
    for sim in ours:  # any function, and both ways to the fast path
        left = iter(orders)
        found = dropin.calibrate(x, y, sim, perm_fn=lambda *_, left=left: next(left), **options)
        assert tuple(found) == pytest.approx(wanted, rel=1e-9, abs=1e-12)  # rounding


def test_calibrate_keeps_its_level() -> None:
    """Of 200 unrelated pairs about 5 % exceed zero: within 4 standard deviations, 3.1."""
    rng = np.random.default_rng(11)
    hits = sum(
        dropin.calibrate(*rng.normal(size=(2, 20, 5)), "cka", K=99, seed=s).score > 0
        for s in range(200)
    )
    assert abs(hits - 10) < 4 * math.sqrt(200 * 0.05 * 0.95)


def test_calibrate_works_on_tensors_with_any_function() -> None:
    torch = pytest.importorskip("torch")
    x, y = (torch.asarray(v) for v in related(n=40))

    def sim(a: Any, b: Any) -> Any:
        a, b = a - a.mean(0), b - b.mean(0)
        one, other = a @ a.T, b @ b.T
        return (one * other).sum() / (one.norm() * other.norm())

    orders = [np.random.default_rng(k).permutation(40) for k in range(30)]

    def drawing() -> Callable[[int, Any], Any]:
        left = iter(orders)
        return lambda n, device: torch.asarray(next(left))

    found = [dropin.calibrate(x, y, which, K=30, perm_fn=drawing()) for which in (sim, "cka")]
    assert tuple(found[0]) == pytest.approx(tuple(found[1]), rel=1e-9)


@pytest.mark.parametrize("agg", ["max", "mean", lambda scores: scores[0].sum() / 2])
def test_calibrate_layers_is_its_definition(agg: Any) -> None:
    xs = [related(n=30, seed=s)[0] for s in range(2)]
    ys = [related(n=30, seed=s)[1] for s in range(3)]
    orders = np.array([np.random.default_rng(k).permutation(30) for k in range(40)])
    made = {"max": np.max, "mean": np.mean}.get(agg, agg) if isinstance(agg, str) else agg

    def scored(order: Array) -> float:
        return float(made(np.array([[mx.measures.cka(x, y[order]) for y in ys] for x in xs])))

    wanted = plain_calibrate(
        xs[0], np.arange(30)[:, None], lambda _, order: scored(order[:, 0]), orders, 0.05, 1.0
    )
    for sim in ("cka", mx.measures.cka):
        left = iter(orders)
        found = dropin.calibrate_layers(
            xs, ys, sim, agg=agg, K=40, perm_fn=lambda *_, left=left: next(left)
        )
        assert tuple(found) == pytest.approx(wanted, rel=1e-9, abs=1e-12)  # rounding


def test_calibrate_layers_refuses() -> None:
    x, y = pairs()[0]
    for call, expected in (
        (lambda: dropin.calibrate_layers([], [y], "cka"), "X_layers: expected at least one layer"),
        (lambda: dropin.calibrate_layers([x], [y], "cka", agg="min"), "agg: expected one of"),
        (lambda: dropin.calibrate_layers([x], [y, y[:-1]], "cka"), "expected paired rows"),
    ):
        with pytest.raises(MethexisError, match="expected") as error:
            call()
        assert expected in str(error.value)
