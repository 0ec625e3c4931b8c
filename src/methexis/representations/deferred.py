"""Arrays of files that are read when their numbers are asked for, and not on opening.

A file with a hundred layers is opened for one of them, or to see what it holds. Names, shapes and
types stand in headers; the numbers of formats that cannot be mapped are read, and seen to be whole,
once somebody needs them. So damage to numbers is told by who reads them, and
`Representations.read` leaves out what has some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from methexis.errors import MethexisError


class Deferred:
    """An array of which shape and type are known, and whose numbers are read once.

    Parameters
    ----------
    where : str
        File, and array within it, as messages name them.
    shape : sequence of int
    dtype : dtype
        Of the numbers as they will come.
    read : function
        What reads them; its errors are sentences that name the place.

    Examples
    --------
    >>> later = Deferred("x.npz:a", (2, 3), "float64", lambda: np.ones((2, 3)))
    >>> later.shape, later.known, float(later.numbers.sum()), later.known
    ((2, 3), False, 6.0, True)
    """

    def __init__(
        self,
        where: str,
        shape: Sequence[int],
        dtype: DTypeLike,
        read: Callable[[], NDArray[Any]],
    ) -> None:
        self._where, self._read = where, read
        self.shape = tuple(int(length) for length in shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._numbers: NDArray[Any] | None = None

    def __repr__(self) -> str:
        told = "read" if self.known else "not read yet"
        return f"Deferred({self._where}, shape {self.shape}, {self.dtype}, {told})"

    @property
    def ndim(self) -> int:
        """Number of dimensions of the array."""
        return len(self.shape)

    @property
    def known(self) -> bool:
        """Whether the numbers were read, and are kept."""
        return self._numbers is not None

    @property
    def numbers(self) -> NDArray[Any]:
        """The numbers, read once and kept.

        Raises
        ------
        MethexisError
            If they cannot be read, or are not what was declared when the file was opened.
        """
        if self._numbers is None:
            self._numbers = self.once()
        return self._numbers

    def once(self) -> NDArray[Any]:
        """The numbers, which are not kept for it.

        Raises
        ------
        MethexisError
            As `numbers`.
        """
        if self._numbers is not None:
            return self._numbers
        array = self._read()
        if array.shape != self.shape or array.dtype != self.dtype:
            raise MethexisError(
                f"{self._where}: expected shape {self.shape} of {self.dtype}, as when it was "
                f"opened, got {array.shape} of {array.dtype}; open it again"
            )
        return array

    def then(
        self,
        shape: Sequence[int],
        dtype: DTypeLike,
        change: Callable[[NDArray[Any]], NDArray[Any]],
        *,
        keep: bool = False,
    ) -> Deferred:
        """What a function will make of the numbers.

        Parameters
        ----------
        shape : sequence of int
            Of what it makes.
        dtype : dtype
            And its type.
        change : function
            Of the whole array.
        keep : bool
            Whether these numbers are kept, because others are made of them too.
        """
        return Deferred(
            self._where, shape, dtype, lambda: change(self.numbers if keep else self.once())
        )

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """The numbers, as NumPy asks for them."""
        array = self.numbers if dtype is None else self.numbers.astype(dtype, copy=False)
        return array.copy() if copy else array

    def __len__(self) -> int:
        """Length of the first dimension."""
        return self.shape[0]
