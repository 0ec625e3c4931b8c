"""`explain_all`: the rung that each pair of many representations needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from methexis import plots
from methexis.core.checks import Array
from methexis.core.parallel.crews import make_crew
from methexis.display import Displayed, Table
from methexis.errors import MethexisError
from methexis.explaining import drawing
from methexis.explaining.explanation import Explanation
from methexis.explaining.pair import explain
from methexis.explaining.verdict import MATERIAL
from methexis.measures.inference import tables
from methexis.measures.inference.plan import Progress
from methexis.measures.inputs.naming import Named, named
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.sharing import received, sent, shared


@dataclass(frozen=True, eq=False)
class Explanations(Displayed, plots.Pictured):
    """The explanation of each pair of two lists of representations.

    `plot` draws what a linear map explains of each pair, with the sign of the rung that is needed:
    I the same coordinates, P another order, R a rotation, W and weights, L a linear map, N a
    nonlinear one, 0 nothing, ? cannot be told.

    Attributes
    ----------
    rows, columns : tuple of str
        Names of both lists.
    pairs : mapping from (str, str) to Explanation
        By row and column; of one list with itself each pair once, and no layer with itself.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    pairs: Mapping[tuple[str, str], Explanation]

    @property
    def share(self) -> Array:
        """Share that a linear map explains, ``(num_rows, num_columns)``; NaN where no pair is."""
        shares = np.full((len(self.rows), len(self.columns)), np.nan)
        for (row, column), one in self.pairs.items():
            place = self.rows.index(row), self.columns.index(column)
            shares[place] = one.rung_named("linear").share
        return shares

    def best(self) -> Explanation:
        """The pair of which the rung that is needed explains most, or a linear map."""
        if not self.pairs:
            raise MethexisError("pairs: expected at least one that is explained, got none")
        return max(self.pairs.values(), key=_explained)

    @property
    def sentence(self) -> str:
        """How many pairs need which rung, and what the best one says."""
        if not self.pairs:
            return "No pair is explained."
        counts: dict[str, int] = {}
        for one in self.pairs.values():
            name = one.rung or "cannot tell"
            counts[name] = counts.get(name, 0) + 1
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        return (
            f"Of {len(self.pairs)} pairs: {told}. Most is explained of one: {self.best().sentence}"
        )

    def __str__(self) -> str:
        """The conclusion in plain words."""
        return self.sentence

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return {
            "rows": list(self.rows),
            "columns": list(self.columns),
            "sentence": self.sentence,
            "pairs": [one.as_dict() for one in self.pairs.values()],
        }

    def _picture(self) -> plots.HeatMap:
        """The picture of all pairs, as data."""
        signs = [
            [
                drawing.SIGNS[self.pairs[row, column].rung] if (row, column) in self.pairs else ""
                for column in self.columns
            ]
            for row in self.rows
        ]
        return drawing.shades(self.share, signs, (self.rows, self.columns))

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with a row for each pair."""
        return tables.rows([_record(one) for one in self.pairs.values()])

    def _facts(self) -> dict[str, object]:
        return {"rows": len(self.rows), "columns": len(self.columns), "pairs": len(self.pairs)}

    def _table(self) -> Table:
        """A row for each pair."""
        head = ["first", "second", "rung", "share", "linear", "shared"]
        return head, ([*list(_record(one).values())[:5], one.shared] for one in self.pairs.values())


def explain_all(
    reps_a: Any,
    reps_b: Any = None,
    *,
    preprocessing: Preprocessing | str | None = None,
    material: float = MATERIAL,
    seed: int = 0,
    progress: Progress | None = None,
    executor: Any = None,
) -> Explanations:
    """Explain all pairs of representations of the same samples.

    Parameters
    ----------
    reps_a : mapping or sequence
        Arrays ``(num_samples, num_features)`` by name or in a list, or such by model, or what
        ``mx.representations.load`` returns; as of `compare_all`.
    reps_b : mapping or sequence, optional
        The columns; by default those of `reps_a`, and each pair then counts once.
    preprocessing, material, seed
        As of `explain`.
    progress : function of (what, done, all), optional
        Told how many pairs are done.
    executor : {"serial", "processes", "dask"} or object with ``submit``, optional
        Who explains, as of `compare_all`: this process by default. Pairs are shared out one by one;
        arrays that are mapped from files are opened by each worker itself.

    Returns
    -------
    Explanations

    Raises
    ------
    MethexisError
        On input that is refused; the message names it.

    Notes
    -----
    Every pair is explained by itself: what is found of many is not corrected for having looked at
    all, because no pair is picked by its p.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 4))
    >>> found = explain_all({"h1": x, "h2": x[:, ::-1]}, {"h1": 2.0 * x})
    >>> [one.rung for one in found.pairs.values()]
    ['identity', 'permutation']
    """
    first = named("reps_a", reps_a)
    second = first if reps_b is None else named("reps_b", reps_b)
    wanted = [
        (one, other)
        for i, one in enumerate(first)
        for j, other in enumerate(second)
        if reps_b is not None or i < j
    ]
    if not wanted:
        raise MethexisError("reps_a: expected at least two representations, or reps_b, got one")
    options = {"preprocessing": preprocessing, "material": material, "seed": seed}
    if executor is None:
        pairs = {}
        for done, (one, other) in enumerate(wanted):
            if progress is not None:
                progress(f"{one.label} and {other.label}", done, len(wanted))
            pairs[one.label, other.label] = _pair(options, one, other)
    else:
        pairs = _shared_out(wanted, options, executor, progress)
    if progress is not None:
        progress("pairs", len(wanted), len(wanted))
    return Explanations(
        tuple(one.label for one in first), tuple(one.label for one in second), pairs
    )


def _pair(options: dict[str, Any], one: Named, other: Named) -> Explanation:
    """One pair; its arrays may be places in files."""
    arrays = (received(one.array), received(other.array))
    return explain(*arrays, names=(one.label, other.label), **options)


def _shared_out(
    wanted: Sequence[tuple[Named, Named]],
    options: dict[str, Any],
    executor: Any,
    progress: Progress | None,
) -> dict[tuple[str, str], Explanation]:
    """All pairs by the workers of an executor."""

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress("pairs", done, total)

    parts = [tuple(replace(side, array=sent(side.array)) for side in pair) for pair in wanted]
    crew = make_crew(executor, None, None)
    try:
        explained = shared(crew, dict, (options,), _pair, parts, told)
    finally:
        crew.close(now=True)
    labels = [(one.label, other.label) for one, other in wanted]
    return dict(zip(labels, explained, strict=True))


def _explained(pair: Explanation) -> float:
    known = {one.name for one in pair.rungs}
    return pair.rung_named(pair.rung if pair.rung in known else "linear").share


def _record(pair: Explanation) -> dict[str, Any]:
    """One row of the table of all pairs."""
    return {
        "first": pair.names[0],
        "second": pair.names[1],
        "rung": pair.rung or "cannot tell",
        "share": _explained(pair),
        "linear": pair.rung_named("linear").share,
        "shared_dimensions": pair.shared,
        "private_first": pair.sides[0].private,
        "private_second": pair.sides[1].private,
        "ancestry": pair.ancestry is not None and pair.ancestry.shared,
        "n": pair.n,
    }
