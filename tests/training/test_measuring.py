"""Which costly quantities a run measures: those that are named, else as many as it affords."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.problem import Problem
from methexis.training import measuring
from methexis.training.measuring import COSTLY, choose_measuring

TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
STUDENT = mx.EDLN.random(TEACHER, hidden=(4, 3), seed=1)
COLUMNS = {name for names in COSTLY.values() for name in names}


def train(**changes: Any) -> mx.Run:
    settings: dict[str, Any] = {
        "students": STUDENT, "source": TEACHER, "optimiser": mx.SGD(lr=0.001),
        "init": mx.init.platonic_point(), "steps": 200, "replicas": 20, "seed": 3,
        "record": range(0, 200, 20),
    }  # fmt: skip
    return mx.train(**(settings | changes))


def spread(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> mx.Run:
    """A run that affords the least."""
    monkeypatch.setattr(measuring, "_ALWAYS", 0.0)
    return train(**changes)


def test_a_small_run_is_measured_in_full() -> None:
    run = train()
    for name in COLUMNS:
        assert run.data[name].notnull().all(), name
        assert run.data[name].attrs["measured"] == "of all networks at all records"


def test_a_large_run_is_measured_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, part = train(), spread(monkeypatch)
    for name in set(part.data.data_vars) - COLUMNS:
        assert part.data[name].equals(whole.data[name]), name
    for name in COLUMNS:
        values = part.data[name]
        steps, networks = values.attrs["measured_steps"], values.attrs["measured_networks"]
        assert len(steps) == measuring.LEAST_RECORDS
        assert steps[0] == 0
        assert steps[-1] == 200
        assert networks == [0, 3, 5, 8, 11, 14, 16, 19]
        assert "of 8 of 20 networks at 5 of 11 records" in values.attrs["measured"]
        taken = values.sel(step=steps).isel(replica=networks)
        # The same functions on fewer networks: rounding of another batch shape at most.
        full = whole.data[name].sel(step=steps).isel(replica=networks)
        assert np.allclose(taken, full, rtol=1e-12, atol=1e-12), name
        assert int(values.notnull().sum()) == taken.size, name


@pytest.mark.parametrize("names", [("sharpness",), ("projection", "entropic_gap"), ()])
def test_what_is_named_is_measured_in_full_and_nothing_else(names: tuple[str, ...]) -> None:
    whole, run = train(), train(measure=names)
    wanted = {column for name in names for column in COSTLY[name]}
    for column in COLUMNS:
        if column in wanted:
            assert run.data[column].equals(whole.data[column])
            assert run.data[column].attrs["measured"] == "of all networks at all records"
        else:
            assert run.data[column].isnull().all()
            assert run.data[column].attrs["measured"] == "not"
    assert run.provenance["measured"]["quantities"] == list(names)


def test_more_work_measures_more() -> None:
    problem = Problem.of(TEACHER, STUDENT)
    sizes = {"records": 64, "networks": 10**4}
    few, more, all_of = (
        choose_measuring(None, 0.1, [problem], steps=steps, batch=1, **sizes)
        for steps in (10, 10**5, 10**10)
    )
    assert len(few.networks) * len(few.records) < len(more.networks) * len(more.records)
    assert not more.everywhere
    assert all_of.everywhere
    half = choose_measuring(None, 0.05, [problem], steps=10**5, batch=1, **sizes)
    share = len(half.networks) * len(half.records) / (len(more.networks) * len(more.records))
    assert 0.45 < share < 0.55  # the budget is proportional, up to whole networks


def test_nonlinear_students_have_nothing_costly() -> None:
    problem = Problem.of(TEACHER, mx.MLP((4, 3)))
    found = choose_measuring(None, 0.1, [problem], records=64, networks=10**6, steps=10, batch=1)
    assert found.everywhere


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measure": "sharpnes"}, r"^measure: expected names among .* did you mean 'sharpness'\?$"),
        ({"measure": ["projection", "gap"]}, r"got 'gap'; did you mean 'entropic_gap'\?$"),
        ({"measure": 3}, "^measure: expected names among .*, got 3"),
        ({"budget": 0}, "^budget: expected a finite number > 0, got 0"),
        ({"budget": float("nan")}, "^budget: expected"),
    ],
)
def test_bad_input_is_one_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(mx.MethexisError, match=message) as caught:
        train(**changes)
    assert "\n" not in str(caught.value)
