"""Hidden layers of two classifiers of digits as files, for `methexis compare`.

Two ReLU networks of different shapes learn scikit-learn's digits from different weights and see
different batches. What their hidden layers make of digits that neither was trained on is written to
one folder per network, a file per layer; noise is put beside the layers of the first::

    python -m examples.layers my-layers
    methexis compare my-layers/wide my-layers/deep
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import methexis as mx
from examples.digits import digits

SHAPES = {"wide": (64, 64, 64), "deep": (32, 32, 32, 32)}


def write(folder: Path, *, epochs: int = 20, seed: int = 0) -> None:
    """Train the networks and write their layers."""
    data, test = digits()
    batch = 32
    run = mx.train(
        [mx.MLP(hidden) for hidden in SHAPES.values()],
        data,
        mx.SGD(lr=0.05, momentum=0.9, schedule=mx.schedules.cosine()),
        steps=epochs * data.num_samples // batch,
        batch=batch,
        paired=False,
        loss="cross_entropy",
        init=mx.init.gaussian(scale=2**0.5),
        seed=seed,
    )
    for student, (name, hidden) in enumerate(SHAPES.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for layer in range(1, len(hidden) + 1):
            found = run.activations(test.x, student=student, layer=layer)
            np.save(folder / name / f"h{layer}.npy", found)
    noise = np.random.default_rng(seed).standard_normal((test.num_samples, 64))
    np.save(folder / "wide" / "noise.npy", noise)


def main(arguments: list[str] | None = None) -> None:
    """Write them to the folder that is named."""
    parser = argparse.ArgumentParser(description="Hidden layers of two classifiers, as files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    write(chosen.folder, epochs=chosen.epochs, seed=chosen.seed)
    print(f"methexis compare {chosen.folder}/wide {chosen.folder}/deep")


if __name__ == "__main__":
    main()
