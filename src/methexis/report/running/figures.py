"""Pictures of a run, which its own report and that of `verify` show: pairs, paths, layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from methexis.core.checks import Array
from methexis.plots import style
from methexis.plots.panel import Picture
from methexis.report.running import curves, gather, layers
from methexis.report.running.theory import Theory
from methexis.training.records.run import Run


def figures(run: Run, theory: Theory) -> Iterator[Picture]:
    """All pictures of a run without cells, with what theory predicts for it."""
    if run.healthy.any():
        yield from paths(
            run,
            entropy=theory.entropy_ratio,
            sharpness=theory.sharpness,
            trace=theory.hessian_trace,
        )
        yield from spectra(run)
        if run.tree.sizes["layer"] > 1:
            yield from pairs(run, headline=True, predicted=theory.worst_pair)


def pairs(
    run: Run,
    *,
    headline: bool = False,
    predicted: Array | None = None,
    control: Array | None = None,
) -> Iterator[Picture]:
    """Alignment of the worst pair over time, and of all pairs before and after.

    Parameters
    ----------
    headline : bool
        Whether to draw the first of them in two layouts, for a wide and a narrow page.
    predicted, control : array (step, replica), optional
        Of the healthy replicas.
    """
    clock = gather.slow_clock(run)
    measured = gather.worst_pair(run)
    name_of_rule = str(run.provenance["optimiser"]["name"])
    what = (
        "Alignment of the least aligned pair of layers over slow time, every replica thin and "
        "their median thick"
    )
    if headline:
        for name, width, height in (
            ("worst_pair", style.WIDE, 470),
            ("worst_pair_narrow", style.PANEL, 430),
        ):
            figure = curves.worst_pair(
                clock,
                measured,
                predicted=predicted,
                control=control,
                name=name_of_rule,
                width=width,
                height=height,
            )
            yield Picture(name, figure, what)
    figure = curves.distance_to_one(
        clock,
        measured,
        projected=gather.worst_pair(run, projected=True),
        predicted=predicted,
        control=control,
        name=name_of_rule,
        rows=gather.rows(run, "alignment_projected"),
    )
    yield Picture("distance_to_one", figure, "One minus alignment of the worst pair on log axes")
    names = gather.layer_names(run)
    for name, at in (("matrix_before", 0), ("matrix_after", -1)):
        values = gather.pair_matrix(run, at)
        alt = f"Alignment of every pair of layers: {name}"
        yield Picture(name, layers.matrix(values, names), alt)


def paths(
    run: Run,
    *,
    entropy: Array | None = None,
    sharpness: Array | None = None,
    trace: Array | None = None,
    floors: Sequence[float | None] | None = None,
    control: Run | None = None,
) -> Iterator[Picture]:
    """Loss, entropy, curvature and charges along the run.

    Parameters
    ----------
    entropy, sharpness, trace : array (step, replica, student), optional
        Predicted paths of the healthy replicas.
    floors : sequence of float, optional
        Least loss of each student.
    control : Run, optional
        The same without noise.
    """
    clock = gather.slow_clock(run)
    yield Picture(
        "loss",
        curves.loss(clock, gather.paths(run, "loss", levels=floors)),
        "Loss of every student over slow time",
    )
    ratios = gather.paths(
        run, "entropy_ratio", projected="entropy_ratio_projected", predicted=entropy
    )
    if ratios:
        yield Picture(
            "entropy_ratio",
            curves.entropy_ratio(clock, ratios),
            "S over its least value along training, falling to the bound 1",
        )
    for name, draw, path in (
        ("sharpness", curves.sharpness, sharpness),
        ("hessian_trace", curves.hessian_trace, trace),
    ):
        levels = gather.predicted(run, f"predicted_{name}")
        drawn_paths = gather.paths(run, name, predicted=path, levels=levels)
        if drawn_paths:
            yield Picture(
                name, draw(clock, drawn_paths), f"{name.replace('_', ' ')} over slow time"
            )
    norms, changes, still, moved = [], [], [], []
    for k in range(run.num_students):
        size, change = gather.charge_paths(run, k)
        norms.append((gather.student_name(k), size))
        changes.append((gather.student_name(k), change))
        if control is not None:
            size, change = gather.charge_paths(control, k)
            still.append(size)
            moved.append(change)
    yield Picture(
        "charge_norms",
        curves.charge_norms(clock, norms, still),
        "Size of every charge: SGD moves it, the control does not",
    )
    yield Picture(
        "charge_changes",
        curves.charge_changes(clock, changes, moved),
        "Relative change of every charge since the start",
    )


def spectra(run: Run) -> Iterator[Picture]:
    """Spectra of every student's hidden layers at the end."""
    for k in range(run.num_students):
        name = gather.student_name(k)
        plot = layers.spectrum(gather.spectra(run, k), style.colour_of(k))
        alt = f"Variance of every mode of student {name}'s layers"
        yield Picture(f"spectrum_{name}", plot, alt)
