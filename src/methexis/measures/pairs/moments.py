"""Exact moments of ``T = Σ_ij a_ij b_π(i)π(j)`` over all orders π, for any two square matrices.

In ``T^m`` there are 2m indices, the ends of m arcs. Which of them are equal is a partition σ of
those 2m ends, and π takes distinct indices to distinct indices, all choices alike. So

    E T^m = Σ_σ A(σ) B(σ) / (n)_|σ|,    (n)_k = n (n-1) … (n-k+1),

where ``A(σ)`` is the sum of ``a a … a`` over indices that are equal within the blocks of σ and
*distinct* between them. There are 203 partitions for m = 3. Those that differ in the names of their
blocks or the order of their arcs have equal sums: what counts is the graph whose vertices are the
blocks and whose arcs are the factors, up to isomorphism; 52 graphs are left.

A sum over distinct indices follows from sums over free indices by Möbius inversion: free indices of
σ that happen to coincide make a coarser partition ρ, and ``A(σ) = Σ_{ρ ≥ σ} μ(σ, ρ) F(ρ)`` with
``μ = Π (-1)^{k-1} (k-1)!`` over the blocks of ρ, each made of k blocks of σ. The diagonal is kept
apart (`entries`): a loop takes its entry, and a coarsening that closes an arc to a loop
contributes nothing. Free sums factor over the components of the graph; parallel arcs are one
entrywise product; a tree is summed from its leaves by products with vectors; a triangle takes one
product of two matrices. That product is the cost, ``n^3``, and each matrix is summed once: a pair
then costs a sum over the graphs.

Centring both matrices changes T by a constant, because π permutes diagonal and other entries apart.
Second and third moments are computed of the centred matrices and are central at once, so that they
do not come as small differences of large numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from math import factorial, perm, prod
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Tensor
from methexis.measures.measure import NullMoments
from methexis.measures.pairs.entries import Entries, entries
from methexis.measures.rounding import unless_rounding

Blocks = tuple[int, ...]
Arc = tuple[int, int]
Component = tuple[Arc, ...]
Graph = tuple[Component, ...]


@dataclass(frozen=True, eq=False)
class PairSums:
    """Everything of one matrix that moments over orders depend on."""

    num_samples: int
    diagonal_total: float  # sum of the diagonal
    other_total: float  # sum of the other entries
    scale: float  # Frobenius norm of the centred matrix; 0 if constant on and off the diagonal
    dominance: float  # largest share of its square that the row and column of one sample have
    #: Sums over distinct indices of the matrix centred and divided by `scale`, for the graphs of
    #: two and, below, of three arcs.
    second: Array = field(repr=False)
    third: Array = field(repr=False)


def pair_sums(matrix: Any) -> PairSums:
    """Sums of one matrix over distinct indices, of all products of two and three entries.

    Symmetric or not, with a diagonal or without. Dense matrices take one product of two matrices,
    ``n^3``, and memory for about four; sparse ones with k entries per row take ``n k^2``. Matrices
    that are not formed are in `products`.

    Raises
    ------
    MethexisError
        If the matrix is not square.

    Examples
    --------
    >>> import numpy as np
    >>> pair_sums(np.eye(5)).other_total
    0.0
    """
    given = entries(matrix)
    if given.scale == 0.0:
        second, third = (np.zeros(len(_table(arcs).graphs)) for arcs in (2, 3))
        dominance = 0.0
    else:
        free = _FreeSums(given)
        second, third = (free.distinct(arcs) for arcs in (2, 3))
        dominance = given.largest_share()
    return PairSums(
        given.num_samples,
        given.diagonal_total,
        given.other_total,
        given.scale,
        dominance,
        second,
        third,
    )


def null_moments(a: PairSums, b: PairSums) -> NullMoments:
    """Mean, standard deviation and skewness of ``Σ_ij a_ij b_π(i)π(j)`` over all n! orders π.

    Exact for every n; a deviation that is rounding of its terms is 0, as is the skewness then.

    Raises
    ------
    MethexisError
        If the matrices have not equally many rows.

    Examples
    --------
    All six orders of three samples:

    >>> import itertools, numpy as np
    >>> a, b = np.arange(9.0).reshape(3, 3), np.arange(9.0).reshape(3, 3) ** 2
    >>> scores = [np.sum(a * b[np.ix_(p, p)]) for p in itertools.permutations(range(3))]
    >>> exact = null_moments(pair_sums(a), pair_sums(b))
    >>> np.allclose([exact.mean, exact.sd], [np.mean(scores), np.std(scores)])
    True
    """
    if a.num_samples != b.num_samples:
        raise MethexisError(
            "pair sums: expected matrices over equally many samples, got "
            f"{a.num_samples} and {b.num_samples}"
        )
    n = a.num_samples
    mean = null_mean(n, (a.diagonal_total, a.other_total), (b.diagonal_total, b.other_total))
    variance = _moment(2, n, a.second, b.second)
    if variance == 0.0:
        return NullMoments(mean, 0.0, 0.0)
    sd = float(np.sqrt(variance))
    return NullMoments(
        mean,
        a.scale * b.scale * sd,
        _moment(3, n, a.third, b.third) / sd**3,
        float(np.sqrt(a.dominance * b.dominance)),
    )


def null_mean(num_samples: int, a: tuple[float, float], b: tuple[float, float]) -> float:
    """Mean over all orders, from each matrix's sums of its diagonal and of its other entries."""
    n = num_samples
    return a[0] * b[0] / n + a[1] * b[1] / (n * (n - 1))


