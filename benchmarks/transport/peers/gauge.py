"""Interfaces of a real model, each proved by random elements; what there is in a line of JSON.

``python gauge.py MODEL DTYPE SEEDS``, with the inputs of `benchmarks.probes.peers.cases`: four
glosses, crops of photographs or noises. Seeds are of the elements that prove.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import torch

import methexis as mx
from benchmarks.probes.peers import cases

SAMPLES, LENGTH = 4, 64
#: The reason of parameters that a model has for other inputs, such as sound of another rate.
UNUSED = "it was not used on this batch"


def main(name: str, dtype: str, seeds: int) -> dict[str, Any]:
    """What `interfaces` says of a model."""
    number = getattr(torch, dtype)
    model = cases.model_of(name)
    batch = next(cases.batches_of(name, SAMPLES, LENGTH))
    if name not in cases.DETECTORS:  # whose script makes all sound single by itself
        model = model.to(number)
        batch = batch if isinstance(batch, dict) else batch.to(number)
    began = time.process_time()
    of_seeds = [mx.interfaces(model, batch, seed=seed) for seed in range(seeds)]
    spent = (time.process_time() - began) / seeds
    known = of_seeds[0]
    sizes = {key: one.numel() for key, one in model.named_parameters()}
    inside = {key for one in known for key in one.parameters} & sizes.keys()
    told = {key for key, why in known.reasons.items() if why} & sizes.keys()
    idle = {key for key, why in known.reasons.items() if why == UNUSED} & sizes.keys()
    total = sum(sizes.values())
    groups: dict[str, dict[str, int]] = {}
    for one in known:
        group = groups.setdefault(one.group, {"interfaces": 0, "spaces": 0, "dimension": 0})
        group["interfaces"] += 1
        group["spaces"] += one.count
        group["dimension"] += one.dimension
    return {
        "model": name,
        "dtype": known.dtype,
        "parameters": total,
        "groups": groups,
        "inside": sum(sizes[key] for key in inside) / total,
        "unused": sum(sizes[key] for key in idle) / total,
        "accounted": sum(sizes[key] for key in inside | told) / total,
        "change": max(one.change for one in of_seeds),
        "control": min(each.control for one in of_seeds for each in one),
        "proved": all(one.proved for one in of_seeds),
        "seconds": spent,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of others' code
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
