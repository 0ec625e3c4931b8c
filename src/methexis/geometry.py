"""Alignment of hidden layers (``mx.geometry``); see `core.geometry`."""

from methexis import lazy as _lazy
from methexis.core.geometry import (
    LayerAlignment,
    align_maps,
    align_samples,
    gram_cosines,
    kernel_cosine,
)

__all__ = ["LayerAlignment", "align_maps", "align_samples", "gram_cosines", "kernel_cosine"]
__dir__ = _lazy.listed(__all__)
