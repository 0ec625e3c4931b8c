"""PyTorch at a point, eager. ``METHEXIS_TORCH`` in the environment says how the step is written:

- ``loop``: one network at a time, autograd, as a training script has it: a module with a
  ``torch.optim.SGD``, or the same with the parameters updated by hand. The time of a step of one
  network; a loop over N networks takes N times as long.
- ``hand``: one network at a time, with gradients written out, no autograd.
- ``vmap``: all networks together, by ``torch.func.vmap(grad(loss))`` or by batched products with
  gradients written out.

All ways are timed briefly where they are measured, with one thread and with all, and the fastest is
taken.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.functional import log_softmax

MODE = os.environ.get("METHEXIS_TORCH", "loop")
SEARCH_SECONDS = 0.1
_threads = 1

Weights = list[Tensor]


class Case:
    """A case with its arrays (see `benchmarks.engine.points`), weights without the axis of networks
    where one network is trained at a time; biases apart.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.dtype = getattr(torch, settings["dtype"])
        with np.load(settings["file"]) as arrays:
            self.arrays = dict(arrays)
        self.linear = settings["kind"] == "linear"
        self.batch, self.lr = settings["batch"], settings["lr"]
        if self.linear:
            self.inputs, self.labels, self.curvature = map(
                self.tensor, ("inputs", "labels", "curvature")
            )
            self.num_x = self.inputs.shape[1]
        else:
            self.x, self.y = self.tensor("x"), self.tensor("y")

    def tensor(self, name: str) -> Tensor:
        """An array of the case."""
        return torch.tensor(self.arrays[name], dtype=self.dtype)

    def parameters(self, alone: bool) -> Weights:
        """Initial weights, each followed by its bias if there are biases."""
        found: Weights = []
        for i in range(self.settings["depth"]):
            w = self.tensor(f"w{i}")
            w = w[0] if alone else w
            if self.linear:
                found.append(w.clone())
            else:
                found += [w[..., :-1].clone(), w[..., -1].clone()]
        return found

    def draws(self, alone: bool) -> Iterator[tuple[Tensor, ...]]:
        """Samples of one step after another, without end."""
        lead = () if alone else (self.settings["networks"],)
        if self.linear:
            while True:
                z = torch.randn(*lead, self.batch, self.labels.shape[1], dtype=self.dtype)
                yield (z,)
        count = len(self.x)
        while True:
            keys = torch.rand(*lead, count) if lead else None
            order = torch.randperm(count) if keys is None else keys.argsort(-1)
            for first in range(0, count - self.batch + 1, self.batch):
                index = order[..., first : first + self.batch]
                yield self.x[index], self.y[index]

    def loss(self, parameters: Weights, *samples: Tensor) -> Tensor:
        """Loss of one network, whose gradient is the step's."""
        if self.linear:
            (z,) = samples
            h = z[:, : self.num_x] @ self.inputs.T
            for w in parameters:
                h = h @ w.T
            return (h * (0.5 * (h @ self.curvature) - z @ self.labels.T)).sum()
        h, y = samples
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        for k, (w, b) in enumerate(layers):
            h = torch.addmm(b, h, w.T)
            if k < len(layers) - 1:
                h = h.relu()
        return -(y * log_softmax(h, -1)).sum() / self.batch

    def gradient(self, parameters: Weights, *samples: Tensor) -> Weights:
        """Gradient, written out, of one network or of all."""
        step = 1 if self.linear else 2
        ws = parameters[::step]
        if self.linear:
            (z,) = samples
            hidden = [z[..., : self.num_x] @ self.inputs.T]
            pulled = z @ self.labels.T
            for w in ws:
                hidden.append(hidden[-1] @ w.mT)
            signal = hidden[-1] @ self.curvature - pulled
        else:
            x, y = samples
            hidden = [x]
            for k, (w, b) in enumerate(zip(ws, parameters[1::2], strict=True)):
                u = hidden[-1] @ w.mT + b.unsqueeze(-2)
                hidden.append(u.relu_() if k < len(ws) - 1 else u)
            signal = (hidden[-1].softmax(-1) - y).mul_(1.0 / self.batch)
        found: Weights = []
        for k in reversed(range(len(ws))):
            if not self.linear:
                found.append(signal.sum(-2))
            found.append(signal.mT @ hidden[k])
            if k:
                signal = signal @ ws[k]
                if not self.linear:
                    signal *= hidden[k] > 0
        return found[::-1]


