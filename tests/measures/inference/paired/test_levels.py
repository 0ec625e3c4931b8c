"""What a score is read against: levels, the share between them, and its interval."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import MethexisError
from methexis.measures import RDM, cka, rdm


def views(n: int = 150, seed: int = 0) -> dict[str, Any]:
    """Two trained models that see much of the same, and a twin that sees little of it."""
    rng = np.random.default_rng(seed)
    fixed = np.random.default_rng(99)
    signal = rng.normal(size=(n, 4)) @ fixed.normal(size=(4, 12))
    return {
        "x": signal + 0.6 * rng.normal(size=(n, 12)),
        "y": signal @ np.linalg.qr(fixed.normal(size=(12, 12)))[0] + rng.normal(size=(n, 12)),
        "untrained": signal + 6.0 * rng.normal(size=(n, 12)),
    }


def compared(given: dict[str, Any], **options: Any) -> Any:
    references = {"untrained": given["untrained"]} | options.pop("more", {})
    return mx.compare(
        given["x"], given["y"], "cka", debiased=True, references=references, **options
    )


def test_the_share_is_from_the_reference_to_the_ceiling() -> None:
    given = views()
    found = compared(given).levels
    assert [one.name for one in found.marks] == ["chance", "untrained", "ceiling"]
    low, high = found.named("untrained"), found.named("ceiling")
    assert low.score == pytest.approx(cka(given["x"], given["untrained"], debiased=True))
    score = cka(given["x"], given["y"], debiased=True)
    between = found.headline
    assert between.share == pytest.approx((score - low.score) / (high.score - low.score))
    assert between.ci[0] < between.share < between.ci[1]
    assert between.p < 1e-4
    chance = found.between[-1]
    assert (chance.below, chance.share) == ("chance", pytest.approx(score / high.score, rel=1e-6))


def test_the_conclusion_says_more_than_the_reference_only_if_it_is() -> None:
    given = views()
    assert compared(given).conclusion.startswith("Aligned more than untrained: cka 0.")
    turned = compared({**given, "untrained": given["y"], "y": given["untrained"]})
    assert turned.conclusion.startswith("Aligned less than untrained: ")
    same = compared({**given, "untrained": given["y"]})
    assert same.conclusion.startswith("Not aligned more than untrained: ")
    assert str(same).splitlines()[0] == same.conclusion
    noise = np.random.default_rng(5).normal(size=given["y"].shape)
    assert compared({**given, "y": noise}).conclusion.startswith("Not aligned beyond chance: ")
    with pytest.raises(MethexisError, match="conclusion: expected levels"):
        _ = mx.compare(given["x"], given["y"]).conclusion


def test_the_interval_of_the_share_covers() -> None:
    """Of 200 draws a coverage of 95 % has a standard error of 1.5 %; four of them are allowed."""
    shares, intervals = [], []
    for seed in range(200):
        between = compared(views(100, seed), null="none", num_bootstrap=0).levels.headline
        shares.append(between.share)
        intervals.append(between.ci)
    low, high = np.array(intervals).T
    expected = np.mean(shares)
    assert np.mean((low <= expected) & (expected <= high)) > 0.95 - 4 * 0.0154


def test_random_features_have_the_spectrum_and_know_nothing() -> None:
    given = views()
    found = compared(given, more={"random features": "random"}).levels
    level = found.named("random features")
    assert level.kind == "random"
    assert abs(level.score) < 0.1  # debiased: nothing in common, on average of ten draws
    biased = mx.compare(given["x"], given["y"], "cka", references="random").levels
    assert biased is not None
    # Biased CKA of unrelated features is high, and that of the same spectra is the chance level.
    assert biased.marks[1].score == pytest.approx(biased.named("chance").score, abs=0.02)


def test_repetitions_make_the_ceiling() -> None:
    rng = np.random.default_rng(3)
    given = views()
    trials = given["x"] + 2.0 * rng.normal(size=(8, *given["x"].shape))
    found = compared({**given, "x": trials.mean(axis=0)}, repeats=trials).levels
    level = found.named("ceiling")
    assert level.words == "halves of the repetitions"
    halves = cka(trials[:4].mean(axis=0), trials[4:].mean(axis=0), debiased=True)
    assert level.score == pytest.approx(halves, abs=0.1)


def test_what_has_no_units_has_no_estimated_ceiling() -> None:
    given = views(40)
    found = mx.compare(RDM(rdm(given["x"]).matrix), given["y"], "rsa", references={}).levels
    assert found is not None
    assert (found.marks[-1].score, found.marks[-1].estimated) == (1.0, False)
    assert found.marks[-1].words == "identical, not estimated"


def test_halves_of_few_units_that_agree_less_than_the_models_are_no_ceiling() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(80, 6))
    found = mx.compare(x, x + 0.1 * rng.normal(size=x.shape), "cka", references={}).levels
    assert found is not None
    assert (found.marks[-1].score, found.marks[-1].estimated) == (1.0, False)
    assert found.marks[-1].words.startswith("identical; halves of the units of A reach 0.")


def test_levels_that_cannot_be_told_apart_give_no_share() -> None:
    given = views()
    found = compared({**given, "untrained": given["x"]})
    assert np.isnan(found.levels.headline.share)
    assert "cannot be told apart" in found.conclusion


def test_levels_go_to_json() -> None:
    found = compared(views())
    assert json.loads(json.dumps(found.as_dict()))["levels"]["marks"][1]["name"] == "untrained"


def test_a_measure_of_which_nothing_is_known_has_levels_without_intervals() -> None:
    given = views(60)
    found = mx.compare(given["x"], given["y"], "pwcca", references={"u": given["untrained"]})
    assert found.levels is not None
    assert np.isfinite(found.levels.headline.share)
    assert np.isnan(found.levels.headline.ci[0])


X = views(40)["x"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"references": {"untrained": X[:30]}}, "reference untrained: expected paired rows, .* 30"),
        ({"references": {"chance": X}}, "expected another name than 'chance'"),
        ({"references": {"r": "untrained"}}, r"references\['r'\]: expected 'random' or an array"),
        ({"references": [X]}, "references: expected representations by name"),
        ({"repeats": X}, "repeats: expected an array .num_repeats, num_samples, num_features."),
        ({"repeats": 3}, "repeats: expected an array .* got int"),
        ({"repeats": [X]}, "repeats: expected at least 2 repetitions of X, got 1"),
        (
            {"repeats": [X, X[:, :2]]},
            r"repeats\[1\]: expected \d+ features, as in the first, got 2",
        ),
        (
            {"repeats": [mx.measures.RDM(np.ones((40, 40)) - np.eye(40))] * 2},
            r"repeats\[0\]: expected features, got dissimilarities",
        ),
        ({"repeats": [X, X[:30]]}, r"X, repeats\[1\]: expected paired rows"),
    ],
)
def test_what_cannot_be_read_against_is_refused_in_one_sentence(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        mx.compare(X, X, **options)
    assert "\n" not in str(caught.value)
