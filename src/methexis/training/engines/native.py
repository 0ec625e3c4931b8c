"""The native engine: the steps of the reference engine, in compiled kernels.

Python folds a plan into plain arrays once (`_config`, `_student`), in the form that kernels want
them, and from then on only says how far to go. What the kernels do with them is in ``native/``;
`ReferenceEngine` is what they are compared with.

Every state before and after a stretch is an ordinary `State`, so recording, checkpoints and reports
know nothing of engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.linalg import sqrt_psd
from methexis.core.problem import Problem
from methexis.core.random.addresses import StreamId
from methexis.core.random.laws import LAWS
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.training import extension
from methexis.training.cells import HYPER
from methexis.training.engines.batches import online_maps, sample_tables, signal_map, stream_keys
from methexis.training.engines.gradients import RIDGE, WINDOW
from methexis.training.engines.state import CHECK_INTERVAL, State, limits
from methexis.training.optimisers import KINDS, UpdateRule
from methexis.training.plan import Plan

#: Numbers under which native/spec.hpp knows them.
_SAMPLINGS = ("online", "replace", "shuffle", "full")
_LOSSES = {"squared": 0, "whitened": 0, "whitened_running": 1, "cross_entropy": 2}
ACTIVATIONS = ("identity", "relu", "leaky_relu", "tanh", "gelu", "softplus")
#: Deepest student that the kernels hold.
MAX_DEPTH = 128


class NativeEngine:
    """Advances a `State` in compiled kernels; see the module's docstring.

    Parameters
    ----------
    plan : Plan
        The run; no bit depends on its number of threads.
    instruction_set : str
        Name of an instruction set; the best of this machine, or the one that the environment
        variable ``METHEXIS_ISA`` names, by default.

    Raises
    ------
    MethexisError
        If the extension is missing, or the instruction set is not one of this machine's.
    """

    name = "native"
    stretch: int | None = 1  # a step may take long; `train` lengthens its calls once it knows

    def __init__(self, plan: Plan, *, instruction_set: str = "") -> None:
        reason = self.refusal(plan)
        if reason:
            raise MethexisError(f"engine: {reason}")
        assert isinstance(plan.optimiser, UpdateRule)
        self.plan = plan
        self.optimiser = plan.optimiser
        try:
            self._engine = extension.Engine(
                _config(plan),
                [_student(plan, k) for k in range(len(plan.problems))],
                isa=instruction_set,
                single=plan.dtype == "float32",
            )
        except ValueError as error:
            raise MethexisError(str(error)) from None

    @staticmethod
    def refusal(plan: Plan) -> str:
        """Why this engine cannot carry out ``plan``; empty if it can."""
        if not extension.BUILT:
            return extension.MISSING
        if not isinstance(plan.optimiser, UpdateRule) or plan.optimiser.kind not in KINDS:
            return f"expected an optimiser that makes steps, got {plan.optimiser!r}"
        deepest = max(p.depth for p in plan.problems)
        if deepest > MAX_DEPTH:
            return f"expected at most {MAX_DEPTH} layers for 'native', got {deepest}"
        if isinstance(plan.source, Samples) and plan.source.num_samples >= 2**31:
            return f"expected fewer than 2^31 samples for 'native', got {plan.source.num_samples}"
        return ""

    def versions(self) -> dict[str, str]:
        """What the bits of a run depend on besides its plan."""
        return {"engine": self.name, "instruction_set": self._engine.isa}

    def sizes(self) -> dict[str, int]:
        """Networks of a block, and bytes of working memory per thread."""
        return {"lanes": self._engine.lanes, "block_bytes": self._engine.block_bytes}

    def start(self) -> State:
        """The state before the first step."""
        return State.start(self.plan)

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``."""
        num = until - state.step
        if num <= 0:
            return
        factors = self.optimiser.schedule.factors(state.step, num, self.plan.steps)
        self._engine.advance(
            state.step,
            factors,
            [w for layers in state.weights for w in layers],
            [w for slots in state.slots for layers in slots for w in layers],
            state.residual_cov,
            state.diverged_step,
            state.collapsed_step,
            self.plan.threads,
        )
        state.step = until


def within(dims: Sequence[Sequence[int]], batch: int) -> bool:
    """Whether lanes lie within one network rather than across networks.

    By shapes only, so that neither the number of networks nor that of threads changes a bit. Within
    a network a batch fills the vectors by itself, and a single network is as fast as many; but thin
    matrices waste lanes, and a batch below a vector most of them. With AVX2 and with AVX-512
    the two break even at batches of about 8 and widths of about 12.
    """
    sizes = [a * b for d in dims for a, b in pairwise(d)]
    return batch >= 8 and sum(sizes) >= 144 * len(sizes)


