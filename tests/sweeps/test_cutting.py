"""Cutting: what may share a run does, names follow content, and no bit depends on the cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.sweeps.cutting import Task, cut
from methexis.sweeps.design.spec import read_spec
from tests.sweeps.small import do, same_bits, spec


def tasks_of(given: dict[str, Any]) -> list[Task]:
    return cut(read_spec(given))[1]


def test_what_may_differ_in_one_run_is_one_task() -> None:
    axes = {"optimiser.lr": [0.1, 0.2], "training.seed": [1, 2, 3], "students.width": [2, 3]}
    tasks = tasks_of(spec(axes=axes))
    assert [len(task.cells) for task in tasks] == [6, 6]
    assert sorted(cell for task in tasks for cell in task.cells) == list(range(12))


def test_no_task_has_more_cells_than_it_may() -> None:
    axes = {"optimiser.lr": [0.1 * k for k in range(1, 8)], "students.width": [3]}
    tasks = tasks_of(spec(axes=axes, tasks={"cells": 3}))
    assert [len(task.cells) for task in tasks] == [3, 3, 1]


def test_without_noise_runs_by_itself() -> None:
    axes = {"training.label_noise": [0.0, 0.1, 0.2], "students.width": [3]}
    tasks = tasks_of(spec(axes=axes, optimiser={"lr": 0.1}))
    assert [task.cells for task in tasks] == [(0,), (1, 2)]


def test_a_name_follows_what_a_task_computes() -> None:
    names = {task.name for task in tasks_of(spec())}
    more = spec(axes={"optimiser.lr": [0.01, 0.02], "students.width": [5, 3, 2]})
    assert names < {task.name for task in tasks_of(more)}
    other = spec(training={"steps": 31, "batch": 2, "replicas": 2, "record": [0]})
    assert not names & {task.name for task in tasks_of(other)}


def test_seeds_of_their_own_follow_the_parameters_of_a_cell() -> None:
    training = {"steps": 30, "seeds": "own"}
    few, many = (
        tasks_of(spec(training=training, axes={"optimiser.lr": rates, "students.width": [2, 3]}))
        for rates in ([0.01, 0.02], [0.005, 0.01, 0.02])
    )
    seeds = [seed for task in few for seed in task.values["training.seed"]]
    assert len(set(seeds)) == 4
    assert set(seeds) < {seed for task in many for seed in task.values["training.seed"]}
    same = tasks_of(spec())
    assert {seed for task in same for seed in task.values["training.seed"]} == {0}


def test_a_cell_has_the_bits_of_a_run_of_its_own(tmp_path: Path) -> None:
    done = do(tmp_path / "s.sweep")
    teacher = mx.Teacher.random(dim_x=2, dim_y=2, seed=0)
    for lr in (0.01, 0.02):
        for width in (2, 3):
            alone = mx.train(
                mx.EDLN((width, width)), teacher, mx.SGD(lr=lr), steps=30, batch=2, replicas=2,
                record=[0], measure=(), progress=None,
            )  # fmt: skip
            cell = done.run_at(lr=lr, width=width)
            assert all(map(np.array_equal, cell.weights[0], alone.weights[0]))
            at = done.data.sel(lr=lr, width=width)
            assert np.array_equal(at["worst_pair"], alone.worst_pair()[-1])
            assert np.array_equal(at["loss"], alone.data["loss"][-1])


@pytest.mark.parametrize("seeds", ["same", "own"])
def test_no_bit_depends_on_the_cut(tmp_path: Path, seeds: str) -> None:
    training = {**spec()["training"], "seeds": seeds}
    whole = do(tmp_path / "whole.sweep", spec(training=training))
    cut_up = do(tmp_path / "cut.sweep", spec(training=training, tasks={"cells": 1}))
    assert len(whole.tasks) == 2
    assert len(cut_up.tasks) == 4
    assert same_bits(whole, cut_up)
