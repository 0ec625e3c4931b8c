"""torch_cka: compares layers of two modules over batches; here one batch of all samples."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import contextlib
import io
import os
import warnings

import matplotlib

os.environ["TQDM_DISABLE"] = "1"
matplotlib.use("Agg")

import torch
from pairs import prepare_with, scores_with
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch_cka import CKA


def start(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    return {"torch_cka": version("torch_cka")}


class Shown(nn.Module):
    """A model whose one layer gives its input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(x)


def _cka(x, y):
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        engine = CKA(Shown(), Shown(), "x", "y", ["layer"], ["layer"])
        loaders = [DataLoader(TensorDataset(v), batch_size=len(v)) for v in (x, y)]
        engine.compare(*loaders)
    return engine.export()["CKA"][0, 0]


def _single(array):
    """Float32, for its HSIC multiplies by ones of that type."""
    return torch.from_numpy(array).to(torch.float32)


prepare = prepare_with({"debiased_cka": _cka}, _single)
scores = scores_with({"CKA.compare": ("cka", {"debiased": True}, _cka)}, _single)
