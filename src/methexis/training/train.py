"""`train`: one call from specifications to a labelled result."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.init import Initialiser, gaussian
from methexis.training.checkpoint import load_checkpoint, save_checkpoint
from methexis.training.gradient_flow import FlowEngine
from methexis.training.optimisers import SGD, Optimiser
from methexis.training.plan import Plan, make_plan
from methexis.training.progress import Progress, Report, choose
from methexis.training.recording import Recorder, Records
from methexis.training.reference import ReferenceEngine
from methexis.training.results import build_run
from methexis.training.run import Run
from methexis.training.state import State

#: Seconds between checkpoints.
CHECKPOINT_SECONDS = 10.0
#: Most steps between two looks at the clock.
_STRETCH = 512


class Engine(Protocol):
    """What `train` asks of an engine."""

    def start(self) -> State:
        """The state before the first step."""
        ...

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``; the bits do not depend on the cuts."""
        ...


def train(
    students: Sequence[EDLN] | EDLN,
    source: Teacher | Samples,
    optimiser: Optimiser,
    *,
    steps: int,
    batch: int = 1,
    sampling: str | None = None,
    paired: bool = True,
    loss: str = "squared",
    init: Initialiser | Sequence[Sequence[Array]] | None = None,
    replicas: int | Sequence[int] = 1,
    seed: int = 0,
    engine: str = "auto",
    dtype: str = "float64",
    threads: int | None = None,
    progress: Progress | str | bool | None = "auto",
    checkpoint: str | Path | None = None,
    record: Sequence[int] | Array | None = None,
) -> Run:
    """Train students on one source and measure their alignment along the way.

    Parameters
    ----------
    students : EDLN or sequence of EDLN
        Networks; all see the same samples unless ``paired`` is False.
    source : Teacher or Samples
        Data.
    optimiser : SGD or GradientFlow
        Update rule with its learning rate.
    steps : int
        SGD steps, at least 1.
    batch : int
        Samples per step ``B``.
    sampling : {"online", "replace", "shuffle", "full"}
        Fresh samples of a teacher (its default); a data set with replacement; a data set in
        shuffled epochs (the default for samples); the exact gradient.
    paired : bool
        Whether students see the same samples in the same order.
    loss : {"squared", "whitened"}
        ``‖r‖²`` or ``rᵀΣε⁻¹r``.
    init : Initialiser or weights per student
        Where to start; ``mx.init.gaussian()`` by default.
    replicas : int or sequence of int
        Number of independent repetitions, or their numbers (which fix their random numbers).
    seed : int
        Seed of initial weights and samples.
    engine : {"auto", "reference"}
        Engine; the reference engine is plain NumPy.
    dtype : {"float64", "float32"}
        Precision of the steps; measurements are float64.
    threads : int, optional
        Kept for engines that use threads; the result never depends on it.
    progress : "auto", bool or function
        ``"auto"`` shows steps/s, time left and the worst pair on a terminal.
    checkpoint : path, optional
        File to resume from if it exists, written every ten seconds and on interruption.
    record : sequence of int, optional
        Steps after which to measure; about 64, evenly spaced in the logarithm, by default. The last
        step is always measured.

    Returns
    -------
    Run

    Raises
    ------
    MethexisError
        On bad input, in one sentence.
    KeyboardInterrupt
        After writing the checkpoint, if there is one.

    Examples
    --------
    >>> teacher = Teacher.random(dim_x=3, dim_y=2, seed=0)
    >>> student = EDLN.random(teacher, hidden=(4, 3), seed=1)
    >>> run = train(student, teacher, SGD(lr=0.01), steps=100, replicas=2, seed=0)
    >>> run.worst_pair().shape == (run.data.sizes["step"], 2)
    True
    """
    del threads  # the reference engine has none to set
    if sampling is None:
        sampling = "shuffle" if isinstance(source, Samples) else "online"
    plan = make_plan(
        [students] if isinstance(students, EDLN) else students,
        source,
        optimiser,
        steps=steps,
        batch=batch,
        sampling=sampling,
        paired=paired,
        loss=loss,
        init=gaussian() if init is None else init,
        replicas=replicas,
        seed=seed,
        dtype=dtype,
        record=record,
        engine=engine,
    )
    return run_plan(plan, choose(progress), None if checkpoint is None else Path(checkpoint))


def run_plan(plan: Plan, show: Progress, checkpoint: Path | None) -> Run:
    """Carry out a validated plan; resume from ``checkpoint`` if it exists."""
    began = time.monotonic()
    engine: Engine = (
        ReferenceEngine(plan) if isinstance(plan.optimiser, SGD) else FlowEngine(plan)
    )
    recorder = Recorder(plan)
    state, records = engine.start(), recorder.empty()
    if checkpoint is not None:
        load_checkpoint(checkpoint, plan, state, records)
    saved = time.monotonic()
    with _deferred_interrupt() as interrupted:
        while records.done < len(plan.record):
            target = int(plan.record[records.done])
            while state.step < target:
                engine.advance(state, min(target, state.step + _STRETCH))
                show(Report(state.step, plan.steps, _worst(records)))
                due = time.monotonic() - saved > CHECKPOINT_SECONDS
                if checkpoint is not None and (due or interrupted()):
                    save_checkpoint(checkpoint, plan, state, records)
                    saved = time.monotonic()
                if interrupted():
                    raise KeyboardInterrupt
            recorder.record(records, state)
    show(Report(state.step, plan.steps, _worst(records)))
    return build_run(plan, recorder, records, state, time.monotonic() - began)


@contextmanager
def _deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C wait for the end of a stretch, where the state is whole; the second one does not.

    Outside the main thread, where signals cannot be handled, this does nothing.
    """
    hit = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield hit.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        if hit.is_set() and callable(previous):
            previous(number, frame)
        hit.set()

    signal.signal(signal.SIGINT, handle)
    try:
        yield hit.is_set
    finally:
        signal.signal(signal.SIGINT, previous)


def _worst(records: Records) -> float:
    """Median over replicas of the worst pair at the last recorded step."""
    if records.done == 0:
        return float("nan")
    last = records.alignment[records.done - 1].min(axis=(-2, -1))
    return float(np.nanmedian(last)) if np.isfinite(last).any() else float("nan")
