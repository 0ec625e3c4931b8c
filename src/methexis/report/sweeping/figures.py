"""Pictures of a sweep: the phase diagram of every quantity over two of its axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from methexis import plots
from methexis.plots.panel import Picture
from methexis.sweeps import Sweep
from methexis.sweeps.results import drawing, edge

#: Quantities that are drawn, where a sweep has them, with what a picture of each shows.
SHOWN = {
    "worst_pair": "Alignment of the least aligned pair of hidden layers",
    "loss": "Loss at the end",
    "entropy_ratio": "Entropy over its least value",
    "sharpness": "Largest eigenvalue of the Hessian",
    "lost": "Share of networks that diverged or collapsed",
}


def figures(sweep: Sweep, over: Sequence[str] | None) -> Iterator[Picture]:
    """All pictures in which something can be seen, in their order."""
    for quantity, what in SHOWN.items():
        if quantity not in drawing.quantities(sweep):
            continue
        if quantity == "lost" and not np.asarray(drawing.values_of(sweep, "lost")).any():
            continue
        picture = drawing.picture(sweep, quantity, over)
        if plots.has_numbers(picture):
            yield Picture(quantity, picture, f"{what}, over {_axes(picture)}{_line(picture)}")


def _axes(picture: plots.HeatMap | plots.Panel) -> str:
    if isinstance(picture, plots.HeatMap):
        return f"{picture.columns.label} and {picture.rows.label}"
    return picture.x.label


def _line(picture: plots.HeatMap | plots.Panel) -> str:
    drawn = isinstance(picture, plots.HeatMap) and bool(picture.marks)
    return ", with the predicted edge of stability" if drawn else ""


def edge_caption(sweep: Sweep, pictures: Sequence[Picture]) -> str:
    """What the line in the pictures is, or why there is none."""
    if any(isinstance(one.plot, plots.HeatMap) and one.plot.marks for one in pictures):
        return (
            f"Broken line: {edge.name_of(sweep)}. It is the edge of the exact gradient; noise of "
            "batches moves it to smaller steps."
        )
    reason = edge.no_edge(sweep)
    if reason:
        return f"No boundary is drawn, because {reason}."
    ratio = np.asarray(edge.stability(sweep))
    side = "below" if np.nanmax(ratio) < 1 else "beyond" if np.nanmin(ratio) > 1 else "not across"
    if side == "not across":
        return "The predicted edge of stability does not cross these pictures."
    return f"All cells are {side} the predicted edge of stability."
