"""Short training runs: bits of the weights, and all that is recorded on the way.

Each run is one call of `mx.train`; the same list is run by both engines. Bits depend on the
instruction set and on the libraries, so `machine` says which they were.
"""

from __future__ import annotations

import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import scipy
import xarray as xr
from threadpoolctl import threadpool_info

import methexis as mx
from tests.same_numbers.plain import bits, outcome, plain

ENGINES = ("native", "reference")
STEPS = 40
RECORD = (0, 1, 13, STEPS)
TEACHER = mx.Teacher.random(dim_x=5, dim_y=4, condition_x=2.0, condition_noise=3.0, seed=1)
DATA = TEACHER.samples(37, seed=1)
STUDENTS = [
    mx.EDLN.random(TEACHER, hidden=(6, 7), seed=1),
    mx.EDLN.random(TEACHER, hidden=(9, 5, 6), seed=2),
]
WIDE = [
    mx.EDLN.random(TEACHER, hidden=(33, 40), seed=3),
    mx.EDLN.random(TEACHER, hidden=(41,), seed=4),
]
#: Whose steps are vectors of samples of one network in place of one sample of several.
LARGE_BATCH = 19
PRIVATE = [
    STUDENTS[0],
    mx.EDLN((6, 5), view=mx.View(np.eye(7), private_cov=np.array([[0.5, 0.1], [0.1, 0.3]]))),
]


def _classes() -> mx.Samples:
    x = np.random.default_rng(0).standard_normal((51, 5))
    return mx.Samples.classes(x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0))


def _laws(law: str) -> mx.Teacher:
    return mx.Teacher.random(dim_x=5, dim_y=4, law_x=law, law_noise=law, seed=2)


CLASSES = _classes()
RATES = xr.DataArray([0.002, 0.004], coords={"lr": [0.002, 0.004]})
SEEDS = xr.DataArray([3, 4, 5], dims="seed")
NOISE = xr.DataArray([0.0, 0.5], dims="label_noise")
DECAYS = {"weight_decay": 0.3, "l2": 0.2}
OPTIMISERS: dict[str, Any] = {
    "sgd": mx.SGD(lr=0.004),
    "sgd, decays": mx.SGD(lr=0.004, **DECAYS),
    "heavy ball": mx.SGD(lr=0.002, momentum=0.8),
    "nesterov": mx.SGD(lr=0.002, momentum=0.8, nesterov=True, **DECAYS),
    "cosine": mx.SGD(lr=0.004, schedule=mx.schedules.cosine(0.1)),
    "inverse time": mx.SGD(lr=0.004, schedule=mx.schedules.inverse_time(0.1)),
    "adam": mx.Adam(lr=0.01),
    "adam, decays": mx.Adam(lr=0.01, beta1=0.8, beta2=0.95, eps=1e-3, **DECAYS),
    "adamw": mx.AdamW(lr=0.01),
    "rmsprop": mx.RMSProp(lr=0.01),
    "rmsprop, decays": mx.RMSProp(lr=0.01, beta2=0.8, eps=1e-3, **DECAYS),
    "sign": mx.SignSGD(lr=0.004),
    "sam": mx.SAM(lr=0.004),
    "sam, decays": mx.SAM(lr=0.004, rho=0.7, **DECAYS),
    "flow": mx.GradientFlow(lr=0.004),
}

RUNS: dict[str, dict[str, Any]] = {
    **{f"optimiser, {name}": {"optimiser": rule} for name, rule in OPTIMISERS.items()},
    **{
        f"float32, {name}": {"optimiser": OPTIMISERS[name], "dtype": "float32"}
        for name in ("sgd", "nesterov", "adamw", "sam, decays")
    },
    "single samples": {"batch": 1},
    "online, wide": {"students": WIDE, "batch": LARGE_BATCH},
    "online, unpaired": {"paired": False},
    "online, private": {"students": PRIVATE},
    "online, label noise": {"label_noise": 0.3},
    "full": {"sampling": "full"},
    "replace": {"source": DATA, "sampling": "replace"},
    "shuffle": {"source": DATA, "sampling": "shuffle", "batch": 5},
    "shuffle, wide": {"source": DATA, "students": WIDE, "batch": 16},
    "full, data": {"source": DATA, "sampling": "full", "label_noise": 0.1},
    "loss, whitened": {"loss": "whitened"},
    "loss, whitened_running": {"loss": "whitened_running"},
    "loss, cross_entropy": {
        "loss": "cross_entropy",
        "source": CLASSES,
        "students": [mx.MLP((6, 5), "relu", bias=True), mx.EDLN((4,))],
    },
    **{f"law, {law}": {"source": _laws(law)} for law in ("uniform", "laplace", "student_t")},
    **{
        f"mlp, {act}": {"students": [mx.MLP((6, 5), act, bias=act != "relu"), mx.MLP((4,), act)]}
        for act in ("identity", "relu", "leaky_relu", "tanh", "gelu", "softplus")
    },
    "mlp, data": {
        "source": DATA,
        "students": [mx.MLP((33, 20), "gelu", bias=True)],
        "batch": LARGE_BATCH,
        "optimiser": mx.Adam(lr=0.003),
    },
    "cells, rates and seeds": {"optimiser": mx.SGD(lr=RATES), "seed": SEEDS, "replicas": 2},
    "cells, noise": {"optimiser": mx.Adam(lr=RATES), "label_noise": NOISE, "replicas": 2},
    "init, orthogonal": {"init": mx.init.orthogonal(0.7)},
    "init, balanced": {"init": mx.init.balanced()},
    "init, platonic": {"init": mx.init.platonic_point()},
    "init, minima": {"init": mx.init.random_minima(0.5)},
    "lost": {"optimiser": mx.SGD(lr=0.6), "init": mx.init.gaussian(2.0)},
    "refused, loss": {"loss": "hinge"},
    "refused, sampling": {"sampling": "shuffle"},
    "refused, rate": {"optimiser": mx.SGD(lr=0.1), "steps": 0},
}


