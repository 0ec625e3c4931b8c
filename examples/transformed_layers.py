"""What `explain` says of real layers that were changed by known maps.

A layer is permuted, rotated, reweighted along its principal directions, sheared by a general map,
warped, noised, and robbed of directions; and `mx.explain` is asked what was done::

    python -m examples.transformed_layers layer.npy --samples 4096

Any ``.npy`` of shape (num_samples, num_features) will do, such as a layer of one of the models that
`examples.real_models` writes. One line per map: what was done, what is named, and the share that is
explained.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import methexis as mx

Rows = NDArray[np.float64]


def turn(d: int, rng: np.random.Generator) -> Rows:
    return np.asarray(np.linalg.qr(rng.standard_normal((d, d)))[0])


def permuted(x: Rows, rng: np.random.Generator) -> Rows:
    return x[:, rng.permutation(x.shape[1])]


def rotated(x: Rows, rng: np.random.Generator) -> Rows:
    return x @ turn(x.shape[1], rng)


def reweighted(x: Rows, rng: np.random.Generator) -> Rows:
    axes = np.linalg.eigh(np.cov(x.T))[1]
    weights = np.exp(0.5 * rng.standard_normal(x.shape[1]))
    return x @ (axes * weights) @ turn(x.shape[1], rng)


def sheared(x: Rows, rng: np.random.Generator) -> Rows:
    d = x.shape[1]
    return (x @ turn(d, rng) * np.exp(0.7 * rng.standard_normal(d))) @ turn(d, rng)


def warped(x: Rows, rng: np.random.Generator) -> Rows:
    scores = (x - x.mean(axis=0)) @ np.linalg.eigh(np.cov(x.T))[1]
    size = scores.std(axis=0)
    return (scores + (scores**2 / size - size) / np.sqrt(2.0)) @ turn(x.shape[1], rng)


def noised(x: Rows, rng: np.random.Generator) -> Rows:
    d = x.shape[1]
    noise = rng.standard_normal(x.shape) @ rng.standard_normal((d, d))
    share = np.sqrt(0.5 * x.var(axis=0).sum() / noise.var(axis=0).sum())
    return (x + share * noise) @ turn(d, rng)


def removed(x: Rows, rng: np.random.Generator) -> Rows:
    return rotated(x, rng)[:, : x.shape[1] * 5 // 8]


#: What is done, and the rung that it needs.
MAPS: dict[str, tuple[str, Callable[[Rows, np.random.Generator], Rows]]] = {
    "permuted": ("permutation", permuted),
    "rotated": ("rotation", rotated),
    "reweighted": ("reweighted", reweighted),
    "sheared": ("linear", sheared),
    "warped": ("nonlinear", warped),
    "noised": ("rotation", noised),
    "removed": ("rotation", removed),
}


def main(arguments: list[str] | None = None) -> int:
    """Print what is named for each map."""
    parser = argparse.ArgumentParser(description="What explain says of layers changed on purpose.")
    parser.add_argument("layer", type=Path, help=".npy of shape (num_samples, num_features)")
    parser.add_argument("--samples", type=int, help="take so many rows, the first ones")
    parser.add_argument("--maps", nargs="+", choices=list(MAPS), default=list(MAPS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    x = np.load(given.layer, allow_pickle=False)[: given.samples].astype(np.float64)
    right = 0
    for name in given.maps:
        rung, change = MAPS[name]
        found = mx.explain(x, change(x, np.random.default_rng(given.seed)))
        right += found.rung == rung
        known = found.rung in {one.name for one in found.rungs}
        share = found.rung_named(found.rung if known and found.rung else "linear").share
        named = found.rung or "cannot tell: " + ", ".join(found.possible)
        print(f"{name:12} needs {rung:12} named {named:12} explained {share:.1%}", flush=True)
    print(f"{right} of {len(given.maps)} as they are")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