class Network(nn.Module):
    """One network as a module."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.weights = nn.ParameterList(nn.Parameter(w) for w in case.parameters(alone=True))

    def forward(self, *samples: Tensor) -> Tensor:
        return self.case.loss(list(self.weights), *samples)


def by_module(case: Case) -> Callable[[int], int]:
    """A module, autograd and an optimiser."""
    network = Network(case)
    optimiser = torch.optim.SGD(network.parameters(), lr=case.lr)
    draws = case.draws(alone=True)

    def run(num_steps: int) -> int:
        for samples in itertools.islice(draws, num_steps):
            optimiser.zero_grad(set_to_none=True)
            network(*samples).backward()
            optimiser.step()
        return num_steps

    return run


def by_autograd(case: Case) -> Callable[[int], int]:
    """Autograd and an update by hand."""
    parameters = [w.requires_grad_() for w in case.parameters(alone=True)]
    draws = case.draws(alone=True)

    def run(num_steps: int) -> int:
        for samples in itertools.islice(draws, num_steps):
            gradient = torch.autograd.grad(case.loss(parameters, *samples), parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradient, alpha=-case.lr)
        return num_steps

    return run


def _by_hand(case: Case, alone: bool) -> Callable[[int], int]:
    parameters = case.parameters(alone)
    draws = case.draws(alone)

    def run(num_steps: int) -> int:
        with torch.inference_mode():
            for samples in itertools.islice(draws, num_steps):
                gradient = case.gradient(parameters, *samples)
                torch._foreach_add_(parameters, gradient, alpha=-case.lr)
        return num_steps

    with torch.inference_mode():
        parameters = [w.clone() for w in parameters]
    return run


def by_hand(case: Case) -> Callable[[int], int]:
    """Gradients written out, one network."""
    return _by_hand(case, alone=True)


def by_products(case: Case) -> Callable[[int], int]:
    """Gradients written out, batched products over networks."""
    return _by_hand(case, alone=False)


def by_vmap(case: Case) -> Callable[[int], int]:
    """The gradient of one network's loss, mapped over networks."""
    parameters = case.parameters(alone=False)
    draws = case.draws(alone=False)
    gradient = vmap(grad(case.loss))

    def run(num_steps: int) -> int:
        for samples in itertools.islice(draws, num_steps):
            found = gradient(parameters, *samples)
            torch._foreach_add_(parameters, list(found), alpha=-case.lr)
        return num_steps

    return run


WAYS = {
    "loop": {"module, autograd, optimiser": by_module, "autograd, update by hand": by_autograd},
    "hand": {"gradient by hand": by_hand},
    "vmap": {"vmap of grad": by_vmap, "batched products by hand": by_products},
}


class Prepared:
    """The fastest way, with the number of threads that suits it."""

    def __init__(self, case: Case) -> None:
        self.details: dict[str, Any] = {"tried": {}}
        best = float("inf")
        for name, build in WAYS[MODE].items():
            for threads in sorted({1, _threads}):
                torch.set_num_threads(threads)
                run = build(case)
                seconds = _seconds_per_step(run)
                variant = f"{name}, {threads} thread{'s' if threads > 1 else ''}"
                self.details["tried"][variant] = 1e6 * seconds
                if seconds < best:
                    best, self._run, self._num_threads = seconds, run, threads
                    self.variant = variant
        torch.set_num_threads(self._num_threads)
        self.networks = 1 if MODE != "vmap" else case.settings["networks"]
        self.details["networks"] = self.networks

    def run(self, num_steps: int) -> int:
        """Take steps of one network, or of all."""
        return self._run(num_steps)


def _seconds_per_step(run: Callable[[int], int]) -> float:
    run(3)
    steps, took = 1, 0.0
    while took < SEARCH_SECONDS:
        steps *= 2
        began = time.perf_counter()
        run(steps)
        took = time.perf_counter() - began
    return took / steps


def start(threads: int) -> dict[str, str]:
    """See `benchmarks.worker`."""
    global _threads  # noqa: PLW0603 (a process, not a library)
    _threads = threads
    torch.set_num_interop_threads(1)
    return {"torch": torch.__version__, "numpy": np.__version__}


def check(case: dict[str, Any]) -> float:
    """Largest deviation of one step, of any way, from the step that the case says is right."""
    loaded = Case(case | {"lr": 1.0})
    samples: tuple[Tensor, ...]
    if loaded.linear:
        samples = (loaded.tensor("z"),)
    else:
        index = loaded.arrays["index"]
        samples = (loaded.x[index], loaded.y[index])
    parameters = loaded.parameters(alone=False)
    worst = 0.0
    for gradient in (loaded.gradient, vmap(grad(loaded.loss))):
        new = [w - g for w, g in zip(parameters, gradient(parameters, *samples), strict=True)]
        for i in range(case["depth"]):
            expected = loaded.tensor(f"after{i}")
            if loaded.linear:
                got = new[i]
            else:
                got = torch.cat([new[2 * i], new[2 * i + 1].unsqueeze(-1)], -1)
            worst = max(worst, float((got - expected).abs().max()))
    return worst


def prepare(case: dict[str, Any]) -> Prepared | str:
    """See `benchmarks.worker`."""
    return Prepared(Case(case))
