"""Alignment of hidden layers (``mx.geometry``), from `core.layers.geometry` and `.axes`."""

from methexis import lazy as _lazy
from methexis.core.layers.axes import AxisAlignment, match_maps, match_samples
from methexis.core.layers.geometry import (
    LayerAlignment,
    align_maps,
    align_samples,
    gram_cosines,
    kernel_cosine,
)

__all__ = [
    "AxisAlignment",
    "LayerAlignment",
    "align_maps",
    "align_samples",
    "gram_cosines",
    "kernel_cosine",
    "match_maps",
    "match_samples",
]
__dir__ = _lazy.listed(__all__)
