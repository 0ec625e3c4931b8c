"""Uses of the canonical gauge, each beside the model as it is; settings fixed before the run."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

import methexis as mx
from benchmarks.canonical.models import (
    FIXED,
    GAUGES,
    Data,
    accuracy,
    gauged,
    net,
    trained,
    tuned,
    unbalanced,
)
from benchmarks.machine import machine
from methexis.core.checks import integer
from methexis.probes.frameworks.optional import require, torch
from methexis.version import __version__

KINDS = ("plain", "factored")
#: Learning rates among which the best is taken for each gauge, by the loss after `TUNED` steps.
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
TUNED = 200
#: Of training: rate, momentum, steps.
TRAINING = {"lr": 0.05, "momentum": 0.9, "steps": 900}
BITS = 4


@dataclass(frozen=True)
class CanonicalSettings:
    """What is run.

    Attributes
    ----------
    models : int
        How many are trained of each kind, from different weights on different batches.
    """

    models: int = 6

    def __post_init__(self) -> None:
        integer("models", self.models, least=2)


@dataclass(frozen=True)
class CanonicalResult:
    """What came out, by use, kind of net and gauge, a number for each model or pair.

    Attributes
    ----------
    settings : CanonicalSettings
    trained : dict
        Accuracy of the models.
    tuning : dict
        Loss on mirrored digits after steps of SGD at the best rate, from models that were badly
        balanced first; and from those that were not, under ``"never unbalanced"``.
    rates : dict
        The rates that were best.
    merging : dict
        Accuracy of the mean of the weights of two models, as they are or with units matched.
    rescued : dict
        The same of a model with one that was tuned from it and then badly balanced.
    alignment : dict
        Linear CKA of the second hidden layers of two models.
    rounding : dict
        Accuracy with weights of four bits, a step for each matrix.
    restored : dict
        The same of models that were badly balanced first.
    machine : dict
    """

    settings: CanonicalSettings
    trained: dict[str, list[float]]
    tuning: dict[str, dict[str, list[float]]]
    rates: dict[str, dict[str, list[float]]]
    merging: dict[str, dict[str, list[float]]]
    rescued: dict[str, dict[str, list[float]]]
    alignment: dict[str, dict[str, list[float]]]
    rounding: dict[str, dict[str, list[float]]]
    restored: dict[str, dict[str, list[float]]]
    machine: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"version": __version__}


def run_canonical(
    settings: CanonicalSettings, *, announce: Callable[[str], None]
) -> CanonicalResult:
    """Train the models, and measure each use in each gauge."""
    require("torch", "canonical")
    torch.set_num_threads(1)
    data = Data.digits()
    told: dict[str, dict[str, dict[str, list[float]]]] = {
        name: {}
        for name in ("tuning", "rates", "merging", "rescued", "alignment", "rounding", "restored")
    }
    known: dict[str, list[float]] = {}
    for kind in KINDS:
        announce(f"{kind}: {settings.models} models are trained")
        models = [
            trained(net(kind, seed), data, seed=seed, **TRAINING)  # type: ignore[arg-type]
            for seed in range(settings.models)
        ]
        known[kind] = [accuracy(one, data) for one in models]
        announce(f"{kind}: gauges")
        each = {gauge: [gauged(one, data, gauge) for one in models] for gauge in GAUGES}
        fixed = {gauge: [gauged(one, data, gauge) for one in models] for gauge in FIXED}
        announce(f"{kind}: rounding, alignment, merging")
        told["rounding"][kind] = {
            gauge: [accuracy(rounded(one), data) for one in several]
            for gauge, several in each.items()
        }
        bad = [unbalanced(one, data, seed) for seed, one in enumerate(models)]
        told["restored"][kind] = {
            gauge: [accuracy(rounded(gauged(one, data, gauge)), data) for one in bad]
            for gauge in GAUGES
        }
        told["alignment"][kind] = _aligned(each, data)
        told["merging"][kind] = _merged(each | fixed, data)
        announce(f"{kind}: tuning")
        told["tuning"][kind], told["rates"][kind] = _tuned(models, data)
        told["rescued"][kind] = _rescued(models, data)
    return CanonicalResult(
        settings=settings, trained=known, tuning=told["tuning"], rates=told["rates"],
        merging=told["merging"], rescued=told["rescued"], alignment=told["alignment"],
        rounding=told["rounding"],
        restored=told["restored"], machine=machine(),
    )  # fmt: skip


def rounded(model: Any) -> Any:
    """A copy with matrices of few bits: steps of one size in each, up to the largest entry."""
    twin = copy.deepcopy(model)
    levels = 2 ** (BITS - 1) - 1
    with torch.no_grad():
        for one in twin.parameters():
            if one.ndim == 2:
                step = one.abs().max() / levels
                one.copy_((one / step).round() * step)
    return twin


def _hidden(model: Any, data: Data) -> list[np.ndarray[Any, Any]]:
    """What stands behind each ReLU, of the digits to test with."""
    made, x = [], data.test_x
    with torch.no_grad():
        for layer in model:
            x = layer(x)
            if isinstance(layer, torch.nn.ReLU):
                made.append(x.numpy())
    return made


def _aligned(each: dict[str, list[Any]], data: Data) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {}
    for gauge, several in each.items():
        layers = [_hidden(one, data)[-1] for one in several]
        scores[gauge] = [float(mx.measures.cka(a, b)) for a, b in combinations(layers, 2)]
    return scores


def _merged(each: dict[str, list[Any]], data: Data) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {}
    for gauge, several in each.items():
        pairs = list(combinations(several, 2))
        scores[gauge] = [accuracy(mean(a, b), data) for a, b in pairs]
        scores[f"{gauge}, matched"] = [
            accuracy(mean(a, matched(b, a, data)), data) for a, b in pairs
        ]
    return scores


def mean(one: Any, other: Any) -> Any:
    """A model whose weights are the mean of those of two."""
    made = copy.deepcopy(one)
    with torch.no_grad():
        for mine, theirs in zip(made.parameters(), other.parameters(), strict=True):
            mine.copy_(0.5 * (mine + theirs))
    return made


def matched(model: Any, onto: Any, data: Data) -> Any:
    """A model with its units in the order in which they are most correlated with another's."""
    twin = copy.deepcopy(model)
    orders = []
    for mine, theirs in zip(_hidden(model, data), _hidden(onto, data), strict=True):
        a, b = ((one - one.mean(0)) / (one.std(0) + 1e-9) for one in (theirs, mine))
        orders.append(linear_sum_assignment(-a.T @ b)[1])
    layers = list(twin)
    behind = [place for place, layer in enumerate(layers) if isinstance(layer, torch.nn.ReLU)]
    with torch.no_grad():
        for place, order in zip(behind, orders, strict=True):
            rows = torch.as_tensor(order)
            layers[place - 1].weight.copy_(layers[place - 1].weight[rows])
            layers[place - 1].bias.copy_(layers[place - 1].bias[rows])
            layers[place + 1].weight.copy_(layers[place + 1].weight[:, rows])
    return twin


