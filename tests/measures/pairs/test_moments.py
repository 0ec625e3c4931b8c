"""Exact moments: against all n! orders, exact arithmetic, closed forms, permutations."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import sparse, stats

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.pairs import moments
from methexis.measures.pairs.moments import PairSums, mobius, null_moments, pair_sums, partitions


def matrices(n: int, seed: int) -> dict[str, Any]:
    """One of each kind that a measure may bring."""
    rng = np.random.default_rng(seed)
    symmetric = rng.normal(size=(n, n))
    symmetric = symmetric + symmetric.T
    rows = rng.normal(size=(n, 2)) + 3.0
    graph = (rng.random((n, n)) < 0.4).astype(float)
    np.fill_diagonal(graph, 0.0)
    loops = graph.copy()
    loops[0, 0] = loops[1, 1] = 1.0
    return {
        "symmetric": symmetric,
        "directed with a diagonal and a mean": rng.normal(size=(n, n)) + 1.0,
        "Gram, row sums far from equal": rows @ rows.T,
        "graph": graph,
        "sparse graph": sparse.csr_array(graph),
        "sparse graph with loops": sparse.coo_array(loops),
        "sparse symmetric": sparse.csr_matrix(graph + graph.T),
    }


def dense(matrix: Any) -> Array:
    found: Array = matrix.toarray() if sparse.issparse(matrix) else matrix
    return found


def all_orders(a: Array, b: Array) -> Array:
    return np.array(
        [np.sum(a * b[np.ix_(order, order)]) for order in itertools.permutations(range(len(a)))]
    )


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, pytest.param(7, marks=pytest.mark.slow)])
def test_moments_are_those_of_all_orders(n: int) -> None:
    """For n < 6 there are fewer distinct indices than some terms need; those vanish."""
    given = matrices(n, seed=n)
    sums = {name: pair_sums(matrix) for name, matrix in given.items()}
    for (name_a, a), (name_b, b) in itertools.product(given.items(), repeat=2):
        scores = all_orders(dense(a), dense(b))
        exact = null_moments(sums[name_a], sums[name_b])
        scale = np.linalg.norm(dense(a)) * np.linalg.norm(dense(b))
        # Rounding of sums over up to n^3 terms of order one, and of n! of them, is below 1e-12.
        assert exact.mean == pytest.approx(scores.mean(), abs=1e-12 * scale)
        assert exact.sd == pytest.approx(scores.std(), rel=1e-9, abs=1e-9 * scale)
        if exact.sd > 0.0:
            third = np.mean(((scores - scores.mean()) / scores.std()) ** 3)
            # Divided by sd^3, which is small where the score depends little on the order.
            assert exact.skewness == pytest.approx(third, abs=1e-8)


@pytest.mark.slow
def test_third_moments_keep_their_digits_at_two_thousand_samples() -> None:
    """Against integers: every free sum exact in 64 bits, then fractions.

    Without centring, in the raw moments of an adjacency matrix, the third central moment is a
    difference of numbers that agree to many digits; fractions lose none of them.
    """
    n, k = 2000, 10
    rng = np.random.default_rng(0)
    graphs = []
    for _ in range(2):
        x = rng.normal(size=(n, 3))
        squares = np.sum((x[:, None] - x[None]) ** 2, axis=-1)
        np.fill_diagonal(squares, np.inf)
        graph = np.zeros((n, n), dtype=np.int64)
        np.put_along_axis(graph, np.argpartition(squares, k, axis=1)[:, :k], 1, axis=1)
        graphs.append(graph)
    tables = [raw_sums(graph) for graph in graphs]
    raw = [
        sum(
            (
                Fraction(count * one * other, math.perm(n, size))
                for count, size, one, other in zip(
                    table.counts, table.sizes, tables[0][m], tables[1][m], strict=True
                )
            ),
            Fraction(0),
        )
        for m in (1, 2, 3)
        for table in (moments._table(m),)
    ]
    mean, second, third = raw
    variance = second - mean**2
    central = third - 3 * mean * second + 2 * mean**3
    for convert in (lambda g: g.astype(float), sparse.csr_array):
        found = null_moments(*(pair_sums(convert(graph)) for graph in graphs))
        assert found.mean == pytest.approx(float(mean), rel=1e-14)
        assert found.sd == pytest.approx(math.sqrt(float(variance)), rel=1e-12)
        skewness = float(central) / float(variance) ** 1.5
        assert found.skewness == pytest.approx(skewness, rel=1e-9)


def raw_sums(graph: Array) -> dict[int, list[int]]:
    """Distinct sums of a 0/1 matrix without a diagonal, in Python's integers.

    A power of an entry is the entry, so a pair of nodes is joined one way, the other, or both.
    """
    both = graph * graph.T
    n = len(graph)
    ones = np.ones(n, dtype=np.int64)

    def component(arcs: tuple[tuple[int, int], ...]) -> int:
        distinct = sorted(set(arcs))
        if any(tail == head for tail, head in distinct):
            return 0
        size = 1 + max(map(max, distinct))
        # Sum out one vertex after the other; a dense tensor over what is left would be too large,
        # so trees go by vectors and triangles by one product.
        links = {
            (i, j): both
            if (i, j) in distinct and (j, i) in distinct
            else graph
            if (i, j) in distinct
            else graph.T
            for i in range(size)
            for j in range(size)
            if (i, j) in distinct or (j, i) in distinct
        }
        if len(links) == 6 and size == 3:
            # Whole numbers below 2^53 are exact in floating point, whose product is fast.
            twice = links[0, 1].astype(float) @ links[1, 2].astype(float)
            return int((twice * links[0, 2]).sum())

        def vector(root: int, parent: int) -> Array:
            found = ones
            for other in range(size):
                if other != parent and (root, other) in links:
                    found = found * (links[root, other] @ vector(other, root))
            return found

        return int(vector(0, -1).sum())

    found = {}
    for m in (1, 2, 3):
        table = moments._table(m)
        free = [math.prod(component(c) for c in graph_) for graph_ in table.graphs]
        found[m] = [
            sum(int(factor) * value for factor, value in zip(row, free, strict=True))
            for row in table.inversion
        ]
    return found


def centred_gram(n: int, d: int, seed: int, power: float = 0.0) -> Array:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * np.arange(1, d + 1) ** -power
    x -= x.mean(axis=0)
    return x @ x.T


def test_variance_of_the_rv_coefficient() -> None:
    """Kazi-Aoual et al. (1995): mean and variance of Tr(W_x W_y) for doubly centred matrices."""
    n = 30
    a, b = centred_gram(n, 4, 0, 1.0), centred_gram(n, 7, 1)
    exact = null_moments(pair_sums(a), pair_sums(b))

    def parts(w: Array) -> tuple[float, float, float]:
        trace, square, diagonal = np.trace(w), np.sum(w * w), np.sum(np.diag(w) ** 2)
        return trace, square, diagonal

    (t, t2, s2), (u, u2, v2) = parts(a), parts(b)
    assert exact.mean == pytest.approx(t * u / (n - 1), rel=1e-12)
    variance = 2.0 * ((n - 1) * t2 - t**2) * ((n - 1) * u2 - u**2) / (
        (n - 1) ** 2 * (n + 1) * (n - 2)
    ) + (n * (n + 1) * s2 - (n - 1) * (t**2 + 2 * t2)) * (
        n * (n + 1) * v2 - (n - 1) * (u**2 + 2 * u2)
    ) / ((n + 1) * n * (n - 1) * (n - 2) * (n - 3))
    assert exact.sd**2 == pytest.approx(variance, rel=1e-11)  # rounding


def test_count_of_common_neighbours_of_random_lists() -> None:
    """Overlap of two directed graphs with k successors each: mean n k²/(n-1)."""
    n, k = 50, 5
    rng = np.random.default_rng(3)
    graphs = []
    for _ in range(2):
        graph = np.zeros((n, n))
        for i in range(n):
            graph[i, rng.choice(np.delete(np.arange(n), i), k, replace=False)] = 1.0
        graphs.append(pair_sums(sparse.csr_array(graph)))
    assert null_moments(*graphs).mean == pytest.approx(n * k * k / (n - 1), rel=1e-13)


def test_independent_of_mean_and_diagonal_shift() -> None:
    """Constants added on and off the diagonal change the mean only."""
    n = 40
    a, b = centred_gram(n, 3, 5), np.random.default_rng(6).normal(size=(n, n))
    before = null_moments(pair_sums(a), pair_sums(b))
    after = null_moments(pair_sums(a + 100.0 + 7.0 * np.eye(n)), pair_sums(b))
    # Entries of order 100 keep 14 digits of numbers of order one.
    assert after.sd == pytest.approx(before.sd, rel=1e-11)
    assert after.skewness == pytest.approx(before.skewness, rel=1e-9)


@pytest.mark.parametrize("factor", [1e-120, 1e120])
def test_no_power_overflows(factor: float) -> None:
    a, b = centred_gram(20, 3, 7), centred_gram(20, 4, 8)
    one, scaled = (null_moments(pair_sums(f * a), pair_sums(b)) for f in (1.0, factor))
    assert scaled.sd == pytest.approx(factor * one.sd, rel=1e-12)
    assert scaled.skewness == pytest.approx(one.skewness, rel=1e-10)


def test_constant_matrix_has_no_spread() -> None:
    constant = pair_sums(0.1 * np.ones((20, 20)) + 0.3 * np.eye(20))
    found = null_moments(constant, pair_sums(centred_gram(20, 3, 9)))
    assert (found.sd, found.skewness) == (0.0, 0.0)


def test_row_effects_against_equal_row_sums_have_no_spread() -> None:
    """Σ (u_i + u_j) b_ij depends on row sums only: equal ones make the score a constant."""
    n = 24
    u = np.random.default_rng(10).normal(size=n)
    ring = np.roll(np.eye(n), 1, axis=1)
    found = null_moments(pair_sums(u[:, None] + u[None]), pair_sums(ring + ring.T))
    assert found.sd == 0.0


def test_torch_gives_the_same() -> None:
    torch = pytest.importorskip("torch")
    a, b = centred_gram(30, 3, 11), np.random.default_rng(12).normal(size=(30, 30))
    here = null_moments(pair_sums(a), pair_sums(b))
    there = null_moments(*(pair_sums(torch.asarray(m)) for m in (a, b)))
    assert there.sd == pytest.approx(here.sd, rel=1e-12)
    assert there.skewness == pytest.approx(here.skewness, rel=1e-9)


def test_partitions_are_all_there() -> None:
    """Bell numbers; and falling factorials from powers, (x)_n = Σ μ x^|ρ|."""
    assert [len(partitions(size)) for size in range(1, 7)] == [1, 2, 5, 15, 52, 203]
    for size in range(1, 7):
        total = sum(mobius(blocks) * 9 ** len(set(blocks)) for blocks in partitions(size))
        assert total == math.perm(9, size)
    assert [sum(moments._table(m).counts) for m in (1, 2, 3)] == [2, 15, 203]


def test_what_cannot_be_summed() -> None:
    with pytest.raises(MethexisError, match="square"):
        pair_sums(np.zeros((3, 4)))
    with pytest.raises(MethexisError, match="3 and 4"):
        null_moments(pair_sums(np.eye(3)), pair_sums(np.eye(4)))


@pytest.mark.slow
def test_moments_at_two_thousand_samples_are_those_of_permutations() -> None:
    """Dense and skewed; within 5 standard errors of 20 000 permutations."""
    n, num = 2000, 20_000
    rng = np.random.default_rng(13)
    x, y = (rng.standard_t(5, size=(n, d)) for d in (2, 3))
    x, y = (v - v.mean(axis=0) for v in (x, y))
    exact = null_moments(pair_sums(x @ x.T), pair_sums(y @ y.T))
    scores = np.array([np.sum((x.T @ y[rng.permutation(n)]) ** 2) for _ in range(num)])
    z = (scores - scores.mean()) / scores.std()
    assert abs(scores.mean() - exact.mean) < 5 * exact.sd / math.sqrt(num)
    fourth = np.mean(z**4)
    assert scores.std() == pytest.approx(exact.sd, rel=5 * math.sqrt((fourth - 1) / (4 * num)))
    # The standard error of a skewness, by the bootstrap.
    draws = [stats.skew(rng.choice(scores, num)) for _ in range(50)]
    assert abs(stats.skew(scores) - exact.skewness) < 5 * np.std(draws)


def test_sums_are_plain_numbers() -> None:
    found = pair_sums(centred_gram(10, 2, 14))
    assert isinstance(found, PairSums)
    assert isinstance(null_moments(found, found).skewness, float)


def test_single_precision_keeps_what_a_p_value_needs() -> None:
    a, b = centred_gram(200, 4, 15), centred_gram(200, 6, 16)
    exact = null_moments(pair_sums(a), pair_sums(b))
    found = null_moments(*(pair_sums(m.astype(np.float32)) for m in (a, b)))
    assert found.sd == pytest.approx(exact.sd, rel=1e-4)
    assert found.skewness == pytest.approx(exact.skewness, abs=1e-3)
    constant = pair_sums(np.full((20, 20), 0.1, dtype=np.float32))
    assert null_moments(constant, constant).sd == 0.0
