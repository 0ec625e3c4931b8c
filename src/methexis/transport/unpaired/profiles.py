"""A first map without pairs, from how similar each sample is to all others of its own side.

A rotation changes no similarity within a side. So the *profile* of a sample, its sorted
similarities to the samples of its own side, is the same on both sides, whatever the coordinates:
how crowded its surroundings are, and how far the rest is. Profiles are quantiles of similarities,
each in units of its spread over samples. The nearest profile of the other side is mostly not the
partner, but more often something like it than chance would have, and the rotation that fits all of
these pairs best is far enough from chance to be refined (`methexis.transport.unpaired.refining`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

#: Most samples of a side that have a profile, and are seen by profiles.
MOST = 10_000
#: Which quantiles a profile has: more where the nearest are.
_LEVELS = np.concatenate([np.linspace(0.0, 0.9, 40), np.linspace(0.905, 0.999, 60)])
#: Rows whose similarities are sorted at a time.
_BLOCK = 1000


def profiles(rows: Rows) -> Rows:
    """Quantiles of the similarities of each sample to all others, each standardised over samples.

    Parameters
    ----------
    rows : array (num_samples, num_features)
        Of length one.

    Returns
    -------
    array (num_samples, 100)
    """
    at = np.rint(_LEVELS * (len(rows) - 2)).astype(int)  # the last is the sample itself
    drawn = np.empty((len(rows), len(at)), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        near = rows[start : start + _BLOCK] @ rows.T
        near.sort(axis=1)
        drawn[start : start + _BLOCK] = near[:, at]
    drawn -= drawn.mean(axis=0)
    spread = drawn.std(axis=0)
    drawn /= np.where(spread > 0.0, spread, 1.0)
    return drawn


def first_map(x: Rows, y: Rows, generator: np.random.Generator) -> Rows:
    """The partial isometry that fits pairs of nearest profiles best, in squares.

    Parameters
    ----------
    x, y : arrays (num_x, rx), (num_y, ry)
        Rows of length one, in principal coordinates.
    generator : Generator
        Draws the samples that have profiles, where there are too many.

    Returns
    -------
    array (rx, ry)
    """
    x, y = (one[drawn(len(one), MOST, generator)] for one in (x, y))
    to_y, to_x = _crosses(x, y)
    return polar(to_y + to_x)


def first_maps(x: Rows, y: Rows, generator: np.random.Generator) -> list[Rows]:
    """Three such maps: of pairs in both directions, and of those in either one.

    In either direction a sample has a partner of its own, so these maps err in different ways.
    """
    x, y = (one[drawn(len(one), MOST, generator)] for one in (x, y))
    to_y, to_x = _crosses(x, y)
    return [polar(cross) for cross in (to_y + to_x, to_y, to_x)]


def _crosses(x: Rows, y: Rows) -> tuple[Rows, Rows]:
    """Cross-covariances of samples of x with the nearest profiles of y, and the other way."""
    of_x, of_y = profiles(x), profiles(y)
    return x.T @ y[nearest(of_x, of_y)], x[nearest(of_y, of_x)].T @ y


def nearest(one: Rows, other: Rows) -> NDArray[np.int64]:
    """The row of the other that is nearest in squares, for each row of one."""
    half = 0.5 * np.sum(other**2, axis=1)
    chosen = [
        np.argmax(one[start : start + _BLOCK] @ other.T - half, axis=1)
        for start in range(0, len(one), _BLOCK)
    ]
    return np.concatenate(chosen)


def drawn(count: int, most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Places of so many samples, or of all where there are no more."""
    return generator.permutation(count)[:most] if count > most else np.arange(count)


def polar(cross: Rows) -> Rows:
    """The partial isometry nearest to a matrix: the best rotation for a cross-covariance.

    Examples
    --------
    >>> polar(np.array([[0.0, 2.0], [-3.0, 0.0]], dtype=np.float32)).round(6).tolist()
    [[0.0, 1.0], [-1.0, 0.0]]
    """
    left, _, right = np.linalg.svd(cross.astype(np.float64), full_matrices=False)
    return np.asarray(left @ right, dtype=np.float32)
