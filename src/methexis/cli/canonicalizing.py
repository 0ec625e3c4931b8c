"""``methexis canonicalize``: a model in canonical gauge, as a new file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from methexis import probes
from methexis.cli.errors import print_json, user_errors
from methexis.cli.models import Batch, Tokenizer
from methexis.cli.progress import LiveLine
from methexis.cli.staged import Json


def canonicalize(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Folder of a Hugging Face model, TorchScript (.pt, .jit), or "
            "package.module:function that returns a model.",
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Text with a sample per line, .npy with a sample per row, or a folder of images.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The new file, NAME.safetensors.")],
    by: Annotated[
        str,
        typer.Option(
            help="norm (of weights; data only prove) or activations (whitened). Gradients need a "
            "loss: mx.canonicalize."
        ),
    ] = "norm",
    sweeps: Annotated[int, typer.Option(help="Over all interfaces, at most.")] = 20,
    sample: Annotated[int, typer.Option(help="How many samples to draw.")] = 64,
    batch: Batch = 32,
    tokenizer: Tokenizer = None,
    seed: Annotated[int, typer.Option(help="Of the draw, and of what proves.")] = 0,
    as_json: Json = False,
) -> None:
    """Bring a model to the gauge in which its interfaces are balanced; the function stays.

    Wherever one map of a model writes what another reads, coordinates can be changed without
    changing outputs. Of all such changes the one is taken after which both sides are balanced. That
    outputs stay is proved on the samples. The file has all arrays of the model under their names,
    in its own type, and is never written over an old one.

    Example: methexis canonicalize my-encoder/ texts.txt --out balanced.safetensors
    """
    with user_errors(memory_hint="give a smaller --sample"):
        asked = probes.Asked(
            model=model, data=data, batch_size=batch, sample=sample, tokenizer=tokenizer, seed=seed
        )
        line = LiveLine()

        def show(what: str, done: int, total: int) -> None:
            line(f"canonicalize: {what}, {done} of at most {total}", ended=False)

        made = probes.run_canonicalize(asked, out, by=by, sweeps=sweeps, progress=show)
        line.wipe()
        if as_json:
            print_json(made.summary() | {"out": str(out)})
            return
        typer.echo(made.sentence)
        for one in made.interfaces:
            typer.echo(f"  {one.name}: {one.group} of {one.size}, gap {one.gaps[0]:.1e} to "
                       f"{one.gaps[-1]:.1e}")  # fmt: skip
        for name, why in made.left.items():
            typer.echo(f"left alone: {name}: {why}")
        for note in made.notes:
            typer.echo(f"note: {note}")
        typer.echo(f"weights: {out}")
