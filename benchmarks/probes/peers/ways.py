"""Ways to get all layers of a model over batches; `time` of each, or `peak` of one, as JSON.

``python ways.py time CASE SAMPLES ROUNDS LENGTH``, ``python ways.py peak CASE SAMPLES WAY LENGTH``.
Of the time, batches are made before; of the peak, as they are asked for, so that none is kept.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cases
import torch

import methexis as mx
from benchmarks.peak import peak_bytes


def forward(case: str, model: Any, batches: Iterable[Any]) -> None:
    """The model alone."""
    with torch.no_grad():
        for batch in batches:
            called(model, batch)


def hooks(case: str, model: Any, batches: Iterable[Any]) -> None:
    """Hooks by hand that pool at once and keep rows in memory."""
    rows: dict[str, list[Any]] = {name: [] for name in cases.names_of(case)}
    mask: list[Any] = [None]

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            states = output[0] if isinstance(output, tuple) else output
            rows[name].append(pooled(states, mask[0]))

        return hook

    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(keep(name)) for name in rows]
    with torch.no_grad():
        for batch in batches:
            mask[0] = batch["attention_mask"] if isinstance(batch, dict) else None
            called(model, batch)
    for handle in handles:
        handle.remove()
    for parts in rows.values():
        torch.cat(parts)


def hidden_states(case: str, model: Any, batches: Iterable[Any]) -> None:
    """What transformers offers: all states at the end of the pass."""
    rows: list[list[Any]] = []
    with torch.no_grad():
        for batch in batches:
            states = model(**batch, output_hidden_states=True).hidden_states
            rows.append([pooled(one, batch["attention_mask"]) for one in states])
    for one in zip(*rows, strict=True):
        torch.cat(one)


def probed(case: str, model: Any, batches: Iterable[Any]) -> None:
    """Ours, with everything that it proves and writes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "a.zarr"
        mx.probe(model, batches, cases.LAYERS[case], out=out, progress=None)


def called(model: Any, batch: Any) -> None:
    """One forward pass."""
    model(**batch) if isinstance(batch, dict) else model(batch)


def pooled(states: Any, mask: Any) -> Any:
    """The mean over real tokens, or over pixels."""
    if mask is None:
        return states.mean((2, 3))
    real = mask[..., None]
    return (states * real).sum(1) / real.sum(1)


WAYS = {"forward": forward, "hooks": hooks, "hidden states": hidden_states, "probe": probed}


def ways_of(case: str) -> dict[str, Any]:
    """The ways that a model has."""
    return {k: v for k, v in WAYS.items() if case == "minilm" or k != "hidden states"}


def timed(case: str, samples: int, rounds: int, length: int) -> dict[str, Any]:
    """Seconds of every way in every round: the clock's, and of the processor."""
    model, batches = cases.model_of(case), None
    batches = list(cases.batches_of(case, samples, length))
    ways = ways_of(case)
    for way in ways.values():
        way(case, model, batches[:2])
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    names = list(ways)
    for r in range(rounds):
        shift = r % len(names)
        for name in names[shift:] + names[:shift]:
            wall, processor = time.perf_counter(), time.process_time()
            ways[name](case, model, batches)
            found[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return found


def main(kind: str, case: str, samples: int, last: str, length: int) -> None:
    """Print one result."""
    if kind == "time":
        print(json.dumps(timed(case, samples, int(last), length)))
        return
    model = cases.model_of(case)
    WAYS[last](case, model, cases.batches_of(case, samples, length))
    print(json.dumps(peak_bytes()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
