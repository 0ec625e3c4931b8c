"""`mx.translate_unpaired`: maps are found without pairs, and what cannot be found is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import methexis as mx
from methexis.core.linalg import random_orthogonal
from methexis.transport.unpaired.calibration import of_agreement, of_return
from methexis.transport.unpaired.equal import Misfit, _told, allowed, chance, law_distance
from methexis.transport.unpaired.moments import fourth, mardia, third
from methexis.transport.unpaired.nearness import Returned, returned
from methexis.transport.unpaired.profiles import first_map, first_maps, profiles
from methexis.transport.unpaired.refining import SHAKEN, Step, neighbours, refined
from methexis.transport.unpaired.replicas import replicas

Array = NDArray[np.float64]


def skewed(rows: int, seed: int, inputs: int = 6, directions: int = 3) -> Array:
    """Rows of one law, whatever their seed: mixtures of exponential inputs."""
    mix = np.random.default_rng(99).normal(size=(inputs, directions))
    return np.asarray(np.random.default_rng(seed).exponential(size=(rows, inputs)) @ mix)


def white(rows: Array) -> Array:
    """Whitened by the symmetric root, which keeps directions."""
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
    return np.asarray(centred @ vectors / np.sqrt(values) @ vectors.T)


def share(predicted: Array, true: Array) -> float:
    return float(1.0 - np.sum((predicted - true) ** 2) / np.sum((true - true.mean(axis=0)) ** 2))


def test_a_linear_pair_is_found_from_disjoint_rows() -> None:
    there = np.random.default_rng(5).normal(size=(3, 4))
    x, y, unseen = skewed(3000, 1), skewed(3500, 2) @ there + 7.0, skewed(300, 3)
    first = mx.translate_unpaired(x, y)
    assert (first.found, first.map, first.n) == (True, "scaled", (3000, 3500))
    assert share(first.forward(unseen), unseen @ there + 7.0) > 0.98
    assert share(first.backward(unseen @ there + 7.0), unseen) > 0.98
    again = mx.translate_unpaired(x, y)
    assert all(
        np.array_equal(one.across, other.across)
        for one, other in zip(first.sides, again.sides, strict=True)
    )
    assert first.sentence.startswith("Found:")
    assert str(first) == first.sentence


@pytest.mark.long
def test_coordinates_and_order_say_nothing() -> None:
    x, y, unseen = skewed(3000, 1), skewed(3000, 2), skewed(300, 3)
    turn = random_orthogonal(3, np.random.default_rng(4))
    turned = mx.translate_unpaired(x, y[::-1] @ turn)
    assert share(turned.forward(unseen), unseen @ turn) > 0.98


def test_gaussian_sides_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(mx.MethexisError, match=r"one: expected samples of a law that is not Gauss"):
        mx.translate_unpaired(rng.normal(size=(2000, 4)), skewed(2000, 1), names=("one", "two"))
    with pytest.raises(mx.MethexisError, match=r"two: expected samples of a law that is not Gauss"):
        mx.translate_unpaired(skewed(2000, 1), rng.normal(size=(2000, 3)), names=("one", "two"))


def test_one_pair_tells_a_law_from_its_negative() -> None:
    rng = np.random.default_rng(6)
    centres = np.array([[3.0, 0.0], [1.0, 2.0]])

    def symmetric(count: int) -> Array:
        which = rng.choice(2, size=count, p=[0.7, 0.3])
        sign = rng.choice([-1.0, 1.0], size=(count, 1))
        return np.asarray(sign * centres[which] + 0.3 * rng.normal(size=(count, 2)))

    x, y = symmetric(3000), symmetric(3000)
    with pytest.raises(mx.MethexisError, match=r"pair: expected .* symmetric"):
        mx.translate_unpaired(x, y)
    right, left = np.argmax(y[:, 0]), np.argmin(y[:, 0])
    row = int(np.argmax(x[:, 0]))
    known = mx.translate_unpaired(x, y, pair=(row, int(right)))
    assert known.found
    assert share(known.forward(x), x) > 0.95
    negative = mx.translate_unpaired(x, y, pair=(row, int(left)))
    assert share(negative.forward(x), -x) > 0.95


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": np.ones((50, 3)) * np.arange(50)[:, None]}, "A: expected at least 100 rows"),
        ({"pair": (0,)}, "pair: expected a row of x and its partner"),
        ({"pair": (0, 9000)}, "pair: "),
        ({"map": "linear"}, "map: "),
        ({"x": np.random.default_rng(0).exponential(size=(200, 40)), "map": "scaled"}, "map: "),
    ],
)
def test_bad_input_is_refused(given: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"x": skewed(400, 1), "y": skewed(400, 2)}
    with pytest.raises(mx.MethexisError, match="^" + message):
        mx.translate_unpaired(**(good | given))  # type: ignore[arg-type]


def test_profiles_know_no_coordinates() -> None:
    rng = np.random.default_rng(0)
    rows = rng.exponential(size=(200, 5)) - 1.0
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    turned = rows @ random_orthogonal(5, rng)
    one, other = (profiles(each.astype(np.float32)) for each in (rows, turned))
    np.testing.assert_allclose(one, other, atol=2e-3)  # single precision, over small spreads
    stretched = rows * np.arange(1.0, 6.0)
    assert np.abs(one - profiles(stretched.astype(np.float32))).max() > 0.1


def test_profiles_of_the_same_samples_give_the_rotation() -> None:
    rng = np.random.default_rng(1)
    rows = rng.exponential(size=(300, 4)) - 1.0
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    turn = random_orthogonal(4, rng)
    turned = (rows @ turn)[rng.permutation(300)]
    learnt = first_map(rows.astype(np.float32), turned.astype(np.float32), rng)
    np.testing.assert_allclose(learnt, turn, atol=1e-2)
    ways = first_maps(rows.astype(np.float32), turned.astype(np.float32), rng)
    assert np.array_equal(ways[0], learnt)
    assert len(ways) == 3
    for way in ways:
        np.testing.assert_allclose(way, turn, atol=1e-2)


def test_neighbours_are_those_of_a_plain_loop() -> None:
    near = np.random.default_rng(2).normal(size=(15, 13)).astype(np.float32)
    hub_x = np.sort(near, axis=1)[:, -10:].mean(axis=1)
    hub_y = np.sort(near, axis=0)[-10:].mean(axis=0)
    corrected = 2.0 * near - hub_x[:, None] - hub_y
    to_y, to_x = neighbours(near.copy(), 3)
    for row in range(15):
        assert set(to_y[row]) == set(np.argsort(corrected[row])[-3:])
    for column in range(13):
        assert set(to_x[column]) == set(np.argsort(corrected[:, column])[-3:])


def test_moments_are_those_of_a_plain_sum() -> None:
    white = np.random.default_rng(3).normal(size=(50, 3))
    expected = sum(np.einsum("a,b,c->abc", row, row, row) for row in white) / 50
    np.testing.assert_allclose(third(white), expected, atol=1e-12)
    squares = np.einsum("na,nb,nc,nd->abcd", *(white,) * 4) / 50
    unit = np.eye(3)
    for places in ("ab,cd->abcd", "ac,bd->abcd", "ad,bc->abcd"):
        squares = squares - np.einsum(places, unit, unit)
    np.testing.assert_allclose(fourth(white), squares, atol=1e-12)


def test_a_gaussian_is_rarely_called_none() -> None:
    """Under a Gaussian law p-values below .05 are about as rare: at most 15 of 100 (p < 1e-4)."""
    rng = np.random.default_rng(4)
    low = 0
    for _ in range(100):
        rows = rng.normal(size=(1000, 3))
        rows = (rows - rows.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T
        low += mardia(rows).p_value < 0.05
    assert low <= 15


def test_a_rival_is_told_by_how_well_frequencies_are_known() -> None:
    """Equal laws have misfits of chance; a wrong rotation does not; a symmetric law has two."""
    rng = np.random.default_rng(5)
    x, y = (white(skewed(4000, seed)) for seed in (11, 12))
    turn = np.eye(3)
    misfit = Misfit(x, y, rng)
    (_, right, degrees), (_, wrong, _) = misfit.least(turn), misfit.least(-turn)
    assert right < chance(degrees)
    assert wrong > allowed(right, degrees)
    signs = rng.choice([-1.0, 1.0], size=(2, 4000, 1))
    even = Misfit(white(signs[0] * x), white(signs[1] * y), rng)
    (_, one, degrees), (_, other, _) = even.least(turn), even.least(-turn)
    assert max(one, other) < allowed(min(one, other), degrees)


def test_misfits_of_equal_laws_are_chi_squared() -> None:
    """Mean of 40 within four standard errors, sqrt(2 k / 40) each, of k."""
    rng = np.random.default_rng(3)
    values, degrees = [], 0
    for _ in range(40):
        x, y = (white(rng.exponential(size=(3000, 2))) for _ in range(2))
        mean, spread = _told(x, frequencies := rng.standard_normal((4, 2)))
        other, known = _told(y, frequencies)
        apart = mean - other
        values.append(float(apart @ np.linalg.solve(spread + known, apart)))
        degrees = len(apart)
    assert abs(np.mean(values) - degrees) < 4.0 * np.sqrt(2.0 * degrees / 40)


def test_rows_that_return_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=(30, 4)) for _ in range(2))
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y))
    held = np.arange(7)
    told = returned(
        x.astype(np.float32), y.astype(np.float32), np.eye(4, dtype=np.float32), (held, held)
    )
    for place in (1, 2):
        across, within = [], []
        for own, there in ((y, x), (x, y)):
            for row in held:
                nearest = int(np.argsort(there @ own[row])[-place])
                across.append(int(np.argmax(own @ there[nearest])) == row)
                inside = int(np.argsort(own @ own[row])[-1 - place])  # the last is itself
                within.append(int(np.argsort(own @ own[inside])[-2]) == row)
        assert told.across[place - 1] == pytest.approx(np.mean(across))
        assert told.within[place - 1] == pytest.approx(np.mean(within))
    assert told.queries == 14


def test_little_more_than_strangers_return_is_told_as_little() -> None:
    assert of_return(Returned((0.32, 0.1), (0.4, 0.2), 1000)) < 0.1
    assert of_return(Returned((0.2, 0.1), (0.4, 0.2), 1000)) == 0.0
    many = 10**9
    assert of_return(Returned((0.6, 0.05), (0.4, 0.2), many)) == pytest.approx(np.sqrt(0.35 / 0.75))
    assert of_return(Returned((0.6, 0.3), (0.4, 0.2), many)) == pytest.approx(np.sqrt(0.2 / 0.6))
    assert of_return(Returned((0.5, 0.0), (0.4, 0.0), 20)) < 0.2  # twenty rows say little


def test_a_step_draws_no_more_than_its_part() -> None:
    """With all rows draws are no chance; with a part another generator makes another map."""
    rng = np.random.default_rng(6)
    x, y = (rng.normal(size=(60, 4)).astype(np.float32) for _ in range(2))
    for part, same in ((1.0, True), (0.5, False)):
        steps = [Step(60, 3, None, part)]
        first, second = (
            refined(x, y, np.eye(4, dtype=np.float32), steps, np.random.default_rng(seed))
            for seed in (1, 2)
        )
        assert np.array_equal(first, second) == same
    assert all(step.part < 1.0 for step in SHAKEN)


def clusters(rows: int, seed: int) -> Array:
    """Clusters of unequal sizes and widths in 48 directions."""
    law = np.random.default_rng(8)
    centres = law.normal(size=(40, 48)) * np.arange(1, 49) ** -0.5
    weights, widths = law.dirichlet(np.full(40, 1.0)), law.uniform(0.2, 0.6, size=40)
    rng = np.random.default_rng(seed)
    which = rng.choice(40, size=rows, p=weights)
    noise = rng.normal(size=(rows, 48)) * np.arange(1, 49) ** -0.5
    return np.asarray(centres[which] + widths[which, None] * noise)


def test_replicas_of_the_right_map_are_it_again() -> None:
    """Of enough rows the map is right, and what was begun anew from five directions is too."""
    turn = random_orthogonal(48, np.random.default_rng(7))
    x, y = clusters(800, 1), clusters(800, 2) @ turn
    mean = x.mean(axis=0), y.mean(axis=0)
    rows = [one - middle for one, middle in zip((x, y), mean, strict=True)]
    rows = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in rows]
    axes = [np.linalg.svd(one, full_matrices=False)[2].T for one in rows]
    into = [np.asarray(one @ axis, dtype=np.float32) for one, axis in zip(rows, axes, strict=True)]
    best, others = replicas(into[0], into[1], np.random.default_rng(3))
    right = axes[0].T @ turn @ axes[1]
    assert 1 <= len(others) <= 2
    for learnt in (best, *others):
        assert np.mean(np.sum((into[0] @ learnt) * (into[0] @ right), axis=1)) > 0.8


def test_what_replicas_agree_on_is_told() -> None:
    assert of_agreement(0.4, 0.6) == pytest.approx(0.5)
    assert of_agreement(0.3) == 0.3


@pytest.mark.parametrize("seed", [0, 1])
def test_clusters_that_have_nothing_in_common_are_not_found(seed: int) -> None:
    """Replicas agree on one wrong map there, so that agreement alone says nothing."""
    sides = []
    for number in range(2):
        rng = np.random.default_rng([seed, number])
        centres = rng.normal(size=(12, 40)) * np.arange(1, 41) ** -0.5
        which = rng.choice(12, size=500, p=rng.dirichlet(np.ones(12)))
        sides.append(centres[which] + 0.5 * rng.normal(size=(500, 40)) * np.arange(1, 41) ** -0.5)
    certificate = mx.translate_unpaired(*sides).certificate
    assert (certificate.basis, certificate.found, certificate.top1) == ("replicas", False, 0.0)


def test_laws_are_as_far_apart_whatever_the_number_of_rows() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.exponential(size=(8000, 3)), rng.gamma(3.0, size=(8000, 3))
    few, many = (law_distance(x[:n], y[:n]) for n in (4000, 8000))
    assert few == pytest.approx(many, rel=0.25)
    assert many > 0.3
    turn = random_orthogonal(3, rng)
    assert abs(law_distance(x @ turn @ np.diag([1.0, 2.0, 5.0]), x @ turn)) < 0.1 < many


@pytest.mark.long
@pytest.mark.parametrize(("count", "is_found"), [(120, False), (2000, True)])
def test_many_directions_are_turned_back(count: int, is_found: bool) -> None:
    """No row is on both sides; of few rows it is said that they are too few."""
    turn = random_orthogonal(48, np.random.default_rng(7))
    x, y, unseen = clusters(count, 1), clusters(count, 2) @ turn, clusters(1000, 3)
    translation = mx.translate_unpaired(x, y)
    assert (translation.map, translation.found) == ("rotation", is_found)
    partners = translation.match(unseen, unseen @ turn).rows
    assert (np.mean(partners == np.arange(1000)) > 0.9) == is_found


@pytest.mark.long
def test_partners_among_the_rows_are_recognised() -> None:
    """The same samples in other orders, each side with noise of its own: the estimate is near."""
    rng = np.random.default_rng(9)
    centres = rng.normal(size=(40, 48)) * np.arange(1, 49) ** -0.5
    which = rng.choice(40, size=3000, p=rng.dirichlet(np.full(40, 1.0)))
    rows = centres[which] + 0.5 * rng.normal(size=(3000, 48)) * np.arange(1, 49) ** -0.5
    noisy = [rows + 0.02 * rng.normal(size=rows.shape) for _ in range(2)]
    order, turn = rng.permutation(2500), random_orthogonal(48, rng)
    x, y = noisy[0][:2500], (noisy[1][:2500] @ turn)[order]
    translation = mx.translate_unpaired(x, y, shared=True)
    assert translation.found
    partners = translation.match(noisy[0][2500:], noisy[1][2500:] @ turn).rows
    assert abs(np.mean(partners == np.arange(500)) - translation.certificate.top1) < 0.1