def _moment(num_arcs: int, n: int, a: Array, b: Array) -> float:
    table = _table(num_arcs)
    terms = [
        count * one * other / perm(n, size)
        for count, size, one, other in zip(table.counts, table.sizes, a, b, strict=True)
        if size <= n  # there are no more distinct indices than samples
    ]
    return unless_rounding(float(np.sum(terms)), float(np.sum(np.abs(terms))))


@cache
def partitions(size: int) -> tuple[Blocks, ...]:
    """All partitions of ``range(size)``: the block of each member, numbered as they come.

    Examples
    --------
    >>> partitions(2)
    ((0, 0), (0, 1))
    >>> len(partitions(6))
    203
    """

    def extended(head: Blocks, used: int) -> Iterator[Blocks]:
        if len(head) == size:
            yield head
            return
        for block in range(used + 1):
            yield from extended((*head, block), max(used, block + 1))

    return tuple(extended((), 0))


def mobius(blocks: Blocks) -> int:
    """Möbius function from the finest partition to this one: ``Π (-1)^{k-1} (k-1)!``.

    A sum over distinct indices is the sum over all partitions of what free indices give when those
    in one block are equal, times this.

    Examples
    --------
    >>> mobius((0, 0, 0, 1))
    2
    """
    sizes = [blocks.count(block) for block in set(blocks)]
    return prod((-1) ** (size - 1) * factorial(size - 1) for size in sizes)


@dataclass(frozen=True)
class _Table:
    """The graphs with so many arcs: partitions of the arcs' ends up to isomorphism.

    graphs : the graphs; counts : partitions that give each; sizes : their numbers of vertices;
    inversion : distinct sums from free sums.
    """

    graphs: tuple[Graph, ...]
    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    inversion: Array


@cache
def _table(num_arcs: int) -> _Table:
    counts: dict[Graph, int] = {}
    for blocks in partitions(2 * num_arcs):
        graph = _graph([(blocks[2 * k], blocks[2 * k + 1]) for k in range(num_arcs)])
        counts[graph] = counts.get(graph, 0) + 1
    graphs = tuple(counts)
    place = {graph: k for k, graph in enumerate(graphs)}
    inversion = np.zeros((len(graphs), len(graphs)))
    for graph in graphs:
        arcs = _joined(graph)
        for blocks in partitions(_num_vertices(graph)):
            if all(tail == head or blocks[tail] != blocks[head] for tail, head in arcs):
                merged = _graph([(blocks[tail], blocks[head]) for tail, head in arcs])
                inversion[place[graph], place[merged]] += mobius(blocks)
    return _Table(graphs, tuple(counts.values()), tuple(map(_num_vertices, graphs)), inversion)


