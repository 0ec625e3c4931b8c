"""At minima of deep linear students the canonical gauge is the Platonic point, by exact moments."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

import methexis as mx
from methexis.core.linalg import sqrt_psd
from methexis.core.problem import Problem

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  after torch is known to be there


class Student(nn.Module):
    """A deep linear network between frozen embeddings."""

    def __init__(self, weights: list[Any], problem: Problem) -> None:
        super().__init__()
        self.layers = nn.ParameterList([nn.Parameter(torch.tensor(one)) for one in weights])
        self.register_buffer("embed_in", torch.tensor(problem.embed_in))
        self.register_buffer("embed_out", torch.tensor(problem.embed_out))

    def forward(self, x: Any) -> Any:
        h = x @ self.embed_in.T
        for layer in self.layers:
            h = h @ layer.T
        return h @ self.embed_out.T


def exact_batch(problem: Problem) -> tuple[Any, Any]:
    """Samples of which all moments that matter on the minima are those of the population.

    Every input, ``sqrt(d) Σx^{1/2} e_k``, meets every noise, ``± sqrt(d) Σε^{1/2} e_k``, so that
    second moments are exact and both are independent, which is all that (1.8) needs.
    """
    sides = []
    for covariance in (problem.cov_x, problem.cov_noise):
        sides.append(np.sqrt(len(covariance)) * sqrt_psd(covariance))
    inputs, noises = sides[0], np.concatenate([sides[1], -sides[1]])
    x = np.repeat(inputs, len(noises), axis=0)
    return x, x @ problem.target.T + np.tile(noises, (len(inputs), 1))


class Reached(NamedTuple):
    """Before and after, in terms of theory."""

    excess: tuple[float, float]
    alignment: tuple[float, float]
    made: mx.Canonical


def reached(hidden: tuple[int, ...], *, seed: int, **settings: Any) -> Reached:
    law = {"spread": settings.pop("spread", 1.0)}
    law["distribution"] = settings.pop("distribution", "lognormal")
    teacher = mx.Teacher.random(dim_x=6, dim_y=4, seed=seed)
    student = mx.EDLN(hidden=hidden)
    view = mx.View.random(6, seed=seed) if seed % 2 else None
    student = student if view is None else mx.EDLN(hidden=hidden, view=view)
    problem = Problem.of(teacher, student)
    start = mx.theory.random_minimum(teacher, student, seed=seed, **law)
    platonic = mx.theory.platonic(teacher, student)

    def squared(outputs: Any, labels: Any) -> Any:
        return ((outputs - labels) ** 2).sum()

    made = mx.canonicalize(
        Student(start, problem).eval(), squared, exact_batch(problem), **settings
    )
    end = [one.detach().numpy() for one in made.model.layers]
    product = problem.embed_in
    for one in end:
        product = one @ product
    np.testing.assert_allclose(problem.embed_out @ product, problem.target, atol=1e-10)

    def maps(weights: list[Any]) -> list[Any]:
        made, h = [], problem.embed_in
        for one in weights[:-1]:
            h = one @ h
            made.append(h)
        return made

    def alignment(weights: list[Any]) -> float:
        both = [*maps(weights), *maps(platonic.weights)]
        return float(np.min(mx.geometry.gram_cosines(both, problem.cov_x)))

    entropies = [float(mx.theory.entropy(teacher, student, one)) for one in (start, end)]
    np.testing.assert_allclose(made.entropy, entropies, rtol=1e-9)  # torch's is theory's
    excess = tuple(one / platonic.entropy - 1 for one in entropies)
    return Reached((excess[0], excess[1]), (alignment(start), alignment(end)), made)


@pytest.mark.parametrize(
    ("hidden", "seed", "law"),
    [
        ((4,), 0, {}),
        ((4, 4), 1, {}),
        ((4, 4), 2, {"spread": 2.0}),
        ((4, 4), 3, {"distribution": "ginibre"}),
        ((4, 4), 4, {"distribution": "landing"}),
        ((4, 4, 4, 4), 5, {}),
    ],
)
def test_widths_of_the_rank_reach_the_platonic_point(
    hidden: tuple[int, ...], seed: int, law: dict[str, Any]
) -> None:
    known = reached(hidden, seed=seed, tolerance=1e-13, sweeps=60, **law)
    assert known.excess[0] > 0.01  # it began elsewhere
    assert known.alignment[0] < 0.99
    assert known.alignment[1] >= 1 - 1e-9
    assert abs(known.excess[1]) <= 1e-9
    assert known.made.proved
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(known.made.totals))
    within = np.max([one.gaps for one in known.made.interfaces], axis=0)
    assert np.flatnonzero(within <= 1e-3)[0] <= 6


@pytest.mark.parametrize("hidden", [(5, 4), (6, 8)])
def test_wider_layers_come_near(hidden: tuple[int, ...]) -> None:
    """The infimum is not reached; what nobody reads remains, scaled down by roots of EASE."""
    known = reached(hidden, seed=0, tolerance=1e-12, sweeps=40)
    assert known.excess[0] > 1
    assert 0 < known.excess[1] <= 1e-6
    assert known.alignment[1] >= 1 - 1e-6
    assert known.made.proved


def test_frozen_embeddings_are_left_alone() -> None:
    known = reached((4, 4), seed=0)
    assert set(known.made.left.values()) == {
        "only one side of it is trained, so that it could be scaled for ever"
    }
    assert len(known.made.left) == 2


def test_eight_interfaces_in_a_row() -> None:
    """Longer steps near the end: a factor of four per sweep, where plain sweeps have 1.3."""
    known = reached((4,) * 8, seed=0, tolerance=1e-9, sweeps=30)
    assert known.made.balanced
    within = np.max([one.gaps for one in known.made.interfaces], axis=0)
    assert np.flatnonzero(within <= 1e-3)[0] <= 7
