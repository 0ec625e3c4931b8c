"""pytorch-cka (module cka): debiased CKA of all layers at once."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from cka import cka_from_features
from pairs import prepare_with, scores_with


def start(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    return {"pytorch-cka": version("pytorch-cka")}


prepare = prepare_with({}, torch.from_numpy, whole={"debiased_cka": cka_from_features})
scores = scores_with(
    {"cka_from_features": ("cka", {"debiased": True}, lambda x, y: cka_from_features(x, y)[0, 0])},
    torch.from_numpy,
)
