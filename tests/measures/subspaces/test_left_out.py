"""Scores without each sample in closed form, and scores to a few digits, against all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from methexis.core.checks import Array
from methexis.measures import CCA, CKA, MEASURES, SVCCA, Measure, Procrustes
from methexis.measures.inference import nulls
from methexis.measures.inference.intervals import left_out
from methexis.measures.inputs.features import features
from methexis.measures.rounding import ROUGH
from methexis.measures.subspaces.bases import LEADING

SHAPES = ("procrustes", "procrustes_distance", "procrustes_size", "bures", "bures_distance")


def pair(measure: Measure[Any], n: int, widths: tuple[int, int], seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    signals = rng.normal(size=(n, 3))
    x, y = (signals @ rng.normal(size=(3, d)) + rng.normal(size=(n, d)) for d in widths)
    return measure.reduce(features("X", x)), measure.reduce(features("Y", y))


def differences(measure: Measure[Any], n: int, widths: tuple[int, int]) -> tuple[Array, Array]:
    """What each sample moves, in closed form and by leaving it out."""
    a, b = pair(measure, n, widths)
    return moved(measure, a, b)


def moved(measure: Measure[Any], a: Any, b: Any) -> tuple[Array, Array]:
    formula = measure.left_out(a, b)
    exact = measure.resampled(a, b, left_out(a.num_samples, 0, a.num_samples))
    assert formula is not None
    assert exact is not None
    return formula - measure.score(a, b), exact - measure.score(a, b)


@pytest.mark.parametrize("name", [*SHAPES, "cca"])
def test_one_direction_each_has_no_rotation_to_turn(name: str) -> None:
    """So that the closed form is exact, to rounding."""
    formula, exact = differences(MEASURES[name](), 40, (1, 1))
    assert formula == pytest.approx(exact, rel=1e-7, abs=1e-10 * (1.0 + np.max(np.abs(exact))))


@pytest.mark.parametrize("name", [*SHAPES, "cca"])
def test_it_moves_as_leaving_samples_out_does(name: str) -> None:
    formula, exact = differences(MEASURES[name](), 120, (8, 12))
    assert np.corrcoef(formula, exact)[0, 1] > 0.9
    assert 0.85 < np.std(formula) / np.std(exact) < 1.1


@pytest.mark.parametrize("name", [*SHAPES, "cca"])
def test_it_is_the_better_the_more_samples_there_are(name: str) -> None:
    """What is left out is of second order: of one sample 1/n² where the first is 1/n.

    Of directions that are all shared: one that is not turns by any amount.
    """
    measure, errors = MEASURES[name](), []
    for n in (40, 640):
        rng = np.random.default_rng(5)
        turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
        x = rng.normal(size=(n, 4))
        y = x @ turn + 0.5 * rng.normal(size=(n, 4))
        a, b = (measure.reduce(features("X", one)) for one in (x, y))
        formula, exact = moved(measure, a, b)
        errors.append(np.std(formula - exact) / np.std(exact))
    assert errors[1] < 0.25 * errors[0]


def test_none_is_known_of_whitened_shapes_of_squares_and_of_chosen_directions() -> None:
    for measure in (Procrustes(alpha=0.5), CCA(squared=True), SVCCA(), CKA()):
        assert measure.left_out(*pair(measure, 40, (3, 4))) is None


def test_a_sample_that_is_a_direction_has_no_closed_form() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3))
    rows[:, 2] = np.eye(30)[0]
    a, b = (CCA().reduce(features("X", rows)) for _ in range(2))
    assert CCA().left_out(a, b) is None


@pytest.mark.parametrize("name", [*SHAPES, "cca", "svcca"])
def test_rough_scores_are_off_by_less_than_is_said(name: str) -> None:
    measure = MEASURES[name]()
    for n, widths in ((60, (20, 9)), (80, (60, 79)), (300, (48, 48))):
        a, b = pair(measure, n, widths)
        orders = nulls.orders(n, 20, 0)
        wanted, rough = measure.permuted(a, b, orders), measure.permuted_roughly(a, b, orders)
        assert np.max(np.abs(rough - wanted)) < 0.1 * ROUGH * np.max(np.abs(wanted))


@pytest.mark.parametrize("name", [*SHAPES, "cca"])
def test_the_part_of_few_directions_is_the_score(name: str) -> None:
    measure = MEASURES[name]()
    a, b = pair(measure, 100, (LEADING, LEADING // 2))
    orders = nulls.orders(100, 9, 0)
    assert np.array_equal(measure.permuted_part(a, b, orders), measure.permuted(a, b, orders))


def test_the_part_of_many_directions_moves_with_the_score() -> None:
    rng = np.random.default_rng(0)
    long = rng.normal(size=(200, 64)) * np.sqrt(2.0 / rng.chisquare(2, size=(200, 1)))
    for measure in (Procrustes(), CCA()):
        a, b = measure.reduce(features("X", long)), measure.reduce(features("Y", long[::-1]))
        orders = nulls.orders(200, 99, 0)
        part = measure.permuted_part(a, b, orders)
        assert np.corrcoef(part, measure.permuted(a, b, orders))[0, 1] > 0.5
