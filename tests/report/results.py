"""Small results that the tests of reports share: made once, from real runs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import xarray as xr

from methexis.scenarios.verify import VerifyResult, VerifySettings, run_verify
from methexis.scenarios.verify.verdict import judge
from methexis.training.records.run import Run

LOST_REPLICA, LOST_STEP = 1, 123


@cache
def small(
    *,
    easy: bool = True,
    noise: str = "isotropic",
    sampling: str = "online",
    three_ways: bool = False,
) -> VerifyResult:
    """A verification too short to pass, but long enough for the loss to arrive at the minima."""
    return run_verify(
        VerifySettings(
            easy=easy,
            noise=noise,
            sampling=sampling,
            three_ways=three_ways,
            steps=30_000,
            replicas=3,
            seed=0,
        )
    )


def lose(run: Run, replica: int, step: int) -> Run:
    """The run as it would be had this replica diverged at this step: NaN from then on."""
    tree = run.tree.copy(deep=True)
    late = np.asarray(tree["step"]) >= step
    for group in (tree, *tree.children.values()):
        for name, variable in group.data_vars.items():
            if variable.dims[:2] == ("step", "replica"):
                values = np.array(variable.values)
                values[late, replica] = np.nan
                group[name] = xr.DataArray(values, dims=variable.dims)
    diverged = np.array(tree["diverged_step"].values)
    diverged[replica] = step
    tree["diverged_step"] = xr.DataArray(diverged, dims="replica")
    return Run(tree)


@cache
def without_projections() -> VerifyResult:
    """As if no weights had been close enough to a minimum to be projected."""
    whole = small()
    tree = whole.run.tree.copy(deep=True)
    for name in [str(n) for n in tree.data_vars if str(n).endswith("_projected")]:
        tree[name] = xr.full_like(tree[name], np.nan)
    return replace(
        whole,
        run=Run(tree),
        mean_kernel_projected=np.full_like(whole.mean_kernel_projected, np.nan),
        mean_kernel_to_theory=np.full_like(whole.mean_kernel_to_theory, np.nan),
        layer_entropy=[np.full_like(values, np.nan) for values in whole.layer_entropy],
    )


@cache
def with_a_lost_replica() -> VerifyResult:
    whole = small()
    run = lose(whole.run, LOST_REPLICA, LOST_STEP)
    keep = np.arange(3) != LOST_REPLICA
    return replace(
        whole,
        run=run,
        layer_entropy=[values[keep] for values in whole.layer_entropy],
        verdict=judge(
            whole.settings,
            run,
            whole.control,
            whole.prediction,
            whole.minima,
            whole.mean_kernel_to_theory,
            [
                values[keep] / solution.layer_entropy
                for values, solution in zip(whole.layer_entropy, whole.solutions, strict=True)
            ],
            [],
        ),
    )
