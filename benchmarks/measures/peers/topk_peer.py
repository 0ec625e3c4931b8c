"""PyTorch as the literature writes mutual kNN: rows of length one, a matrix of products, topk.

No package on the Python index has this measure; this is the way of the published scripts.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from pairs import prepare_with, scores_with


def start(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    return {"torch": torch.__version__}


def _neighbours(rows, k):
    rows = torch.nn.functional.normalize(rows, dim=-1)
    products = rows @ rows.T
    products.fill_diagonal_(-torch.inf)
    return products.topk(k, dim=-1).indices


def _knn(x, y, k=10):
    masks = []
    for v in (x, y):
        mask = torch.zeros(len(v), len(v), dtype=torch.bool)
        masks.append(mask.scatter_(1, _neighbours(v, k), True))
    return (masks[0] & masks[1]).sum(dim=1).to(torch.float64).mean() / k


prepare = prepare_with({"mutual_knn": _knn}, torch.from_numpy)
scores = scores_with({"topk and masks": ("mutual_knn", {"k": 10}, _knn)}, torch.from_numpy)
