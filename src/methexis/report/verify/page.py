"""`write_verify_report`: the theorem's four steps, measured on top of predicted."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from methexis.plots.replicas import middle
from methexis.report.house.page import Page
from methexis.report.running import gather
from methexis.report.verify.figures import NUM_INPUTS, equipartition, figures, step_one
from methexis.scenarios.verify import VerifyResult, VerifySettings
from methexis.scenarios.verify.settings import TARGET

#: Epoch turn below which shuffled epochs act as a unit, and above which they act like fresh draws.
SMALL_TURN, LARGE_TURN = 0.3, 3.0


def write_verify_report(result: VerifyResult, path: str | Path) -> Path:
    """Write the report of a verification.

    Parameters
    ----------
    result : VerifyResult
        What `run_verify` found.
    path : path
        Where to, as `write_report` takes it.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    run, healthy = result.run, result.run.healthy
    names = gather.layer_names(run)
    page.draw(figures(result))
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
        equal=_equal_range(result),
        entropy=_entropy_facts(result),
        curvature=_curvature_facts(result),
        charges=_charge_facts(result),
        shown=_step_one(result),
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


def _step_one(result: VerifyResult) -> dict[str, Any]:
    """What the clouds of step 1 show, in numbers."""
    shown = step_one(result)
    after, still = shown.after, shown.still
    return {
        "a": shown.names[0],
        "b": shown.names[1],
        "replica": shown.replica,
        "inputs": NUM_INPUTS,
        "cosine": after.found.cosine,
        "scale": after.found.rotation_scale,
        "before": after.distance_before,
        "after": after.found.rotation_error,
        "control": None if still is None else still.found.rotation_error,
        "control_cosine": None if still is None else still.found.cosine,
    }


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
    alignments = {
        "at the start": start,
        "after SGD, weights as they are": result.worst("raw"),
        "after SGD, projected": result.worst("projected"),
        "force off (control)": result.worst("control"),
        "predicted": result.prediction.worst_pair[-1][result.compared],
    }
    return [
        {"name": name, "median": float(np.median(v)), "least": float(np.min(v))}
        for name, v in alignments.items()
        if len(v)
    ]


def _equal_range(result: VerifyResult) -> tuple[float, float]:
    medians = np.concatenate([np.median(ratio, axis=0) for _, ratio in equipartition(result)])
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
        [middle(gather.charge_paths(run, k)[1])[:, -1].max() for k in range(count)]
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


def _turn(value: float | None) -> dict[str, Any] | None:
    if value is None:
        return None
    kind = "small" if value < SMALL_TURN else "large" if value > LARGE_TURN else "middle"
    return {"value": value, "kind": kind}


def _too_short(result: VerifyResult) -> bool:
    """Whether theory itself predicts less than the target for a run of this length."""
    settings = result.settings
    return settings.predicts_platonic and result.prediction.final_worst_pair < TARGET
