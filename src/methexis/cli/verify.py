"""``methexis verify``: the theorem in four steps, as text, report and JSON."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from methexis import report, scenarios
from methexis.cli.errors import FAILED, user_errors
from methexis.cli.folders import fill, prepare
from methexis.cli.progress import announcer
from methexis.cli.results import numbers_first, told
from methexis.errors import MethexisError
from methexis.progress import Lines
from methexis.text import json_text

if TYPE_CHECKING:
    from methexis.scenarios import VerifyResult, VerifySettings


def verify(
    easy: Annotated[
        bool,
        typer.Option("--easy", help="Depths 2 and 3 and condition 1.7, not 3, 5 and 10: faster."),
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
    force: Annotated[bool, typer.Option("--force", help="Replace existing results.")] = False,
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds between checkpoints of the SGD run.")
    ] = 10.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
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
        checkpoint = _prepare(out, settings, force)
        say = announcer()
        result = scenarios.run_verify(
            settings,
            checkpoint=checkpoint,
            checkpoint_seconds=checkpoint_every,
            progress=Lines(label="SGD"),
            announce=say,
        )
        say("report")
        _write(result, out)
        checkpoint.unlink(missing_ok=True)
        result.timings["total"] = time.monotonic() - began
        if as_json:
            sys.stdout.write(json_text(result.summary()) + "\n")
        else:
            report.print_verify(result, out)
        if not result.verdict.passed:
            raise typer.Exit(FAILED)


def _prepare(out: Path, settings: VerifySettings, force: bool) -> Path:
    """Make the folder, see that it is ours and writable, and name the checkpoint."""
    prepare(out, force=force, leftovers=lambda name: name.startswith("checkpoint-"))
    return out / f"checkpoint-{settings.fingerprint}.npz"


def _resume_hint(out: Path) -> str:
    if any(out.glob("checkpoint-*.npz")):
        return f"; the same command goes on from the checkpoint in {out}"
    return " before the first checkpoint"


def _write(result: VerifyResult, out: Path) -> None:
    """Write everything: runs, report, and the summary last."""
    failed: list[Exception | None] = []

    def into(folder: Path) -> None:
        began = time.monotonic()
        result.run.save(folder / "run.zarr")
        result.control.save(folder / "control.zarr")
        for way in result.ways:
            name = way.name.replace(".", "")
            way.run.save(folder / "three-ways" / f"{name}.zarr")

        def draw() -> None:
            report.write_verify_report(result, folder)
            result.timings["report"] = time.monotonic() - began

        failed.append(numbers_first(folder, result.summary, draw))

    fill(out, into)
    told(failed[0], out)
