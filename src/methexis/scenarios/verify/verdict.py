"""PASS or FAIL: what must hold for `verify`, and what was found."""

from __future__ import annotations

import numpy as np

from methexis.core.checks import Array
from methexis.scenarios.verify.result import Check, Prediction, RandomMinima, Verdict
from methexis.scenarios.verify.settings import VerifySettings
from methexis.training.run import Run

#: Where theory predicts an offset ``1 - A``: allowed relative deviation of the mean kernels, for
#: the O(η) correction at the annealed learning rate (docs/theory.md §5).
OFFSET_RTOL = 0.2
#: The control must stay this far from perfect alignment.
CONTROL_AT_MOST = 0.95
#: Rounding allowed in ``S / S_min >= 1``.
_BOUND_RTOL = 1e-9


def judge(
    settings: VerifySettings,
    run: Run,
    control: Run,
    prediction: Prediction,
    minima: list[RandomMinima],
    mean_kernel: Array,
) -> Verdict:
    """Compare what was found with what theory predicts."""
    healthy = run.healthy
    worst = run.worst_pair()[-1][healthy]
    median = float(np.median(worst))
    checks = [
        Check(
            "healthy replicas",
            f"{int(healthy.sum())} of {len(healthy)}",
            f"all {len(healthy)}",
            bool(healthy.all()),
        ),
        _bound(minima),
        _random(minima),
    ]
    if settings.predicts_platonic:
        checks.append(
            Check(
                "median worst pair after SGD",
                f"{median:.6f}",
                f">= {settings.target}",
                median >= settings.target,
            )
        )
    else:
        found, wanted = 1.0 - float(mean_kernel.min()), 1.0 - prediction.final_worst_pair
        checks.append(
            Check(
                "1 - worst pair of the mean kernels",
                f"{found:.5f}",
                f"{wanted:.5f} within {OFFSET_RTOL:.0%} (slow drift)",
                abs(found - wanted) <= OFFSET_RTOL * wanted,
            )
        )
    still = float(np.median(control.worst_pair()[-1]))
    checks.append(
        Check(
            "median worst pair of the control",
            f"{still:.4f}",
            f"<= {CONTROL_AT_MOST}",
            still <= CONTROL_AT_MOST,
        )
    )
    return Verdict(tuple(checks))


def _bound(minima: list[RandomMinima]) -> Check:
    least = min(float(m.entropy_ratio.min()) for m in minima)
    return Check(
        "least S/S_min of the random minima", f"{least:.4f}", ">= 1", least >= 1.0 - _BOUND_RTOL
    )


def _random(minima: list[RandomMinima]) -> Check:
    highest = max(float(np.median(m.pairs.min(axis=1))) for m in minima)
    return Check(
        "median worst pair of random minima",
        f"{highest:.4f}",
        f"<= {CONTROL_AT_MOST}",
        highest <= CONTROL_AT_MOST,
    )
