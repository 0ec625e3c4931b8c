"""Hidden layers of two classifiers of digits as files, for `methexis compare`.

Two ReLU networks of different shapes learn scikit-learn's digits from different weights and see
different batches. What their hidden layers make of digits that neither was trained on is written to
one folder per network, a file per layer; noise is put beside the layers of the first, and in a
folder of their own lie the layers of the second before training::

    python -m examples.layers my-layers
    methexis compare my-layers/wide my-layers/deep --reference untrained=my-layers/deep-untrained
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import methexis as mx
from examples.digits import digits

SHAPES = {"wide": (64, 64, 64), "deep": (32, 32, 32, 32)}
BATCH = 32


def write(folder: Path, *, epochs: int = 20, seed: int = 0) -> None:
    """Train the networks and write their layers; and those of the second before training."""
    data, test = digits()
    steps = epochs * data.num_samples // BATCH
    _layers(folder, _trained(data, steps, 0.05, seed), test, dict(enumerate(SHAPES)))
    # Of one step at this rate, weights are those that training begins with.
    _layers(folder, _trained(data, 1, 1e-12, seed), test, {1: "deep-untrained"})
    noise = np.random.default_rng(seed).standard_normal((test.num_samples, 64))
    np.save(folder / "wide" / "noise.npy", noise)


def _trained(data: mx.Samples, steps: int, lr: float, seed: int) -> mx.Run:
    return mx.train(
        [mx.MLP(hidden) for hidden in SHAPES.values()],
        data,
        mx.SGD(lr=lr, momentum=0.9, schedule=mx.schedules.cosine()),
        steps=steps,
        batch=BATCH,
        paired=False,
        loss="cross_entropy",
        init=mx.init.gaussian(scale=2**0.5),
        seed=seed,
    )


def _layers(folder: Path, run: mx.Run, test: mx.Samples, names: dict[int, str]) -> None:
    """What some students make of rows that none of them saw, a file per hidden layer."""
    depths = [len(hidden) for hidden in SHAPES.values()]
    for student, name in names.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for layer in range(1, depths[student] + 1):
            found = run.activations(test.x, student=student, layer=layer)
            np.save(folder / name / f"h{layer}.npy", found)


def main(arguments: list[str] | None = None) -> None:
    """Write them to the folder that is named."""
    parser = argparse.ArgumentParser(description="Hidden layers of two classifiers, as files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    write(chosen.folder, epochs=chosen.epochs, seed=chosen.seed)
    twin = f"--reference untrained={chosen.folder}/deep-untrained"
    print(f"methexis compare {chosen.folder}/wide {chosen.folder}/deep {twin}")


if __name__ == "__main__":
    main()
