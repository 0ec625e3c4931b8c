"""What commands of two sides share: options that tell what A and B hold, masks, the folder's name.

`compare`, `explain` and `translate` read representations of the same samples. What is said of one
side is ``A=FILE`` or ``B=FILE``, and without a letter it is said of both.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from methexis.cli.folders import bare, short

#: Options that several of these commands have, word for word.
Layers = Annotated[str | None, typer.Option(help="Pattern of the layers to take: 'block*'.")]
Preprocessing = Annotated[
    str,
    typer.Option(help="none; prh: clip at the 95 % quantile, rows of length one; prh_rows."),
]
Pool = Annotated[
    str | None,
    typer.Option(
        help="Arrays with tokens: mean, first, last, each (a layer), flatten; of convolutions: "
        "spatial (channels first), spatial_last."
    ),
]
Mask = Annotated[
    list[str] | None,
    typer.Option(
        help=".npy of the real tokens: 1 or 0 (samples, tokens), or lengths (samples,); of one "
        "side A=FILE or B=FILE. none: all are real."
    ),
]


def by_side(words: Sequence[str] | None) -> dict[str, str]:
    """What is given for each side; the last word that speaks of a side counts.

    Examples
    --------
    >>> by_side(["tokens.npy", "B=none"])
    {'A': 'tokens.npy', 'B': 'none'}
    """
    given: dict[str, str] = {}
    for word in words or []:
        side, equals, path = word.partition("=")
        given |= {side: path} if equals and side in {"A", "B"} else {"A": word, "B": word}
    return given


def default_folder(first: str, second: str | None, *, verb: str = "compare") -> Path:
    """The default folder, named after both; with their parents where the names are equal."""
    paths = [Path(path).resolve() for path in (first, second) if path is not None]
    names = [bare(path.name) for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}-{name}" for path, name in zip(paths, names, strict=True)]
    return Path("-".join([f"methexis-{verb}", *(short(name) for name in names)]))


def typed_command() -> str:
    """The command as it was typed, without what tells only where results go."""
    words, kept = sys.argv[1:], ["methexis"]
    skip = False
    for word in words:
        if skip or word in {"--force", "--json"} or word.startswith("--out="):
            skip = False
            continue
        if word == "--out":
            skip = True
            continue
        kept.append(word)
    return shlex.join(kept)
