"""Variants of rungs: what is best of few samples is not what is best of many."""

from __future__ import annotations

import numpy as np
import pytest

from evidence.explain import drawn, one_draw, oracle
from evidence.explain_laws import LAWS
from methexis.core.linalg import random_orthogonal
from methexis.explaining.ladder import climbed
from methexis.explaining.rotations import isometric, rotations
from methexis.explaining.verdict import judged
from methexis.maps.fit import Fit, Maps, Sums
from methexis.maps.paired import paired
from methexis.measures.inputs.preprocessing import preprocessing


def fit(n: int = 300, d: int = 12, *, sheared: bool = False) -> Fit:
    """Of samples of a rotation, or of a general map, with noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.5
    weights = np.exp(rng.standard_normal(d)) if sheared else np.ones(d)
    y = x @ random_orthogonal(d, rng) * weights @ random_orthogonal(d, rng)
    y += 0.5 * rng.standard_normal(y.shape) * np.sqrt(np.var(y))
    return Fit.of(Sums.of(x, y))


def test_beyond_nothing_is_ridge_regression() -> None:
    one = fit()
    nothing = Maps(np.zeros((12, 12)), np.zeros((12, 12)))
    found = one.beyond(nothing)
    assert np.allclose(found.forward, one.linear.forward)
    assert np.allclose(found.backward, one.linear.backward)


def test_beyond_maps_that_leave_nothing_are_these() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((100, 5))
    one = Fit.of(Sums.of(x, x @ random_orthogonal(5, rng)))
    maps = isometric(one, rotations(one)[0])
    assert np.allclose(one.beyond(maps).forward, maps.forward, atol=1e-9)


def test_what_a_rotation_leaves_is_learnt_only_where_it_is_something() -> None:
    """From few samples of a rotation regression learns noise; of a shear it is right."""
    few = fit(40)
    turned = isometric(few, rotations(few)[0])
    learnt = np.linalg.norm(few.beyond(turned).forward - turned.forward)
    assert learnt < 0.7 * np.linalg.norm(few.linear.forward - turned.forward)
    sheared = fit(sheared=True)
    wrong = isometric(sheared, rotations(sheared)[0])
    least = sheared.loss(sheared.linear)
    assert sheared.loss(sheared.beyond(wrong)) - least < 0.2 * (sheared.loss(wrong) - least)


@pytest.mark.parametrize("draw", range(2))
def test_a_filter_is_tried_where_it_pays_with_more_samples(draw: int) -> None:
    """The same coordinates with noise, of 96 features: without a filter less is lost at n = 400.

    The extrapolated loss knows that a filter would pay, so that no rotation is needed for it.
    """
    rows = drawn(LAWS["same, noised"], 400, 96, np.random.default_rng([7, draw]))
    pair = paired(*rows[:2], preprocessing(None))
    ladder = climbed(pair)
    assert ladder.reaches
    assert judged(ladder, pair.groups).rung == "identity"
    known = oracle(LAWS["same, noised"], pair, *rows[2:])
    plain, beyond, best = (
        float(np.mean(1.0 - losses[0].sum(axis=-1) / of.spread.sum(axis=-1)))
        for losses, of in (
            (ladder.losses, ladder),
            (ladder.extrapolated, ladder),
            (known.losses, known),
        )
    )
    assert plain + 0.01 < beyond < best  # what the filter wins, of more in the population


@pytest.mark.parametrize("draw", range(2))
def test_few_samples_of_a_weak_warp_cannot_tell(draw: int) -> None:
    """A nonlinear map is sought in what the best of the smaller maps leaves, here a rotation."""
    found = one_draw("warped, weak", "few", draw, seed=7)
    assert found["rung"] is None
    assert found["possible"] == ["rotation", "nonlinear"]
    shares = found["shares"]
    assert shares["nonlinear"] > shares["rotation"] > shares["reweighted"]
    assert shares["linear"] >= shares["rotation"] - 0.01
