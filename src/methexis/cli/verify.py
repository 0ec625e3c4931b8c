"""``methexis verify``: the theorem in four steps, as text, report and JSON."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from methexis import report, scenarios
from methexis.cli.errors import FAILED, print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.progress import announcer
from methexis.cli.staged import Force, Json
from methexis.errors import MethexisError
from methexis.progress import Lines
from methexis.text import json_text

if TYPE_CHECKING:
    from methexis.scenarios import VerifyResult, VerifySettings


def verify(
    easy: Annotated[
        bool,
        typer.Option(
            "--easy", help="A faster problem: depths 2, 3 and condition 1.7, not 3, 5 and 10."
        ),
    ] = False,
    noise: Annotated[
        str, typer.Option(help="Label noise: isotropic or anisotropic (condition 25).")
    ] = "isotropic",
    sampling: Annotated[
        str, typer.Option(help="How samples are drawn: online, replace or shuffle.")
    ] = "online",
    loss: Annotated[str, typer.Option(help="Loss: squared or whitened.")] = "squared",
    three_ways: Annotated[
        bool,
        typer.Option(help="Train a second problem, with anisotropic noise, in three ways."),
    ] = True,
    seed: Annotated[int, typer.Option(help="Seed of the problem and of the runs.")] = 0,
    replicas: Annotated[int, typer.Option(help="Independent repetitions, at least 2.")] = 32,
    batch: Annotated[int, typer.Option(help="Batch size.")] = 1,
    lr: Annotated[
        float | None, typer.Option(help="First learning rate. [default: from the sharpness]")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="SGD steps. [default: from the relaxation spectrum]")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report and the data.")] = Path(
        "methexis-verify"
    ),
    force: Force = False,
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds between checkpoints of the SGD run.")
    ] = 10.0,
    as_json: Json = False,
) -> None:
    """Verify the theorem: two different networks, two views, one representation.

    Trains two students of different depth, widths, embeddings and views by SGD, draws the predicted
    path through what is measured, and shows a control in which the force is switched off. A second
    problem shows that with anisotropic noise the way samples are drawn decides where SGD goes.
    Interrupted runs go on where they were when the same command is given again.

    Example: methexis verify --easy --out my-report
    """
    with user_errors(partial(_resume_hint, out)):
        began = time.monotonic()
        if not checkpoint_every >= 0.0:
            raise MethexisError(f"checkpoint-every: expected seconds >= 0, got {checkpoint_every}")
        settings = scenarios.VerifySettings(
            easy=easy,
            noise=noise,
            sampling=sampling,
            loss=loss,
            three_ways=three_ways,
            seed=seed,
            replicas=replicas,
            batch=batch,
            lr=lr,
            steps=steps,
        )
        with prepared(out, force=force, leftovers=_is_checkpoint):
            checkpoint = _checkpoint(out, settings)
            say = announcer()
            result = scenarios.run_verify(
                settings,
                checkpoint=checkpoint,
                checkpoint_seconds=checkpoint_every,
                progress=Lines(label="SGD"),
                announce=say,
            )
            say("report")
            summary = json_text(result.summary())
            fill(
                out,
                summary,
                lambda folder: report.write_verify_report(result, folder),
                lambda folder: _save_runs(result, folder),
            )
            checkpoint.unlink(missing_ok=True)
        result.timings["total"] = time.monotonic() - began
        if as_json:
            print_json(result.summary())
        else:
            report.print_verify(result, out)
        if not result.verdict.passed:
            raise typer.Exit(FAILED)


def _checkpoint(out: Path, settings: VerifySettings) -> Path:
    """Name the checkpoint; its name stands for what the run depends on."""
    return out / f"checkpoint-{settings.fingerprint}.npz"


def _is_checkpoint(name: str) -> bool:
    return name.startswith("checkpoint-")


def _resume_hint(out: Path) -> str:
    if any(out.glob("checkpoint-*.npz")):
        return f"; the same command goes on from the checkpoint in {out}"
    return " before the first checkpoint"


def _save_runs(result: VerifyResult, folder: Path) -> None:
    result.run.save(folder / "run.zarr")
    result.control.save(folder / "control.zarr")
    for way in result.ways:
        name = way.name.replace(".", "")
        way.run.save(folder / "three-ways" / f"{name}.zarr")
