"""Classical multidimensional scaling: samples as points whose distances are near those of an RDM.

Squared Euclidean distances ``D`` of centred points ``Y`` determine their Gram matrix,
``Y Yᵀ = -½ J D J`` with ``J = 1 - 1 1ᵀ / n``, whose largest eigenvalues belong to the directions in
which the points spread most. So the picture is unique up to reflections, nothing is searched for,
and the share of the eigenvalues that it leaves out is known (Torgerson 1952).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis import plots
from methexis.core.answers import computed, require_finite
from methexis.core.checks import Array, integer
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.dissimilarity.squares import SQUARED
from methexis.measures.inputs.features import to_numpy
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.rdm_drawing import short_label

#: Of unit vectors these are half of squared distances.
_OF_DIRECTIONS = frozenset({"correlation", "cosine"})
#: Most points whose names are written, and the margin of the picture, as a share of its width.
_MOST_NAMED, _ROOM = 40, 0.12


@dataclass(frozen=True, eq=False)
class MDS(Displayed, plots.Pictured):
    """Samples as points, by classical multidimensional scaling.

    `plot` draws the points of the first two dimensions, with names where these are not too many; of
    one dimension there is no picture.

    Attributes
    ----------
    points : array (num_samples, num_dimensions)
        Centred; the first dimension spreads most, and in each the farthest point is positive.
    share : float
        What these dimensions hold of the sum of the positive eigenvalues: 1 if distances are shown
        as they are.
    labels : tuple of str or None
        Names of the samples.
    dissimilarity : str
        Kind of the RDM's dissimilarities.
    """

    points: Array
    share: float
    labels: tuple[str, ...] | None
    dissimilarity: str

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws.

        Raises
        ------
        MethexisError
            If there is only one dimension.
        """
        if self.points.shape[1] < 2:
            raise MethexisError("plot: expected at least 2 dimensions, got 1")
        x, y = self.points[:, 0], self.points[:, 1]
        blue = plots.Look(plots.style.SGD, marker="o", size=5, joined=False)
        marks: list[plots.Mark] = [plots.Curve(x, y, blue)]
        if self.labels is not None and len(self.labels) <= _MOST_NAMED:
            names = tuple(short_label(label) for label in self.labels)
            marks.append(plots.Words(x, y, names, plots.Look(size=11.0)))
        label = f"first dimension (both: {self.share:.0%} of the spread)"
        across, upwards = (_axis(text, v) for text, v in ((label, x), ("second dimension", y)))
        return plots.Panel(across, upwards, tuple(marks), square=True)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"points": self.points, "share": self.share}
        told["dissimilarity"] = self.dissimilarity
        return told | ({"labels": self.labels} if self.labels is not None else {})


def _axis(label: str, values: Array) -> plots.Axis:
    """An axis with room for the names of the outermost points."""
    room = _ROOM * max(float(np.ptp(values)), 1e-300)
    return plots.Axis(label, low=float(values.min()) - room, high=float(values.max()) + room)


def mds(rdm: RDM | Any, num_dimensions: int = 2) -> MDS:
    """Place samples such that their distances are near the dissimilarities of an RDM.

    The eigenvectors of ``-½ J D J`` with the largest eigenvalues, times the roots of these; ``D``
    are the squared distances, which an RDM of the kind "squared", "crossnobis", "mahalanobis",
    "correlation" or "cosine" holds (of directions, twice that), and any other is squared for.

    Parameters
    ----------
    rdm : RDM, or array (num_samples, num_samples)
        Dissimilarities.
    num_dimensions : int
        Number of coordinates of a point.

    Returns
    -------
    MDS

    Raises
    ------
    MethexisError
        If it is no RDM, or fewer eigenvalues than dimensions are positive.

    References
    ----------
    W. S. Torgerson, "Multidimensional scaling: I. Theory and method", Psychometrika 17, 401 (1952).

    Examples
    --------
    >>> square = [[0, 1, 2**0.5, 1], [1, 0, 1, 2**0.5], [2**0.5, 1, 0, 1], [1, 2**0.5, 1, 0]]
    >>> placed = mds(square)
    >>> round(placed.share, 6), round(float(np.linalg.norm(placed.points[0] - placed.points[2])), 6)
    (1.0, 1.414214)
    """
    given = rdm if isinstance(rdm, RDM) else RDM(rdm)
    most = given.num_samples - 1
    num_dimensions = integer("num_dimensions", num_dimensions, least=1, most=most)
    entries = to_numpy(given.matrix).astype(np.float64)
    scale = float(np.max(np.abs(entries)))
    if scale == 0.0:
        raise MethexisError(f"{given.name}: expected samples that differ, got all at distance zero")
    with computed("mds"):
        squares = _squared(entries / scale, given.dissimilarity)
        centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
        values, vectors = np.linalg.eigh(-0.5 * centred)
    values, vectors = values[::-1], vectors[:, ::-1]
    positive = values > len(values) * np.finfo(np.float64).eps * np.abs(values).max()
    if positive.sum() < num_dimensions:
        raise MethexisError(
            f"{given.name}: expected at least {num_dimensions} directions in which samples spread, "
            f"got {int(positive.sum())}; ask for fewer num_dimensions"
        )
    unit = scale if given.dissimilarity not in SQUARED | _OF_DIRECTIONS else np.sqrt(scale)
    points = vectors[:, :num_dimensions] * np.sqrt(values[:num_dimensions]) * unit
    farthest = points[np.argmax(np.abs(points), axis=0), np.arange(num_dimensions)]
    points = points * np.sign(farthest)
    require_finite("mds", points, [entries])
    share = float(values[:num_dimensions].sum() / values[positive].sum())
    labels = None if given.labels is None else tuple(given.labels)
    return MDS(points, share, labels, given.dissimilarity)


def _squared(entries: Array, kind: str) -> Array:
    """Squared distances from dissimilarities of a kind."""
    if kind in SQUARED:
        return entries
    if kind in _OF_DIRECTIONS:
        return 2.0 * entries
    return entries**2
