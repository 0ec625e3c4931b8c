"""(f) Activations and back-propagated gradients have proportional second moments.

Gradient balance (3.2) on the minima says, in each hidden layer's own neurons,

    E[h hᵀ] = (β_i²/4α_{i+1}²) E[g gᵀ],   at the Platonic point  (a_i⁴/4) E[g gᵀ],

with ``a_i`` of (3.10). Measured on the weights as they are, not projected, with the residual that
they have: the cosine of the two matrices, and the ratio of their traces. Two kinds of runs, both
from random minima at which the moments are far from proportional. With the whitened loss, samples
drawn independently end at balance: cosine 1. With the squared loss and uneven noise they end in a
steady rotation, where balance is broken by the commutator (5.11): the cosines and ratios are those
of `drift_fixed_point`, and are not 1. So the statement is not one about networks of any kind.

Burn-in of 8 times the slowest time of each. Numbers differ from the end by order η, hence the
quadratic fit.

Fixed before the run and not changed after: all numbers below. Sizes come from a pilot with seeds
from 9711 that showed only how large the statistical errors and the curvature are.
"""

from __future__ import annotations

import methexis as mx
from evidence.layers import proportion, quantities_of
from evidence.outcome import Experiment, Outcome
from evidence.problems import explicit_instance, random_whitenable
from evidence.simulate import Sweep


def run(quick: bool) -> Outcome:
    quantities, runs = [], []
    for sweep in sweeps():
        taken = sweep.reduced(1, 8) if quick else sweep
        assert not callable(taken.start)
        if taken.loss == "whitened":
            ends = [mx.theory.platonic(taken.source, s, loss="whitened") for s in taken.students]
            weights = [end.weights for end in ends]
        else:
            weights = [
                mx.theory.drift_fixed_point(taken.source, s, weights=w).weights
                for s, w in zip(taken.students, taken.start, strict=True)
            ]
        more, done = quantities_of(taken, proportion, weights, taken.start, on_minima=False)
        quantities += more
        runs += done
    return Outcome(tuple(quantities), tuple(runs))


def sweeps() -> tuple[Sweep, Sweep]:
    """The whitened loss, where the moments become proportional, and one where they do not."""
    teacher, students = random_whitenable()
    even = Sweep(
        problem="whitened loss",
        source=teacher,
        students=students,
        sampling="online",
        start=[mx.theory.random_minimum(teacher, s, seed=5, spread=0.3) for s in students],
        lrs=(0.0024, 0.0018, 0.0013, 0.001),
        replicas=(64, 64, 64, 64),
        slow_time=2.8,
        burn_in=1.4,
        snapshots=64,
        seed=711,
        loss="whitened",
    )
    teacher, students = explicit_instance()
    uneven = Sweep(
        problem="squared loss, uneven noise",
        source=teacher,
        students=students,
        sampling="online",
        start=[mx.theory.random_minimum(teacher, s, seed=5, spread=0.3) for s in students],
        lrs=(0.0045, 0.0033, 0.0024, 0.0018),
        replicas=(64, 64, 64, 64),
        slow_time=17.0,
        burn_in=9.4,
        snapshots=64,
        seed=721,
    )
    return even, uneven


EXPERIMENT = Experiment(
    name="proportional_moments",
    title="Activations and gradients have proportional second moments, where noise is even",
    claim="In every hidden layer E[h hᵀ] becomes a multiple of E[g gᵀ], by a_i⁴/4, where the drift "
    "ends at gradient balance (3.2); with independent samples and uneven noise it does not, by as "
    "much as the fixed point of the drift says (5.11).",
    run=run,
)
