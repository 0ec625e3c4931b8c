"""Several models against several subjects: SciPy's tests, calibration, one statement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from scipy import stats
from scipy.spatial.distance import pdist

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import (
    RDM,
    closer,
    compare_group,
    compare_models,
    noise_ceiling,
    rdm,
)
from methexis.measures.inference.subjects.groups import COMPARISONS
from methexis.text import json_text

RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=(12, 4))
LAYERS = {"h1": RNG.normal(size=(12, 4)), "h2": TRUE, "h3": TRUE + RNG.normal(size=(12, 4))}


def recorded(num_subjects: int, seed: int, noise: float = 1.0, true: Array = TRUE) -> Array:
    rng = np.random.default_rng(seed)
    distances = pdist(true)
    return distances + noise * rng.normal(size=(num_subjects, len(distances)))


@pytest.fixture(autouse=True)
def on_no_screen() -> Iterator[None]:
    with mpl.rc_context({"backend": "agg"}):
        yield
        pyplot.close("all")


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_it_agrees_with_scipy_and_with_compare_group(comparison: str) -> None:
    subjects = recorded(7, seed=1)
    found = compare_models(LAYERS, subjects, comparison)
    ceiling = noise_ceiling(subjects, comparison)
    assert found.ceiling == ceiling
    for k, (name, layer) in enumerate(LAYERS.items()):
        alone = compare_group(layer, subjects, comparison, num_permutations=0, num_bootstrap=0)
        assert found.names[k] == name
        assert found.scores[k].tolist() == list(alone.scores)
        assert found.means[k] == pytest.approx(alone.score, abs=1e-14)
        one = stats.ttest_1samp(found.scores[k], 0.0)
        assert found.intervals[k] == pytest.approx(list(one.confidence_interval(0.95)), abs=1e-12)
        assert found.errors[k] == pytest.approx(stats.sem(found.scores[k]), rel=1e-12)
        above = stats.ttest_1samp(found.scores[k], 0.0, alternative="greater").pvalue
        assert found.p_zero[k] == pytest.approx(above, abs=1e-13)
        below = stats.ttest_rel(found.scores[k], ceiling.lower_by_subject, alternative="less")
        assert found.p_ceiling[k] == pytest.approx(below.pvalue, abs=1e-13)
    pairs = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pairs.append(stats.ttest_rel(found.scores[i], found.scores[j]).pvalue)
        assert found.p_pairs[i, j] == found.p_pairs[j, i] == pytest.approx(pairs[-1], abs=1e-13)
        assert found.differences[i, j] == -found.differences[j, i]
    assert np.isnan(np.diagonal(found.p_pairs)).all()
    assert np.nanmin(found.p_pairs_corrected) == pytest.approx(min(1.0, 3 * min(pairs)), abs=1e-13)


def unit(rng: np.random.Generator) -> Array:
    """A random RDM of 12 conditions, of mean 0 and length 1."""
    values = rng.normal(size=66)
    values -= values.mean()
    return np.asarray(values / np.linalg.norm(values))


@pytest.mark.long  # that the tests are Student's is held above
def test_all_tests_keep_their_level() -> None:
    """Rates at which what is not so is called so, in 600 groups of 6, at a level of 5 %.

    Subjects are ``a + b + s (a - b)`` with a symmetric taste s and equal noise in all entries:
    exchanging both models is a reflection that changes no law, so both are equally good. Of noise
    alone every model scores zero. The law of a share of 600 about .05 has a deviation of .0089, of
    which three are .027. The true model lies above the lower ceiling, so its rate is at most .05.
    """
    counts = {"pairs": 0, "zero": 0, "below": 0}
    for seed in range(600):
        rng = np.random.default_rng(seed)
        a, b = unit(rng), unit(rng)
        noise = 0.15 * rng.normal(size=(6, 66))
        taste = 0.3 * rng.normal(size=(6, 1))
        level = compare_models([RDM(a), RDM(b)], a + b + taste * (a - b) + noise)
        counts["pairs"] += level.p_pairs[0, 1] <= 0.05
        counts["zero"] += compare_models([RDM(a)], noise).p_zero[0] <= 0.05
        counts["below"] += compare_models([RDM(a)], a + noise).p_ceiling[0] <= 0.05
    rates = {name: count / 600 for name, count in counts.items()}
    assert abs(rates["pairs"] - 0.05) < 0.027, rates
    assert abs(rates["zero"] - 0.05) < 0.027, rates
    assert rates["below"] < 0.05 + 0.027, rates


@pytest.mark.long
def test_intervals_cover() -> None:
    """True mean: that of 4000 subjects. 600 groups of 6; .95 ± three deviations of .0089."""
    model = RDM(pdist(TRUE))
    expected = compare_models([model], recorded(4000, seed=1)).means[0]
    covered = 0
    for seed in range(600):
        low, high = compare_models([model], recorded(6, seed=10_000 + seed)).intervals[0]
        covered += low <= expected <= high
    assert abs(covered / 600 - 0.95) < 0.027


def test_the_statement_says_what_is_known() -> None:
    clear = compare_models(LAYERS, recorded(8, seed=2, noise=0.5))
    assert clear.conclusion.startswith("Of 3 models, h2 explains the RDMs of 8 subjects best (mean")
    assert "better than h1 and h3 (largest p < 1e-4, corrected)" in clear.conclusion
    assert "not shown to be below the noise ceiling (0." in clear.conclusion
    twins = compare_models({"a": TRUE, "b": TRUE + 0.01}, recorded(8, seed=2))
    assert "a explains the RDMs of 8 subjects beyond zero" in twins.conclusion
    assert "not to be told from b" in twins.conclusion
    assert twins.p_pairs[0, 1] == 1.0
    poor = compare_models({"h3": LAYERS["h3"]}, recorded(8, seed=2, noise=0.3))
    assert "below the noise ceiling" in poor.conclusion
    assert "so that some is left to explain" in poor.conclusion
    none = compare_models({"h1": LAYERS["h1"]}, recorded(5, seed=3))
    assert none.conclusion.startswith("No model is shown to explain the RDMs of 5 subjects")
    assert len(str(clear).splitlines()) == 4


def test_many_names_are_cut() -> None:
    many = {f"m{k}": np.random.default_rng(5 + k).normal(size=(12, 4)) for k in range(9)}
    found = compare_models({"best": TRUE, **many}, recorded(12, seed=2, noise=0.2))
    assert "better than m0, m1, m2 and 6 more (" in found.conclusion


def test_it_is_told_and_drawn() -> None:
    found = compare_models(LAYERS, recorded(6, seed=1))
    record = json.loads(json_text(found.as_dict()))
    assert record["num_subjects"] == 6
    assert record["p_pairs"][0][0] is None
    assert record["ceiling"]["comparison"] == "pearson"
    table = found.to_dataframe()
    assert table["model"].tolist() == ["h1", "h2", "h3"]
    assert table["subject_5"].tolist() == found.scores[:, 5].tolist()
    axes = found.plot()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["h1", "h2", "h3"]
    drawn = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()])
    for score in found.scores.ravel():
        assert score in drawn


def test_closer_says_the_same_of_two_models() -> None:
    subjects = [RDM(one) for one in recorded(6, seed=1)]
    group = compare_models({k: LAYERS[k] for k in ("h2", "h3")}, subjects)
    asked = closer(subjects, LAYERS["h2"], LAYERS["h3"])
    assert asked.p == pytest.approx(group.p_pairs[0, 1], abs=1e-13)
    assert asked.difference == pytest.approx(group.differences[0, 1], abs=1e-13)


def test_models_may_be_a_list_or_rdms() -> None:
    subjects = recorded(5, seed=1)
    named = compare_models(LAYERS, subjects)
    listed = compare_models([rdm(layer) for layer in LAYERS.values()], subjects)
    assert listed.names == ("0", "1", "2")
    assert listed.scores == pytest.approx(named.scores, abs=1e-14)
    assert listed.dissimilarities == ("euclidean",) * 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_models(LAYERS, recorded(2, 0)), "rdms: expected at least 3 subjects"),
        (lambda: compare_models(LAYERS, recorded(1, 0)), "speaks of its conditions, not of a grou"),
        (lambda: compare_models(LAYERS, rdm(TRUE)), "rdms: expected one RDM per subject, got a si"),
        (
            lambda: compare_models(LAYERS, [rdm(TRUE), rdm(TRUE), rdm(TRUE[:9])]),
            "rdms: expected RDMs of the same samples, got 12 in rdms.0. and 9 in rdms.2.; take "
            "those that all subjects saw, with rdm.arranged",
        ),
        (
            lambda: noise_ceiling([rdm(TRUE), rdm(TRUE), rdm(TRUE[:9])]),
            "rdms: expected RDMs of the same samples, got 12 in rdms.0. and 9 in rdms.2.",
        ),
        (
            lambda: compare_group(TRUE, [rdm(TRUE), rdm(TRUE[:9]), rdm(TRUE)]),
            "rdms: expected RDMs of the same samples, got 12 in rdms.0. and 9 in rdms.1.",
        ),
        (
            lambda: closer([rdm(TRUE), rdm(TRUE), rdm(TRUE[:9])], TRUE, TRUE[:, :3], "rsa"),
            "rdms: expected RDMs of the same samples, got 12 in rdms.0. and 9 in rdms.2.",
        ),
        (
            lambda: compare_models(LAYERS, np.where(np.arange(66) == 3, np.nan, recorded(4, 0))),
            "rdms.0.: expected finite dissimilarities, got nan between samples 0 and 4",
        ),
        (
            lambda: compare_models({"h1": TRUE[:9]}, recorded(4, 0)),
            "models.'h1'.: expected the 12 conditions of the subjects' RDMs, got 9",
        ),
        (
            lambda: compare_models({"h1": np.eye(12)}, recorded(4, 0)),
            "models.'h1'.: expected dissimilarities that differ",
        ),
        (lambda: compare_models({}, recorded(4, 0)), "models: expected at least one"),
        (lambda: compare_models(LAYERS, recorded(4, 0), "rho"), "comparison: expected one of"),
        (lambda: compare_models(LAYERS, recorded(4, 0), confidence=1.0), "confidence: expected"),
        (
            lambda: compare_models(LAYERS, recorded(4, 0), dissimilarity="l1"),
            "dissimilarity: expected one of",
        ),
        (
            lambda: compare_models(
                {"m": rdm(TRUE, labels=list("abcdefghijkl"))},
                [rdm(TRUE, labels=list("bacdefghijkl"))] * 3,
            ),
            "expected the same labels in the same order, got 'a' and 'b' at index 0",
        ),
    ],
)
def test_bad_input_is_one_sentence(call: Any, message: str) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
