"""Pictures of `verify`: the theorem's four steps, and the second problem trained in three ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.core.problem import Problem
from methexis.plots import style
from methexis.plots.curve import Dots
from methexis.plots.levels import Bars, Histogram, Level
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Legend, Panel, Picture
from methexis.report.running import figures as running
from methexis.report.running import gather, layers
from methexis.report.verify import ways
from methexis.report.verify.clouds import Clouds, activations, cloud, clouds, worst_layers
from methexis.scenarios.verify import VerifyResult
from methexis.training.records.run import Run

#: Inputs drawn for the clouds of step 1.
NUM_INPUTS = 300


def figures(result: VerifyResult) -> Iterator[Picture]:
    """All pictures of a verification."""
    run, control, compared = result.run, result.control, result.compared
    yield from _clouds(step_one(result))
    yield from _minima(result)
    yield from running.pairs(
        run,
        headline=True,
        predicted=result.prediction.worst_pair[:, compared],
        control=gather.worst_pair(control),
    )
    plot = layers.matrix(gather.pair_matrix(control, -1), gather.layer_names(run))
    yield Picture("matrix_control", plot, "Alignment of every pair of layers: force off")
    yield from running.paths(
        run,
        entropy=result.prediction.entropy_ratio[:, compared],
        sharpness=result.prediction.sharpness[:, compared],
        trace=result.prediction.hessian_trace[:, compared],
        floors=_floors(result),
        control=control,
    )
    alt = "Gradient noise of every layer over its prediction"
    yield Picture("equipartition", _equipartition(equipartition(result)), alt)
    yield from running.spectra(run)
    yield from _three_ways(result)


@dataclass(frozen=True, eq=False)
class StepOne:
    """The least aligned pair of layers of different students, with and without the force."""

    names: tuple[str, str]  # of the layers
    replica: int  # whose layers they are
    after: Clouds  # at the end of the run
    still: Clouds | None  # of the control; None where it has no healthy replica


def step_one(result: VerifyResult) -> StepOne:
    """Choose a pair and a replica, and compute their clouds."""
    run, control = result.run, result.control
    labels = [str(v) for v in run.data["layer"].values]
    i, j = worst_layers(gather.pair_matrix(run, -1), labels)
    x = result.settings.teacher().samples(NUM_INPUTS, seed=result.settings.seed).x
    replica = int(np.flatnonzero(run.healthy)[0])

    def of(one: Run, at: int) -> Clouds:
        return clouds(activations(one, labels[i], x, at), activations(one, labels[j], x, at))

    # A pair that nothing pulls together; the same replica, unless the control lost it.
    alone = np.flatnonzero(control.healthy)
    still = of(control, replica if replica in alone else int(alone[0])) if len(alone) else None
    return StepOne(
        names=(gather.layer_name(labels[i]), gather.layer_name(labels[j])),
        replica=int(run.data["replica"][replica]),
        after=of(run, replica),
        still=still,
    )


def equipartition(result: VerifyResult) -> list[tuple[str, Array]]:
    """Every student's name, and measured over predicted noise ``(replica, layer)``."""
    by_student = zip(result.layer_entropy, result.solutions, strict=True)
    return [
        (gather.student_name(k), measured / solution.layer_entropy)
        for k, (measured, solution) in enumerate(by_student)
    ]


def _clouds(shown: StepOne) -> Iterator[Picture]:
    name_a, name_b = shown.names
    after = shown.after
    for name, layer, points in (("cloud_a", name_a, after.a), ("cloud_b", name_b, after.b)):
        label = f"layer {layer}, as it is"
        plot = cloud(points, after.colour, after.limit, label, axes_of=shown.names)
        yield Picture(name, plot, f"The inputs as points in layer {layer}")
    for name, shown_clouds in (("cloud_turned", after), ("cloud_control", shown.still)):
        if shown_clouds is not None:
            limit = 1.08 * float(
                max(np.abs(shown_clouds.b).max(), np.abs(shown_clouds.turned).max())
            )
            plot = cloud(
                shown_clouds.b,
                shown_clouds.colour,
                limit,
                f"layer {name_b}",
                over=shown_clouds.turned,
                over_label=f"{name_a}, turned and scaled",
                axes_of=shown.names,
            )
            yield Picture(name, plot, f"Layer {name_a} rotated and scaled onto layer {name_b}")


