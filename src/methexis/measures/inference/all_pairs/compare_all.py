"""All pairs of many representations: each is reduced once, each block of pairs is one product.

What of the representations fits into the memory is kept; beyond that, the columns are reduced again
for every block of rows. Permutations take one order for all pairs at a time, so that scores keep
their dependence, and are what the correction for the search rests on.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from methexis.core.checks import count, integer, one_of
from methexis.core.parallel.crews import make_crew
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.budget import memory_bytes
from methexis.measures.inference import nulls
from methexis.measures.inference.all_pairs.blocks import Blocks
from methexis.measures.inference.all_pairs.grid import Grid, labelled, renoted
from methexis.measures.inference.all_pairs.grid_inference import inferred, nothing
from methexis.measures.inference.all_pairs.streamed import Passes, streamed_grid
from methexis.measures.inference.compare import NULLS
from methexis.measures.inference.items.partners import NUM_CHOICES
from methexis.measures.inference.items.partners_grid import grid_of_items
from methexis.measures.inference.plan import Asked, Plan, Progress, planned, tell
from methexis.measures.inference.sampling import sampled
from methexis.measures.inference.sizes import opened, sizes_of
from methexis.measures.inputs.features import PRECISIONS, warn
from methexis.measures.inputs.joining import joined
from methexis.measures.inputs.naming import Named, named
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.preprocessing import preprocessing as steps_named
from methexis.measures.inputs.rdm import RDM
from methexis.measures.inputs.source import Source
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen

CORRECTIONS = ("max", "holm")
#: Types whose numbers single precision holds exactly.
SINGLE = ("float32", "float16", "bfloat16")


def compare_all(
    reps_a: Any,
    reps_b: Any = None,
    measure: str | Measure[Any] = "cka",
    *,
    preprocessing: Preprocessing | str | None = None,
    null: str = "auto",
    correction: str = "max",
    num_permutations: int | None = None,
    seed: int = 0,
    precision: str = "auto",
    memory: int | str | None = None,
    progress: Progress | None = None,
    executor: Any = None,
    sample: int | None = None,
    items: Any = None,
    num_choices: int = NUM_CHOICES,
    **options: Any,
) -> Grid:
    """Compare all pairs of representations, with nulls, and correction for having looked at all.

    The correction draws orders of the rows, one for all pairs at a time, and asks how large the
    largest standardised score is over the grid. With L rows, M columns and n samples an order of a
    measure that is a sum over pairs of samples costs about ``(M + L M) n² / 2`` operations.

    Parameters
    ----------
    reps_a : mapping or sequence
        Arrays ``(num_samples, num_features)`` by name or in a list; or such by model. All rows are
        the same samples in the same order. Measures of representational similarity take RDMs too.
        What ``mx.representations.load`` returns is a list of layers by their names.
    reps_b : mapping or sequence, optional
        The columns; by default those of `reps_a`, and each pair then counts once.
    measure : str or Measure
        What to measure; names are in ``mx.measures.MEASURES``.
    preprocessing : Preprocessing or {"none", "prh"}, optional
        Steps before, recorded in the result; none by default.
    null : {"auto", "moments", "permutation", "none"}
        Null of each pair: "auto" takes moments in closed form where the measure has them, else
        orders; p-values come from orders also where moments cannot be trusted, as in `compare`.
    correction : {"max", "holm"}
        "max" searches over permuted grids, see above; "holm" needs no orders where moments are
        known, but counts layers that are nearly one as so many chances.
    num_permutations : int, optional
        Orders; by default as many as take about ten minutes, between 199 and 999. 0 leaves out the
        correction by "max".
    seed : int
        Seed of the orders.
    precision : {"auto", "float64", "float32"}
        Precision of products. "auto" takes float32 where all input is float32 or half and the
        measure's pairs are made straight from the features (linear CKA), which adds up in double;
        it takes float64 elsewhere, and where a few samples are so much longer than the others that
        debiased sums cancel.
    memory : int or str, optional
        Most bytes for what is kept of representations and for products, such as ``"2 GiB"``; the
        default is 4 GiB. Given arrays do not count. Beyond it, measures for which one pass over the
        rows is enough come from that pass, as `compare` tells.
    progress : function of (what, done, all), optional
        Told what follows and how long it takes, with 0 of 0, before anything is computed; then
        called as work goes on. Without it, what takes more than half a minute is a warning of the
        logger ``methexis``.
    executor : {"serial", "processes", "dask"} or object with ``submit``, optional
        Who computes, as of `sweep`: this process by default. Each worker opens what lies in files
        itself, reduces it once, takes up to `memory` and has one BLAS thread; the bits are those
        of this process with one. Arrays in memory are sent with every part of the work. What one
        pass over the rows gives, and what is given with `items`, is computed in this process.
    sample : int, optional
        Compare so many of the samples, drawn at random by the seed, in place of all; the same rows
        of all representations. A note says so.
    items : (sequence (num_rows_a,), sequence (num_rows_b,)), optional
        Which item each row of `reps_a`, and of `reps_b`, belongs to, where items have several rows,
        such as captions of an image: see `compare_items`. Both sides may then have different
        numbers of rows. Orders are of the items, 199 by default, in double precision.
    num_choices : int
        Choices of a row for every item, over which scores are means; the same for all pairs.
    **options
        Options of the measure.

    Returns
    -------
    Grid
        All scores; its ``data`` is labelled by names.

    Raises
    ------
    MethexisError
        On input that cannot be compared, and where the memory is not enough for one pair: with how
        much would be.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 4))
    >>> grid = compare_all({"h1": x, "h2": rng.normal(size=(50, 3))}, {"h1": -x}, "cka")
    >>> grid.scores.round(2).tolist()
    [[1.0], [0.05]]
    >>> grid.best().layer_a, grid.best().p
    ('h1', 0.001)
    """
    one_of("null", null, NULLS)
    one_of("correction", correction, CORRECTIONS)
    one_of("precision", precision, ("auto", *PRECISIONS))
    seed = integer("seed", seed, least=0)
    if num_permutations is not None:
        num_permutations = count("num_permutations", num_permutations, least=0)
    num_choices = count("num_choices", num_choices, least=1)
    budget = memory_bytes("memory", memory)
    method = chosen(measure, options)
    steps = steps_named(preprocessing)
    if items is None:
        reps_a, reps_b = joined(reps_a, reps_b)
    rows = _named("reps_a", reps_a)
    columns = None if reps_b is None else _named("reps_b", reps_b)
    if items is not None:
        return grid_of_items(
            method,
            rows,
            _of_items(columns, null, sample, num_permutations),
            items,
            names=("reps_a", "reps_b"),
            num_choices=num_choices,
            steps=steps,
            correction=correction,
            num_permutations=num_permutations,
            seed=seed,
            budget=budget,
            progress=progress or _silent,
        )
    drawn = sampled(sample, [one.array for one in (*rows, *(columns or ()))], seed)
    if drawn is not None:
        rows = drawn.of_named(rows)
        columns = None if columns is None else drawn.of_named(columns)
    said = set() if drawn is None else {str(drawn)}
    asked = Asked(null, correction, num_permutations, 0, budget, steps == Preprocessing())
    plan = _plan(method, rows, columns, asked)
    if plan is not None:
        tell(progress, plan.told(), plan.seconds, method.title)
        if plan.one_pass:
            passes = Passes(rows, columns, budget)
            grid = streamed_grid(plan, passes, null=null, seed=seed, progress=progress)
            return renoted(grid, sorted({*said, *grid.notes})) if said else grid
    with ExitStack() as stack:
        caught = stack.enter_context(warnings.catch_warnings(record=True))
        crew = None if executor is None else make_crew(executor, None, None)
        if crew is not None:
            stack.callback(crew.close, now=True)
        warnings.simplefilter("always", DegenerateWarning)
        single = precision == "auto" and plan is not None and plan.direct
        single = single and _single((*rows, *(columns or ())))
        used = "float32" if single else "float64" if precision == "auto" else precision
        source = Source(rows, columns, method, steps, used)
        assert plan is not None  # what has no sizes, `Source` refuses
        _say_misleading(method, source)
        blocks = Blocks(method, source, budget, progress or _silent, crew)
        if null == "none":
            scores = blocks.direct() if plan.direct else None
            if scores is None and single:
                used = "float64"
                source = Source(rows, columns, method, steps, used)
                blocks = Blocks(method, source, budget, progress or _silent, crew)
                scores = blocks.direct()
            values = nothing(blocks.scores() if scores is None else scores)
        else:
            orders = nulls.orders(source.num_samples, plan.num_orders, seed)
            scores, moments, permuted = blocks.run(orders, moments=plan.null == "moments")
            values = inferred(
                method,
                scores,
                moments,
                permuted,
                num_samples=source.num_samples,
                null="auto" if (null, plan.null) == ("auto", "moments") else plan.null,
                same=source.same,
                correction=correction,
            )
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    corrected = plan.null != "none" and (correction == "holm" or plan.num_orders > 0)
    about = {
        "same": source.same,
        "n": source.num_samples,
        "preprocessing": steps.described(),
        "precision": used,
        "given": sorted(source.given),
        "null": plan.null,
        "correction": correction if corrected else "none",
        "num_permutations": plan.num_orders,
        "seed": seed,
        "notes": sorted(said | {str(w.message) for w in caught if _ours(w.category)}),
        "one_pass": False,
    }
    sides = (rows, source.widths["a"]), (source.columns, source.widths["b"])
    return labelled(method, values, sides, about)


def _named(name: str, given: Any) -> list[Named]:
    """Representations in order; of paths, what is mapped from their files."""
    return [replace(one, array=opened(one.label, one.array)) for one in named(name, given)]


def _of_items(
    columns: Sequence[Named] | None, null: str, sample: int | None, num_permutations: int | None
) -> Sequence[Named]:
    """The columns, where what else is asked for goes with items that have several rows.

    Raises
    ------
    MethexisError
        If not.
    """
    if columns is None:
        raise MethexisError(
            "items: expected reps_b beside reps_a, got none; rows of one model are paired as they "
            "are, so take one row of each item"
        )
    if null not in {"auto", "permutation"}:
        raise MethexisError(f"null: expected auto or permutation with items, got {null}")
    if sample is not None:
        raise MethexisError("sample: expected none with items, whose rows belong together")
    if num_permutations is not None and num_permutations < 2:
        raise MethexisError(
            f"num_permutations: expected at least 2 with items, got {num_permutations}"
        )
    return columns


def _plan(
    method: Measure[Any], rows: Sequence[Named], columns: Sequence[Named] | None, asked: Asked
) -> Plan | None:
    """The plan of all pairs; None where something given is no representation."""
    arrays = [None if side is None else [one.array for one in side] for side in (rows, columns)]
    sizes = sizes_of(arrays[0] or [], arrays[1])
    return None if sizes is None else planned(method, sizes, asked)


def _say_misleading(method: Measure[Any], source: Source) -> None:
    """Warn of the first pair with an RDM whose score misleads; others have the same cause."""
    for i, row in enumerate(source.rows):
        for j, column in enumerate(source.columns):
            if isinstance(row.array, RDM) or isinstance(column.array, RDM):
                misleading = method.notice(source.row(i), source.column(j))
                if misleading:
                    warn(misleading)
                    return


def _single(given: Sequence[Named]) -> bool:
    """Whether all input came in single precision or less; else products are made in double."""
    types = {str(getattr(one.array, "dtype", "float64")).removeprefix("torch.") for one in given}
    return types <= set(SINGLE)


def _ours(category: type[Warning]) -> bool:
    return issubclass(category, DegenerateWarning)


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total
