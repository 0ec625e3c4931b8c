"""A run that is only looked at: weights at some steps, and nothing measured.

Measuring a snapshot in full (`training.recording`) takes as long as thousands of steps of small
networks. Whole jobs that want few numbers of many runs take the weights from here.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.threads import one_blas_thread
from methexis.progress import Progress, Report, Silent
from methexis.training.engines.choice import choose_engine
from methexis.training.interrupt import deferred_interrupt
from methexis.training.plan import Plan
from methexis.training.train import paced


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
    found = [[np.empty((len(plan.record), *w.shape)) for w in layers] for layers in plan.start]
    stretch = engine.stretch
    with deferred_interrupt() as interrupt:
        for row, target in enumerate(plan.record.tolist()):
            while state.step < target:
                first, began = state.step, time.monotonic()
                engine.advance(state, target if stretch is None else min(target, first + stretch))
                if stretch is not None:
                    stretch = paced(stretch, state.step - first, time.monotonic() - began)
                show(Report(state.step, plan.steps, float("nan")))
                if interrupt.pressed:
                    raise KeyboardInterrupt
            for layers, kept in zip(state.weights, found, strict=True):
                for w, snapshots in zip(layers, kept, strict=True):
                    snapshots[row] = w
    diverged, collapsed = state.lost(plan)
    return found, state.alive & ~diverged & ~collapsed
