"""Which item each row of a model belongs to, where items have several rows.

Files name a side, ``A=FILE`` or ``B=FILE``; labels are text, a line per row, or a ``.npy`` of
numbers or words. A side without a file has an item in each row, and these are numbered from 0, so
that the file of the other side may give row numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from methexis.errors import MethexisError
from methexis.representations import Representations
from methexis.representations.readers.guarding import guarded, place, regular
from methexis.text import brief

#: Longest file of labels.
_LONGEST = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Items:
    """Labels of the rows of both sides, as text.

    Attributes
    ----------
    labels : (list of str, list of str)
        Of A and of B, one for each row.
    files : tuple of str
        Where they are from, by side, such as "B=captions.txt".
    """

    labels: tuple[list[str], list[str]]
    files: tuple[str, ...]

    @property
    def num_items(self) -> int:
        """How many items A has."""
        return len(set(self.labels[0]))

    def described(self) -> dict[str, object]:
        """All but the labels, in plain types."""
        rows = [len(side) for side in self.labels]
        return {"num_items": self.num_items, "rows": rows, "files": list(self.files)}


def items_of(
    files: Mapping[str, str], first: Representations, second: Representations | None
) -> Items | None:
    """Labels of the rows of two models, from the files that name them; None where there is none.

    Parameters
    ----------
    files : mapping
        By side, "A" and "B": paths.
    first, second : Representations

    Raises
    ------
    MethexisError
        If there is no second model, or a file cannot be read or has not one label for each row.
    """
    if not files:
        return None
    if second is None:
        raise MethexisError(
            "items: expected two models, got one, whose rows are paired as they are; take one row "
            "of each item"
        )
    sides = []
    for side, model in (("A", first), ("B", second)):
        labels = (
            _labels(Path(files[side]))
            if side in files
            else [str(row) for row in range(model.num_samples)]
        )
        if len(labels) != model.num_samples:
            raise MethexisError(
                f"items: expected a label for each of the {model.num_samples} rows of {side}, got "
                f"{len(labels)} in {place(Path(files[side]))}"
            )
        sides.append(labels)
    return Items((sides[0], sides[1]), tuple(f"{side}={path}" for side, path in files.items()))


def _labels(path: Path) -> list[str]:
    """One label per row, from a file.

    Raises
    ------
    MethexisError
        If it holds none.
    """
    where = place(path)
    expected = "a file with one label per row, lines of text or a .npy of integers or words"
    with guarded(where, expected):
        if regular(path) > _LONGEST:
            raise ValueError(f"{path.stat().st_size} bytes")
        if path.suffix.lower() == ".npy":
            array = np.load(path, allow_pickle=False, mmap_mode="r")
            if array.ndim != 1 or array.dtype.kind not in "iuU":
                raise MethexisError(
                    f"{where}: expected {expected}, got {brief(str(array.dtype))} of shape "
                    f"{array.shape}"
                )
            return [str(one) for one in array.tolist()]
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    for number, line in enumerate(lines, start=1):
        if not line:
            raise MethexisError(f"{where}: expected a label in every line, got none in {number}")
    return lines
