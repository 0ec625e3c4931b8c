"""ckatorch: CKA of a pair, in double precision whatever it is given."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from ckatorch.core import cka_base
from pairs import prepare_with, scores_with


def start(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    return {"ckatorch": version("ckatorch")}


def _cka(**words):
    return lambda x, y: cka_base(x, y, **words)


prepare = prepare_with({"cka": _cka(), "debiased_cka": _cka(unbiased=True)}, torch.from_numpy)
scores = scores_with(
    {
        "cka_base": ("cka", {}, _cka()),
        "cka_base(hsic)": ("cka", {}, _cka(method="hsic")),
        "cka_base(unbiased)": ("cka", {"debiased": True}, _cka(unbiased=True)),
        "cka_base(rbf, threshold=1)": ("cka", {"kernel": "rbf"}, _cka(kernel="rbf")),
    },
    torch.from_numpy,
)
