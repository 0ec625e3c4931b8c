"""`write_verify_report`: the theorem's four steps, measured on top of predicted."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.core.problem import Problem
from methexis.plots import style
from methexis.report.house.page import Page
from methexis.report.running import curves, gather, layers
from methexis.report.running.page import add_layers, add_pairs, add_paths
from methexis.report.verify import ways
from methexis.report.verify.clouds import Clouds, activations, clouds, worst_layers
from methexis.scenarios.verify import VerifyResult, VerifySettings
from methexis.scenarios.verify.settings import TARGET

#: Inputs drawn for the clouds of step 1.
NUM_INPUTS = 300
#: Epoch turn below which shuffled epochs act as a unit, and above which they act like fresh draws.
SMALL_TURN, LARGE_TURN = 0.3, 3.0


def write_verify_report(result: VerifyResult, out_dir: str | Path) -> Path:
    """Write the report of a verification.

    Parameters
    ----------
    result : VerifyResult
        What `run_verify` found.
    out_dir : path
        Folder; made if missing. It receives ``report.html``, which needs no other file, and every
        figure as PDF in ``figures/``.

    Returns
    -------
    Path
        ``out_dir/report.html``.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    out = Path(out_dir)
    page = Page(out / "report.html", out / "figures")
    run, control = result.run, result.control
    healthy, compared = run.healthy, result.compared
    with style.house_style():
        shown = _step_one(page, result)
        _minima(page, result)
        add_pairs(
            page,
            run,
            headline=True,
            predicted=result.prediction.worst_pair[:, compared],
            control=gather.worst_pair(control),
        )
        names = gather.layer_names(run)
        figure = layers.matrix(gather.pair_matrix(control, -1), names)
        page.add("matrix_control", figure, "Alignment of every pair of layers: force off")
        add_paths(
            page,
            run,
            entropy=result.prediction.entropy_ratio[:, compared],
            sharpness=result.prediction.sharpness[:, compared],
            trace=result.prediction.hessian_trace[:, compared],
            floors=_floors(result),
            control=control,
        )
        equal = [
            (gather.student_name(k), found / solution.layer_entropy)
            for k, (found, solution) in enumerate(
                zip(result.layer_entropy, result.solutions, strict=True)
            )
        ]
        figure = layers.equipartition(equal)
        page.add("equipartition", figure, "Gradient noise of every layer over its prediction")
        add_layers(page, run)
        _three_ways(page, result)
    summary = result.summary()
    settings = result.settings
    return page.write(
        "verify.html.j2",
        verdict=result.verdict,
        settings=settings,
        schedule=result.schedule,
        prediction=result.prediction,
        students=gather.shapes(run),
        dims=(run.tree.children["student_0"].sizes["input"], result.source.dim_y),
        names=names,
        labels=[str(v) for v in run.data["layer"].values],
        lost=gather.lost_of(run),
        replicas=len(healthy),
        healthy=int(healthy.sum()),
        ends=summary["worst_pair"],
        table=_table(result),
        theory=list(zip(names, map(float, result.mean_kernel_to_theory), strict=True)),
        minima=_minima_facts(result),
        equal=_equal_range(equal),
        entropy=_entropy_facts(result),
        curvature=_curvature_facts(result),
        charges=_charge_facts(result),
        shown=shown,
        turn=_turn(result.epoch_turn),
        safety=_safety(result),
        ways=result.ways,
        predicted=result.prediction.worst_pair.shape[1],
        short=_too_short(result),
        target=TARGET,
        command=command(settings),
        timings=list(result.timings.items()),
        total=sum(result.timings.values()),
        provenance=gather.provenance_rows(run.provenance),
        raw=json.dumps(summary, indent=1, default=str),
    )


