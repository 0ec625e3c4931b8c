"""``methexis probe``: what the layers of a model make of many samples, as a store to compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from methexis import probes
from methexis.cli.errors import print_json, user_errors
from methexis.cli.folders import bare, short
from methexis.cli.staged import Force, Json
from methexis.errors import MethexisError

if TYPE_CHECKING:
    from methexis.representations import Representations


def probe(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Folder of a Hugging Face model, TorchScript (.pt, .jit), .onnx, or "
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
    layers: Annotated[
        str | None,
        typer.Option(
            help="Pattern of layers: 'encoder.layer.*'; * stops at dots, ** does not. "
            "[default: the members of the outermost lists of modules]",
            show_default=False,
        ),
    ] = None,
    names: Annotated[
        bool, typer.Option("--list", help="List layers with types and shapes, and probe nothing.")
    ] = False,
    pool: Annotated[
        str,
        typer.Option(
            help="Over tokens or pixels: mean, first, last, max, each (a layer), flatten, spatial "
            "(channels first), spatial_last."
        ),
    ] = "mean",
    tokens: Annotated[int, typer.Option(help="Positions that are layers with --pool each.")] = 16,
    batch: Annotated[int, typer.Option("--batch", help="Samples of a batch.")] = 32,
    sample: Annotated[
        int | None,
        typer.Option(help="How many samples to draw. [default: all]", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw, and of fresh weights.")] = 0,
    untrained: Annotated[
        bool,
        typer.Option(
            "--untrained",
            help="Also probe the architecture with fresh weights, into a second store that compare "
            "takes as the level untrained.",
        ),
    ] = False,
    ids: Annotated[
        Path | None,
        typer.Option(
            help="Text with a name per line for every sample, by which stores find each other. "
            "[default: what the samples are]",
            show_default=False,
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="Folder with a tokenizer of transformers, for models that come without one.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of images, in pixels. [default: what the model says, else 224]"),
    ] = None,
    length: Annotated[
        int | None, typer.Option(help="Most tokens of a text. [default: what the model takes]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The store. [default: MODEL-DATA.zarr]", show_default=False),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Probe a model: its layers over many samples, in one pass, proved and stored.

    The axis of samples is found by running a few of them in another order and number; layers that
    depend on neighbours in the batch, on chance or on padding are left out, with the reason. What
    was interrupted goes on where it was with the same command.

    Example: methexis probe my-encoder/ texts.txt --layers 'encoder.layer.*' --out encoder.zarr
    """
    with user_errors(memory_hint="give a smaller --batch"):
        asked = probes.Asked(
            model=model,
            data=data,
            layers=layers,
            pool=pool,
            tokens=tokens,
            batch_size=batch,
            sample=sample,
            seed=seed,
            ids=ids,
            tokenizer=tokenizer,
            size=size,
            length=length,
        )
        if names:
            _list(asked, as_json=as_json)
            return
        target = _default(model, data) if out is None else out
        store = probes.run_probe(asked, target, untrained=untrained, force=force, progress=True)
        if as_json:
            print_json(store.described())
        else:
            _print(store, target)


def _list(asked: Any, *, as_json: bool) -> None:
    found = probes.run_list(asked)
    if as_json:
        print_json({"model": found.model, "layers": [one.described() for one in found]})
        return
    rows = [
        ("* " if one.usual else "  ", one.name, one.type, probes.shape_text(one.shape), one.refused)
        for one in found
    ]
    wide = [max((len(row[k]) for row in rows), default=0) for k in range(4)]
    for mark, name, kind, shape, refused in rows:
        text = f"{mark}{name:{wide[1]}}  {kind:{wide[2]}}  {shape:{wide[3]}}"
        typer.echo((f"{text}  {refused}" if refused else text).rstrip())
    typer.echo("* taken where no --layers are given")


def _print(store: Representations, target: Path) -> None:
    about = store.about
    typer.echo(
        f"{about['model']['name']}: {len(store)} layers of {store.num_samples:,} samples, known by "
        f"{about['names']}, in {target}"
    )
    for layer in store:
        notes = f"  ({'; '.join(layer.notes)})" if layer.notes else ""
        typer.echo(f"  {layer.name}: {layer.shape[1]} features{notes}")
    for note in about["notes"]:
        typer.echo(f"note: {note}")
    for one in store.left_out:
        typer.echo(f"left out: {one}")
    if "untrained" in about:
        typer.echo(f"untrained: {about['untrained']['store']}, beside it")
    if sys.stdout.isatty():
        typer.echo(f"next: methexis compare {target} OTHER.zarr")


def _default(model: str, data: Path) -> Path:
    name = model.rpartition(":")[2] if ":" in model else Path(model).resolve().name
    if not name:
        raise MethexisError(f"MODEL: expected a model, got {model!r}")
    stem = Path(name).stem if Path(name).suffix in {".pt", ".jit", ".onnx"} else name
    return Path(f"{short(bare(stem))}-{short(Path(bare(data.resolve().name)).stem)}.zarr")
