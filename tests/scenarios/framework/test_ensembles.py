"""Ensembles: the steps they make, the kernels they return, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.joint import joint_inputs
from methexis.core.layers.geometry import align_maps
from methexis.core.layers.products import hidden_maps
from methexis.core.problem import Problem
from methexis.scenarios.framework.ensembles import Ensemble, window
from methexis.scenarios.framework.mean_kernels import (
    alignments,
    joint_kernels,
    layer_names,
    worst_pair,
)
from methexis.scenarios.framework.simulation import plan_of, train
from methexis.training.weights import recorded_weights

TEACHER = mx.Teacher.random(2, 2, noise=0.3, seed=1)
STUDENTS = (mx.EDLN((2,)), mx.EDLN.random(TEACHER, (3, 2), seed=2))
DATA = TEACHER.product_samples(2, 3, seed=0)


def ensemble(**options: object) -> Ensemble:
    settings = {"lr": 0.01, "slow_times": (0.01, 0.02), **options}
    return Ensemble(TEACHER, STUDENTS, mx.init.balanced(), **settings)  # type: ignore[arg-type]


def test_steps_are_those_of_the_slow_time() -> None:
    assert ensemble().steps.tolist() == [100, 200]  # τ/η²
    assert ensemble(batch=4).steps.tolist() == [400, 800]  # τ B/η²
    assert ensemble(slow_times=(1e-9,)).steps.tolist() == [1]
    epochs = replace(ensemble(), source=DATA, sampling="shuffle")
    assert epochs.steps.tolist() == [102, 198]  # whole epochs of 6 steps
    assert replace(epochs, batch=4).steps.tolist() == [399, 801]  # two epochs, 3 steps
    assert ensemble().hurried(0.5).steps.tolist() == [50, 100]
    assert ensemble(slow_times=window(0.01, 0.05, 5)).thinned(2).steps.tolist() == [100, 300, 500]
    assert ensemble().thinned(2).steps.tolist() == [200]


def test_decay_is_in_units_of_the_entropic_force() -> None:
    plan = plan_of(ensemble(decay=3.0, batch=2), 2, seed=0)
    assert_allclose(plan.hyper["weight_decay"], 3.0 * 0.01 / 2, rtol=1e-15)  # γ = κη/B


def test_weights_have_the_bits_of_train() -> None:
    plan = plan_of(ensemble(), 3, seed=5)
    weights, healthy = recorded_weights(plan)
    run = mx.train(
        STUDENTS,
        TEACHER,
        mx.SGD(lr=0.01),
        steps=200,
        init=mx.init.balanced(),
        replicas=3,
        seed=5,
        record=[100, 200],
    )
    assert healthy.all()
    for k, layers in enumerate(weights):
        for found, kept in zip(layers, run.snapshots(k), strict=True):
            assert np.array_equal(found, kept)


def test_kernels_are_of_unit_trace_and_of_the_minima() -> None:
    outcome = train(ensemble(), 3, seed=0)
    assert outcome.kernels.shape == (2, 3, 3, 2, 2)
    assert_allclose(np.trace(outcome.kernels, axis1=-2, axis2=-1), 1.0, rtol=1e-12)
    assert outcome.late.shape == (3, 3, 2, 2)
    assert outcome.lost == 0


def test_an_ensemble_that_diverges_is_refused() -> None:
    with pytest.raises(mx.MethexisError, match="expected replicas that stay finite, got 0 of 4"):
        train(ensemble(lr=10.0, slow_times=(1e5,)), 4, seed=0)


def test_joint_kernels_are_those_of_the_geometry() -> None:
    """Private features too: the joint input is [x; u_0; u_1]."""
    students = (
        mx.EDLN((3,), view=mx.View(private_cov=[[2.0]])),
        mx.EDLN((2, 3), view=mx.View(private_cov=[[0.5, 0.1], [0.1, 0.4]])),
    )
    problems = [Problem.of(TEACHER, s) for s in students]
    generator = np.random.default_rng(3)
    weights = [[generator.standard_normal(shape) for shape in p.layer_shapes] for p in problems]
    found = alignments(joint_kernels(TEACHER, students, problems, weights))
    moment, places = joint_inputs(TEACHER, students)
    maps = []
    for p, own, layers in zip(problems, places, weights, strict=True):
        for h in hidden_maps(p, layers):
            wide = np.zeros((len(h), len(moment)))
            wide[:, own] = h
            maps.append(wide)
    expected = [[align_maps(a, b, moment).cosine for b in maps] for a in maps]
    assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert found[worst_pair(found)] == found.min()


def test_names_of_layers_tell_equal_depths_apart() -> None:
    assert layer_names(STUDENTS) == ["D2/h1", "D3/h1", "D3/h2"]
    assert layer_names((mx.EDLN((2,)), mx.EDLN((3,)))) == ["D2a/h1", "D2b/h1"]


def test_window_is_even() -> None:
    assert_allclose(np.diff(window(1.0, 4.0, 7)), 0.5)
