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
_RNG = np.random.default_rng(7)
_SKEWED = _RNG.exponential(size=(600, 2)) @ np.array([[1.0, 0.3], [0.0, 2.0]])
_ALSO = _RNG.exponential(size=(500, 2)) @ np.array([[1.0, 0.3], [0.0, 2.0]])
_UNPAIRED = mx.translate_unpaired(_SKEWED, _ALSO, pair=(0, 0))


def _translated(**given: Any) -> str:
    return mx.translate(**given).sentence


def _translated_unpaired(**given: Any) -> str:
    return mx.translate_unpaired(**given).sentence


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
    "mx.translate_unpaired": Recipe(
        _translated_unpaired,
        {
            "x": _SKEWED,
            "y": _ALSO,
            "pair": (0, 0),
            "map": "auto",
            "shared": False,
            "preprocessing": "none",
            "seed": 0,
            "names": ("A", "B"),
        },
    ),
    "mx.UnpairedTranslation.forward": Recipe(_UNPAIRED.forward, {"x": _SKEWED[:5]}),
    "mx.UnpairedTranslation.backward": Recipe(_UNPAIRED.backward, {"y": _ALSO[:5]}),
    "mx.UnpairedTranslation.match": Recipe(_UNPAIRED.match, {"x": _SKEWED[:5], "y": _ALSO[:7]}),
    "mx.UnpairedTranslation.match_back": Recipe(
        _UNPAIRED.match_back, {"y": _ALSO[:5], "x": _SKEWED[:7]}
    ),
    "mx.UnpairedTranslation.common": Recipe(_UNPAIRED.common, {"x": _SKEWED[:5]}),
}
