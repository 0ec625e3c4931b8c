"""(e) First and last layers are the special ones: interior layers are rotations of equal norm.

At the Platonic point every interior layer is ``p/√q`` times a rotation of what is alive (docs/
theory.md (3.12)): its singular values are equal, and its squared norm is ``r p²/q``, the same for
all of them. What embeddings, views, inputs and noise are like stands in the first and the last
layer alone, (3.11). Measured on weights projected onto the minima, of students of depths 4 and 5
with random embeddings and views, on inputs of condition 4 and noise of condition 9, by the whitened
loss, with which independent samples end there. Start: a random minimum per student, the same for
all replicas; burn-in of 8 times the slowest time 4/μ = 0.30. ``‖W‖²`` and unevenness are averages
over time; they differ from the end by order η, so the fit is quadratic.

Fixed before the run and not changed after: all numbers below. Sizes come from a pilot with seeds
from 9701 that showed how large statistical errors are, and that learning rates above these
throw replicas of depth 5 far off.
"""

from __future__ import annotations

import methexis as mx
from evidence.layers import quantities_of, spectra
from evidence.outcome import Experiment, Outcome
from evidence.simulate import Sweep


def run(quick: bool) -> Outcome:
    sweep = sweep_of()
    sweep = sweep.reduced(1, 8) if quick else sweep
    ends = [mx.theory.platonic(sweep.source, s, loss="whitened").weights for s in sweep.students]
    assert not callable(sweep.start)
    quantities, runs = quantities_of(sweep, spectra, ends, sweep.start, on_minima=True)
    return Outcome(tuple(quantities), tuple(runs))


def sweep_of() -> Sweep:
    """The runs: students of depths 4 and 5, far from their ends."""
    teacher = mx.Teacher.random(
        3, 3, condition=2.0, noise=1.0, condition_noise=9.0, condition_x=4.0, seed=3
    )
    students = (
        mx.EDLN.random(teacher, (3, 4, 3), condition=1.7, seed=6),
        mx.EDLN.random(teacher, (3, 3, 3, 3), condition=1.7, seed=7),
    )
    return Sweep(
        problem="whitened loss",
        source=teacher,
        students=students,
        sampling="online",
        start=[mx.theory.random_minimum(teacher, s, seed=5, spread=0.3) for s in students],
        lrs=(0.0036, 0.0027, 0.002, 0.0015),
        replicas=(64, 64, 64, 64),
        slow_time=4.8,
        burn_in=2.4,
        snapshots=32,
        seed=701,
        loss="whitened",
    )


EXPERIMENT = Experiment(
    name="first_and_last",
    title="First and last layers are the special ones",
    claim="At the learned point interior layers are rotations of one and the same norm, with equal "
    "singular values p/√q (3.12); the first and the last layer have the norms and spectra of "
    "(3.11), which depend on embeddings, views, inputs and noise.",
    run=run,
)
