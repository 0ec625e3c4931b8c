"""Good calls of translation, and of what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

import methexis as mx
from tests.zoo.explaining import LONG
from tests.zoo.good import Recipe

OTHER = LONG @ np.array([[1.0, 0.5], [0.0, 1.0], [2.0, 0.0]])
_TRANSLATION = mx.translate(LONG, OTHER)


def _translated(**given: Any) -> str:
    return mx.translate(**given).sentence


def _drawn(plot: Callable[..., Axes]) -> Callable[..., str]:
    """Draw, and let go of the figure."""

    def call(**given: Any) -> str:
        axes = plot(**given)
        pyplot.close(axes.get_figure(root=True))
        return axes.get_ylabel()

    return call


TRANSPORT: dict[str, Recipe] = {
    "mx.translate": Recipe(
        _translated,
        {
            "x": LONG,
            "y": OTHER,
            "map": "auto",
            "ridge": None,
            "preprocessing": "none",
            "seed": 0,
            "names": ("A", "B"),
        },
    ),
    "mx.translate, ridge": Recipe(
        _translated, {"x": LONG, "y": OTHER, "map": "linear", "ridge": 0.5}
    ),
    "mx.Translation.forward": Recipe(_TRANSLATION.forward, {"x": LONG[:5]}),
    "mx.Translation.backward": Recipe(_TRANSLATION.backward, {"y": OTHER[:5]}),
    "mx.Translation.match": Recipe(_TRANSLATION.match, {"x": LONG[:5], "y": OTHER[:7]}),
    "mx.Translation.match_back": Recipe(_TRANSLATION.match_back, {"y": OTHER[:5], "x": LONG[:7]}),
    "mx.Translation.common": Recipe(_TRANSLATION.common, {"x": LONG[:5]}),
    "mx.Translation.plot": Recipe(_drawn(_TRANSLATION.plot), {"ax": None}),
}
