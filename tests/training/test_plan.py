"""What `train` refuses, in one sentence each; provenance; the memory guard."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.problem import Problem
from methexis.theory.dual.normal import ONE_BY_ONE
from methexis.training import memory
from methexis.training.plan import log_steps

TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
STUDENT = mx.EDLN(hidden=(4,))
GOOD = [np.ones((4, 3)), np.ones((2, 4))]
BAD_NUMBER = [np.ones((4, 3)), np.full((2, 4), np.nan)]


def train(**changes: Any) -> mx.Run:
    settings: dict[str, Any] = {
        "students": STUDENT, "source": TEACHER, "optimiser": mx.SGD(lr=0.01), "steps": 2,
    }  # fmt: skip
    settings |= changes
    return mx.train(
        settings.pop("students"), settings.pop("source"), settings.pop("optimiser"), **settings
    )


REFUSED = [
    ({"steps": 0}, "steps: expected an integer in [1, 4611686018427387904], got 0"),
    ({"steps": -5}, "steps: expected an integer in [1, 4611686018427387904], got -5"),
    ({"steps": 1.5}, "steps: expected an integer in [1, 4611686018427387904], got 1.5"),
    ({"batch": 0}, "batch: expected an integer >= 1, got 0"),
    ({"batch": True}, "batch: expected an integer >= 1, got True"),
    ({"students": []}, "students: expected at least one, got none"),
    ({"students": 3}, "students: expected an EDLN, an MLP or a list of them, got 3"),
    ({"students": ["a"]}, "student: expected an EDLN or MLP, got str"),
    ({"source": 3}, "source: expected a Teacher or Samples, got int"),
    (
        {"optimiser": 0.1},
        "optimiser: expected one of SGD, Adam, AdamW, RMSProp, SignSGD, SAM, ",
    ),
    ({"sampling": "iid"}, "sampling: expected one of 'online', 'replace', 'shuffle', 'full'"),
    ({"sampling": "shuffle"}, "sampling: expected 'online' or 'full' with a teacher"),
    ({"source": TEACHER.samples(5), "sampling": "online"}, "sampling: expected 'shuffle', 'repl"),
    ({"source": TEACHER.samples(5), "batch": 6}, "batch: expected at most 5 (one epoch), got 6"),
    ({"paired": "no"}, "paired: expected True or False, got 'no'"),
    ({"loss": "l1"}, "loss: expected one of 'squared', 'whitened', "),
    ({"dtype": "float16"}, "dtype: expected one of 'float64', 'float32', got 'float16'"),
    ({"engine": "gpu"}, "engine: expected one of"),
    ({"threads": 0}, "threads: expected an integer >= 1, got 0"),
    ({"replicas": 0}, "replicas: expected an integer in [1, 4294967296], got 0"),
    ({"replicas": []}, "replicas: expected distinct replica numbers, at least one"),
    ({"replicas": [1, 1]}, "replicas: expected distinct replica numbers, at least one"),
    ({"replicas": [-1]}, "replica number: expected an integer in [0, 4294967295], got -1"),
    ({"replicas": 2.5}, "replicas: expected a number or a list of replica numbers, got 2.5"),
    ({"replicas": "12"}, "replicas: expected a number or a list of replica numbers, got '12'"),
    ({"seed": -1}, "seed: expected an integer in [0, 18446744073709551615], got -1"),
    ({"record": []}, "record: expected a list of step numbers, got []"),
    ({"record": [0.5]}, "record: expected a list of step numbers, got [0.5]"),
    ({"record": [[1], [1, 2]]}, "record: expected a list of step numbers, got [[1], [1, 2]]"),
    ({"record": [-1]}, "record: expected steps in [0, 2], got -1 … -1"),
    ({"record": [1, 3]}, "record: expected steps in [0, 2], got 1 … 3"),
    ({"progress": "loud"}, "progress: expected 'auto', a bool or a function, got 'loud'"),
    ({"init": 3}, "init: expected an initialiser or a list of 1 lists (one per student), got 3"),
    ({"init": "gaussian"}, "init: expected an initialiser or a list of 1 lists"),
    ({"init": GOOD}, "(one per student), got a list of length 2"),
    ({"init": [GOOD[0]]}, "init[0]: expected a list of 2 weight arrays (one per layer), got an ar"),
    ({"init": [GOOD[:1]]}, "init[0]: expected a list of 2 weight arrays (one per layer), got a l"),
    ({"init": [[GOOD]]}, "init[0]: expected a list of 2 weight arrays (one per layer), got a list"),
    (
        {"init": [[GOOD, GOOD]]},
        "init[0][0]: expected an array, got list that cannot",
    ),
    ({"init": [[[GOOD[0]] * 2] * 2]}, "init[0][0]: expected shape (4, 3) or, with replicas, (1, 4"),
    ({"init": [GOOD[::-1]]}, "init[0][0]: expected shape (4, 3) or, with replicas, (1, 4, 3), got"),
    (
        {"init": [[[[1.0], [1, 2]], GOOD[1]]]},
        "init[0][0]: expected an array, got list that cannot become one",
    ),
    ({"init": [[np.ones((5, 4, 3)), GOOD[1]]]}, "(1, 4, 3), got (5, 4, 3)"),
    ({"init": [[GOOD[0].astype(str), GOOD[1]]]}, "init[0][0]: expected real numbers, got dtype <U"),
    (
        {"init": [[GOOD[0] + 0j, GOOD[1]]]},
        "init[0][0]: expected real numbers, got dtype compl",
    ),
    ({"init": [BAD_NUMBER]}, "init[0][1]: expected finite numbers, got nan at index (0, 0)"),
    ({"init": lambda *_, **__: GOOD[:1]}, "init[0]: expected a list of 2 weight arrays"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[m[:60] for _, m in REFUSED])
def test_bad_input_is_refused_in_one_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(mx.MethexisError, match=re.escape(message)) as caught:
        train(**changes)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mx.SGD(lr=-0.1), "lr: expected a finite number > 0, got -0.1"),
        (lambda: mx.SGD(lr=0.0), "lr: expected a finite number > 0, got 0"),
        (lambda: mx.SGD(lr=float("nan")), "lr: expected a finite number > 0, got nan"),
        (lambda: mx.SGD(lr=True), "lr: expected a finite number > 0, got True"),
        (lambda: mx.SGD(lr="1"), "lr: expected a finite number > 0, got '1'"),
        (lambda: mx.SGD(lr=0.1, momentum=1.0), "momentum: expected a finite number >= 0 and < 1"),
        (lambda: mx.SGD(lr=0.1, momentum=-0.1), "momentum: expected a finite number >= 0"),
        (lambda: mx.SGD(lr=0.1, weight_decay=-1.0), "weight_decay: expected a finite number >= 0"),
        (lambda: mx.SGD(lr=0.1, weight_decay=10.0), "weight_decay: expected lr * weight_decay < 1"),
        (lambda: mx.SGD(lr=0.1, l2=-1.0), "l2: expected a finite number >= 0, got -1"),
        (lambda: mx.SGD(lr=0.1, nesterov=1), "nesterov: expected True or False, got 1"),
        (lambda: mx.SGD(lr=0.1, nesterov=True), "nesterov: expected momentum > 0, got 0"),
        (lambda: mx.SGD(lr=0.1, schedule="cosine"), "schedule: expected a Schedule, got 'cosine'"),
        (lambda: mx.GradientFlow(lr=0.0), "lr: expected a finite number > 0, got 0"),
        (lambda: mx.GradientFlow(lr=0.1, rtol=1e-17), "rtol: expected a finite number >= 1e-13"),
        (lambda: mx.schedules.Schedule("linear"), "schedule: expected one of 'constant', 'cosine'"),
        (lambda: mx.schedules.cosine(0.0), "final: expected a finite number > 0 and < 1, got 0"),
        (lambda: mx.schedules.cosine(1.1), "final: expected a finite number > 0 and < 1, got 1.1"),
    ],
)
def test_bad_specifications_are_refused(make: Any, message: str) -> None:
    with pytest.raises(mx.MethexisError, match=re.escape(message)):
        make()


def test_given_weights_are_the_start() -> None:
    shared = train(init=[GOOD], replicas=2, record=[0])
    every = train(init=[[np.stack([w, 2 * w]) for w in GOOD]], replicas=2, record=[0])
    lists = train(init=[[w.tolist() for w in GOOD]], record=[0])
    mixed = train(init=((GOOD[0], np.stack([GOOD[1]] * 2)),), replicas=2, record=[0])
    for i, w in enumerate(GOOD):
        assert np.array_equal(shared.snapshots(0)[i][0], [w, w])
        assert np.array_equal(every.snapshots(0)[i][0], [w, 2 * w])
        assert np.array_equal(lists.snapshots(0)[i][0], [w])
        assert np.array_equal(mixed.snapshots(0)[i][0], [w, w])
        assert np.array_equal(w, np.ones_like(w))  # and training has not written to them


def test_defaults() -> None:
    assert train().provenance["sampling"] == "online"
    data = TEACHER.samples(5)
    assert train(source=data).provenance["sampling"] == "shuffle"
    assert train(students=[STUDENT]).tree.equals(train(students=STUDENT).tree)
    assert train(threads=2).tree.equals(train().tree)  # the result does not depend on it


@pytest.mark.parametrize(
    "changes",
    [{"optimiser": mx.GradientFlow(lr=0.01)}, {"sampling": "full"}],
    ids=["flow", "full"],
)
def test_without_samples_the_provenance_says_so(changes: dict[str, Any]) -> None:
    plain = train(**changes)
    assert plain.provenance["sampling"] == "full"
    assert plain.provenance["batch"] is None
    assert (plain.data["slow_time"] == 0).all()  # no noise, so no slow dynamics
    # What is ignored changes nothing, the fingerprint included.
    other = train(**({"sampling": "online"} | changes), batch=7)
    assert other.tree.equals(plain.tree)
    assert other.provenance["fingerprint"] == plain.provenance["fingerprint"]


def test_recorded_steps() -> None:
    assert train(steps=10, record=[7, 3, 3]).data["step"].values.tolist() == [3, 7, 10]
    assert train(steps=1).data["step"].values.tolist() == [0, 1]
    for steps in (1, 2, 63, 64, 10**6, 2**62):
        at = log_steps(steps)
        assert at[0] == 0
        assert at[-1] == steps
        assert (np.diff(at) > 0).all()
        assert len(at) <= 64


@pytest.mark.parametrize(
    "changes", [{"record": range(10**5)}, {"replicas": 10**9}, {"batch": 2**33}]
)
def test_memory_is_refused_before_it_is_taken(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 2**24)
    tracemalloc.start()
    try:
        with pytest.raises(mx.MethexisError, match=r"at most 0.0156 GiB .* that needs \S+ GiB for"):
            train(steps=10**6, **changes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The list of recorded steps itself, held a few times; the smallest of the three runs is 46 MB.
    assert peak < 8e6


def test_the_estimate_is_what_a_run_holds() -> None:
    settings = {"steps": 500, "record": range(0, 501, 25), "replicas": 400}
    train(**(settings | {"replicas": 1}))  # imports and caches
    tracemalloc.start()
    try:
        run = train(**settings)
        run.tree.load()  # charges, which are computed when they are read
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    problem = Problem.of(TEACHER, STUDENT)
    needed = memory.needed_memory([problem], records=21, networks=400, batch=1, dtype="float64")
    # Beside it: the table's other columns and blocks of samples, at most as much again and 10 MB.
    assert 0.5 * needed < peak < 2 * needed + 1e7
    assert run.healthy.all()


@pytest.mark.parametrize(
    ("size", "source"), [(4, "teacher"), (9, "teacher"), (9, "samples"), (12, "teacher")]
)
def test_the_estimate_of_measuring(size: int, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Projection's (p n)² numbers dominate all else a run of few records holds; of larger students
    # it holds those of one network at a time, unless that is too narrow.
    teacher = mx.Teacher.random(dim_x=size, dim_y=size, seed=0)
    student = mx.EDLN(hidden=(size,))
    data = teacher if source == "teacher" else teacher.samples(200, seed=0)
    count = 30
    start = mx.init.random_minima()
    settings: dict[str, Any] = {
        "students": student, "source": data, "init": start, "steps": 1, "record": [0],
        "optimiser": mx.SGD(lr=1e-4), "measure": "all", "threads": 1,
    }  # fmt: skip
    train(**settings)  # imports and caches
    problem = Problem.of(data, student)
    one = memory.measuring_memory([problem])

    def measured() -> tuple[mx.Run, int]:
        """A run, and the most memory that it held."""
        tracemalloc.start()
        try:
            run = train(**settings, replicas=count)
            return run, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    needed = memory.needed_memory([problem], records=2, networks=count, batch=1, dtype="float64")
    assert needed > count * one
    together, peak = measured()
    assert np.isfinite(together.data["entropy_projected"]).all()
    assert peak < 1.5 * needed + 3e6
    assert peak > 0.4 * needed or problem.target.size >= ONE_BY_ONE
    # With less memory networks are measured a few at a time, to the same bits.
    monkeypatch.setattr(memory, "MEASURING_BYTES", 4 * one)
    assert memory.measured_at_once([problem]) == 4
    apart, peak = measured()
    assert peak < 0.5 * needed + 3e6
    assert apart.tree.equals(together.tree)


def test_the_machine_says_what_is_free() -> None:
    free = memory.available_memory()
    assert free is None or 2**20 < free < 2**50
    with pytest.raises(mx.MethexisError, match="GiB"):
        train(replicas=2**32)
