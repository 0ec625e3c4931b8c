"""Images of one side among rows of the other, in the two directions in which these vary most.

It is something to look at, and no evidence: where the clouds differ, the laws differ under the map;
where they agree, rows may still lie at the places of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis import plots
from methexis.core.checks import Array
from methexis.display import Displayed
from methexis.transport.between import Between

#: Most rows of either side that are drawn.
_MOST = 500


@dataclass(frozen=True, eq=False)
class Overlay(Displayed, plots.Pictured):
    """Some rows of both sides in the common space, along two principal directions of the second.

    `plot` draws them as two clouds.

    Attributes
    ----------
    images : array (num_images, 2)
        Rows of the first side; the second coordinate is zero where there is but one direction.
    rows : array (num_rows, 2)
        Rows of the second side.
    """

    images: Array
    rows: Array

    @classmethod
    def of(cls, translation: Between, x: Any, y: Any, seed: int) -> Overlay:
        """That of a translation, of at most 500 rows of either side, drawn at random.

        Parameters
        ----------
        translation : Between
        x, y : array (num_samples, num_features)
            Rows of both sides, which may be those that taught the maps.
        seed : int
            Of the draw.
        """
        generator = np.random.default_rng([seed, 21])
        first, second = (rows[generator.permutation(len(rows))[:_MOST]] for rows in (x, y))
        images, rows = translation.common(first), translation.common(y=second)
        leading = np.linalg.svd(rows, full_matrices=False)[2][:2].T
        missing = ((0, 0), (0, 2 - leading.shape[1]))
        drawn = (np.pad(one @ leading, missing) for one in (images, rows))
        return cls(*drawn)

    def _picture(self) -> plots.Panel:
        """Two clouds of points, images filled and rows hollow."""
        blue, orange = plots.style.STUDENTS[:2]
        ring = plots.Look(orange, width=1.0, size=26.0, inside="none")
        point = plots.Look(blue, width=0.0, size=9.0, alpha=0.8)
        marks = (
            plots.Dots(self.rows[:, 0], self.rows[:, 1], ring, "rows of B"),
            plots.Dots(self.images[:, 0], self.images[:, 1], point, "images of A"),
        )
        x, y = (
            plots.Axis(f"{which} principal direction of B", ticks=(0.0,))
            for which in ("first", "second")
        )
        return plots.Panel(x, y, marks)
