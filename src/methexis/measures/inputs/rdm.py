"""Representational dissimilarity matrices (RDMs): how different each two samples are, checked.

An RDM is a representation without its features, so a recording of a brain, a behavioural experiment
and a network meet as RDMs of the same stimuli. One may stand wherever `compare` takes features, if
the measure needs no more than dissimilarities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import array_api_compat
import numpy as np

from methexis import plots
from methexis.core.checks import number, one_of, sequence
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.inputs import rdm_drawing
from methexis.measures.inputs.features import (
    MIN_SAMPLES,
    PRECISIONS,
    Namespace,
    Tensor,
    entered,
    in_precision,
    to_numpy,
)
from methexis.measures.inputs.mistaken import rounding_of

#: Rows of a matrix over pairs that are looked at together.
_ROWS = 64


@dataclass(frozen=True, eq=False)
class RDM(Displayed, plots.Pictured):
    """Dissimilarities between all pairs of samples.

    `plot` draws the dissimilarities of all pairs as shades: darker is less alike.

    Parameters
    ----------
    matrix : array (num_samples, num_samples) or (num_samples * (num_samples - 1) / 2,)
        Symmetric with a zero diagonal, or its entries above the diagonal row by row, as SciPy
        condenses them. Entries may be negative, as those of unbiased estimates are. It is kept
        square. What differs between triangles or from zero on the diagonal by no more than rounding
        of its type (``1e-10`` of the largest entry; 16 units of rounding in float32), as in
        ``1 - np.corrcoef(x)``, is made symmetric and zero to the bit.
    dissimilarity : str
        What kind they are, for the record.
    labels : sequence of str, optional
        Names of the samples. Two RDMs that both have labels are compared only if these agree.
    tolerance : float
        Two entries that differ by no more than this share of the larger are tied where ranks are
        taken. 0 for numbers that are given; for those computed here, the error of rounding.
    name : str
        What messages call it.

    Raises
    ------
    MethexisError
        If it is neither square nor of the length of a condensed one, not symmetric, not zero on the
        diagonal, not finite, of fewer than 4 samples, or has labels that do not fit.

    Examples
    --------
    >>> RDM([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).matrix[0].tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    matrix: Tensor
    dissimilarity: str = "given"
    labels: Sequence[str] | None = None
    tolerance: float = 0.0
    name: str = "RDM"

    def __post_init__(self) -> None:
        array, rounding = _array(self.name, self.matrix)
        matrix = _square(self.name, array) if array.ndim == 1 else array
        object.__setattr__(self, "matrix", _symmetric(self.name, matrix, rounding))
        object.__setattr__(self, "labels", _labels(self.name, self.labels, int(matrix.shape[0])))
        number("tolerance", self.tolerance, least=0.0)

    @property
    def array(self) -> Tensor:
        """The square matrix; what features call their array."""
        return self.matrix

    @property
    def xp(self) -> Namespace:
        """The functions of the library that holds the matrix."""
        return array_api_compat.array_namespace(self.matrix)

    @property
    def num_samples(self) -> int:
        """Number of samples, the rows of the matrix."""
        return int(self.matrix.shape[0])

    @property
    def condensed(self) -> Tensor:
        """Entries above the diagonal, row by row."""
        return self.xp.concat([self.matrix[i, i + 1 :] for i in range(self.num_samples)])

    def called(self, name: str, *, precision: str = "float64", scaled: bool = False) -> RDM:
        """The RDM under another name, in the precision of a computation; see `in_precision`."""
        one_of("precision", precision, PRECISIONS)
        return replace(
            self,
            name=name,
            matrix=in_precision(name, self.matrix, precision, scaled=scaled)[0],
        )

    def beside(self, array: Tensor) -> RDM:
        """The RDM in the library, on the device and of the type of another array."""
        xp = array_api_compat.array_namespace(array)
        if xp is self.xp and array_api_compat.device(self.matrix) == array_api_compat.device(array):
            return replace(self, matrix=xp.astype(self.matrix, array.dtype, copy=False))
        moved = xp.asarray(
            to_numpy(self.matrix), dtype=array.dtype, device=array_api_compat.device(array)
        )
        return replace(self, matrix=moved)

    def reordered(self, order: Any) -> RDM:
        """The RDM of the samples in another order."""
        xp = self.xp
        index = xp.asarray(order, device=array_api_compat.device(self.matrix))
        taken = xp.take(xp.take(self.matrix, index, axis=0), index, axis=1)
        labels = None if self.labels is None else [self.labels[int(i)] for i in order]
        return replace(self, matrix=taken, labels=labels)

    def arranged(self, labels: Sequence[str]) -> RDM:
        """The same with its samples in the order of some labels: all of its own, or a part of them.

        So RDMs of subjects who saw the conditions in different orders become comparable.

        Parameters
        ----------
        labels : sequence of str
            Those that are wanted, in their order; at least 4.

        Raises
        ------
        MethexisError
            If it has no labels, or not one of these.

        Examples
        --------
        >>> seen = RDM([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], labels=["d", "a", "b", "c"])
        >>> seen.arranged(["a", "b", "c", "d"]).matrix[0].tolist()
        [0.0, 4.0, 5.0, 1.0]
        """
        if self.labels is None:
            raise MethexisError(
                f"{self.name}: expected an RDM with labels, to put it in their order, got none"
            )
        places = {label: place for place, label in enumerate(self.labels)}
        wanted = [str(label) for label in sequence("labels", labels, "labels")]
        for label in wanted:
            if label not in places:
                raise MethexisError(
                    f"{self.name}: expected the label {label!r}, got {len(places)} labels without "
                    f"it, such as {self.labels[0]!r}"
                )
        return self.reordered(np.array([places[label] for label in wanted], dtype=np.intp))

    def _picture(self) -> plots.HeatMap:
        """The picture that `plot` draws, for a page."""
        matrix = to_numpy(self.matrix).astype(np.float64)
        return rdm_drawing.heat_map(matrix, self.dissimilarity, self.labels)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"num_samples": self.num_samples}
        told["dissimilarity"] = self.dissimilarity
        return told | ({"labels": self.labels} if self.labels is not None else {})


