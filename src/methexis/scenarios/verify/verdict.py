"""PASS or FAIL: what must hold for `verify`, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.verify.result import Prediction, RandomMinima, Verdict, Way
from methexis.scenarios.verify.settings import TARGET, VerifySettings
from methexis.training.records.run import Run

#: Where theory predicts an offset ``1 - A``: allowed relative deviation, for the O(η)
#: correction at the annealed learning rate (docs/theory.md §5).
OFFSET_RTOL = 0.2
#: The control must stay this far from perfect alignment.
CONTROL_AT_MOST = 0.95
#: Equipartition is first order in the distance to the Platonic point, alignment second order: an
#: alignment of 0.999 leaves a few per cent.
UNEVEN_AT_MOST = 0.05
#: Of the three ways: the median worst pair that those must reach which theory takes to 1; and how
#: far any median path may be from its prediction, which is exact to leading order in the learning
#: rate. The predicted ends are 0.1 apart.
WAYS_TARGET, WAYS_APART = 0.999, 0.05
#: Rounding allowed in ``S / S_min >= 1``.
_BOUND_RTOL = 1e-9


def judge(
    settings: VerifySettings,
    run: Run,
    control: Run,
    prediction: Prediction,
    minima: list[RandomMinima],
    to_universal: Array,
    shares: list[Array],
    ways: Sequence[Way],
) -> Verdict:
    """Compare what was found with what theory predicts.

    ``to_universal`` holds the alignments of mean kernels with the universal kernel, ``shares`` each
    student's entropy per layer over its prediction ``4q``.
    """
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
        short = prediction.final_worst_pair < TARGET
        theirs = f" (theory: {prediction.final_worst_pair:.4f} after so few steps)" if short else ""
        universal = float(to_universal.min())
        uneven = max(float(np.abs(np.median(s, axis=0) - 1.0).max()) for s in shares)
        checks += [
            _at_least("median worst pair after SGD", median, TARGET, theirs),
            _at_least("mean kernels to the universal kernel, least", universal, TARGET),
            Check(
                "largest deviation of a layer's entropy from 4q",
                f"{uneven:.2%}",
                f"<= {UNEVEN_AT_MOST:.0%}",
                uneven <= UNEVEN_AT_MOST,
            ),
        ]
    else:
        projected = run.worst_pair(projected=True)[-1][healthy]
        offset, wanted = 1.0 - float(np.median(projected)), 1.0 - prediction.final_worst_pair
        name = "1 - median worst pair, projected"
        checks.append(_offset(name, offset, wanted, 5, " (slow drift)"))
    still = float(np.median(control.worst_pair()[-1]))
    checks.append(_at_most("median worst pair of the control", still, CONTROL_AT_MOST, 4))
    return Verdict((*checks, *(check for way in ways for check in way_checks(way))))


def way_checks(way: Way) -> list[Check]:
    """Where it ends, and how closely it kept to the predicted path."""
    final, lost = way.final, int((~way.run.healthy).sum())
    checks = []
    if lost:
        checks.append(Check(f"{way.name}: lost replicas", str(lost), "none", False))
    if way.predicted_by == "slow drift":
        offset, wanted = 1.0 - final["projected"], 1.0 - final["predicted"]
        checks.append(_offset(f"{way.name}: 1 - median worst pair", offset, wanted, 4))
    else:
        checks.append(_at_least(f"{way.name}: median worst pair", final["raw"], WAYS_TARGET))
    name = f"{way.name}: path from the {way.predicted_by}"
    checks.append(_at_most(name, way.largest_deviation, WAYS_APART, 3))
    return checks


def _at_least(name: str, measured: float, least: float, remark: str = "") -> Check:
    return Check(name, f"{measured:.6f}", f">= {least}{remark}", measured >= least)


def _at_most(name: str, measured: float, most: float, digits: int) -> Check:
    return Check(name, f"{measured:.{digits}f}", f"<= {most}", measured <= most)


def _offset(name: str, measured: float, wanted: float, digits: int, remark: str = "") -> Check:
    passed = abs(measured - wanted) <= OFFSET_RTOL * wanted
    expected = f"{wanted:.{digits}f} within {OFFSET_RTOL:.0%}{remark}"
    return Check(name, f"{measured:.{digits}f}", expected, passed)


def _bound(minima: list[RandomMinima]) -> Check:
    least = min(float(m.entropy_ratio.min()) for m in minima)
    return Check(
        "least S/S_min of the random minima", f"{least:.4f}", ">= 1", least >= 1.0 - _BOUND_RTOL
    )


def _random(minima: list[RandomMinima]) -> Check:
    highest = max(float(np.median(m.pairs.min(axis=1))) for m in minima)
    return _at_most("median worst pair of random minima", highest, CONTROL_AT_MOST, 4)
