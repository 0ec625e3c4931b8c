"""thingsvision: CKA of a pair, by PyTorch, biased and unbiased."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pairs import part_of, prepare_with, scores_with

part_of("thingsvision", "core")

import torch  # noqa: E402
from thingsvision.core.cka import get_cka  # noqa: E402


def start(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    return {"thingsvision": version("thingsvision"), "torch": torch.__version__}


def _cka(unbiased: bool, kernel: str = "linear", backend: str = "torch"):
    def score(x, y):
        words = {"kernel": kernel, "unbiased": unbiased, "sigma": 1.0}
        if backend == "torch":
            words["device"] = "cpu"
        engine = get_cka(backend=backend, m=len(x), **words)
        if backend == "numpy":
            x, y = x.numpy(), y.numpy()
        return engine.compare(x, y)

    return score


prepare = prepare_with({"cka": _cka(False), "debiased_cka": _cka(True)}, torch.from_numpy)
scores = scores_with(
    {
        "CKATorch": ("cka", {}, _cka(False)),
        "CKATorch(unbiased)": ("cka", {"debiased": True}, _cka(True)),
        "CKANumPy": ("cka", {}, _cka(False, backend="numpy")),
        "CKANumPy(unbiased)": ("cka", {"debiased": True}, _cka(True, backend="numpy")),
        "CKATorch(rbf, sigma=1)": ("cka", {"kernel": "rbf"}, _cka(False, "rbf")),
    },
    torch.from_numpy,
)
