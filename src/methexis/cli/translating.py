"""``methexis translate``: maps between two representations, and what they are worth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from methexis import report, representations, transport
from methexis.cli.errors import print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.progress import LiveLine
from methexis.cli.sides import Mask, Pool, Preprocessing, by_side, default_folder, typed_command
from methexis.cli.staged import Force, Json
from methexis.text import json_text

if TYPE_CHECKING:
    from methexis.representations import Representations

#: The file of maps beside a report.
MAPS = "maps.npz"


def translate(
    first: Annotated[str, typer.Argument(metavar="A", help="File or folder of representations.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another, of the same samples.")],
    layer_a: Annotated[
        str | None, typer.Option(help="The layer of A, where it has several: a name or a pattern.")
    ] = None,
    layer_b: Annotated[
        str | None, typer.Option(help="The layer of B, where it has several: a name or a pattern.")
    ] = None,
    map_: Annotated[str, typer.Option("--map", help="auto, rotation, scaled or linear.")] = "auto",
    ridge: Annotated[
        float | None,
        typer.Option(help="Ridge, in units of the mean variance. [default: chosen as well]"),
    ] = None,
    preprocessing: Preprocessing = "none",
    pool: Pool = None,
    mask: Mask = None,
    seed: Annotated[int, typer.Option(help="Of the folds and of the controls.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for report, data and maps. [default: methexis-translate-A-B]"),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Translate between two representations, and say what that is worth on unseen samples.

    A and B hold features (num_samples, num_features) of the same samples in the same order, as
    .npy, .npz, .safetensors, .parquet, zarr, a saved run, or a folder of such: every file a layer.
    The maps are written to maps.npz, which mx.open_translation reads.

    Example: methexis translate old.npy new.npy --out migration
    """
    began = time.perf_counter()
    with user_errors(memory_hint="give fewer samples, or layers with fewer features"):
        settings = transport.TranslateSettings(
            map=map_, ridge=ridge, preprocessing=preprocessing, seed=seed
        )
        masks = by_side(mask)

        def opened(path: str, side: str) -> Representations:
            return representations.load(path, pool=pool, seed=seed, mask=masks.get(side))

        a, b = opened(first, "A"), opened(second, "B")
        folder = default_folder(first, second, verb="translate") if out is None else out
        line = LiveLine()

        def show(what: str, done: int, total: int) -> None:
            line(f"translate: {what}, {done:,} of {total:,}", ended=done >= total)

        with prepared(folder, force=force):
            result = transport.run_translate(
                a, b, settings, layers=(layer_a, layer_b), command=typed_command(), show=show
            )
            fill(
                folder,
                json_text(result.summary()),
                lambda staged: report.write_translate_report(result, staged),
                lambda staged: result.translation.save(staged / MAPS),
            )
        if as_json:
            print_json(result.summary())
        else:
            report.print_translate(result, folder, time.perf_counter() - began)
