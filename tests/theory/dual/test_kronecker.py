"""Sums of Kronecker products against the matrix that they are."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.products import after, before
from methexis.core.problem import Problem
from methexis.theory.dual import kronecker
from methexis.theory.dual.kronecker import KroneckerSum
from methexis.theory.platonic import platonic_of
from tests.theory import brute

SEED = 20261130


def ends(
    seed: int, rows: int, columns: int, widths: list[int], lead: tuple[int, ...] = ()
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    generator = np.random.default_rng(seed)
    lefts = [generator.standard_normal((*lead, rows, width)) for width in widths]
    rights = [generator.standard_normal((*lead, width, columns)) for width in widths[::-1]]
    return lefts, rights


def formed(lefts: list[np.ndarray], rights: list[np.ndarray]) -> np.ndarray:
    """The whole matrix, from `numpy.kron`."""
    pairs = zip(lefts, rights, strict=True)
    return np.asarray(sum(np.kron(a @ a.T, c.T @ c) for a, c in pairs))


@given(seed=st.integers(0, 2**31 - 1), rows=st.integers(1, 5), columns=st.integers(1, 5))
@settings(max_examples=20)
def test_products_and_solutions_are_those_of_the_matrix(seed: int, rows: int, columns: int) -> None:
    lefts, rights = ends(seed, rows, columns, [4, 6, rows + 1])
    rights[0] = np.random.default_rng(seed + 1).standard_normal((columns + 1, columns))
    operator, whole = KroneckerSum(lefts, rights), formed(lefts, rights)
    x = np.random.default_rng(seed).standard_normal((rows, columns))
    assert_allclose(
        operator(x).ravel(), whole @ x.ravel(), rtol=0, atol=1e-12 * np.abs(whole).max()
    )
    assert_allclose(operator.trace, np.trace(whole), rtol=1e-12)
    assert_allclose(operator.largest() if rows * columns > 1 else whole[0, 0],
                    np.linalg.eigvalsh(whole)[-1], rtol=1e-10)  # fmt: skip
    condition = np.linalg.cond(whole)
    if condition > 1e6:
        return
    solved, missing = operator.solve(x)
    assert not missing
    expected = np.linalg.solve(whole, x.ravel())
    # A residual of 1e-13 of the right-hand side, times the condition.
    assert_allclose(
        solved.ravel(), expected, rtol=0, atol=1e-11 * condition * np.abs(expected).max()
    )


def test_replicas_are_solved_each_as_if_it_were_alone() -> None:
    lefts, rights = ends(SEED, 4, 5, [6, 4, 5], lead=(3,))
    right = np.random.default_rng(SEED).standard_normal((3, 4, 5))
    together, missing = KroneckerSum(lefts, rights).solve(right)
    assert not missing.any()
    for k in range(3):
        alone, _ = KroneckerSum([a[k] for a in lefts], [c[k] for c in rights]).solve(right[k])
        assert_allclose(together[k], alone, rtol=0, atol=1e-12 * np.abs(alone).max())


def test_damping_is_added_to_the_matrix() -> None:
    lefts, rights = ends(SEED, 4, 5, [6, 4, 5])
    right = np.random.default_rng(SEED).standard_normal((4, 5))
    solved, missing = KroneckerSum(lefts, rights).solve(right, damping=np.asarray(3.0))
    assert not missing
    whole = formed(lefts, rights) + 3.0 * np.eye(20)
    assert_allclose(solved.ravel(), np.linalg.solve(whole, right.ravel()), rtol=0, atol=1e-11)


def test_what_is_out_of_reach_is_said_and_what_is_within_is_solved() -> None:
    """Ends of rank one reach only part of the entries: of others there is no solution."""
    lefts, rights = ends(SEED, 3, 4, [1, 1])
    operator = KroneckerSum(lefts, rights)
    inside = operator(np.random.default_rng(SEED).standard_normal((3, 4)))
    solved, missing = operator.solve(inside)
    assert not missing
    assert_allclose(operator(solved), inside, rtol=0, atol=1e-9 * np.abs(inside).max())
    _, missing = operator.solve(np.random.default_rng(SEED + 1).standard_normal((3, 4)))
    assert missing


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_at_the_platonic_point_the_basis_inverts_at_once(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, student = brute.case(SEED, depth=depth)
    problem = Problem.of(teacher, student)

    def solved_in_two(weights: list[np.ndarray]) -> bool:
        rights = [b @ problem.root_x for b in before(problem, weights)]
        operator = KroneckerSum(after(problem, weights), rights)
        right = np.random.default_rng(SEED).standard_normal(problem.target.shape)
        return not operator.solve(right)[1]

    monkeypatch.setattr(kronecker, "MOST_PRODUCTS", 2)
    assert solved_in_two(platonic_of(problem).weights)
    # Two layers have two terms, which one basis makes diagonal at any weights.
    away = mx.theory.random_minimum(teacher, student, seed=1, spread=1.0)
    assert solved_in_two(away) == (depth == 2)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exponentials_are_seen_in_few_vectors(seed: int) -> None:
    lefts, rights = ends(seed, 9, 9, [10, 12, 9])
    rights[0] = np.random.default_rng(seed).standard_normal((10, 9))
    operator, whole = KroneckerSum(lefts, rights), formed(lefts, rights)
    given_ = np.random.default_rng(seed).standard_normal((9, 9))
    values, vectors = operator.seen_by(given_)
    assert_allclose(vectors.T @ vectors, np.eye(len(values)), rtol=0, atol=1e-11)
    modes = vectors.T @ given_.ravel()
    for time in np.geomspace(1e-3, 10.0, 9) / values[-1]:
        found = vectors @ (np.exp(-2.0 * values * time) * modes)
        expected = scipy.linalg.expm(-2.0 * time * whole) @ given_.ravel()
        # What the search for the basis stops at, and rounding.
        assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(given_).max())


def test_exponentials_are_right_where_one_direction_is_slow() -> None:
    """A condition of 1e5, for which a few hundred vectors are too few."""
    generator = np.random.default_rng(5)
    size = 18
    turns = [np.linalg.qr(generator.standard_normal((size, size)))[0] for _ in range(2)]
    ends_ = turns[0] * np.geomspace(1.0, 3e-3, size) @ turns[1]
    operator = KroneckerSum([ends_, np.eye(size)], [np.eye(size), ends_])
    whole = formed([ends_, np.eye(size)], [np.eye(size), ends_])
    given_ = generator.standard_normal((size, size))
    values, vectors = operator.seen_by(given_)
    exact, turn = np.linalg.eigh(whole)
    for time in np.geomspace(0.05 / exact[-1], 12.0 / exact[0], 24):
        found = vectors @ (np.exp(-2.0 * values * time) * (vectors.T @ given_.ravel()))
        expected = turn @ (np.exp(-2.0 * exact * time) * (turn.T @ given_.ravel()))
        assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(given_).max())


def test_side_by_side_exponentials_are_those_of_each_alone() -> None:
    lefts, rights = ends(SEED, 6, 6, [7, 8, 6], lead=(3,))
    given_ = np.random.default_rng(SEED).standard_normal((3, 6, 6))
    given_[2] = 0.0  # nothing moves: any basis will do
    operator = KroneckerSum(lefts, rights)
    for k, seen in enumerate(operator.seen_by_each(given_)):
        alone = KroneckerSum([a[k] for a in lefts], [c[k] for c in rights]).seen_by(given_[k])
        assert seen is not None
        assert_allclose(seen[0], alone[0], rtol=0, atol=1e-10 * alone[0][-1])
        for time in np.geomspace(1e-3, 10.0, 9) / alone[0][-1]:
            here, there = (
                vectors @ (np.exp(-2.0 * values * time) * (vectors.T @ given_[k].ravel()))
                for values, vectors in (seen, alone)
            )
            assert_allclose(here, there, rtol=0, atol=1e-10)
    # Three vectors show no exponential of 36 entries, unless they do not move.
    assert operator.seen_by_each(given_, 3)[:2] == [None, None]


@pytest.mark.parametrize("lead", [(), (3,)])
def test_elimination_is_that_of_the_matrix(lead: tuple[int, ...]) -> None:
    lefts, rights = ends(SEED, 4, 5, [6, 4, 5], lead=lead)
    right = np.random.default_rng(SEED).standard_normal((3, 4, 5))
    damping = np.full(lead, 0.5)
    solved = KroneckerSum(lefts, rights).eliminate(right, damping)
    for k in range(3):
        at = () if lead == () else (k,)
        whole = formed([a[at] for a in lefts], [c[at] for c in rights]) + 0.5 * np.eye(20)
        expected = np.linalg.solve(whole, right[k].ravel())
        assert_allclose(solved[k].ravel(), expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_what_is_not_positive_is_eliminated_with_pivots_or_is_nothing() -> None:
    lefts, rights = ends(SEED, 4, 5, [6, 4, 5])
    operator = KroneckerSum(lefts, rights)
    right = np.random.default_rng(SEED).standard_normal((4, 5))
    whole = formed(lefts, rights)
    middle = -float(np.linalg.eigvalsh(whole)[8:10].mean())  # ten eigenvalues are below
    expected = np.linalg.solve(whole + middle * np.eye(20), right.ravel())
    solved = operator.eliminate(right, np.asarray(middle))
    assert_allclose(solved.ravel(), expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    nothing = KroneckerSum([0.0 * a for a in lefts], rights)
    assert np.isnan(nothing.eliminate(right, np.asarray(0.0))).all()
