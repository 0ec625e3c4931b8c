"""docs/consequences.md says what the files hold; maps and statistics are what they are called."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import methexis as mx
from evidence import consequences
from evidence.consequence_measuring import (
    CASES,
    CONSEQUENCES,
    NUM_ORDERS,
    Side,
    retrieved,
    scored,
)
from evidence.consequence_measuring import consequences as followed
from evidence.consequence_page import NEIGHBOURS, REASONS, draw, page, surprises
from evidence.consequence_page import cells as correlated
from evidence.consequence_statistics import correlations, drawn_weights, family_of, ranks
from methexis.core.linalg import random_orthogonal

FILES = sorted(consequences.FOLDER.glob("*.json"))


def test_the_page_is_rendered() -> None:
    text = consequences.PAGE.read_text(encoding="utf-8")
    assert text == page(consequences.stored())
    assert consequences.IMAGE.is_file()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_whole_and_of_these_measures(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["whole"]
    assert content["measures"] == list(CASES)
    assert content["consequences"] == list(CONSEQUENCES)
    assert content["seed"] == consequences.SEED
    for one in content["pairs"]:
        shares, found = one["consequences"][:2], one["consequences"][2:]
        assert all(share <= 1.0 for share in shares)
        assert all(0.0 <= share <= 1.0 for share in found)


def test_a_pair_is_measured_again() -> None:
    """The first planted pair; the rounding of another machine moves the last digits."""
    stored = consequences.stored()["planted"]["pairs"][0]
    pair = next(islice(consequences.pairs_of("planted", None), 1))
    again = consequences.Measuring().of(pair)
    assert again["names"] == stored["names"]
    for key in ("consequences", "scores"):
        assert np.allclose(again[key], stored[key], rtol=1e-3, atol=1e-3)


def test_maps_do_what_they_are_called() -> None:
    """A rotation translates what is rotated, and what is sheared a linear map alone."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 8)) * np.arange(1, 9) ** -0.5
    turned = 3.0 * x @ random_orthogonal(8, rng)
    sheared = turned * np.exp(rng.standard_normal(8)) @ random_orthogonal(8, rng)
    assert list(followed(x, turned, 200).values()) == pytest.approx([1.0] * 4, abs=1e-6)
    bent = followed(x, sheared, 200)
    assert bent["linear"] == pytest.approx(1.0, abs=1e-6)
    assert bent["found linearly"] == 1.0
    assert bent["rotation"] < 0.95
    nothing = followed(x, rng.standard_normal((400, 8)), 200)
    # chance finds one of 200; four standard errors of a share of 400 trials
    assert abs(nothing["found linearly"] - 1 / 200) < 4 * np.sqrt(1 / 200 / 400)
    assert nothing["linear"] < 0.05


def test_a_rotation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 5))
    y = x @ rng.standard_normal((5, 5)) + rng.standard_normal((300, 5))
    fitted, other = slice(0, 200), slice(200, None)
    explained = []
    for one, aim in ((x, y), (y, x)):
        means = one[fitted].mean(axis=0), aim[fitted].mean(axis=0)
        a, b = one - means[0], aim - means[1]
        left, values, right = np.linalg.svd(a[fitted].T @ b[fitted])
        scale = values.sum() / np.sum(a[fitted] ** 2)
        rest = b[other] - scale * a[other] @ left @ right
        explained.append(1.0 - np.sum(rest**2) / np.sum(b[other] ** 2))
    assert followed(x, y, 200)["rotation"] == pytest.approx(np.mean(explained))


def test_ties_of_candidates_count_in_part() -> None:
    same = np.ones((4, 3))
    assert retrieved(same, same) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["cka", "mutual_knn", "procrustes", "gulp"])
def test_scores_and_effects_are_those_of_compare(name: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((80, 6))
    y = x @ rng.standard_normal((6, 5)) + rng.standard_normal((80, 5))
    score, effect = scored(Side(x), Side(y), name, 80)
    found = mx.compare(x, y, name, num_permutations=NUM_ORDERS, num_bootstrap=0)
    assert score == pytest.approx(found.score)
    assert effect == pytest.approx(found.effect)


def test_ranks_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 6, size=(2, 30)).astype(float)
    weights = rng.integers(0, 3, size=(5, 30)).astype(float)
    found = correlations(first, second, weights)
    for k, weight in enumerate(weights):
        rows = np.repeat(np.arange(30), weight.astype(int))
        assert found[k] == pytest.approx(stats.spearmanr(first[rows], second[rows]).statistic)
    assert np.allclose(ranks(first, np.ones((1, 30)))[0], stats.rankdata(first) - 0.5)
    assert np.isnan(correlations(np.ones(30), second, weights)).all()


def test_models_are_drawn_and_not_pairs() -> None:
    """A pair of two models counts as often as both were drawn, one of one name as that was."""
    pairs = [("a", "b"), ("b", "c"), ("a", "a")]
    weights = drawn_weights(pairs, 4000)
    assert np.all((weights[:, 2] > 0) | (weights[:, 0] == 0))
    assert weights[:, 2].mean() == pytest.approx(1.0, abs=0.05)
    # of three draws over three names, E(ab) = 3 · 2 / 9
    assert weights[:, 0].mean() == pytest.approx(2 / 3, abs=0.05)


def test_pairs_of_one_model_make_intervals_wider() -> None:
    """Forty pairs of four names tell less than forty of forty."""
    rng = np.random.default_rng(4)
    first = rng.standard_normal(40)
    second = first + rng.standard_normal(40)
    apart = drawn_weights([(f"{k}", f"{k}") for k in range(40)])
    few = drawn_weights([(f"{k % 4}", f"{k % 4}") for k in range(40)])
    one, other = (np.nanstd(correlations(first, second, w)) for w in (apart, few))
    assert one > 0.0
    assert other > 0.0
    assert len({tuple(row) for row in few.tolist()}) < 40


def test_surprises_are_of_different_measures() -> None:
    read = {name: family_of(one) for name, one in consequences.stored().items()}
    found = [one for one, _ in surprises(correlated(read))]
    assert len({one.measure for one in found}) == len(found) == 3
    assert {(one.measure, one.consequence, one.group) for one in found} == set(REASONS)
    assert set(NEIGHBOURS) < set(CASES)


def test_what_the_page_says_of_networks_is_so() -> None:
    """The reason of a surprise: canonical correlations near 1 at any truth."""
    content = consequences.stored()["networks"]
    place = content["measures"].index("cca")
    truths = [one["truth"] for one in content["pairs"] if one["scores"][place] > 0.995]
    assert (len(truths), len(content["pairs"])) == (96, 120)
    assert (round(min(truths), 1), round(max(truths), 2)) == (0.2, 0.96)


def test_without_files_there_is_a_page_that_says_so(tmp_path: Path) -> None:
    assert "Not run yet" in page({})
    draw({}, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_real_models_without_activations_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    consequences.run(["digits"], None, tmp_path)
    assert "digits: expected activations, got none" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
