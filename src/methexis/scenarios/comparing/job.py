"""`run_compare`: every measure over every pair of layers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import (
    Grid,
    Measure,
    Plan,
    SearchCurve,
    compare,
    compare_all,
    compare_items,
    search_curve,
)
from methexis.measures.budget import memory_bytes
from methexis.measures.inference.all_pairs.grid import of_pair, renoted
from methexis.measures.inference.all_pairs.streamed import Passes, streamed_grid, streamed_pair
from methexis.measures.inference.plan import Asked, Progress, Wording, planned
from methexis.measures.inference.sampling import Sample, sample_of
from methexis.measures.inference.sizes import sizes_of
from methexis.measures.inputs.joining import joined
from methexis.measures.inputs.naming import Named, unwrapped
from methexis.measures.inputs.rdm import RDM
from methexis.representations import Representation, Representations
from methexis.scenarios.comparing.answer import (
    Answer,
    answered,
    answered_plainly,
    check_references,
    check_repeats,
)
from methexis.scenarios.comparing.items import Items, items_of
from methexis.scenarios.comparing.result import CompareResult
from methexis.scenarios.comparing.settings import CompareSettings, Step

#: How the command calls what it advises.
COMMAND = Wording(
    memory='--memory "{}"',
    preprocessing="--preprocessing none",
    null="--null auto",
    bootstrap="--bootstrap 0",
    less="--null none, or fewer --permutations, take less",
)


def run_compare(
    first: Representations,
    second: Representations | None,
    settings: CompareSettings,
    *,
    references: Mapping[str, Representations | str] | None = None,
    repeats: Sequence[Representations] = (),
    items: Mapping[str, str] | None = None,
    command: str = "",
    show: Callable[[Step], None] = lambda _: None,
) -> CompareResult:
    """Compare all layers of two models, or of one model with each other.

    Parameters
    ----------
    first, second : Representations
        Models of the same samples in the same order. Without a second, the first is compared with
        itself.
    settings : CompareSettings
    references : mapping, optional
        Models against which scores are read, by name, such as either of both untrained: A's layer
        beside the reference's layer of the name of B's, or of A's where it has the layers of A, or
        beside its only layer. The word "random" stands for features with the spectrum of A.
    repeats : sequence of Representations, optional
        Repetitions of A, such as trials or runs, two or more, with layers of the same names: halves
        of them estimate the ceiling.
    items : mapping of str, optional
        Files that say which item each row belongs to, by side, "A" or "B", where items have several
        rows, such as captions of an image: see `compare_items`. Rows are then paired by items.
    command : str
        For the record: the command that repeats it.
    show : function
        Told how far it is.

    Raises
    ------
    MethexisError
        If the samples are not as many, a layer is refused, or a reference or repetition lacks one.
    """
    began = time.perf_counter()
    labelled = items_of(items or {}, first, second)
    if labelled is None:
        first, second, references, repeats = joined(first, second, references, list(repeats))
    else:
        _alone(references, repeats, settings)
    other = first if second is None else second
    if labelled is None and other.num_samples != first.num_samples:
        raise MethexisError(
            f"{other.layers[0].source}: expected {first.num_samples} rows, the same samples in the "
            f"same order as in {first.layers[0].source}, got {other.num_samples}"
            f"{_transposed(first, other)}"
        )
    if second is None and len(first) == 1:
        raise MethexisError(
            f"B: expected another file or folder, or more than one layer in {first.path}, got none"
        )
    given = dict(references or {})
    check_references(given, first, other)
    check_repeats(repeats, first)
    drawn = None
    if settings.sample is not None:
        drawn = sample_of(first.num_samples, settings.sample, settings.seed)
        first, second, *repeats = (_part(one, drawn) for one in (first, second, *repeats))
        given = {name: _part(one, drawn) for name, one in given.items()}
        other = first if second is None else second
    rows = _named(first.layers)
    columns = None if second is None else _named(second.layers)
    if labelled is not None:
        return _of_items(first, other, labelled, settings, command, show, began)
    plans = [plan_of(measure, rows, columns, settings) for measure in settings.measures]
    passes = Passes(rows, columns, memory_bytes("memory", settings.memory))
    grids: list[Grid] = []
    answers: list[Answer] = []
    curves: list[SearchCurve] = []
    refused: list[MethexisError] = []
    for plan in plans:

        def tell(what: str, done: int, total: int, plan: Plan = plan) -> None:
            if total or what == plan.fallback:
                show(Step(plan.measure.title, what, done, total, _after(plan)))

        known = plan.one_pass and passes.made
        show(Step(plan.measure.title, plan.told(COMMAND), 0, 0, 0.0 if known else plan.seconds))
        try:
            grid = _grid(plan, passes, settings, tell)
            show(Step(plan.measure.title, "levels, and which pair is the most aligned", 0, 0))
            answer = answered(
                grid,
                rows,
                columns,
                (first.names, other.names),
                given,
                repeats,
                preprocessing=settings.preprocessing,
                alpha=settings.alpha,
                seed=settings.seed,
                memory=memory_bytes("memory", settings.memory),
            )
        except MethexisError as error:
            if len(plans) == 1:
                raise
            refused.append(type(error)(f"{plan.measure.title}: {error}"))
            continue
        if drawn is not None:  # rows are told by their numbers in the file
            named = tuple((int(drawn.rows[row]), share) for row, share in answer.movers)
            answer = replace(answer, movers=named)
        grids.append(grid)
        answers.append(answer)
        if settings.curve:
            curves.append(_curve(plan, rows, columns, settings, show))
    if not grids:
        raise refused[0]
    return CompareResult(
        first=first,
        second=other,
        itself=second is None,
        settings=replace(settings, references=tuple(given), num_repeats=len(repeats)),
        found=tuple(grids),
        answers=tuple(answers),
        left_out=tuple(str(error) for error in refused),
        command=command,
        seconds=time.perf_counter() - began,
        sample=drawn,
        curves=tuple(curves),
    )


def _curve(
    plan: Plan,
    rows: Sequence[Named],
    columns: Sequence[Named] | None,
    settings: CompareSettings,
    show: Callable[[Step], None],
) -> SearchCurve:
    """The most aligned pair at several numbers of samples, under the names of the layers."""

    def tell(what: str, done: int, total: int) -> None:
        show(Step(plan.measure.title, f"{what} over samples", done, total))

    asked = settings.num_permutations
    amount: dict[str, Any] = {} if asked is None else {"num_permutations": max(2, asked)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # they are in the notes
        return search_curve(
            {one.label: one.array for one in rows},
            None if columns is None else {one.label: one.array for one in columns},
            plan.measure,
            preprocessing=settings.preprocessing,
            alpha=settings.alpha,
            seed=settings.seed,
            memory=settings.memory,
            progress=tell,
            **amount,
        )


def _alone(
    references: Mapping[str, Representations | str] | None,
    repeats: Sequence[Representations],
    settings: CompareSettings,
) -> None:
    """See that nothing is asked for that needs one row of each item.

    Raises
    ------
    MethexisError
        If something is.
    """
    asked = {
        "reference": references,
        "repeat": repeats,
        "sample": settings.sample,
        "curve": settings.curve,
    }
    for name, one in asked.items():
        if one:
            raise MethexisError(
                f"{name}: expected none with items that have several rows, got some; compare one "
                "row of each item for it"
            )


def _of_items(
    first: Representations,
    second: Representations,
    items: Items,
    settings: CompareSettings,
    command: str,
    show: Callable[[Step], None],
    began: float,
) -> CompareResult:
    """Every measure over all pairs of layers, of items that have several rows."""
    rows, columns = _named(first.layers), _named(second.layers)
    single = len(rows) == len(columns) == 1
    grids: list[Grid] = []
    refused: list[MethexisError] = []
    for measure in settings.measures:

        def tell(what: str, done: int, total: int, title: str = measure.title) -> None:
            if total:
                show(Step(title, what, done, total))

        show(Step(measure.title, f"{items.num_items:,} items, of which rows are chosen", 0, 0))
        common: dict[str, Any] = {"preprocessing": settings.preprocessing, "seed": settings.seed}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DegenerateWarning)  # they are in the notes
                if single:
                    amounts = {
                        "num_permutations": settings.num_permutations,
                        "num_bootstrap": settings.num_bootstrap,
                    }
                    common |= {name: n for name, n in amounts.items() if n is not None}
                    pair = compare_items(
                        rows[0].array, columns[0].array, items.labels, measure, names=("A", "B"),
                        **common,
                    )  # fmt: skip
                    grids.append(of_pair(pair, measure, (rows[0].label, columns[0].label)))
                    continue
                grid = compare_all(
                    {one.label: one.array for one in rows},
                    {one.label: one.array for one in columns},
                    measure,
                    items=items.labels,
                    null=settings.null,
                    correction=settings.correction,
                    num_permutations=settings.num_permutations,
                    memory=settings.memory,
                    progress=tell,
                    **common,
                )
                grids.append(renoted(grid, [_by_side(note) for note in grid.notes]))
        except MethexisError as error:
            told = _by_side(str(error))
            if len(settings.measures) == 1:
                raise type(error)(told) from None
            refused.append(type(error)(f"{measure.title}: {told}"))
    if not grids:
        raise refused[0]
    why = "" if single else "rows were chosen of items that have several"
    return CompareResult(
        first=first,
        second=second,
        itself=False,
        settings=settings,
        found=tuple(grids),
        answers=tuple(answered_plainly(grid, settings.alpha, why) for grid in grids),
        left_out=tuple(str(error) for error in refused),
        command=command,
        seconds=time.perf_counter() - began,
        items=items,
    )


def _by_side(text: str) -> str:
    """What the library says of both sides, as the command calls them."""
    return text.replace("reps_a", "A").replace("reps_b", "B")


def _part(model: Any, drawn: Sample) -> Any:
    """The samples of a model that were drawn; what is no model stays as it is."""
    if not isinstance(model, Representations):
        return model
    return model.taken(drawn.rows, f"drawn at random (seed {drawn.seed})")


def plan_of(
    measure: Measure[Any],
    rows: Sequence[Named],
    columns: Sequence[Named] | None,
    settings: CompareSettings,
) -> Plan:
    """What will be done, in the words of the command where it is refused."""
    sizes = sizes_of(
        [one.array for one in rows],
        None if columns is None else [one.array for one in columns],
        single=columns is not None and len(rows) == len(columns) == 1,
    )
    assert sizes is not None  # layers are arrays of two dimensions
    asked = Asked(
        null=settings.null,
        correction=settings.correction,
        num_permutations=settings.num_permutations,
        num_bootstrap=settings.num_bootstrap,
        memory=memory_bytes("memory", settings.memory),
        plain=settings.preprocessing == "none",
    )
    return planned(measure, sizes, asked, COMMAND)


def _grid(plan: Plan, passes: Passes, settings: CompareSettings, tell: Progress) -> Grid:
    """One measure over all pairs; of a single pair with its interval, and no search to correct for.

    Raises
    ------
    MethexisError
        If a layer is refused; the message names its file.
    """
    measure = plan.measure
    single = not passes.same and len(passes.rows) == len(passes.columns) == 1
    one, other = passes.rows[0], passes.columns[0]
    names = one.label, other.label
    common: dict[str, Any] = {"null": settings.null, "seed": settings.seed, "progress": tell}
    whole = common | {"preprocessing": settings.preprocessing, "memory": settings.memory}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # they are in the notes
        if plan.one_pass and single:
            pair = streamed_pair(plan, passes, confidence=0.95, **common)
            return of_pair(pair, measure, names)
        if plan.one_pass:
            return streamed_grid(plan, passes, **common)
        count = settings.num_permutations
        if single:
            pair = compare(
                one.array,
                other.array,
                measure,
                num_permutations=count,
                num_bootstrap=settings.num_bootstrap,
                names=names,
                **whole,
            )
            curve, scales = None, None
            if settings.num_bootstrap != 0:  # who wants no interval waits for no curve either
                steps = settings.preprocessing
                curve = measure.curve(
                    one.array, other.array, preprocessing=steps, seed=settings.seed
                )
                scales = measure.scales(one.array, other.array, preprocessing=steps)
            return replace(of_pair(pair, measure, names), curve=curve, scales=scales)
        return compare_all(
            {one.label: one.array for one in passes.rows},
            None if passes.same else {one.label: one.array for one in passes.columns},
            measure,
            correction=settings.correction,
            num_permutations=count,
            **whole,
        )


def _after(plan: Plan) -> float:
    """Seconds of the permutations that are drawn after all."""
    return plan.seconds_if_dominated - plan.seconds


def _named(layers: Sequence[Representation]) -> list[Named]:
    """What is compared by its file, by which messages call it; an RDM in place of features."""
    sources = [layer.source for layer in layers]
    named_layers = []
    for layer in layers:
        once = sources.count(layer.source) == 1
        label = layer.source if once else f"{layer.source} ({layer.name})"
        array = RDM(layer.array, name=layer.source) if layer.dissimilarities else None
        named_layers.append(Named("", label, unwrapped(layer) if array is None else array))
    return named_layers


def _transposed(first: Representations, second: Representations) -> str:
    """Which side has as many features in every layer as the other has samples, as a hint."""
    sides = [
        side
        for side, one, other in (("A", first, second), ("B", second, first))
        if all(layer.shape[1] == other.num_samples for layer in one)
    ]
    return f"; is {' or '.join(sides)} transposed?" if sides else ""
