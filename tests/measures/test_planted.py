"""The planted truth, against samples and against closed forms derived here."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.core.checks import MethexisError
from methexis.core.layers.geometry import align_samples
from methexis.measures.planted import CAUSES, planted_pair


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_wrong_at_strength_zero(cause: str, seed: int) -> None:
    assert planted_pair(cause, 0.0, seed).alignment == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("cause", CAUSES)
def test_samples_have_the_true_alignment(cause: str) -> None:
    """Moments of 60,000 samples: entries are off by about n^-1/2 = .004 of the largest."""
    pair = planted_pair(cause, 0.7)
    x, y = pair.samples(60_000, seed=1)
    found = align_samples(x - x.mean(axis=0), y - y.mean(axis=0)).cosine
    assert found == pytest.approx(pair.alignment, abs=0.01)


@pytest.mark.parametrize("strength", [0.2, 0.5, 0.9])
def test_shared_inputs_have_a_closed_form(strength: float) -> None:
    """h_B sees cos x + sin x': the kernel's overlap falls as cos², its norm stays."""
    found = planted_pair("inputs", strength).alignment
    assert found == pytest.approx(np.cos(strength * np.pi / 2) ** 2, abs=1e-12)


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_lost_modes_have_a_closed_form(strength: float) -> None:
    """Aligned kernels with eigenvalues k: sum of k² over the modes kept, root of its share."""
    pair = planted_pair("rank", strength)
    eigenvalues = np.linalg.svd(pair.map_a, compute_uv=False)[:12] ** 2
    kept = np.linalg.matrix_rank(pair.map_b)
    share = np.sum(eigenvalues[:kept] ** 2) / np.sum(eigenvalues**2)
    assert pair.alignment == pytest.approx(np.sqrt(share), abs=1e-10)


@pytest.mark.parametrize("cause", ["gauge", "rank", "dominant", "noise", "teacher", "inputs"])
def test_more_of_a_cause_is_less_alignment(cause: str) -> None:
    found = [planted_pair(cause, s).alignment for s in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert (np.diff(found) < -1e-3).all()


@pytest.mark.parametrize("cause", ["nothing", "offset"])
def test_controls_stay_aligned(cause: str) -> None:
    pair = planted_pair(cause, 1.0)
    assert pair.alignment == pytest.approx(1.0, abs=1e-12)
    assert not np.allclose(pair.map_b, planted_pair(cause, 0.0).map_b) or pair.offset_b.any()


def test_gauge_keeps_the_function() -> None:
    """What the layer lost in alignment it has not lost in information: the same row space."""
    pair = planted_pair("gauge", 1.0)
    both = np.vstack([pair.map_a, pair.map_b])
    assert np.linalg.matrix_rank(both, tol=1e-8 * np.linalg.norm(both)) == 12


def test_draws_repeat() -> None:
    pair = planted_pair("noise", 0.3, seed=2)
    again = planted_pair("noise", 0.3, seed=2)
    np.testing.assert_array_equal(pair.samples(10, seed=3)[1], again.samples(10, seed=3)[1])
    assert not np.array_equal(pair.samples(10, seed=3)[0], pair.samples(10, seed=4)[0])


@pytest.mark.parametrize(("cause", "strength"), [("nosie", 0.5), ("noise", -0.1), ("noise", 1.5)])
def test_bad_input_is_refused(cause: str, strength: float) -> None:
    with pytest.raises(MethexisError, match="expected"):
        planted_pair(cause, strength)


@pytest.mark.parametrize("cause", CAUSES)
def test_background_is_exact_too(cause: str) -> None:
    """The noise of both adds to the norms of the kernels and not to their overlap."""
    plain, noisy = (planted_pair(cause, 0.4, background=b) for b in (0.0, 0.3))
    x, y = noisy.samples(60_000, seed=1)
    found = align_samples(x - x.mean(axis=0), y - y.mean(axis=0)).cosine
    assert found == pytest.approx(noisy.alignment, abs=0.01)
    assert noisy.alignment < plain.alignment - 0.01
    grams = [m @ m.T for m in (noisy.map_a, noisy.map_b)]
    cross = noisy.map_a @ noisy.map_b.T
    by_hand = np.sum(cross**2) / np.prod([np.linalg.norm(g) for g in grams])
    assert noisy.alignment == pytest.approx(by_hand, abs=1e-12)