def _config(plan: Plan) -> dict[str, Any]:
    """What all students share, as native/module.cpp reads it."""
    source = plan.source
    exact = plan.from_moments
    samples = isinstance(source, Samples)
    laws = ("gaussian", "gaussian") if isinstance(source, Samples) else _laws(source)
    online = plan.sampling == "online"
    if exact:
        num_samples = max(p.cov_x.shape[0] for p in plan.problems)
    else:
        num_samples = source.num_samples if isinstance(source, Samples) else 0
    batch = num_samples if exact else plan.batch
    noisy = bool(np.any(plan.label_noise))
    upper, lower = zip(*(limits(plan, k) for k in range(len(plan.problems))), strict=True)
    base = {
        "online": StreamId.SAMPLES,
        "replace": StreamId.INDICES,
        "shuffle": StreamId.PERMUTATIONS,
        "full": None,
    }[plan.sampling]
    private = any(p.cov_x.shape[0] > source.dim_x for p in plan.problems) and not samples
    students = range(len(plan.problems))
    return {
        "num_networks": plan.num_networks,
        "num_samples": num_samples,
        "batch": batch,
        "num_inputs": source.dim_x if online else 0,
        "width": source.dim_x + source.dim_y if online else 0,
        "num_noise": source.dim_y if noisy else 0,
        "sampling": _SAMPLINGS.index(plan.sampling),
        "loss": _LOSSES[plan.loss],
        "optimiser": KINDS.index(plan.optimiser.kind),  # type: ignore[union-attr]
        "wide": int(any(law != "gaussian" for law in laws)),
        "law_x": LAWS.index(laws[0]),
        "law_noise": LAWS.index(laws[1]),
        "paired": int(plan.paired),
        "within": int(within([p.dims for p in plan.problems], batch)),
        "total_steps": plan.steps,
        "check_interval": CHECK_INTERVAL,
        "sample_keys": None if base is None else [stream_keys(plan, base, k) for k in students],
        "private_keys": [stream_keys(plan, StreamId.PRIVATE, k, own=True) for k in students]
        if private and online
        else None,
        "noise_keys": [stream_keys(plan, StreamId.LABEL_NOISE, k) for k in students]
        if noisy
        else None,
        "hyper": np.stack([plan.hyper[name] for name in HYPER]),
        "label_noise": np.ascontiguousarray(plan.label_noise),
        "upper": np.stack(upper),
        "lower": np.stack(lower),
        "ridge": RIDGE,
        "average": np.array([min(0.5, batch / (WINDOW * len(p.label_map))) for p in plan.problems]),
    }


def _laws(source: Any) -> tuple[str, str]:
    return source.law_x, source.law_noise


def _student(plan: Plan, k: int) -> dict[str, Any]:
    """One student, as native/module.cpp reads it; arrays in the run's dtype."""
    problem, student = plan.problems[k], plan.students[k]
    exact = plan.from_moments
    quadratic = plan.loss in ("squared", "whitened")
    scale = 2.0 if exact else 2.0 / plan.batch
    curvature = scale * (problem.embed_out.T @ problem.embed_out)
    plain = np.array_equal(curvature, scale * np.eye(len(curvature)))
    to_signal = _to_signal(plan, problem)
    fields: dict[str, Any] = {
        "dims": list(problem.dims),
        "bias": int(problem.bias),
        "activation": ACTIVATIONS.index(problem.activation),
        "num_labels": len(to_signal),
        "plain_curvature": int(plain),
        "num_private": 0,
        "curvature": curvature if quadratic else None,
        "embed_out": None if quadratic else _embed_out(plan, problem),
        "input_map": None,
        "label_map": None,
        "private_map": None,
        "noise_map": None,
        "inputs": None,
        "labels": None,
    }
    if np.any(plan.label_noise):
        fields["noise_map"] = to_signal @ problem.label_map
    if plan.sampling == "online":
        assert isinstance(plan.source, Teacher)  # make_plan refuses samples
        fields["input_map"], fields["label_map"] = online_maps(plan.source, problem, to_signal)
        private = student.view.private_cov
        if private is not None:
            num_x = plan.source.dim_x
            fields["private_map"] = problem.embed_in[:, num_x:] @ sqrt_psd(private)
            fields["num_private"] = len(private)
    elif exact:
        fields |= _moment_tables(plan, problem)
    else:
        inputs, labels = sample_tables(plan)[k]
        if plan.loss == "cross_entropy":
            labels = labels / plan.batch
        fields |= {"inputs": inputs, "labels": labels}
    return {
        name: np.ascontiguousarray(value, dtype=plan.dtype)
        if isinstance(value, np.ndarray)
        else value
        for name, value in fields.items()
    }


def _to_signal(plan: Plan, problem: Problem) -> Array:
    """From folded labels to what the kernels subtract; see the table in `gradients`."""
    matrix = signal_map(problem, plan.batch)
    return matrix / plan.batch if plan.loss == "cross_entropy" else matrix


def _embed_out(plan: Plan, problem: Problem) -> Array | None:
    """``M``; None stands for the identity in the cross-entropy."""
    embed = problem.embed_out
    if plan.loss == "cross_entropy" and np.array_equal(embed, np.eye(len(embed))):
        return None
    return embed


def _moment_tables(plan: Plan, problem: Problem) -> dict[str, Array]:
    """Samples whose summed gradient is the exact one.

    The gradient of ``L`` knows the inputs by their second moment and the labels by ``V Σx`` only,
    so the columns of ``Σx^{1/2}`` with the labels ``V Σx^{1/2}`` do as well as all of them.
    """
    root = problem.root_x
    missing = max(p.cov_x.shape[0] for p in plan.problems) - len(root)
    inputs = root @ problem.embed_in.T
    labels = 2.0 * root @ problem.target.T @ problem.embed_out
    return {
        "inputs": np.pad(inputs, ((0, missing), (0, 0))),
        "labels": np.pad(labels, ((0, missing), (0, 0))),
    }
