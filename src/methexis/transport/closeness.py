"""How near images lie to rows of the other side, beside how near these lie to each other.

Without pairs nobody sees whether an image lies at its partner. What can be seen is whether it lies
where rows of the other side are: its nearest row is then about as near as their own neighbours are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis import plots
from methexis.core.checks import Array
from methexis.display import Displayed
from methexis.transport.between import Between
from methexis.transport.held_out import unit

#: Most rows of which the nearest is sought.
_MOST = 1000


@dataclass(frozen=True, eq=False)
class Closeness(Displayed, plots.Pictured):
    """Cosines of some rows with the nearest rows of the second side, in the common space.

    Both are sorted, so that the k-th of n is the quantile k / n. `plot` draws them as shares.

    Attributes
    ----------
    across : array (num_images,)
        Of images of the first side.
    within : array (num_rows,)
        Of rows of the second side, each with the nearest other one.
    """

    across: Array
    within: Array

    @classmethod
    def of(cls, translation: Between, x: Any, y: Any, seed: int) -> Closeness:
        """That of a translation, of at most 1,000 rows of either side, drawn at random.

        Parameters
        ----------
        translation : Between
        x, y : array (num_samples, num_features)
            Rows of both sides, which may be those that taught the maps.
        seed : int
            Of the draw.
        """
        generator = np.random.default_rng([seed, 21])
        some = [generator.permutation(len(rows))[:_MOST] for rows in (x, y)]
        across = translation.match(x[some[0]], y).cosines
        rows = unit(translation.common(y=y))
        near = rows[some[1]] @ rows.T
        near[np.arange(len(near)), some[1]] = -np.inf
        return cls(np.sort(across), np.sort(near.max(axis=1)))

    def as_dict(self) -> dict[str, Any]:
        """Quantiles of both in plain types, for JSON."""
        at = (0.05, 0.25, 0.5, 0.75, 0.95)
        return {
            "quantiles": list(at),
            "across": np.quantile(self.across, at).tolist(),
            "within": np.quantile(self.within, at).tolist(),
        }

    def _picture(self) -> plots.Panel:
        """Shares of rows whose nearest row is farther than that, a step for each row."""
        blue, orange = plots.style.STUDENTS[:2]
        marks = tuple(
            plots.Curve(values, (np.arange(len(values)) + 0.5) / len(values), look, name=name)
            for name, values, look in (
                ("rows of B", self.within, plots.Look(orange, width=2.0, dashes=(4.0, 2.0))),
                ("images of A", self.across, plots.Look(blue, width=2.0)),
            )
        )
        x = plots.Axis("cosine with the nearest row of B")
        y = plots.Axis("share of rows below", low=-0.02, high=1.02)
        return plots.Panel(x, y, marks)
