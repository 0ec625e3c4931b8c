"""``methexis explain``: which maps must be allowed before one model predicts the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from methexis import explaining, report, representations
from methexis.cli.errors import print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.progress import LiveLine
from methexis.cli.sides import (
    Layers,
    Mask,
    Pool,
    Preprocessing,
    by_side,
    default_folder,
    typed_command,
)
from methexis.cli.staged import Force, Json
from methexis.text import json_text

if TYPE_CHECKING:
    from methexis.representations import Representations


def explain(
    first: Annotated[str, typer.Argument(metavar="A", help="File or folder of representations.")],
    second: Annotated[
        str | None,
        typer.Argument(metavar="B", help="Another, of the same samples.", show_default=False),
    ] = None,
    preprocessing: Preprocessing = "none",
    material: Annotated[
        float, typer.Option(help="Gain that matters, as a share of what the best map explains.")
    ] = 0.02,
    pool: Pool = None,
    mask: Mask = None,
    layers: Layers = None,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for report and data. [default: methexis-explain-A-B]"),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Explain what keeps two representations apart: order, rotation, weights, a linear map, more.

    A and B hold features (num_samples, num_features) of the same samples in the same order, as
    .npy, .npz, .safetensors, .parquet, zarr, a saved run, or a folder of such: every file a layer.
    Without B, the layers of A are explained by each other.

    Example: methexis explain model-a/ model-b/ --layers 'block*' --out why
    """
    began = time.perf_counter()
    with user_errors(memory_hint="give fewer samples, or fewer --layers"):
        settings = explaining.ExplainSettings(
            preprocessing=preprocessing, material=material, seed=seed
        )
        masks = by_side(mask)

        def opened(path: str, side: str) -> Representations:
            return representations.load(
                path, pool=pool, layers=layers, seed=seed, mask=masks.get(side)
            ).read()

        a = opened(first, "A")
        b = None if second is None else opened(second, "B")
        folder = default_folder(first, second, verb="explain") if out is None else out
        line = LiveLine()

        def show(what: str, done: int, total: int) -> None:
            line(f"explain: {what}, {done:,} of {total:,}", ended=done >= total)

        with prepared(folder, force=force):
            result = explaining.run_explain(a, b, settings, command=typed_command(), show=show)
            summary = json_text(result.summary())
            fill(folder, summary, lambda staged: report.write_explain_report(result, staged))
        if as_json:
            print_json(result.summary())
        else:
            report.print_explain(result, folder, time.perf_counter() - began)