def _tuned(models: list[Any], data: Data) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Loss on another task at the best rate, and that rate, by the gauge where tuning starts."""
    task = data.mirrored()
    losses: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {}
    for seed, model in enumerate(models):
        bad = unbalanced(model, data, seed)
        starts = {"never unbalanced": model} | {one: gauged(bad, task, one) for one in GAUGES}
        for name, start in starts.items():
            last = tuned([start] * len(RATES), list(RATES), task, steps=TUNED, seed=seed)
            reached = [one if np.isfinite(one) else np.inf for one in last]
            best = int(np.argmin(reached))
            losses.setdefault(name, []).append(reached[best])
            rates.setdefault(name, []).append(RATES[best])
    return losses, rates


def _rescued(models: list[Any], data: Data) -> dict[str, list[float]]:
    """Accuracy of the mean of a model and one tuned from it, which was then badly balanced."""
    scores: dict[str, list[float]] = {}
    for seed, model in enumerate(models):
        near = trained(copy.deepcopy(model), data, lr=0.03, steps=300, seed=100 + seed)
        scores.setdefault("never unbalanced", []).append(accuracy(mean(model, near), data))
        bad = unbalanced(near, data, seed)
        for gauge in (*GAUGES, *FIXED):
            both = mean(gauged(model, data, gauge), gauged(bad, data, gauge))
            scores.setdefault(gauge, []).append(accuracy(both, data))
    return scores
