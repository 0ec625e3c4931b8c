"""``methexis translate``: maps between two representations, and what they are worth."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from methexis import report, representations, transport
from methexis.cli.errors import print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.progress import Clock, LiveLine
from methexis.cli.sides import Mask, Pool, Preprocessing, by_side, default_folder, typed_command
from methexis.cli.staged import Force, Json
from methexis.errors import MethexisError
from methexis.text import json_text, shown

if TYPE_CHECKING:
    from methexis.representations import Representations

#: The file of maps beside a report.
MAPS = "maps.npz"


class _Way(NamedTuple):
    """With pairs or without: what is asked for, who does it, and who shows what came of it."""

    settings: Any
    run: Callable[..., Any]
    print: Callable[..., None]


def translate(
    first: Annotated[str, typer.Argument(metavar="A", help="File or folder of representations.")],
    second: Annotated[
        str,
        typer.Argument(metavar="B", help="Another, of the same samples (but with --unpaired)."),
    ],
    layer_a: Annotated[
        str | None, typer.Option(help="The layer of A, where it has several: a name or a pattern.")
    ] = None,
    layer_b: Annotated[
        str | None, typer.Option(help="The layer of B, where it has several: a name or a pattern.")
    ] = None,
    unpaired: Annotated[
        bool,
        typer.Option("--unpaired", help="Rows are no pairs: learn from the samples of both alone."),
    ] = False,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            help="With --unpaired: both hold the same samples, in orders that nobody knows.",
        ),
    ] = False,
    pair: Annotated[
        str | None,
        typer.Option(
            metavar="I,J",
            help="With --unpaired: one known pair, a row of A and a row of B, counted from 0.",
        ),
    ] = None,
    map_: Annotated[
        str, typer.Option("--map", help="auto, rotation, scaled or (of pairs) linear.")
    ] = "auto",
    ridge: Annotated[
        float | None,
        typer.Option(
            help="Of pairs: ridge, in units of the mean variance. [default: chosen as well]"
        ),
    ] = None,
    preprocessing: Preprocessing = "none",
    pool: Pool = None,
    mask: Mask = None,
    seed: Annotated[int, typer.Option(help="Of folds, of controls, of what is drawn.")] = 0,
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
    With --unpaired they hold samples of one law, at least 100 each and better thousands, in any
    order. The maps are written to maps.npz, which mx.open_translation reads.

    Example: methexis translate old.npy new.npy --out migration

    Without pairs: methexis translate old.npy new.npy --unpaired --shared
    """
    began = time.perf_counter()
    with user_errors(memory_hint="give fewer samples, or layers with fewer features"):
        common = {"map": map_, "preprocessing": preprocessing, "seed": seed}
        way = (
            _unpaired(common, shared, pair, ridge)
            if unpaired
            else _paired(common, shared, pair, ridge)
        )
        masks = by_side(mask)

        def opened(path: str, side: str) -> Representations:
            return representations.load(path, pool=pool, seed=seed, mask=masks.get(side))

        a, b = opened(first, "A"), opened(second, "B")
        folder = default_folder(first, second, verb="translate") if out is None else out
        line = LiveLine()
        with prepared(folder, force=force):
            with Clock(line) as clock:
                result = way.run(
                    a,
                    b,
                    way.settings,
                    layers=(layer_a, layer_b),
                    command=typed_command(),
                    show=_teller(line, clock),
                )
            fill(
                folder,
                json_text(result.summary()),
                lambda staged: report.write_report(result, staged),
                lambda staged: result.translation.save(staged / MAPS),
            )
        if as_json:
            print_json(result.summary())
        else:
            way.print(result, folder, time.perf_counter() - began)


def _paired(common: dict[str, Any], shared: bool, pair: str | None, ridge: float | None) -> _Way:
    """The way with pairs, to which what is said of rows without them does not apply."""
    for option, given in (("shared", shared), ("pair", pair is not None)):
        if given:
            raise MethexisError(
                f"{option}: expected --unpaired beside it, got none, and without it every row of A "
                "has its partner in the same row of B"
            )
    settings = transport.TranslateSettings(ridge=ridge, **common)
    return _Way(settings, transport.run_translate, report.print_translate)


def _unpaired(common: dict[str, Any], shared: bool, pair: str | None, ridge: float | None) -> _Way:
    """The way without pairs, in which no ridge can be judged."""
    if ridge is not None:
        raise MethexisError(
            f"ridge: expected none with --unpaired, got {ridge:g}; without pairs maps have no ridge"
        )
    if common["map"] == "linear":
        raise MethexisError(
            "map: expected auto, rotation or scaled with --unpaired, got linear, which takes pairs "
            "to learn"
        )
    known = None if pair is None else _pair(pair)
    settings = transport.UnpairedSettings(shared=shared, pair=known, **common)
    return _Way(settings, transport.run_translate_unpaired, report.print_unpaired)


def _pair(given: str) -> tuple[int, int]:
    """The rows of a known pair.

    Examples
    --------
    >>> _pair("12,40")
    (12, 40)
    """
    rows = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", given, re.ASCII)
    if rows is None:
        raise MethexisError(
            f"pair: expected I,J, a row of A and its partner's row of B, counted from 0, got "
            f"{shown(given)}"
        )
    return int(rows[1]), int(rows[2])


def _teller(line: LiveLine, clock: Clock) -> Callable[[str, int, int], None]:
    """What shows how far it is, and between two steps that take long, for how long."""

    def show(what: str, done: int, total: int) -> None:
        text = f"translate: {what}, {done:,} of {total:,}"
        line(text, ended=done >= total)
        clock.begin("" if done >= total else text)

    return show
