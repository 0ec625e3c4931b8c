"""`train`: one call from specifications to a labelled result."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.parallel.threads import one_blas_thread
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.init import Initialiser, gaussian
from methexis.progress import Progress, Report, choose
from methexis.training.cells import HyperParameter
from methexis.training.engines.choice import choose_engine, made_with
from methexis.training.interrupt import deferred_interrupt
from methexis.training.loop import stretches
from methexis.training.measuring import BUDGET
from methexis.training.optimisers import Optimiser
from methexis.training.plan import Plan, make_plan
from methexis.training.records.checkpoint import Checkpoints
from methexis.training.records.recording import Recorder, Records
from methexis.training.records.results import build_run
from methexis.training.records.run import Run

_LOG = logging.getLogger("methexis")


@one_blas_thread
def train(
    students: Sequence[EDLN | MLP] | EDLN | MLP,
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
    resume_elsewhere: bool = False,
    measure: str | Sequence[str] | None = None,
    budget: float = BUDGET,
) -> Run:
    """Train students on one source and measure their alignment along the way.

    Parameters
    ----------
    students : EDLN, MLP or sequence of them
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
        shuffled epochs (the default for samples); the exact gradient, whatever ``batch`` is: from
        moments, or from the whole data set where there is no closed form.
        `GradientFlow` always has the exact gradient: it is ``"full"`` whatever is asked for. The
        provenance says what was done; with ``"full"`` its batch is None and slow time stands still.
        Epochs follow each other without a gap, so a batch may span two of them.
    paired : bool
        Whether students see the same samples in the same order; private features never are shared.
    loss : {"squared", "whitened", "whitened_running", "cross_entropy"}
        Of a sample with residual ``r = f - y``: ``‖r‖²``; ``rᵀΣε⁻¹r`` with the source's ``Σε``; the
        same with the second moment of the residuals of past steps for ``Σε``; or
        ``-Σ_c y_c ln softmax(f)_c``, for `Samples` whose labels are class probabilities
        (`Samples.classes`).
    init : Initialiser or weights per student
        Where to start: ``mx.init.gaussian()`` by default; or per student a list of arrays
        ``(d_i, d_{i-1})``, one per layer, or ``(replica, d_i, d_{i-1})``, or with cells
        ``(*cells, replica, d_i, d_{i-1})``; biases, if any, are the last column.
    replicas : int or sequence of int
        Number of independent repetitions, or their numbers (which fix their random numbers).
    label_noise : float or DataArray
        Standard deviation of fresh Gaussian noise on all of the source's labels, in every sample of
        every step; with ``"full"`` in every row of the data set. Recorded theory counts it in.
    seed : int or DataArray
        Seed of initial weights and samples. The dimensions of a `DataArray`, here, in
        ``label_noise`` and in the optimiser, become cells: every combination is trained in one
        batched run, and cells of equal seed see equal samples. A cell trained alone has the same
        bits.
    engine : {"auto", "native", "reference"}
        ``"native"`` is compiled, ``"reference"`` plain NumPy; ``"auto"`` takes the native one where
        it is there and can carry out the run. They draw the same numbers and agree to rounding.
    dtype : {"float64", "float32"}
        Precision of the steps; measurements are float64.
    threads : int, optional
        Threads of the native engine, all cores by default; the result never depends on it.
    progress : "auto", bool or function
        ``"auto"`` shows steps/s, time left and the worst pair on a terminal, and in a notebook as a
        bar; True also elsewhere, a line at a time; a function receives `progress.Report`.
    checkpoint : path, optional
        File to resume from if it exists, written every ten seconds (less often if writing takes
        more than a twentieth of the time) and on interruption. Each time it is written whole, with
        all that was recorded so far. The result has the same bits as without interruption.
    record : sequence of int, optional
        Steps after which to measure; about 64, evenly spaced in the logarithm, by default. The last
        step is always measured.
    resume_elsewhere : bool
        Resume also a checkpoint made by another engine, instruction set or version; the result then
        has the bits of neither, and its provenance names both.
    measure : str or sequence of str, optional
        Costly quantities to measure of every network at every record: ``"projection"`` (all that is
        projected onto the minima), ``"entropic_gap"``, ``"sharpness"``, or ``"all"``; ``()`` for
        none. By default all three, of all networks at all records where that is cheap beside the
        steps; else of as many as ``budget`` allows, evenly spread, and of 8 networks at 5 records
        at least. The others are NaN; the attributes of each variable say which were measured.
        `Run.measure` adds to them afterwards. All other quantities are measured always.
    budget : float
        Work that the default puts into costly quantities, over that of the steps. Both are
        estimated from sizes alone, so that what is measured never depends on the machine.

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
        threads=threads,
        measure=measure,
        budget=budget,
    )
    return run_plan(
        plan,
        choose(progress),
        None if checkpoint is None else Path(checkpoint),
        resume_elsewhere=resume_elsewhere,
    )


@one_blas_thread
def run_plan(
    plan: Plan,
    show: Progress,
    checkpoint: Path | None,
    *,
    checkpoint_seconds: float | None = None,
    resume_elsewhere: bool = False,
) -> Run:
    """Carry out a validated plan; resume from ``checkpoint`` if it exists."""
    began = time.monotonic()
    engine = choose_engine(plan)(plan)
    _LOG.info("train: %s steps of %s networks by %s", plan.steps, plan.num_networks, engine.name)
    recorder = Recorder(plan)
    state, records = engine.start(), recorder.empty()
    checkpoints = Checkpoints(checkpoint, plan, state, records, checkpoint_seconds)
    resumed = checkpoints.resumed(made_with(engine), elsewhere=resume_elsewhere)
    with resumed, deferred_interrupt() as interrupt:
        if state.step:
            _LOG.info("train: resumed at step %s from %s", state.step, checkpoint)
        for stop in stretches(engine, state, plan.record[records.done :].tolist(), interrupt):
            if stop is None:
                show(Report(state.step, plan.steps, _worst(records)))
                checkpoints.save_if_due()
                continue
            try:
                with interrupt.at_once():  # measuring may take long, and leaves the state alone
                    recorder.record(records, state)
            except KeyboardInterrupt:
                checkpoints.save()
                raise
        checkpoints.save()  # of what is done: all, or as much as there was before Ctrl-C
        if not interrupt.pressed:
            with interrupt.at_once():
                recorder.finish(records)
    show(Report(state.step, plan.steps, _worst(records)))
    lost, seconds = int(np.count_nonzero(~state.alive)), time.monotonic() - began
    _LOG.info("train: done in %.3g s, %s networks lost", seconds, lost)
    return build_run(plan, recorder, records, state, seconds, checkpoints.makers)


def _worst(records: Records) -> float:
    """Median over replicas of the worst pair at the last recorded step."""
    if records.done == 0:
        return float("nan")
    last = records.alignment[records.done - 1].min(axis=(-2, -1))
    return float(np.nanmedian(last)) if np.isfinite(last).any() else float("nan")
