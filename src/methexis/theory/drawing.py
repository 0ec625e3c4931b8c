"""Drawing of slow paths on axes: dashes, as of every prediction, in the colour of the text."""

from __future__ import annotations

import numpy as np

from methexis import plots
from methexis.core.checks import Array

#: What can be drawn of a path, and how its axis is called.
QUANTITIES: dict[str, str] = {
    "worst_pair": "alignment of the worst pair (1 = same)",
    "entropy": "entropy S (squared gradient)",
}


def along_slow_time(times: Array, values: Array, quantity: str) -> plots.Panel:
    """The picture of values ``(num_times, ...)`` of all replicas over slow time."""
    flat = values.reshape(len(times), -1)
    alive = flat[:, np.isfinite(flat).any(axis=0)]  # those that are lost enter no median
    marks = plots.replicas(
        plots.positive(times), alive, plots.style.ink(), "predicted", order=4, dashes=(3.0, 1.6)
    )
    bounds = (0.0, 1.03) if quantity == "worst_pair" else (None, None)
    y = plots.Axis(QUANTITIES[quantity], low=bounds[0], high=bounds[1])
    x = plots.Axis("slow time τ = Σ η²/B", "log" if (times > 0).any() else "linear")
    return plots.Panel(x, y, tuple(marks))