def _graph(arcs: list[Arc]) -> Graph:
    """The graph of these arcs in canonical form: sorted components, each with its least labels."""
    components: list[list[Arc]] = []
    for arc in arcs:
        touching = [c for c in components if any(set(arc) & set(other) for other in c)]
        components = [c for c in components if c not in touching]
        components.append([arc, *(other for c in touching for other in c)])
    return tuple(sorted(map(_least, components)))


def _least(arcs: list[Arc]) -> Component:
    names = sorted({end for arc in arcs for end in arc})
    return min(
        tuple(sorted((label[tail], label[head]) for tail, head in arcs))
        for order in permutations(range(len(names)))
        for label in (dict(zip(names, order, strict=True)),)
    )


def _order(component: Component) -> int:
    return 1 + max(end for arc in component for end in arc)


def _num_vertices(graph: Graph) -> int:
    return sum(map(_order, graph))


def _joined(graph: Graph) -> list[Arc]:
    """All arcs, the vertices of different components with different names."""
    arcs: list[Arc] = []
    start = 0
    for component in graph:
        arcs += [(start + tail, start + head) for tail, head in component]
        start += _order(component)
    return arcs


# A rooted tree: loops at its root, and branches (arcs to the branch's root, arcs back, the branch).
_Tree = tuple[int, tuple[tuple[int, int, Any], ...]]


class _FreeSums:
    """Sums over free indices, each computed once."""

    def __init__(self, given: Entries) -> None:
        self._given = given
        self._vectors: dict[_Tree, Tensor] = {(0, ()): given.ones}
        # Both are centred.
        self._known: dict[Component, float] = {((0, 1),): 0.0, ((0, 0),): 0.0}

    def distinct(self, num_arcs: int) -> Array:
        table = _table(num_arcs)
        free = [prod(self._component(c) for c in graph) for graph in table.graphs]
        sums: Array = table.inversion @ np.array(free)
        return sums

    def _component(self, component: Component) -> float:
        if component not in self._known:
            self._known[component] = self._summed(component)
        return self._known[component]

    def _summed(self, component: Component) -> float:
        links = {frozenset(arc) for arc in component if arc[0] != arc[1]}
        if len(links) < _order(component):
            # From the vertex with most arcs, parallel arcs lead to bare ones: powers are summed
            # over rows and multiply no other vector.
            ends = [end for arc in component for end in arc]
            root = max(range(_order(component)), key=ends.count)
            return self._given.total(self._vector(self._tree(component, root, None)))
        cyclic, transitive = self._given.triangles()
        self._known[((0, 1), (0, 2), (1, 2))] = transitive
        self._known[((0, 1), (1, 2), (2, 0))] = cyclic
        return self._known[component]

    def _tree(self, component: Component, root: int, parent: int | None) -> _Tree:
        branches = []
        for other in range(_order(component)):
            forward, backward = component.count((root, other)), component.count((other, root))
            if other not in {root, parent} and forward + backward:
                if self._given.symmetric:
                    forward, backward = forward + backward, 0
                branches.append((forward, backward, self._tree(component, other, root)))
        return component.count((root, root)), tuple(sorted(branches))

    def _vector(self, tree: _Tree) -> Tensor:
        """Over the root's index: the sum over all other indices."""
        if tree not in self._vectors:
            loops, branches = tree
            vector = self._given.ones if not loops else self._given.diagonal**loops
            for forward, backward, branch in branches:
                vector = vector * self._given.apply(forward, backward, self._vector(branch))
            self._vectors[tree] = vector
        return self._vectors[tree]
