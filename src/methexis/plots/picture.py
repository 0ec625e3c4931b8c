"""A picture: data that can be drawn, with its name and what it shows in words."""

from __future__ import annotations

from dataclasses import dataclass

from methexis.plots.heat_map import HeatMap
from methexis.plots.panel import Panel


@dataclass(frozen=True)
class Picture:
    """A figure of a report.

    Attributes
    ----------
    name : str
        Name of its file, and of its ids in the page.
    plot : Panel or HeatMap
        Its data, which draw themselves.
    alt : str
        What it shows, in a sentence, for who cannot see it.
    """

    name: str
    plot: Panel | HeatMap
    alt: str
