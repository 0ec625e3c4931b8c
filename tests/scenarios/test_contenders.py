"""What a learning rate of the table of algorithms is made of, and what is predicted in epochs."""

from __future__ import annotations

import numpy as np
import pytest

import methexis as mx
from methexis.scenarios.breaking.contenders import CONTENDERS, REACH
from methexis.scenarios.breaking.dials.algorithms import setting

BY_NAME = {one.name: one for one in CONTENDERS}


def test_epochs_count_by_their_steps() -> None:
    shuffled = setting(0, "even, shuffled")  # 12 samples
    assert (shuffled.length(1), shuffled.length(2), shuffled.length(4)) == (2.0, 1.0, 1.0)
    assert setting(0, "depth").length(1) == 1.0


@pytest.mark.parametrize("batch", [1, 16])
def test_the_learning_rate_of_sam_counts_its_step_uphill(batch) -> None:
    """``ε = η λ (1 + ρ/η N_B)`` of the student that meets most (docs/adaptive.md, A.19)."""
    view = setting(0, "view")
    reach, met = REACH / np.sqrt(batch), []
    for student in view.students:
        end = mx.theory.sam_fixed_point(view.teacher, student, reach=reach, batch=batch)
        norm = mx.theory.sam_potential(view.teacher, student, end.weights, batch=batch)
        met.append(
            mx.theory.sharpness(view.teacher, student, end.weights) * (1 + reach / float(norm))
        )
    made = BY_NAME[f"SAM, B = {batch}"].case(view).ensemble(0.5)
    assert made.lr == pytest.approx(0.5 / max(met), rel=1e-6)  # of a search for an end
    assert made.optimiser.hyper()["rho"].item() == pytest.approx(reach * made.lr, rel=1e-12)


def test_in_epochs_the_mean_over_the_past_changes_no_end_and_samples_that_are_skew_do() -> None:
    shuffled = setting(0, "uneven, shuffled")
    rmsprop, adam = (BY_NAME[name].case(shuffled).predicted for name in ("RMSProp", "Adam"))
    np.testing.assert_allclose(adam, rmsprop, rtol=0, atol=1e-9)  # of a search for an end
    assert 1.0 - rmsprop.min() > 5e-5
    sgd = BY_NAME["SGD"].case(shuffled).predicted
    assert 1.0 - sgd.min() < 1e-9
