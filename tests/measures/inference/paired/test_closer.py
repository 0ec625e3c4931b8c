"""`closer` and `nearest`: what they conclude, what they refuse, and how often they are wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import RDM, rdm


def three(n: int = 150, near: float = 0.4, far: float = 1.2, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, 6))
    return [a, a + near * rng.normal(size=(n, 6)), a + far * rng.normal(size=(n, 6))]


@pytest.mark.parametrize(
    "measure", [None, "mutual_knn", "procrustes", "procrustes_distance", "rsa"]
)
def test_the_nearer_is_told_whichever_way_the_measure_points(measure: str | None) -> None:
    a, b, c = three()
    found, turned = mx.closer(a, b, c, measure), mx.closer(a, c, b, measure)
    assert found.nearer == "B"
    assert turned.nearer == "C"
    assert found.difference > 0
    assert turned.difference == pytest.approx(-found.difference)
    assert turned.p == pytest.approx(found.p)
    assert found.ci[0] > 0
    assert str(found).startswith("A is closer to B than to C: ")


def test_the_interval_leaves_out_zero_if_and_only_if_p_is_small() -> None:
    for seed in range(12):
        found = mx.closer(*three(60, 0.8, 1.0, seed))
        assert (found.p <= 0.05) == (found.ci[0] > 0 or found.ci[1] < 0)
        assert found.ci[0] < found.difference < found.ci[1]


def test_what_is_equal_is_not_told_apart() -> None:
    a, b, _ = three()
    found = mx.closer(a, b, 3.0 * b, names=("brain", "first", "second"))
    assert found.difference == pytest.approx(0.0, abs=1e-12)
    assert found.nearer is None
    assert str(found).startswith("brain is not shown to be closer to first or to second")


def test_scores_are_those_of_the_measure() -> None:
    a, b, c = three()
    found = mx.closer(a, b, c, "mutual_knn", k=5)
    assert found.scores == pytest.approx(
        (mx.measures.mutual_knn(a, b, k=5), mx.measures.mutual_knn(a, c, k=5))
    )
    assert found.n == found.units == 150
    json.dumps(found.as_dict())


def test_pairing_gains_what_both_have_in_common() -> None:
    """B and C share most of their noise, so their difference is known better than either score."""
    rng = np.random.default_rng(1)
    a = rng.normal(size=(200, 6))
    noise = 0.7 * rng.normal(size=(200, 6))
    b, c = (a + noise + 0.15 * rng.normal(size=(200, 6)) for _ in range(2))
    found = mx.closer(a, b, c)
    assert found.correlation > 0.8
    alone = mx.compare(a, b, "cka", debiased=True).ci
    assert found.ci[1] - found.ci[0] < 0.5 * (alone[1] - alone[0])


def test_subjects_are_asked_where_there_are_several() -> None:
    rng = np.random.default_rng(2)
    a, b, c = three(30, 0.2, 3.0)
    recorded = [RDM(rdm(a + rng.normal(size=a.shape)).matrix) for _ in range(8)]
    found = mx.closer(recorded, b, c)
    assert (found.measure, found.kind, found.units) == ("rsa", "subjects", 8)
    assert found.nearer == "B"
    # The mean of the differences, and a t law of seven degrees of freedom.
    each = [mx.measures.rsa(s, b) - mx.measures.rsa(s, c) for s in recorded]
    assert found.difference == pytest.approx(np.mean(each))
    assert found.error == pytest.approx(np.std(each, ddof=1) / np.sqrt(8))
    stacked = np.stack([np.asarray(one.matrix) for one in recorded])
    assert mx.closer(stacked, b, c).difference == pytest.approx(found.difference)


def test_widths_that_differ_are_told_where_chance_differs() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=(60, 6))
    narrow, wide = rng.normal(size=(60, 4)), rng.normal(size=(60, 40))
    with pytest.warns(DegenerateWarning, match="by chance B"):
        found = mx.closer(a, narrow, wide, "procrustes")
    assert "40" in found.notes[0]
    assert mx.closer(a, narrow, wide).notes == ()  # debiased CKA: chance is 0 at any width


A, B, C = three(40)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((A, B, C[:30]), {}, "A, C: expected paired rows, .* got 40 and 30 rows"),
        ((A, B[:30], C), {}, "A, B: expected paired rows, .* got 40 and 30 rows"),
        (([RDM(rdm(A).matrix)], B, C), {}, "expected at least 3 subjects, got 1"),
        (([RDM(rdm(A).matrix)] * 3, B, C), {"groups": [0] * 40}, "groups: expected none for"),
        (([RDM(rdm(A).matrix)] * 3, B, C), {"measure": "cka"}, "expected one that compares RDMs"),
        ((A, B, C), {"groups": [0] * 40}, "groups: expected at least 3 groups, got 1"),
        ((A, B, C), {"groups": [0, 1, 2]}, r"groups: expected one label for each of 40 .*\(3,\)"),
        ((A, B, C), {"measure": "matching"}, "measure: expected one with intervals"),
        ((A, B, C), {"groups": [[0], [1, 2]]}, "groups: expected one label .* got list"),
        ((A, B, C), {"names": ("a", "b")}, "names: expected three, of A, B and C, got 2"),
        ((A, B, C), {"confidence": 1.0}, "confidence: expected"),
        ((A, B, C), {"memory": "10 KiB"}, "memory: expected at least .* for 3 representations"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(
    given: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        mx.closer(*given, **options)
    assert "\n" not in str(caught.value)


def layers(n: int = 200) -> dict[str, Any]:
    """h2 is nearest, h3 nearly so; the others are farther."""
    rng = np.random.default_rng(4)
    a = rng.normal(size=(n, 6))
    noise = {"h0": 2.0, "h1": 1.0, "h2": 0.5, "h3": 0.52}
    return {"a": a} | {k: a + v * rng.normal(size=(n, 6)) for k, v in noise.items()}


def test_the_best_layer_comes_with_those_that_might_be() -> None:
    many = layers()
    a = many.pop("a")
    found = mx.nearest(a, many)
    assert [two for _, two in sorted(found.members)] == ["h2", "h3"]
    assert found.first[1] in {"h2", "h3"}
    assert not found.in_set[:2].any()
    assert (found.intervals[:, 0] < found.effects).all()
    apart, p = found.difference(0, 2)
    assert apart < 0
    assert p < 0.01
    assert found.difference(2, 2) == (0.0, 1.0)
    assert "indistinguishable from" in str(found)
    json.dumps(found.as_dict())


def test_copies_of_the_best_are_all_in_the_set() -> None:
    many = layers()
    a = many["a"]
    found = mx.nearest(a, [many["h1"], many["h2"], -many["h2"]])
    assert found.in_set.tolist() == [False, True, True]


def test_a_model_against_a_model_ranks_all_pairs() -> None:
    many = layers()
    found = mx.nearest({"x": many["a"], "y": many["h1"]}, {"p": many["h2"], "q": many["h0"]})
    assert found.labels == (("x", "p"), ("x", "q"), ("y", "p"), ("y", "q"))
    assert found.first == ("x", "p")


def test_one_candidate_is_no_question() -> None:
    with pytest.raises(MethexisError, match="candidates: expected at least two, got one"):
        mx.nearest(A, [B])


@pytest.mark.parametrize("measure", [None, "mutual_knn"])
def test_the_set_holds_the_best_as_often_as_it_says(measure: str | None) -> None:
    """Five candidates equally near: the first is out in 5 % at most, four standard errors more."""
    lost = 0
    for seed in range(150):
        rng = np.random.default_rng([5, seed])
        a = rng.normal(size=(80, 5))
        found = mx.nearest(a, [a + rng.normal(size=(80, 5)) for _ in range(5)], measure, seed=seed)
        lost += not found.in_set[0]
    assert lost <= 150 * 0.05 + 4 * np.sqrt(150 * 0.05 * 0.95)
