"""Alignment of hidden layers (``mx.geometry``); see `core.geometry`."""

from methexis.core.geometry import (
    LayerAlignment,
    align_maps,
    align_samples,
    gram_cosines,
    kernel_cosine,
)

__all__ = ["LayerAlignment", "align_maps", "align_samples", "gram_cosines", "kernel_cosine"]
