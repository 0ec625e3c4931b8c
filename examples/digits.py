"""Do different classifiers of the same digits come to represent them alike?

An ensemble of small ReLU networks of two shapes learns scikit-learn's handwritten digits, eight by
eight pixels, ten classes. Both shapes of a replica see the same batches, and every replica has
weights and batches of its own. How well the networks do, and how far their hidden layers agree,
is printed as training goes on::

    python -m examples.digits

No theorem speaks of these networks. The agreement is measured on the data, by the cosine of the
Gram matrices of hidden activations (`training.records.reference_inputs`). Activations of a ReLU
are never negative, so Gram matrices of any two layers have much in common from the start; what
training adds is the difference between the first and the last line. To judge how much that is
takes a null model, not a look at a number that is near 1.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.datasets import load_digits

import methexis as mx

NUM_TRAINED_ON = 1500
STUDENTS = [mx.MLP((64, 64)), mx.MLP((32, 32, 32))]


def digits() -> tuple[mx.Samples, mx.Samples]:
    """Training and test samples; pixels from 0 to 1, less the mean picture."""
    found = load_digits()
    x = found.data / 16.0
    x -= x[:NUM_TRAINED_ON].mean(axis=0)
    cut = slice(NUM_TRAINED_ON), slice(NUM_TRAINED_ON, None)
    train, test = (mx.Samples.classes(x[rows], found.target[rows], 10) for rows in cut)
    return train, test


def train(data: mx.Samples, *, epochs: int, replicas: int, seed: int) -> mx.Run:
    """Train the ensemble, from He's initial weights."""
    batch = 32
    steps = epochs * data.num_samples // batch
    return mx.train(
        STUDENTS,
        data,
        mx.SGD(lr=0.05, momentum=0.9, weight_decay=1e-4, schedule=mx.schedules.cosine()),
        steps=steps,
        batch=batch,
        loss="cross_entropy",
        init=mx.init.gaussian(scale=2**0.5),
        replicas=replicas,
        seed=seed,
        record=[0, *(steps * k // 8 for k in range(1, 8))],
    )


def accuracy(run: mx.Run, data: mx.Samples, *, student: int, replica: int) -> float:
    """Share of samples that a trained network classifies rightly."""
    last = STUDENTS[student].depth - 1
    h = run.activations(data.x, student=student, layer=last, replica=replica)
    logits = h @ run.weights[student][-1][replica].T + run.biases[student][-1][replica]
    return float(np.mean(logits.argmax(axis=1) == data.y.argmax(axis=1)))


def main(arguments: list[str] | None = None) -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description="An ensemble of ReLU classifiers of digits.")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    data, test = digits()
    run = train(data, epochs=chosen.epochs, replicas=chosen.replicas, seed=chosen.seed)
    within = run.data["alignment"].sel(layer_a="0/h1", layer_b="0/h2")
    across = run.data["alignment"].sel(layer_a="0/h2", layer_b="1/h3")
    print("medians over replicas: cross-entropy, accuracy, and alignment of hidden layers,")
    print("first and second of the first shape, and last of both shapes\n")
    print("  step    loss  accuracy   within   across")
    for t, step in enumerate(run.data["step"].values):
        row = run.data.isel(step=t, student=0)
        numbers = [float(row[name].median()) for name in ("loss", "accuracy")]
        numbers += [float(pair[t].median()) for pair in (within, across)]
        print("{:6d}  {:6.3f}  {:8.3f}  {:7.3f}  {:7.3f}".format(step, *numbers))
    print(f"\naccuracy on {test.num_samples} other digits, median (worst) of the replicas:")
    for k, student in enumerate(STUDENTS):
        found = [accuracy(run, test, student=k, replica=r) for r in range(chosen.replicas)]
        print(f"  hidden layers {student.hidden}: {np.median(found):.3f} ({min(found):.3f})")


if __name__ == "__main__":
    main()
