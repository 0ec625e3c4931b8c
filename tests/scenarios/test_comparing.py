"""`run_compare`: what it says of every pair is what `compare` says; words become measures."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

import methexis as mx
from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import MEASURES, Invariance
from methexis.measures.measure import invariant
from methexis.representations import Representation, Representations
from methexis.scenarios import CompareSettings, listed_measures, measures_named, run_compare
from methexis.scenarios.comparing import Step
from methexis.scenarios.comparing.wanted import DEFAULT_MEASURES, widest
from tests.report.compare_results import compared, model

NAMES = ("cka:debiased=true", "procrustes_distance", "cycle_knn:k=5")


def test_every_pair_is_what_compare_says() -> None:
    """Scores and moments to rounding; permutations draw the same orders, so p is equal."""
    result = compared(2, 3, NAMES, noise=1, num_permutations=99, seed=4)
    for pairs in result.found:
        for i, one in enumerate(result.first):
            for j, other in enumerate(result.second):
                alone = mx.compare(
                    one.array,
                    other.array,
                    pairs.measure,
                    num_permutations=99,
                    num_bootstrap=0,
                    seed=4,
                )
                for name in ("score", "null_mean", "null_sd", "effect", "z", "p"):
                    found = getattr(pairs, name)[i, j]
                    wanted = getattr(alone, name)
                    assert found == pytest.approx(wanted, rel=1e-7, abs=1e-9, nan_ok=True), name
        assert (pairs.p_corrected >= pairs.p - 0.02).all()  # 1/100 is the least that orders resolve
        assert pairs.null == alone.null


def test_the_most_aligned_is_the_largest_effect_or_the_best_score() -> None:
    result = compared(2, 3, NAMES, noise=1, num_permutations=99)
    cka, distance, cycle = result.found
    assert cka.better() == np.argmax(cka.effect, axis=1).tolist()
    assert distance.better() == np.argmax(distance.effect, axis=1).tolist()
    assert np.isnan(cycle.effect).all()
    assert cycle.better() == np.argmax(cycle.score, axis=1).tolist()


def _layers(name: str, arrays: Sequence[Array]) -> Representations:
    layers = [
        Representation(f"{name}{k}", f"{name}/{k}.npy", array, "float64")
        for k, array in enumerate(arrays)
    ]
    return Representations(name, name, tuple(layers))


def test_a_steady_course_along_the_layers_is_told() -> None:
    rng = np.random.default_rng(3)
    shared = rng.normal(size=(120, 6))
    noisy = [shared + level * rng.normal(size=(120, 6)) for level in (0.1, 0.6, 1.2, 2.0, 3.0)]
    beside, deep = _layers("a", [shared]), _layers("b", noisy)
    settings = CompareSettings(measures_named(["cka:debiased=true"], []))

    def conclusion(first: Representations, second: Representations) -> str:
        return run_compare(first, second, settings).conclusion

    names, scores = deep.names, [mx.measures.cka(shared, one, debiased=True) for one in noisy]
    ends = [f"{scores[k]:.2f} ({names[k]})" for k in (0, -1)]
    told = f"falls from {ends[0]} to {ends[1]}."
    assert f"Along A the best score {told}" in conclusion(deep, beside)
    assert f"Along B the score {told}" in conclusion(beside, deep)
    back = _layers("c", [noisy[k] for k in (2, 0, 4, 1)])  # neither rises nor falls
    assert "Along" not in conclusion(back, beside)
    assert "Along" not in conclusion(_layers("d", noisy[:3]), beside)


def test_pairs_of_one_model_count_once() -> None:
    symmetric, other = compared(4, None, ("cka", "linear_predictivity"), num_permutations=99).found
    assert symmetric.counted().sum() == 6
    asked = 6 if other.measure.symmetric else 12
    assert other.counted().sum() == asked


def test_progress_is_told() -> None:
    steps: list[Step] = []
    settings = CompareSettings(tuple(measures_named(("cka",))), num_permutations=19)
    run_compare(model("a", 3), model("b", 2, seed=1), settings, show=steps.append)
    assert steps[-1].done == steps[-1].total
    assert {step.measure for step in steps} == {"linear CKA"}


def test_the_summary_is_plain_json() -> None:
    result = compared(2, 2, ("hsic", "cycle_knn"), num_permutations=19)
    text = json.dumps(result.summary(), allow_nan=False)
    found = json.loads(text)
    assert found["measures"][0]["range"] == [0.0, None]  # infinite
    assert found["measures"][1]["effect"] == [[None, None], [None, None]]  # no such end
    assert found["first"]["layers"][0]["shape"] == [60, 8]
    assert found["seed"] == 0


def bad(array: np.ndarray, name: str = "bad") -> Representations:
    return Representations(name, name, (Representation(name, f"{name}.npy", array, "float64"),))


@pytest.mark.parametrize("layers", [1, 2])
def test_what_is_refused_is_named_by_its_file(layers: int) -> None:
    settings = CompareSettings(tuple(measures_named(("cka",))), num_permutations=19)
    array = np.random.default_rng(0).normal(size=(60, 3))
    array[7, 1] = np.nan
    with pytest.raises(MethexisError, match=r"bad\.npy.*expected finite numbers.*row 7, column 1"):
        run_compare(model("a", layers), bad(array), settings)
    with pytest.raises(MethexisError, match=r"bad\.npy: expected 60 rows, the same samples"):
        run_compare(model("a", layers), bad(array[:9]), settings)


def test_what_degenerates_is_noted_once() -> None:
    array = np.repeat(np.random.default_rng(0).normal(size=(30, 3)), 2, axis=0)
    settings = CompareSettings(tuple(measures_named(("mutual_knn",))), num_permutations=19)
    found = run_compare(model("a", 2), bad(array, "twins"), settings).found[0]
    assert [note for note in found.notes if "twins.npy" in note] == list(found.notes)
    assert len(found.notes) == 1


def test_words_become_measures() -> None:
    first, second = measures_named(
        ("cka:debiased=true,kernel=rbf,bandwidth=0.5", "mutual_knn"), ("k=7", "metric=euclidean")
    )
    assert first == MEASURES["cka"](debiased=True, kernel="rbf", bandwidth=0.5)  # type: ignore[call-arg]
    assert second == MEASURES["mutual_knn"](k=7, metric="euclidean")  # type: ignore[call-arg]
    assert measures_named(("svcca:num-directions=3",))[0].options()["num_directions"] == 3
    assert len(measures_named(DEFAULT_MEASURES)) == 2


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("Yes", True), ("on", True), ("false", False), ("no", False), ("OFF", False)],
)
def test_words_of_options_that_are_true_or_false(word: str, value: bool) -> None:
    assert measures_named([f"cka:debiased={word}"])[0].options()["debiased"] is value


@pytest.mark.parametrize("word", ["maybe", "1", "none", "truee"])
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(MethexisError, match=r"^debiased: expected True or False, got "):
        measures_named([f"cka:debiased={word}"])


def test_the_list_has_all_of_them() -> None:
    listed = listed_measures()
    assert [one["name"] for one in listed] == list(MEASURES)
    for one in listed:
        measure = MEASURES[one["name"]]()
        groups = invariant(*(Invariance(text) for text in widest(measure)))
        assert groups == measure.invariances  # what is left out is contained in what is not


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"memory": "lots"}, "memory: expected bytes or words such as '2 GiB'"),
        ({"correction": "bonferroni"}, "correction: expected one of 'max', 'holm'"),
        ({"num_permutations": -1}, "permutations: expected an integer >= 0"),
    ],
)
def test_settings_are_checked(options: dict[str, object], expected: str) -> None:
    with pytest.raises(MethexisError, match=expected):
        CompareSettings((MEASURES["cka"](),), **options)  # type: ignore[arg-type]


def test_mutual_knn_of_a_pair_comes_with_its_dependence_on_n_and_k() -> None:
    words = ("mutual_knn:k=4", "jaccard_knn")
    with_curve, other = compared(1, 1, words, samples=160, num_permutations=19).found
    curve = with_curve.curve
    assert curve is not None
    assert (curve.ns, curve.ks) == ((160, 80, 40, 20), (2, 4, 8))
    # All samples are one subset only: the score itself.
    assert curve.scores[0, 1] == pytest.approx(with_curve.score[0, 0], rel=1e-12)
    assert other.curve is None
    few = compared(1, 1, words[:1], samples=60, num_permutations=19)
    assert few.found[0].curve is None
    without = compared(1, 1, words[:1], samples=160, num_permutations=19, num_bootstrap=0)
    assert without.found[0].curve is None
    written = json.loads(json.dumps(compared(1, 1, words[:1], samples=160).summary()))
    assert written["measures"][0]["curve"]["ks"] == [2, 4, 8]


def test_a_measure_that_is_refused_leaves_the_others() -> None:
    x = np.random.default_rng(0).normal(size=(20, 4))
    holed = np.where(np.arange(20)[:, None] % 7 == 3, 0.0, x)
    one, other = (
        Representations(name, name, (Representation(name, name, array, "float64"),))
        for name, array in (("x", x), ("holed", holed))
    )
    settings = CompareSettings(
        measures=measures_named(("cka", "rsa:dissimilarity=cosine")), num_permutations=19
    )
    result = run_compare(one, other, settings)
    assert [pairs.measure.name for pairs in result.found] == ["cka"]
    (sentence,) = result.left_out
    assert "zeros in 3 of 20 rows (3, 10, 17); leave them out" in sentence
    assert result.summary()["left_out"] == [sentence]
    alone = CompareSettings(measures=settings.measures[1:], num_permutations=19)
    with pytest.raises(MethexisError, match="3 of 20 rows"):
        run_compare(one, other, alone)
