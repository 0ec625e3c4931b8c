"""`run_compare`: every measure over every pair of layers."""

from __future__ import annotations

import time
from collections.abc import Callable

from methexis.errors import MethexisError
from methexis.representations import Representations
from methexis.scenarios.comparing.pairs import Pairs, measure_pairs
from methexis.scenarios.comparing.plan import planned, told
from methexis.scenarios.comparing.result import CompareResult
from methexis.scenarios.comparing.settings import CompareSettings, Step
from methexis.scenarios.comparing.streamed import Passes, stream_pairs


def run_compare(
    first: Representations,
    second: Representations | None,
    settings: CompareSettings,
    *,
    command: str = "",
    show: Callable[[Step], None] = lambda _: None,
) -> CompareResult:
    """Compare all layers of two models, or of one model with each other.

    Parameters
    ----------
    first, second : Representations
        Of the same samples in the same order. Without a second, the first is compared with itself.
    settings : CompareSettings
    command : str
        For the record: the command that repeats it.
    show : function
        Told how far it is.

    Raises
    ------
    MethexisError
        If the samples are not as many, or a layer is refused.
    """
    began = time.perf_counter()
    other = first if second is None else second
    if other.num_samples != first.num_samples:
        raise MethexisError(
            f"{other.layers[0].source}: expected {first.num_samples} rows, the same samples in the "
            f"same order as in {first.layers[0].source}, got {other.num_samples}"
            f"{_transposed(first, other)}"
        )
    if second is None and len(first) == 1:
        raise MethexisError(
            f"B: expected another file or folder, or more than one layer in {first.path}, got none"
        )
    layers = None if second is None else second.layers
    plans = [planned(measure, first.layers, layers, settings) for measure in settings.measures]
    passes = Passes(first.layers, layers, settings.memory)
    found: list[Pairs] = []
    refused: list[MethexisError] = []
    for measure, plan in zip(settings.measures, plans, strict=True):
        title = measure.title

        def tell(what: str, done: int, total: int, title: str = title) -> None:
            show(Step(title, what, done, total))

        seconds = 0.0 if plan.one_pass and passes.made else plan.seconds
        show(Step(title, told(seconds), 0, 0, seconds))
        try:
            if plan.one_pass:
                pairs = stream_pairs(
                    measure, passes, settings, plan.why, tell, itself=second is None
                )
            else:
                pairs = measure_pairs(measure, first.layers, layers, settings, tell)
        except MethexisError as error:
            if len(settings.measures) == 1:
                raise
            refused.append(type(error)(f"{title}: {error}"))
            continue
        found.append(pairs)
    if not found:
        raise refused[0]
    return CompareResult(
        first=first,
        second=other,
        itself=second is None,
        settings=settings,
        found=tuple(found),
        left_out=tuple(str(error) for error in refused),
        command=command,
        seconds=time.perf_counter() - began,
    )


def _transposed(first: Representations, second: Representations) -> str:
    """Which side has as many features in every layer as the other has samples, as a hint."""
    sides = [
        side
        for side, one, other in (("A", first, second), ("B", second, first))
        if all(layer.shape[1] == other.num_samples for layer in one)
    ]
    return f"; is {' or '.join(sides)} transposed?" if sides else ""
