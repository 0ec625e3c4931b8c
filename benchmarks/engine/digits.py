"""Scikit-learn's digits as a data set of this package; the only place that imports scikit-learn.

Without scikit-learn a stand-in takes the place of the digits, of the same shape and range. Speed
does not depend on what the pictures show; `DIGITS_FROM` says in reports what was used.
"""

from __future__ import annotations

import importlib.util

import numpy as np

from methexis.core.samples import Samples

if importlib.util.find_spec("sklearn") is None:
    DIGITS_FROM = "a stand-in of the same shape (pip install scikit-learn for the digits)"

    def _load() -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(0)
        return generator.integers(0, 17, (1797, 64)), np.arange(1797) % 10
else:
    from sklearn import __version__
    from sklearn.datasets import load_digits

    DIGITS_FROM = f"scikit-learn {__version__}"

    def _load() -> tuple[np.ndarray, np.ndarray]:
        x, labels = load_digits(return_X_y=True)
        return x, labels


def digits_samples() -> Samples:
    """The 1797 digits: 64 pixels in [0, 1] and one of ten classes."""
    x, labels = _load()
    return Samples.classes(x / 16.0, labels, num_classes=10)
