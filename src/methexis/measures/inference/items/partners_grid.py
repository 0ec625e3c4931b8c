"""All pairs of layers of items that have several rows on a side.

One choice of rows serves all pairs, and so does one order of the items: scores keep their
dependence, on which the correction for the search rests. What is corrected is the mean over the
choices, as of one pair (`partners`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.inference import nulls
from methexis.measures.inference.all_pairs.blocks import Blocks, Moments
from methexis.measures.inference.all_pairs.grid import Grid, labelled
from methexis.measures.inference.all_pairs.grid_inference import inferred
from methexis.measures.inference.items.partners import described, members_of, picked, several_rows
from methexis.measures.inference.plan import Progress
from methexis.measures.inputs.features import Features, together
from methexis.measures.inputs.naming import Named
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.source import Source
from methexis.measures.measure import Measure

#: Orders of the items where none are named.
NUM_ORDERS = 199


class _Chosen(Source):
    """Rows and columns of a grid with one row of every item, of two sources that are checked."""

    def __init__(  # the sources were made
        self, sides: tuple[Source, Source], chosen: Sequence[NDArray[np.int64]]
    ) -> None:
        self._sides, self._chosen, self.same = sides, chosen, False
        self.rows, self.columns = (side.rows for side in sides)
        self.num_samples = len(chosen[0])

    def row(self, k: int) -> Features:
        """One of the rows, of the chosen samples; steps before were done on all of them."""
        return self._part(0, k)

    def column(self, k: int) -> Features:
        """One of the columns likewise."""
        return self._part(1, k)

    def widest(self, side: str) -> int:
        """Place of the representation with most features, of one side."""
        return self._sides["ab".index(side)].widest("a")

    def arrays(self) -> None:
        """None, because arrays as they were given have all rows."""

    def _part(self, side: int, k: int) -> Features:
        whole = self._sides[side].row(k)
        assert isinstance(whole, Features)  # no RDM is let in
        return replace(whole, array=whole.array[self._chosen[side]])


def grid_of_items(
    method: Measure[Any],
    rows: Sequence[Named],
    columns: Sequence[Named],
    items: Any,
    *,
    names: tuple[str, str],
    num_choices: int,
    steps: Preprocessing,
    correction: str,
    num_permutations: int | None,
    seed: int,
    budget: int,
    progress: Progress,
) -> Grid:
    """Scores of all pairs of layers, of items with several rows; see `compare_all`.

    Raises
    ------
    MethexisError
        On input that cannot be compared, and labels that do not fit.
    """
    for one in (*rows, *columns):
        if isinstance(one.array, RDM):
            raise MethexisError(f"{one.label}: expected features of rows with items, got an RDM")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        sides = (
            Source(rows, None, method, steps, "float64"),
            Source(columns, None, method, steps, "float64"),
        )
        first, second = (side.row(0) for side in sides)
        counts = [side.num_samples for side in sides]
        members = members_of(items, names, counts, method)
        least = min(counts)
        together(*(replace(one, array=one.array[:least]) for one in (first, second)))
        count = num_choices if several_rows(members) else 1
        num_orders = NUM_ORDERS if num_permutations is None else num_permutations
        orders = nulls.orders(len(members[0]), num_orders, seed)
        scores, means, permuted = [], [], np.zeros((num_orders, len(rows), len(columns)))
        for choice in range(count):
            chosen = [picked(side, seed, choice, k) for k, side in enumerate(members)]

            def tell(what: str, done: int, total: int, before: int = choice) -> None:
                progress(what, before * total + done, count * total)

            blocks = Blocks(method, _Chosen(sides, chosen), budget, tell)
            own, moments, drawn = blocks.run(orders, moments=method.closed_null(len(members[0])))
            scores.append(own)
            means.append(moments.mean)
            permuted += drawn / count
        unknown = np.full(permuted.shape[1:], np.nan)
        values = inferred(
            method,
            np.mean(scores, axis=0),
            Moments(np.mean(means, axis=0), unknown, unknown, unknown, unknown),
            permuted,
            num_samples=len(members[0]),
            null="permutation",
            same=False,
            correction=correction,
        )
    texts = {str(w.message) for w in caught if issubclass(w.category, DegenerateWarning)}
    for text in sorted(texts):
        warnings.warn(text, DegenerateWarning, stacklevel=3)
    about = {
        "same": False,
        "n": len(members[0]),
        "preprocessing": steps.described(),
        "precision": "float64",
        "given": sorted(sides[0].given | sides[1].given),
        "null": "permutation",
        "correction": correction if num_orders > 0 else "none",
        "num_permutations": num_orders,
        "seed": seed,
        "notes": [described(members, names, np.array(scores)), *sorted(texts)],
        "one_pass": False,
    }
    widths = (rows, sides[0].widths["a"]), (columns, sides[1].widths["a"])
    return labelled(method, values, widths, about)
