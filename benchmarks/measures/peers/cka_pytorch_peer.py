"""cka-pytorch: its unbiased HSIC, from which CKA follows."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pairs import part_of, prepare_with, scores_with

part_of("cka_pytorch")

import torch  # noqa: E402
from cka_pytorch.hsic import hsic1  # noqa: E402


def start(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    return {"cka-pytorch": version("cka-pytorch")}


def _cka(x, y):
    one, other = ((v @ v.T)[None] for v in (x, y))
    norms = hsic1(one, one)[0] * hsic1(other, other)[0]
    return hsic1(one, other)[0] / torch.sqrt(norms)


prepare = prepare_with({"debiased_cka": _cka}, torch.from_numpy)
scores = scores_with({"hsic1": ("cka", {"debiased": True}, _cka)}, torch.from_numpy)
