"""Second moments of gradients and the step from them, each computed in two independent ways."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import methexis as mx
from methexis.core.linalg import random_conditioned
from methexis.probes.canonical.steps import EASE, Moments, balanced

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  after torch is known to be there
from torch.nn import functional as F  # noqa: E402

from methexis.probes.canonical.criteria import Entropy  # noqa: E402
from methexis.probes.canonical.meeting import Meeting, meeting_of  # noqa: E402
from methexis.probes.canonical.samples import Gradients, pairs_of  # noqa: E402
from tests.probes.interfaces import models  # noqa: E402

RNG = np.random.default_rng(0)


def covariance(size: int, seed: int, condition: float = 30.0) -> Any:
    root = random_conditioned(size, condition, np.random.default_rng(seed))
    return root @ root.T


def gradients_of(model: Any, batches: Any, loss: Any = F.mse_loss) -> Gradients:
    names = [name for name, _ in model.named_parameters()]
    pairs = pairs_of(batches, targets=True, dtype=torch.float64, device="cpu")
    return Gradients(model, loss, pairs, names)


def entropy_of(model: Any, batches: Any) -> Entropy:
    return Entropy(gradients_of(model, batches), [name for name, _ in model.named_parameters()])


def meetings_of(model: Any, inputs: Any) -> list[Meeting]:
    names = {name for name, _ in model.named_parameters()}
    made = [meeting_of(one, one._traced, names)[0] for one in mx.interfaces(model, inputs[:3])]
    return [one for one in made if one is not None]


def test_moments_of_linear_layers_are_those_of_activations_and_deltas() -> None:
    """The gradient of a sample is the sum over tokens of ``d xᵀ``; none is needed by itself."""
    torch.manual_seed(0)
    maps = nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False)
    model = nn.Sequential(*maps).double().eval()
    x, y = torch.randn(20, 5, 3).double(), torch.randn(20, 5, 2).double()
    ((moments,),), parts = entropy_of(model, (x, y)).measured(meetings_of(model, x))
    w, v = (one.detach().numpy() for one in model.parameters())
    given, labels = x.numpy(), y.numpy()
    hidden = given @ w.T
    delta = 2 * (hidden @ v.T - labels) / labels[0].size  # of the mean over tokens and outputs
    back = delta @ v
    # G = dᵀx over tokens; G Gᵀ = dᵀ (x xᵀ) d and Gᵀ G = hᵀ (d dᵀ) h with the tokens' Gram matrices
    above = np.einsum("nti,nts,nsj->ij", back, given @ given.swapaxes(1, 2), back) / 20
    below = np.einsum("nti,nts,nsj->ij", hidden, delta @ delta.swapaxes(1, 2), hidden) / 20
    np.testing.assert_allclose(moments.above, above, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(moments.below, below, rtol=1e-12, atol=1e-15)
    assert sum(parts.values()) == pytest.approx(np.trace(above) + np.trace(below), rel=1e-12)


@pytest.mark.parametrize("name", ["perceptron", "convolutions", "lora", "rotary in halves", "lstm"])
def test_many_at_once_are_what_they_are_one_by_one(name: str) -> None:
    model, batch = models.made(name)
    with torch.no_grad():
        target = torch.randn_like(model(batch))
    gradients = gradients_of(model, (batch, target))
    assert gradients.together == (name != "lstm")  # whose kernel has no rule
    names = [one for one, _ in model.named_parameters()]
    (many,) = gradients.chunks(names)
    gradients.together = False
    (each,) = gradients.chunks(names)
    for one in names:
        model.zero_grad()
        F.mse_loss(model(batch[2:3]), target[2:3]).backward()  # type: ignore[no-untyped-call]
        expected = dict(model.named_parameters())[one].grad
        for seen in (many, each):
            torch.testing.assert_close(seen[one][2], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["perceptron", "convolutions", "lora", "no rotary", "rotary in halves"]
)
def test_moments_are_what_the_entropy_feels(name: str) -> None:
    """By differences: on ``T = exp(s K)`` the entropy changes by ``2 s (Tr KB - Tr KA)``."""
    model, batch = models.made(name)
    with torch.no_grad():
        target = torch.randn_like(model(batch))
    meetings = meetings_of(model, batch)
    seen, _ = entropy_of(model, (batch, target)).measured(meetings)
    assert meetings
    for meeting, (moments, *_) in zip(meetings, seen, strict=True):
        size = meeting.interface.size
        way = RNG.normal(size=(size, size))
        way = 0.5 * (way + way.T) if meeting.mixes else np.diag(np.diag(way))
        if meeting.pairs is not None:
            way = np.zeros((size, size))
            way[meeting.pairs, meeting.pairs] = RNG.normal(size=size // 2)
            moved = np.diag(way)[meeting.pairs[0]]
            slope = 2 * float(moved @ (moments.below - moments.above))
        else:
            above, below = (
                np.diag(m) if m.ndim == 1 else m for m in (moments.above, moments.below)
            )
            slope = 2 * float(np.sum(way * (below - above)))
        step = 1e-4
        totals = []
        for sign in (1, -1):
            values, vectors = np.linalg.eigh(sign * step * way)
            element = (vectors * np.exp(values)) @ vectors.T
            if not meeting.mixes and meeting.pairs is None:
                element = np.diag(np.diag(element))
            several = np.stack([element, *[np.eye(size)] * (meeting.interface.count - 1)])
            changed = meeting.interface.apply(several)
            totals.append(sum(entropy_of(changed, (batch, target)).measured([])[1].values()))
        # central difference: an error of step², on a total of order one
        measured = (totals[0] - totals[1]) / (2 * step)
        assert measured == pytest.approx(slope, rel=1e-5, abs=1e-7 * totals[0]), (
            meeting.interface.name
        )


@pytest.mark.parametrize("seed", range(3))
def test_the_step_is_the_least_sum_that_a_search_finds(seed: int) -> None:
    above, below = covariance(3, seed), covariance(3, seed + 10)
    moments = Moments(above, below)

    def total(lower: Any) -> float:
        root = np.zeros((3, 3))
        root[np.tril_indices(3)] = lower
        x = root @ root.T + 1e-12 * np.eye(3)
        return float(np.trace(above @ np.linalg.inv(x)) + np.trace(below @ x))

    found = minimize(total, np.eye(3)[np.tril_indices(3)], tol=1e-12, options={"maxiter": 2000})
    t = balanced(moments, 1, ease=0.0)
    x = t.T @ t
    ours = np.trace(above @ np.linalg.inv(x)) + np.trace(below @ x)
    assert ours == pytest.approx(found.fun, rel=1e-6)  # to which a search by differences gets
    assert ours == pytest.approx(moments.total - moments.gap, rel=1e-12)
    assert moments.gap == pytest.approx(float(mx.entropic_gap(above, below)), rel=1e-10)
    np.testing.assert_allclose(t, mx.canonical_gauge(above, below), rtol=1e-8, atol=1e-8)
    inverse = np.linalg.inv(t)
    np.testing.assert_allclose(inverse.T @ above @ inverse, t @ below @ t.T, rtol=1e-9, atol=1e-9)


def test_factors_are_the_diagonal_of_matrices() -> None:
    above, below = RNG.uniform(0.1, 4, size=(2, 5))
    factors = balanced(Moments(above, below), 1)
    matrix = balanced(Moments(np.diag(above), np.diag(below)), 1)
    np.testing.assert_allclose(matrix, np.diag(factors), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(factors**4, above / below, rtol=1e-6)  # but for EASE
    gaps = [Moments(*(f(m) for m in (above, below))).gap for f in (np.diag, np.asarray)]
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-12)


@pytest.mark.parametrize("stretch", [1.0, 1.5])
@pytest.mark.parametrize("unequal", [1.0, 1e8, 1e-8])
def test_singular_moments_are_never_raised_and_balance_stays(
    stretch: float, unequal: float
) -> None:
    """Of ranks 2 and 3 in 5 dimensions no step is the last; each lowers the sum."""
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=(5, 2)), rng.normal(size=(5, 3))
    moments = Moments(unequal * left @ left.T, right @ right.T)
    least = moments.total - moments.gap
    for _ in range(8):
        t = balanced(moments, 1, stretch)
        assert np.linalg.cond(t) < (5 / EASE) ** (stretch / 2)  # of X⁻¹ and X each at most 5 / EASE
        inverse = np.linalg.inv(t)
        after = Moments(inverse.T @ moments.above @ inverse, t @ moments.below @ t.T)
        assert after.total <= moments.total * (1 + 1e-12)
        moments = after
    assert moments.total - least <= 1e-3 * moments.total
    balance = Moments(covariance(4, 0), covariance(4, 0))
    np.testing.assert_allclose(balanced(balance, 1, stretch), np.eye(4), atol=1e-12)


@pytest.mark.parametrize("meetings", [2, 3])
def test_entries_that_are_multiplied_several_times(meetings: int) -> None:
    """A recurrent layer, ``|W|² e^{2(s_i - s_j)}``: each step lowers the sum, and they balance."""
    rng = np.random.default_rng(meetings)
    squares, reads = rng.exponential(size=(6, 6)) ** 2, rng.exponential(size=6)

    def seen(log: Any) -> Moments:
        now = squares * np.exp(2 * (log[None, :] - log[:, None]))
        alone = reads * np.exp(2 * log)
        return Moments(now.sum(1), now.sum(0) + alone)

    log = np.zeros(6)
    with_writer = rng.exponential(size=6)
    totals = []
    for _ in range(60):
        moments = seen(log)
        writes = with_writer * np.exp(-2 * log)
        now = Moments(moments.above + writes, moments.below)
        squared = squares * np.exp(2 * (log[None, :] - log[:, None]))
        totals.append(squared.sum() + (reads * np.exp(2 * log)).sum() + writes.sum())
        log = log + np.log(balanced(now, meetings))
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(totals))
    assert now.gap <= 1e-6 * now.total


def test_nothing_on_one_side_is_no_step() -> None:
    np.testing.assert_array_equal(balanced(Moments(np.zeros(3), np.ones(3)), 1), np.ones(3))
    np.testing.assert_array_equal(balanced(Moments(np.eye(3), np.zeros((3, 3))), 1), np.eye(3))