def _minima(result: VerifyResult) -> Iterator[Picture]:
    """Histograms of random minima: alignment of pairs of layers, and ``S / S_min``."""
    laws = [(m.distribution, m.pairs.ravel()) for m in result.minima]
    plot = _histograms(
        laws,
        np.linspace(0.0, 1.0, 41),
        [],
        float(np.median(result.worst("raw"))),
        Axis("alignment of a pair of layers (no unit)", low=0.0, high=1.015),
        "share of pairs (%)",
        order=5,
    )
    alt = "Histogram of the alignment of layers of random minima"
    yield Picture("minima_alignment", plot, alt)
    laws = [(m.distribution, m.entropy_ratio.ravel()) for m in result.minima]
    values = np.concatenate([ratio for _, ratio in laws])
    # Some laws have a long tail: what lies beyond its last per cent is counted in the last bin.
    high = max(float(np.quantile(values[np.isfinite(values)], 0.99)) * 1.05, 10.0)
    bins = np.geomspace(0.8, high, 37)
    bound = Look(style.INK, width=1.3, dashes=(1, 1.4), order=5)
    plot = _histograms(
        [(name, np.minimum(ratio, 0.999 * high)) for name, ratio in laws],
        bins,
        [Level(1.0, bound, "bound: 1", upright=True)],
        float(np.median(gather.variable(result.run, "entropy_ratio")[-1])),
        Axis("entropy S over its least value (no unit)", "log", float(bins[0]), high),
        "share of minima (%)",
        order=4,
    )
    yield Picture("minima_entropy", plot, "Histogram of S over its least value, with the bound 1")


def _histograms(
    laws: Sequence[tuple[str, Array]],
    bins: Array,
    levels: Sequence[Level],
    ends: float,
    x: Axis,
    label: str,
    *,
    order: float,
) -> Panel:
    """What each law of random minima gives, and where SGD ends."""
    marks: list[Mark] = []
    for k, (name, values) in enumerate(laws):
        dashes = () if k == 0 else (3, 1.2)
        look = Look(style.LAWS[k % len(style.LAWS)], width=1.4, dashes=dashes)
        marks.append(Histogram.of(values, bins, look, f"law: {name}"))
    marks += levels
    if np.isfinite(ends):
        look = Look(style.SGD, width=2.6, order=order)
        marks.append(Level(ends, look, "SGD ends here", upright=True))
    return Panel(x, Axis(label), tuple(marks))


def _equipartition(students: Sequence[tuple[str, Array]]) -> Panel:
    """Measured ``E‖∇_{W_i} ℓ‖²`` over ``4q`` for every layer; theory: 1 in all of them."""
    at, names = 0.0, []
    ticks: list[float] = []
    highest = 1.0
    marks: list[Mark] = []
    for k, (name, ratio) in enumerate(students):
        colour = style.colour_of(k)
        for i in range(ratio.shape[-1]):
            values = ratio[:, i]
            highest = max(highest, float(np.max(values)))
            marks.append(Bars([at], [np.median(values)], Look(colour, alpha=0.45)))
            spread = at + np.linspace(-0.24, 0.24, len(values)) if len(values) > 1 else [at]
            look = Look(style.darker(colour), size=9, width=0, order=3)
            marks.append(Dots(spread, values, look))
            ticks.append(at)
            names.append(f"{name}\nW{i + 1}")
            at += 1.0
        at += 0.6
    platonic = Look(style.PREDICTION, width=1.5, dashes=(4, 2.6))
    marks += [
        Level(1.0, platonic, "Platonic: 1"),
        Bars([], [], Look(style.CONTROL, alpha=0.45), "median"),
        Dots([], [], Look(style.INK, size=12), "one replica"),
    ]
    y = Axis("gradient noise of the layer / 4q", low=0.0, high=1.12 * highest)
    return Panel(layers.named_axis(ticks, names), y, tuple(marks), Legend(3))


def _three_ways(result: VerifyResult) -> Iterator[Picture]:
    if not result.ways:
        return
    alt = "Worst pair of layers over slow time, trained in three ways, each with its prediction"
    wide = ways.worst_pairs(result.ways, width=style.WIDE, height=420, columns=4)
    yield Picture("ways", wide, alt)
    yield Picture("ways_narrow", ways.worst_pairs(result.ways), alt)
    yield Picture("ways_distance", ways.distances(result.ways), f"1 - alignment. {alt}")


def _floors(result: VerifyResult) -> list[float]:
    """Least loss of each student: the trace of the label noise in the loss's metric."""
    source, loss = result.source, result.settings.loss
    return [float(np.trace(Problem.of(source, s, loss).cov_noise)) for s in result.students]
