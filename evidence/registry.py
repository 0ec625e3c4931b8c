"""All experiments, in the order in which they are run and shown."""

from __future__ import annotations

from evidence.experiments import (
    first_and_last,
    minibatch_edge,
    minibatch_leaving,
    online_isotropic,
    online_offset,
    online_whitened,
    proportional_moments,
    replacement_offset,
    shuffled_product,
    slow_paths,
    strict_saddle,
)
from evidence.outcome import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        shuffled_product,
        online_isotropic,
        online_whitened,
        online_offset,
        replacement_offset,
        slow_paths,
        first_and_last,
        proportional_moments,
        strict_saddle,
        minibatch_edge,
        minibatch_leaving,
    )
}
