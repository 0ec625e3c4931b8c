"""What maps predict of samples left out: squared distances, in both directions.

Samples are brought into the principal coordinates of a fit, in which its maps are. What varies in
directions in which the fit has seen no variance is predicted by no map, and counts as left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.maps.fit import Fit, Maps
from methexis.maps.paired import Paired


class Projected:
    """Samples that are left out, in the principal coordinates of a fit."""

    def __init__(self, fit: Fit, pair: Paired, test: NDArray[np.bool_]) -> None:
        x, y = pair.x[test] - fit.mean_x, pair.y[test] - fit.mean_y
        self.x, self.y = x @ fit.axes_x, y @ fit.axes_y
        self.spread = np.stack([np.sum(y**2, axis=1), np.sum(x**2, axis=1)])
        beyond = np.stack([np.sum(self.y**2, axis=1), np.sum(self.x**2, axis=1)])
        #: Variance in directions in which the training samples had none.
        self.beyond = np.maximum(self.spread - beyond, 0.0)

    def losses(self, maps: Maps) -> Array:
        """Squared distances of y and of x to their predictions."""
        y = self.y - self.x @ maps.forward.T
        x = self.x - self.y @ maps.backward.T
        lengths = np.stack([np.sum(y**2, axis=1), np.sum(x**2, axis=1)])
        return np.asarray(lengths + self.beyond)