def command(settings: VerifySettings) -> str:
    """Return the command line that repeats a verification: all that differs from the defaults.

    Examples
    --------
    >>> command(VerifySettings(easy=True, noise="anisotropic", seed=3))
    'methexis verify --easy --noise anisotropic --seed 3'
    """
    words = ["methexis", "verify"]
    usual = VerifySettings()
    for name, value in vars(settings).items():
        if name == "easy":
            words += ["--easy"] if value else []
        elif name == "three_ways":
            words += [] if value else ["--no-three-ways"]
        elif name == "seed" or value != getattr(usual, name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _step_one(page: Page, result: VerifyResult) -> dict[str, Any]:
    """Clouds of the least aligned pair of layers of different students, with and without force."""
    run, control = result.run, result.control
    labels = [str(v) for v in run.data["layer"].values]
    i, j = worst_layers(gather.pair_matrix(run, -1), labels)
    name_a, name_b = gather.layer_name(labels[i]), gather.layer_name(labels[j])
    x = result.settings.teacher().samples(NUM_INPUTS, seed=result.settings.seed).x
    replica = int(np.flatnonzero(run.healthy)[0])

    def draw(of: Any, at: int) -> Clouds:
        return clouds(activations(of, labels[i], x, at), activations(of, labels[j], x, at))

    after = draw(run, replica)
    # A pair that nothing pulls together; the same replica, unless the control lost it.
    alone = np.flatnonzero(control.healthy)
    still = draw(control, replica if replica in alone else int(alone[0])) if len(alone) else None
    where = (name_a, name_b)
    for name, layer, points in (("cloud_a", name_a, after.a), ("cloud_b", name_b, after.b)):
        label = f"layer {layer}, as it is"
        figure = layers.cloud(points, after.colour, after.limit, label, axes_of=where)
        page.add(name, figure, f"The inputs as points in layer {layer}")
    for name, found in (("cloud_turned", after), ("cloud_control", still)):
        if found is not None:
            limit = 1.08 * float(max(np.abs(found.b).max(), np.abs(found.turned).max()))
            figure = layers.cloud(
                found.b,
                found.colour,
                limit,
                f"layer {name_b}",
                over=found.turned,
                over_label=f"{name_a}, turned and scaled",
                axes_of=where,
            )
            page.add(name, figure, f"Layer {name_a} rotated and scaled onto layer {name_b}")
    return {
        "a": name_a,
        "b": name_b,
        "replica": int(run.data["replica"][replica]),
        "inputs": NUM_INPUTS,
        "cosine": after.found.cosine,
        "scale": after.found.rotation_scale,
        "before": after.distance_before,
        "after": after.found.rotation_error,
        "control": None if still is None else still.found.rotation_error,
        "control_cosine": None if still is None else still.found.cosine,
    }


def _minima(page: Page, result: VerifyResult) -> None:
    ends = float(np.median(result.worst("raw")))
    laws = [(m.distribution, m.pairs) for m in result.minima]
    figure = layers.minima_alignment(laws, ends)
    page.add("minima_alignment", figure, "Histogram of the alignment of layers of random minima")
    ratio = gather.variable(result.run, "entropy_ratio")[-1]
    laws = [(m.distribution, m.entropy_ratio) for m in result.minima]
    figure = layers.minima_entropy(laws, float(np.median(ratio)))
    page.add("minima_entropy", figure, "Histogram of S over its least value, with the bound 1")


def _three_ways(page: Page, result: VerifyResult) -> None:
    if not result.ways:
        return
    alt = "Worst pair of layers over slow time, trained in three ways, each with its prediction"
    page.add("ways", ways.worst_pairs(result.ways, width=style.WIDE, height=420, columns=4), alt)
    page.add("ways_narrow", ways.worst_pairs(result.ways), alt)
    page.add("ways_distance", ways.distances(result.ways), f"1 - alignment. {alt}")


def _minima_facts(result: VerifyResult) -> list[dict[str, Any]]:
    return [
        {
            "law": m.distribution,
            "count": len(m.pairs),
            "median_pair": float(np.median(m.pairs)),
            "median_worst": float(np.median(m.pairs.min(axis=1))),
            "best_worst": float(m.pairs.min(axis=1).max()),
            "least_ratio": float(m.entropy_ratio.min()),
            "median_ratio": float(np.median(m.entropy_ratio)),
        }
        for m in result.minima
    ]


def _table(result: VerifyResult) -> list[dict[str, Any]]:
    """Rows of step 4's table: what, typical and least alignment of the worst pair."""
    start = result.run.worst_pair()[0][result.run.healthy]
    found = {
        "at the start": start,
        "after SGD, weights as they are": result.worst("raw"),
        "after SGD, projected": result.worst("projected"),
        "force off (control)": result.worst("control"),
        "predicted": result.prediction.worst_pair[-1][result.compared],
    }
    return [
        {"name": name, "median": float(np.median(v)), "least": float(np.min(v))}
        for name, v in found.items()
        if len(v)
    ]


def _equal_range(equal: list[tuple[str, Array]]) -> tuple[float, float]:
    medians = np.concatenate([np.median(ratio, axis=0) for _, ratio in equal])
    return float(medians.min()), float(medians.max())


def _entropy_facts(result: VerifyResult) -> list[dict[str, Any]]:
    raw = gather.variable(result.run, "entropy_ratio")[-1]
    projected = gather.variable(result.run, "entropy_ratio_projected")[-1]
    wanted = result.prediction.entropy_ratio[-1][result.compared]
    return [
        {
            "name": gather.student_name(k),
            "least": solution.entropy,
            "raw": float(np.median(raw[:, k])),
            "projected": float(np.median(projected[:, k])),
            "predicted": float(np.median(wanted[:, k])),
        }
        for k, solution in enumerate(result.solutions)
    ]


def _curvature_facts(result: VerifyResult) -> list[dict[str, Any]]:
    sharp, trace = (gather.variable(result.run, n) for n in ("sharpness", "hessian_trace"))
    return [
        {
            "name": gather.student_name(k),
            "sharpness": float(np.median(sharp[-1, :, k])),
            "sharpness_theory": solution.sharpness,
            "trace": float(np.median(trace[-1, :, k])),
            "trace_theory": solution.hessian_trace,
        }
        for k, solution in enumerate(result.solutions)
    ]


def _charge_facts(result: VerifyResult) -> dict[str, float | None]:
    """Largest relative change of any charge by SGD, typical replica, and by the control."""
    count = result.run.num_students
    moved, still = (
        [curves.middle(gather.charge_paths(run, k)[1])[:, -1].max() for k in range(count)]
        if run.healthy.any()
        else []
        for run in (result.run, result.control)
    )
    return {
        "moved": float(max(moved)) if moved else None,
        "still": float(max(still)) if still else None,
    }


def _safety(result: VerifyResult) -> float:
    """First learning rate times the largest sharpness at the Platonic point; 2 is the edge."""
    return result.schedule.lr * max(s.sharpness for s in result.solutions)


def _floors(result: VerifyResult) -> list[float]:
    """Least loss of each student: the trace of the label noise in the loss's metric."""
    source, loss = result.source, result.settings.loss
    return [float(np.trace(Problem.of(source, s, loss).cov_noise)) for s in result.students]


def _turn(value: float | None) -> dict[str, Any] | None:
    if value is None:
        return None
    kind = "small" if value < SMALL_TURN else "large" if value > LARGE_TURN else "middle"
    return {"value": value, "kind": kind}


def _too_short(result: VerifyResult) -> bool:
    """Whether theory itself predicts less than the target for a run of this length."""
    settings = result.settings
    return settings.predicts_platonic and result.prediction.final_worst_pair < TARGET
