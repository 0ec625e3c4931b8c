"""calibrated-similarity: a similarity and its permutations, every one computed anew."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from calibrated_similarity import calibrate
from pairs import layers, scores_with

ORDERS = 2


def start(threads: int) -> dict[str, str]:
    torch.set_num_threads(threads)
    return {"calibrated-similarity": version("calibrated-similarity")}


def _cka(x, y):
    """Linear CKA as the examples of that package have it; of features where that is cheaper."""
    x, y = x - x.mean(0), y - y.mean(0)
    if x.shape[0] < x.shape[1]:
        one, other = x @ x.T, y @ y.T
        return (one * other).sum() / (one.norm() * other.norm())
    return (x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())


class Calibrations:
    """A step is one evaluation of the similarity within a calibration."""

    variant = f"calibrate, of which {ORDERS} orders and the score are timed"

    def __init__(self, x, y) -> None:
        self.x, self.y = x, y
        self.details = {"pairs": 1}

    def run(self, num_steps: int) -> int:
        rounds = -(-num_steps // (ORDERS + 1))
        for _ in range(rounds):
            calibrate(self.x, self.y, _cka, K=ORDERS)
        return rounds * (ORDERS + 1)


def prepare(case):
    if case["measure"] != "calibrated":
        return f"has no {case['measure']} of its own"
    rows, columns = layers(case["file"], torch.from_numpy)
    return Calibrations(rows[0], columns[0])


scores = scores_with(
    {"the CKA of its examples": ("cka", {}, _cka)},
    torch.from_numpy,
)