def above_diagonal(xp: Namespace, matrix: Tensor) -> Tensor:
    """Mask of the entries above the diagonal."""
    return xp.triu(xp.ones_like(matrix, dtype=xp.bool), k=1)


def same_samples(first: RDM, second: RDM) -> None:
    """See that two RDMs speak of the same samples, as far as their labels say.

    Raises
    ------
    MethexisError
        If both have labels and these differ.
    """
    if first.labels is None or second.labels is None or first.labels == second.labels:
        return
    pairs = zip(first.labels, second.labels, strict=False)
    place = next((i for i, (one, two) in enumerate(pairs) if one != two), None)
    got = (
        f"{len(first.labels)} and {len(second.labels)} labels"
        if place is None
        else f"{first.labels[place]!r} and {second.labels[place]!r} at index {place}"
    )
    raise MethexisError(
        f"{first.name}, {second.name}: expected the same labels in the same order, got {got}; "
        "arranged(labels) puts an RDM into an order"
    )


def _array(name: str, value: Any) -> tuple[Tensor, float]:
    """The array, and how far its entries may be off by rounding, as a share of the largest."""
    array = entered(name, value)
    xp = array_api_compat.array_namespace(array)
    if array.ndim not in {1, 2}:
        raise MethexisError(
            f"{name}: expected a square or a condensed matrix, got shape {tuple(array.shape)}"
        )
    keep = array.dtype in {xp.float32, xp.float64}
    return array if keep else xp.astype(array, xp.float64), rounding_of(array)


def _square(name: str, condensed: Tensor) -> Tensor:
    length = int(condensed.shape[0])
    n = round((1.0 + np.sqrt(1.0 + 8.0 * length)) / 2.0)
    if n * (n - 1) // 2 != length:
        raise MethexisError(
            f"{name}: expected n (n - 1) / 2 condensed dissimilarities for some n, got {length}"
        )
    xp = array_api_compat.array_namespace(condensed)
    entries = to_numpy(condensed)
    square = np.zeros((n, n), dtype=entries.dtype)
    square[np.triu_indices(n, k=1)] = entries
    square = square + square.T
    return xp.asarray(square, device=array_api_compat.device(condensed))


def _symmetric(name: str, matrix: Tensor, rounding: float) -> Tensor:
    """The matrix without what rounding left between its triangles and on its diagonal.

    Raises
    ------
    MethexisError
        If it is no RDM, or more than that was left.
    """
    xp = array_api_compat.array_namespace(matrix)
    rows, columns = (int(length) for length in matrix.shape)
    if rows != columns:
        raise MethexisError(f"{name}: expected a square matrix, got shape ({rows}, {columns})")
    if rows < MIN_SAMPLES:
        raise MethexisError(f"{name}: expected at least {MIN_SAMPLES} samples, got {rows}")
    finite = all(bool(xp.all(xp.isfinite(matrix[some, :]))) for some in _blocks(rows))
    if not finite:
        bad = np.argwhere(~to_numpy(xp.isfinite(matrix)))
        i, j = (int(k) for k in bad[0])
        raise MethexisError(
            f"{name}: expected finite dissimilarities, got {float(matrix[i, j])} between samples "
            f"{i} and {j} ({len(bad)} bad entries)"
        )
    scale = max(float(xp.max(matrix)), -float(xp.min(matrix)))
    skew = max(
        float(xp.max(xp.abs(matrix[some, start:] - matrix[start:, some].T)))
        for some, start in ((some, some.start) for some in _blocks(rows))
    )
    if not skew <= rounding * scale:
        raise MethexisError(
            f"{name}: expected a symmetric matrix, got |D - D^T| up to {skew:.3g} where |D| is up "
            f"to {scale:.3g}"
        )
    diagonal = xp.abs(xp.linalg.diagonal(matrix))
    if float(xp.max(diagonal)) > rounding * scale:
        i = int(xp.argmax(diagonal))
        raise MethexisError(
            f"{name}: expected zeros on the diagonal, got {float(matrix[i, i]):.6g} for sample {i}"
        )
    if skew > 0.0:
        matrix = matrix / 2 + matrix.T / 2
    if bool(xp.any(diagonal != 0)):
        matrix = xp.where(
            xp.eye(rows, dtype=xp.bool, device=array_api_compat.device(matrix)),
            xp.zeros_like(matrix),
            matrix,
        )
    return matrix


def _blocks(num_rows: int) -> list[slice]:
    """Rows of a matrix over pairs, a few at a time, so that no other as large is made."""
    return [slice(start, start + _ROWS) for start in range(0, num_rows, _ROWS)]


def _labels(name: str, labels: Sequence[str] | None, n: int) -> tuple[str, ...] | None:
    if labels is None:
        return None
    if isinstance(labels, str):
        raise MethexisError(f"{name}: expected a sequence of {n} labels, got one string")
    words = tuple(str(label) for label in sequence(name, labels, "labels"))
    if len(words) != n:
        raise MethexisError(f"{name}: expected {n} labels, one per sample, got {len(words)}")
    if len(set(words)) != n:
        twice = next(label for label in words if words.count(label) > 1)
        raise MethexisError(f"{name}: expected labels that differ, got {twice!r} twice")
    return words
