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
import xarray as xr

from methexis.core.checks import Array, integer
from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.core.threads import one_blas_thread
from methexis.init import Initialiser, gaussian
from methexis.progress import Progress, Report, choose
from methexis.training.cells import HyperParameter
from methexis.training.checkpoint import load_checkpoint, save_checkpoint
from methexis.training.gradient_flow import FlowEngine
from methexis.training.optimisers import Optimiser, UpdateRule
from methexis.training.plan import Plan, make_plan
from methexis.training.recording import Recorder, Records
from methexis.training.reference import ReferenceEngine
from methexis.training.results import build_run
from methexis.training.run import Run
from methexis.training.state import State

#: Least seconds between checkpoints,
CHECKPOINT_SECONDS = 10.0
#: and least seconds of work per second of writing them.
_CHECKPOINT_SHARE = 20.0


class Engine(Protocol):
    """What `train` asks of an engine.

    Attributes
    ----------
    stretch : int
        Most steps between two looks at the clock and at Ctrl-C.
    """

    stretch: int

    def start(self) -> State:
        """The state before the first step."""
        ...

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``; the bits do not depend on the cuts."""
        ...


@one_blas_thread
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
    label_noise: HyperParameter = 0.0,
    init: Initialiser | Sequence[Sequence[Array]] | None = None,
    replicas: int | Sequence[int] = 1,
    seed: int | xr.DataArray = 0,
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
    optimiser : SGD, Adam, AdamW, RMSProp, SignSGD, SAM or GradientFlow
        Update rule with its hyper-parameters.
    steps : int
        Steps of the optimiser, at least 1.
    batch : int
        Samples per step ``B``; not used with the exact gradient.
    sampling : {"online", "replace", "shuffle", "full"}
        Fresh samples of a teacher (its default); a data set with replacement; a data set in
        shuffled epochs (the default for samples); the exact gradient, whatever ``batch`` is.
        `GradientFlow` always has the exact gradient: it is ``"full"`` whatever is asked for. The
        provenance says what was done; with ``"full"`` its batch is None and slow time stands still.
        Epochs follow each other without a gap, so a batch may span two of them.
    paired : bool
        Whether students see the same samples in the same order; private features never are shared.
    loss : {"squared", "whitened"}
        ``‖r‖²`` or ``rᵀΣε⁻¹r``.
    init : Initialiser or weights per student
        Where to start: ``mx.init.gaussian()`` by default; or per student a list of arrays
        ``(d_i, d_{i-1})``, one per layer, or ``(replica, d_i, d_{i-1})``.
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
        ``"auto"`` shows steps/s, time left and the worst pair on a terminal; True also elsewhere, a
        line at a time; a function receives `progress.Report`.
    checkpoint : path, optional
        File to resume from if it exists, written every ten seconds (less often if writing takes
        more than a twentieth of the time) and on interruption. The result has the same bits as
        without interruption.
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
    >>> import methexis as mx
    >>> teacher = Teacher.random(dim_x=3, dim_y=2, seed=0)
    >>> student = EDLN.random(teacher, hidden=(4, 3), seed=1)
    >>> run = train(student, teacher, mx.SGD(lr=0.01), steps=100, replicas=2, seed=0)
    >>> run.worst_pair().shape == (run.data.sizes["step"], 2)
    True
    """
    if threads is not None:
        integer("threads", threads, least=1)  # the reference engine has none to set
    if sampling is None:
        sampling = "shuffle" if isinstance(source, Samples) else "online"
    plan = make_plan(
        students,
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
        label_noise=label_noise,
    )
    return run_plan(plan, choose(progress), None if checkpoint is None else Path(checkpoint))


@one_blas_thread
def run_plan(
    plan: Plan,
    show: Progress,
    checkpoint: Path | None,
    *,
    checkpoint_seconds: float | None = None,
) -> Run:
    """Carry out a validated plan; resume from ``checkpoint`` if it exists."""
    pause = CHECKPOINT_SECONDS if checkpoint_seconds is None else checkpoint_seconds
    began = time.monotonic()
    engine: Engine = (
        ReferenceEngine(plan) if isinstance(plan.optimiser, UpdateRule) else FlowEngine(plan)
    )
    recorder = Recorder(plan)
    state, records = engine.start(), recorder.empty()
    if checkpoint is not None:
        load_checkpoint(checkpoint, plan, state, records)
    show(Report(state.step, plan.steps, _worst(records)))
    next_save = time.monotonic() + pause
    with _deferred_interrupt() as interrupted:
        while records.done < len(plan.record):
            target = int(plan.record[records.done])
            while state.step < target:
                engine.advance(state, min(target, state.step + engine.stretch))
                if state.step < plan.steps:
                    show(Report(state.step, plan.steps, _worst(records)))
                now = time.monotonic()
                if checkpoint is not None and (now >= next_save or interrupted()):
                    save_checkpoint(checkpoint, plan, state, records)
                    spent = time.monotonic() - now
                    next_save = now + spent + max(pause, _CHECKPOINT_SHARE * spent)
                if interrupted():
                    raise KeyboardInterrupt
            recorder.record(records, state)
        if checkpoint is not None:
            save_checkpoint(checkpoint, plan, state, records)
    show(Report(state.step, plan.steps, _worst(records)))
    return build_run(plan, recorder, records, state, time.monotonic() - began)


@contextmanager
def _deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C wait for the end of a stretch, where the state is whole; the second one does not.

    Outside the main thread, where signals cannot be handled, and where Ctrl-C is ignored or handled
    outside Python, this does nothing.
    """
    hit = threading.Event()
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or previous in (
        None,
        signal.SIG_IGN,
    ):
        yield hit.is_set
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if not hit.is_set():
            hit.set()
        elif callable(previous):
            previous(number, frame)
        else:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)
    try:
        yield hit.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
    if hit.is_set():  # it came after the last look
        raise KeyboardInterrupt


def _worst(records: Records) -> float:
    """Median over replicas of the worst pair at the last recorded step."""
    if records.done == 0:
        return float("nan")
    last = records.alignment[records.done - 1].min(axis=(-2, -1))
    return float(np.nanmedian(last)) if np.isfinite(last).any() else float("nan")
