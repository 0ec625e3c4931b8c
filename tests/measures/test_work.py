"""What a comparison is said to take holds what it takes, for every measure."""

from __future__ import annotations

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest

import methexis as mx
from tests.measures.cases import VARIANTS, label


@pytest.mark.parametrize(("samples", "width"), [(900, 6), (400, 60)])
@pytest.mark.parametrize("measure", VARIANTS, ids=label)
def test_memory_is_within_the_estimate(measure: Any, samples: int, width: int) -> None:
    """NumPy's arrays at their largest; 10 % are for lists and small objects of Python's."""
    # Each order and resample of Bures with such a kernel decomposes matrices of all samples.
    slow = "bures" in measure.name and getattr(measure, "kernel", "linear") != "linear"
    samples = min(samples, 250) if slow else samples
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, width))
    y = x + rng.normal(size=(samples, width))
    asked = {"num_permutations": 19, "num_bootstrap": 19}
    told = mx.measures.plan((samples, width), (samples, width), measure, **asked)

    def compared(num_samples: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mx.compare(x[:num_samples], y[:num_samples], measure, **asked)

    compared(50)  # whatever is imported or cached at first use
    tracemalloc.start()
    compared(samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 1.1 * told.num_bytes


def test_linear_kernels_of_many_samples_hold_no_matrix() -> None:
    few, many = (mx.measures.CKA().work(n, (8, 8)).num_bytes for n in (8000, 9000))
    assert many < few / 5
    assert mx.measures.CKA(kernel="rbf").work(9000, (8, 8)).num_bytes > few
    assert mx.measures.CKA().work(9000, (8, 6000)).num_bytes > few  # too wide