#: The native engine takes rows of weights one after the other, which this start does not give.
REFERENCE_ONLY = ("init, orthogonal",)


def names(engine: str) -> list[str]:
    """Runs that this engine carries out, or refuses in one sentence."""
    return [name for name in RUNS if engine == "reference" or name not in REFERENCE_ONLY]


def train(name: str, engine: str, **changes: Any) -> mx.Run:
    """Carry out a run of the list."""
    settings: dict[str, Any] = {
        "students": STUDENTS,
        "source": TEACHER,
        "optimiser": mx.SGD(lr=0.004),
        "steps": STEPS,
        "batch": 3,
        "init": mx.init.gaussian(0.6),
        "replicas": 3,
        "seed": 3,
        "record": RECORD,
        "threads": 1,
        "progress": False,
    } | RUNS[name]
    return mx.train(**(settings | changes), engine=engine)


def has_native() -> bool:
    """Whether this installation has the compiled engine."""
    try:
        train("single samples", "native", steps=1, record=(0,))
    except mx.MethexisError:
        return False
    return True


def kept(run: mx.Run) -> dict[str, Any]:
    """Bits and some numbers of the weights at the end, and of every variable."""
    final = {
        f"student {k}, {kind} {i}": {"bits": bits(array)} | plain({"numbers": array})
        for kind, students in (("weights", run.weights), ("biases", run.biases))
        for k, layers in enumerate(students)
        for i, array in enumerate(layers)
    }
    data = {str(name): v.values for name, v in sorted(run.data.data_vars.items())}
    numbers = {name: value for name, value in data.items() if value.dtype.kind in "fiub"}
    return {
        "final": final,
        "records": plain(numbers),
        "record bits": bits(np.concatenate([v.ravel().astype(float) for v in numbers.values()])),
        "dims": {str(dim): size for dim, size in run.data.sizes.items()},
        "condition": plain(run.data["condition"].values),
        "healthy": plain(run.healthy.astype(int)),
        "fingerprint": run.provenance["fingerprint"],
    }


def trained(name: str, engine: str) -> Any:
    return outcome(lambda: kept(train(name, engine)))


@contextmanager
def _stopped_at(step: int) -> Iterator[Any]:
    """A progress function that presses Ctrl-C once, when that step is reached."""
    pressed = []

    def show(report: Any) -> None:
        if report.step >= step and not pressed:
            pressed.append(report.step)
            signal.raise_signal(signal.SIGINT)

    # A background job starts with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield show
    finally:
        signal.signal(signal.SIGINT, before)


def resumed(engine: str) -> dict[str, Any]:
    """A run that is interrupted, goes on from its checkpoint, and is saved and opened."""
    with TemporaryDirectory() as name:
        path = Path(name) / "checkpoint.npz"
        stopped = False
        with _stopped_at(13) as show:
            try:
                train("optimiser, adam", engine, checkpoint=path, progress=show)
            except KeyboardInterrupt:
                stopped = True
        run = train("optimiser, adam", engine, checkpoint=path)
        run.save(Path(name) / "run.zarr")
        found = kept(mx.open_run(Path(name) / "run.zarr"))
    return {"stopped": stopped, "left": found}


def shown(engine: str) -> dict[str, Any]:
    """What a run offers beside its data: one cell, activations, the worst pair."""
    run = train("cells, rates and seeds", engine)
    cell = run.cell(lr=0.004, seed=1)
    x = np.random.default_rng(5).normal(size=(4, 5))
    machine = {"wall_time_s", "machine", "made_with", "methexis", "numpy", "python"}
    return plain(
        {
            "settings": {k: v for k, v in run.provenance.items() if k not in machine},
            "settings of a cell": {k: v for k, v in cell.provenance.items() if k not in machine},
            "variables": {str(k): v.dims for k, v in run.data.data_vars.items()},
            "groups": {g: sorted(map(str, v.data_vars)) for g, v in run.tree.children.items()},
            "cells": run.cells,
            "worst": run.worst_pair(),
            "cell": cell.worst_pair(projected=True),
            "activations": cell.activations(x, student=1, layer=2, replica=1),
            "weights": run.snapshots(1)[0],
        }
    )


def machine() -> dict[str, str]:
    """What bits depend on beside a run's settings."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    found = {
        "architecture": platform.machine(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numpy instruction sets": " ".join(simd),
        "linear algebra": _linear_algebra(),
    }
    if has_native():
        makers = train("single samples", "native", steps=1, record=(0,)).provenance
        found["native instruction set"] = str(_instruction_set(makers))
    return found


def _linear_algebra() -> str:
    """For which processors the libraries of products and decompositions choose their kernels."""
    return " ".join(sorted({p["architecture"] for p in threadpool_info() if "architecture" in p}))


def _instruction_set(told: Any) -> str | None:
    """The word for the instruction set, wherever in the provenance it stands."""
    if isinstance(told, dict):
        if "instruction_set" in told:
            return str(told["instruction_set"])
        told = list(told.values())
    if isinstance(told, list):
        return next((found for one in told if (found := _instruction_set(one))), None)
    return None
