"""A run that is only looked at: weights at some steps, and nothing measured.

Measuring a snapshot in full (`training.records.recording`) takes as long as thousands of steps of
small networks. Whole jobs that want few numbers of many runs take the weights from here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.parallel.threads import one_blas_thread
from methexis.progress import Progress, Report, Silent
from methexis.training.engines.choice import choose_engine
from methexis.training.interrupt import deferred_interrupt
from methexis.training.loop import stretches
from methexis.training.plan import Plan


@one_blas_thread
def recorded_weights(
    plan: Plan, show: Progress | None = None
) -> tuple[list[list[Array]], NDArray[np.bool_]]:
    """Carry out a plan and return the weights at its recorded steps.

    Returns
    -------
    weights : list (student) of list (layer) of float64 arrays (record, network, d_i, d_{i-1})
        With the bits that `train` would give.
    healthy : array (network,)
        Which networks neither diverged nor collapsed.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, at the end of a stretch of steps.
    """
    show = show or Silent()
    engine = choose_engine(plan)(plan)
    state = engine.start()
    recorded = [[np.empty((len(plan.record), *w.shape)) for w in layers] for layers in plan.start]
    with deferred_interrupt() as interrupt:
        for row in stretches(engine, state, plan.record.tolist(), interrupt):
            if row is None:
                show(Report(state.step, plan.steps, float("nan")))
                continue
            for layers, kept in zip(state.weights, recorded, strict=True):
                for w, snapshots in zip(layers, kept, strict=True):
                    snapshots[row] = w
    show(Report(state.step, plan.steps, float("nan")))
    diverged, collapsed = state.lost(plan)
    return recorded, state.alive & ~diverged & ~collapsed
