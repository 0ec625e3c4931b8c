"""What a fit knows of its samples: second moments, in principal coordinates, with ridges.

In the principal coordinates of x and of y both covariances are diagonal, so roots and inverses of
covariances cost nothing. `Fit` holds the diagonals ``lx``, ``ly``, the cross-covariance ``c`` of
shape ``(ry, rx)``, and one ridge per direction of prediction, chosen by generalised
cross-validation
from the moments alone. Every rung of the ladder is fitted from these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property

#: Ridges that are tried, in units of the mean eigenvalue. The least is rounding: no ridge at all.
RIDGES = (1e-12, 1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 0.3, 1.0, 3.0, 10.0, 100.0)
#: Share of the largest eigenvalue below which a direction has no variance.
_NOTHING = 1e-11
#: Share of the variance that counts as none, because it is rounding.
_NONE = 1e-15


class Maps(NamedTuple):
    """Two linear predictions, from x to y and from y to x."""

    forward: Array
    backward: Array
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over samples: their number, of the rows, and of products of rows."""

    count: int
    x: Array
    y: Array
    xx: Array
    yy: Array
    yx: Array

    @classmethod
    def of(cls, x: Array, y: Array) -> Sums:
        """Sums over the rows of two arrays."""
        return cls(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, y.T @ y, y.T @ x)

    @classmethod
    def total(cls, parts: Sequence[Sums]) -> Sums:
        """Add the sums of several sets of samples."""
        first, *rest = parts
        for one in rest:
            first = cls(
                first.count + one.count,
                first.x + one.x,
                first.y + one.y,
                first.xx + one.xx,
                first.yy + one.yy,
                first.yx + one.yx,
            )
        return first


class Fit:
    """Second moments of samples, in their principal coordinates.

    Attributes
    ----------
    count : int
        Number of samples.
    mean_x, mean_y : arrays (dx,), (dy,)
    cov_x, cov_y, cross : arrays (dx, dx), (dy, dy), (dy, dx)
        In units, as they were given.
    axes_x, axes_y : arrays (dx, rx), (dy, ry)
        Principal directions that have any variance.
    lx, ly, c : arrays (rx,), (ry,), (ry, rx)
        The same moments along these.
    dx, dy : arrays (rx,), (ry,)
        Variances with the ridge added.
    learnt : float
        Share of the variance that the linear maps explain of the samples they were fitted to, the
        mean of both directions.
    """

    def __init__(self, count: int, means: tuple[Array, Array], moments: tuple[Array, ...]) -> None:
        """Turn moments into principal coordinates."""
        self.count = count
        self.mean_x, self.mean_y = means
        self.cov_x, self.cov_y, self.cross = moments
        self.lx, self.axes_x = _principal(self.cov_x)
        self.ly, self.axes_y = _principal(self.cov_y)
        self.c = self.axes_y.T @ self.cross @ self.axes_x
        self.total_x, self.total_y = float(self.lx.sum()), float(self.ly.sum())
        ridge_x, learnt_y = _ridge(self.lx, self.c, self.total_y, count)
        ridge_y, learnt_x = _ridge(self.ly, self.c.T, self.total_x, count)
        self.dx, self.dy = self.lx + ridge_x, self.ly + ridge_y
        self.learnt = 0.5 * (learnt_x + learnt_y)

    @classmethod
    def of(cls, sums: Sums) -> Fit:
        """Fit samples of which the sums are known."""
        n, x, y = sums.count, sums.x / sums.count, sums.y / sums.count
        moments = (
            sums.xx / n - np.outer(x, x),
            sums.yy / n - np.outer(y, y),
            sums.yx / n - np.outer(y, x),
        )
        return cls(n, (x, y), moments)

    @cached_property
    def linear(self) -> Maps:
        """Ridge regression in both directions."""
        return Maps(self.c / self.dx, self.c.T / self.dy)

    def beyond(self, maps: Maps) -> Maps:
        """The same maps with ridge regression of what they leave.

        Where the maps are of a small group and right, little is left to learn, the ridge is large,
        and these predict as well as the maps; where they are wrong, as well as regression does.
        """
        forward, backward = maps.forward, maps.backward
        left_y, left_x = self.c - forward * self.lx, self.c.T - backward * self.ly
        rest_y = self.total_y - float(np.sum(forward * (self.c + left_y)))
        rest_x = self.total_x - float(np.sum(backward * (self.c.T + left_x)))
        rest_y, rest_x = max(rest_y, _NONE * self.total_y), max(rest_x, _NONE * self.total_x)
        ridge_x, _ = _ridge(self.lx, left_y, rest_y, self.count)
        ridge_y, _ = _ridge(self.ly, left_x, rest_x, self.count)
        return Maps(forward + left_y / (self.lx + ridge_x), backward + left_x / (self.ly + ridge_y))

    def loss(self, maps: Maps) -> float:
        """Share of the variance of these samples that maps leave, the mean of both directions."""
        forward, backward = maps.forward, maps.backward
        y = 2.0 * np.sum(forward * self.c) - np.sum(forward**2 * self.lx)
        x = 2.0 * np.sum(backward * self.c.T) - np.sum(backward**2 * self.ly)
        return float(1.0 - 0.5 * (y / self.total_y + x / self.total_x))


def _principal(cov: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(cov)
    kept = values > _NOTHING * values[-1]
    return values[kept][::-1].copy(), vectors[:, kept][:, ::-1].copy()


def _ridge(values: Array, cross: Array, total: float, count: int) -> tuple[float, float]:
    """The ridge of least generalised cross-validation, and the share that it explains in sample.

    With ``h = 1 / (l + λ)`` the residual of all targets together is
    ``total − Σ_j (2 h_j − l_j h_j²) |c_j|²`` and the degrees of freedom are ``1 + Σ l_j h_j``.
    """
    norms = np.sum(cross**2, axis=0)
    best = (np.inf, 0.0, 0.0)
    for relative in RIDGES:
        ridge = relative * float(values.mean())
        h = 1.0 / (values + ridge)
        left = max(total - float(np.sum((2.0 * h - values * h**2) * norms)), _NONE * total)
        free = 1.0 + float(np.sum(values * h))
        if free >= count:
            continue
        criterion = left / (1.0 - free / count) ** 2
        if criterion < best[0] * (1.0 - 1e-9):
            best = (criterion, ridge, 1.0 - left / total)
    return best[1], best[2]
