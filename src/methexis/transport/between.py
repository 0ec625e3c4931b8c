"""What goes between two representations: how each side enters, predictions, and partners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, real_array
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Typed
from methexis.measures.inputs.naming import single
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.transport import storing
from methexis.transport.held_out import unit

#: Most cosines that are held at a time.
_MOST = 1 << 24
#: Arrays of one side, which a file has with ``_x`` or ``_y`` behind their names.
SIDE_ARRAYS = ("mean", "axes", "across", "common")


@dataclass(frozen=True)
class Matches(Displayed):
    """The nearest sample of the other side, in the common space, for each sample of one side.

    Attributes
    ----------
    rows : array (num_samples,) of int
        Its row on the other side.
    cosines : array (num_samples,)
        Their cosine. One of zero says that the common space has nothing of the sample.
    """

    rows: NDArray[np.int64]
    cosines: Array

    def __len__(self) -> int:
        """How many samples were matched."""
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class OneSide:
    """How one side enters a translation, from features as they are given.

    Attributes
    ----------
    name : str
    mean : array (d,)
    size : float
        Root of the total variance.
    axes : array (d, r)
        Orthonormal directions in which the pairs have any variance.
    across : array (r_other, r)
        Prediction of the other side along its axes, both sides of size one.
    common : array (k, r)
        What takes this side to the common space.
    bound : float
        Where features are clipped before; infinite if nowhere.
    """

    name: str
    mean: Array
    size: float
    axes: Array
    across: Array
    common: Array
    bound: float

    @property
    def width(self) -> int:
        """Number of features of this side."""
        return len(self.mean)

    def placed(self, name: str, rows: Any, steps: Preprocessing) -> Array:
        """Rows of this side along its axes.

        Raises
        ------
        MethexisError
            If they are no finite numbers of this width.
        """
        given = single(name, rows)
        given = given.array if isinstance(given, Typed) else given
        array = real_array(name, given, (None, self.width))
        if steps != Preprocessing():
            stepped = steps(Features(array, np, "float64", name), bound=self.bound)
            array = np.asarray(stepped.array, dtype=np.float64)
        return np.asarray((array - self.mean) @ self.axes / self.size)


class Between:
    """Maps between two representations, in both directions, however they were learnt.

    Attributes
    ----------
    sides : (OneSide, OneSide)
        The maps.
    preprocessing : Preprocessing
        What is done to every row before; predictions are of rows after it.
    """

    sides: tuple[OneSide, OneSide]
    preprocessing: Preprocessing

    def forward(self, x: Any) -> Array:
        """Predict the second side from rows of the first.

        Parameters
        ----------
        x : array (num_samples, dx)

        Returns
        -------
        array (num_samples, dy)

        Raises
        ------
        MethexisError
            If the rows are no finite numbers, or of another width.
        """
        return self._predicted("x", x, 0)

    def backward(self, y: Any) -> Array:
        """Predict the first side from rows of the second.

        Parameters
        ----------
        y : array (num_samples, dy)

        Returns
        -------
        array (num_samples, dx)

        Raises
        ------
        MethexisError
            If the rows are no finite numbers, or of another width.
        """
        return self._predicted("y", y, 1)

    def match(self, x: Any, y: Any) -> Matches:
        """Find for each row of the first side the nearest of the second, in the common space.

        Rows of both need not be as many, and not in any order.

        Parameters
        ----------
        x : array (num_samples, dx)
        y : array (num_candidates, dy)

        Returns
        -------
        Matches

        Raises
        ------
        MethexisError
            If either is no array of finite numbers, or of another width.
        """
        return self._matched(("x", x, 0), ("y", y, 1))

    def match_back(self, y: Any, x: Any) -> Matches:
        """Find for each row of the second side the nearest of the first: `match` the other way.

        Parameters
        ----------
        y : array (num_samples, dy)
        x : array (num_candidates, dx)
        """
        return self._matched(("y", y, 1), ("x", x, 0))

    def common(self, x: Any = None, y: Any = None) -> Array:
        """Rows of one side in the common space, for an index of nearest neighbours.

        Parameters
        ----------
        x : array (num_samples, dx), optional
        y : array (num_samples, dy), optional
            One of both.

        Returns
        -------
        array (num_samples, k)

        Raises
        ------
        MethexisError
            If not one of both is given, or the rows are no finite numbers of its width.
        """
        if (x is None) == (y is None):
            given = "none" if x is None else "both"
            raise MethexisError(f"x, y: expected rows of one side, got {given}")
        name, rows, side = ("y", y, 1) if x is None else ("x", x, 0)
        return self._in_common(name, rows, side)

    def save(self, path: str | Path) -> Path:
        """Write the maps with their certificate to a new file; `open_translation` reads it.

        Parameters
        ----------
        path : path
            An .npz file; the ending is added where it is not there.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        MethexisError
            If there is a file already, or it cannot be written.
        """
        arrays = {
            f"{name}_{'xy'[k]}": getattr(side, name)
            for k, side in enumerate(self.sides)
            for name in SIDE_ARRAYS
        }
        sizes, bounds = zip(*((one.size, one.bound) for one in self.sides), strict=True)
        about = {"kind": type(self).__name__, "sizes": sizes, "bounds": bounds}
        return storing.write(path, arrays, self.as_dict() | about)

    def as_dict(self) -> dict[str, Any]:
        """All but the maps in plain types, for JSON."""
        raise NotImplementedError

    def _predicted(self, name: str, rows: Any, side: int) -> Array:
        one, other = self.sides[side], self.sides[1 - side]
        inside = one.placed(name, rows, self.preprocessing) @ one.across.T
        return np.asarray(other.mean + other.size * (inside @ other.axes.T))

    def _in_common(self, name: str, rows: Any, side: int) -> Array:
        one = self.sides[side]
        return np.asarray(one.placed(name, rows, self.preprocessing) @ one.common.T)

    def _matched(self, one: tuple[str, Any, int], other: tuple[str, Any, int]) -> Matches:
        sought, among = (unit(self._in_common(*each)) for each in (one, other))
        rows = np.empty(len(sought), dtype=np.int64)
        cosines = np.empty(len(sought))
        step = max(_MOST // len(among), 1)
        for start in range(0, len(sought), step):
            here = slice(start, start + step)
            near = sought[here] @ among.T
            rows[here] = np.argmax(near, axis=1)
            cosines[here] = near[np.arange(len(near)), rows[here]]
        return Matches(rows, cosines)
