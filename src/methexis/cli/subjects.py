"""``methexis subjects``: which model explains the RDMs of several subjects, and how well."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from methexis import report, representations, scenarios
from methexis.cli.errors import print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.progress import LiveLine
from methexis.cli.sides import Layers
from methexis.cli.staged import Force, Json
from methexis.errors import MethexisError
from methexis.text import json_text


def subjects(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SUBJECT...", help="A file per subject, at least 3.", show_default=False
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="File or folder of features of the conditions; each layer is a model. May be "
            "repeated.",
        ),
    ] = None,
    model_rdm: Annotated[
        list[str] | None,
        typer.Option("--model-rdm", help="The same of RDMs in place of features. May be repeated."),
    ] = None,
    layers: Layers = None,
    comparison: Annotated[
        str,
        typer.Option(
            help="Of RDMs: pearson, spearman, cosine, whitened_cosine, whitened_correlation, tau_a "
            "or tau_b."
        ),
    ] = "pearson",
    dissimilarity: Annotated[
        str,
        typer.Option(
            help="Of models given as features: auto (squared beside runs, euclidean beside RDMs), "
            "euclidean, squared, correlation or cosine."
        ),
    ] = "auto",
    shrinkage: Annotated[
        str, typer.Option(help="Of noise covariances: ledoit_wolf, diagonal or none.")
    ] = "ledoit_wolf",
    confidence: Annotated[float, typer.Option(help="Of intervals; tests are at 1 less it.")] = 0.95,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for report and data. [default: methexis-subjects]"),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compare models with the RDMs of several subjects: which is best, and how well could any do.

    A SUBJECT is a .npz, .mat or .h5 of raw runs, with arrays measurements (rows, channels),
    conditions and runs (a number per row, in .npz also a word) and, if there are any, residuals
    (rows, channels), of which an RDM is made by crossnobis; or an RDM as any file that holds one.
    Rows of models are the conditions in order, numbers by size and words by the alphabet.

    Example: methexis subjects subjects/*.npz --model my-network/
    """
    began = time.perf_counter()
    with user_errors(memory_hint="give fewer models, or fewer channels"):
        settings = scenarios.SubjectsSettings(comparison, dissimilarity, shrinkage, confidence)
        given = [(path, False) for path in model or []] + [(path, True) for path in model_rdm or []]
        if not files:
            raise MethexisError("SUBJECT: expected a file per subject, got none")
        if not given:
            raise MethexisError("model: expected --model PATH or --model-rdm PATH, got none")
        models = [
            representations.load(path, layers=layers, dissimilarities=dissimilarities).read()
            for path, dissimilarities in given
        ]
        folder = Path("methexis-subjects") if out is None else out
        with prepared(folder, force=force):
            line = LiveLine()
            result = scenarios.run_subjects(
                files,
                models,
                settings,
                command=_command(),
                show=lambda what, done, total: line(
                    f"{what}, {done} of {total}", ended=done == total
                ),
            )
            summary = json_text(result.summary())
            fill(folder, summary, lambda staged: report.write_subjects_report(result, staged))
        if as_json:
            print_json(result.summary())
        else:
            report.print_subjects(result, folder, time.perf_counter() - began)


def _command() -> str:
    """The command as it was typed, without what tells only where results go."""
    words = iter(sys.argv[1:])
    kept = ["methexis"]
    for word in words:
        if word == "--out":
            next(words, None)
        elif word not in {"--force", "--json"} and not word.startswith("--out="):
            kept.append(word)
    return shlex.join(kept)
