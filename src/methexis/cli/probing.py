"""``methexis probe``: what the layers of a model make of many samples, as a store to compare."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from methexis import probes
from methexis.cli.errors import print_json, user_errors
from methexis.cli.folders import bare, short
from methexis.cli.models import Batch, Tokenizer
from methexis.cli.staged import Force, Json
from methexis.errors import MethexisError

if TYPE_CHECKING:
    from methexis.probes import LayerList
    from methexis.representations import Representations


def probe(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... DATA",
            help="MODEL: folder of a Hugging Face model, TorchScript (.pt, .jit), .onnx, or "
            "package.module:function that returns a model. DATA: text with a sample per line, .npy "
            "with a sample per row, or a folder of images.",
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
    batch: Batch = 32,
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
    tokenizer: Tokenizer = None,
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
    """Probe models: their layers over many samples, in one pass, proved and stored.

    The axis of samples is found by running a few of them in another order and number; layers that
    depend on neighbours in the batch, on chance or on padding are left out, with the reason. What
    was interrupted goes on where it was with the same command.

    Example: methexis probe my-encoder/ texts.txt --layers 'encoder.layer.*' --out encoder.zarr
    """
    with user_errors(
        lambda: "; the same command goes on from there", memory_hint="give a smaller --batch"
    ):
        *words, data = models
        if not words:
            raise MethexisError(
                f"MODEL... DATA: expected a model, or several, and data, got {data!r} alone"
            )
        if out is not None and len(words) > 1:
            raise MethexisError(
                "out: expected one model for one store, got several; leave --out, and each has a "
                "name of its own"
            )
        common = probes.Asked(
            model=words[0],
            data=Path(data),
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
        asked = [replace(common, model=word) for word in words]
        if names:
            _list([probes.run_list(one) for one in asked], as_json=as_json)
            return
        targets = [_default(one.model, one.data) if out is None else out for one in asked]
        if len(set(targets)) < len(targets):
            raise MethexisError("MODEL: expected models of different names, got two of one")
        stores = []
        for one, target in zip(asked, targets, strict=True):
            store = probes.run_probe(one, target, untrained=untrained, force=force, progress=True)
            stores.append(store)
            if not as_json:
                _print(store, target)
        if as_json:
            told = [store.described() for store in stores]
            print_json(told[0] if len(told) == 1 else told)
        elif len(targets) > 1:
            typer.echo(f"next: methexis compare {shlex.join(map(str, targets[:2]))}")


def _list(models: Sequence[LayerList], *, as_json: bool) -> None:
    if as_json:
        told = [
            {"model": one.model, "layers": [output.described() for output in one]} for one in models
        ]
        print_json(told[0] if len(told) == 1 else told)
        return
    for one in models:
        typer.echo(f"{one.model}:")
        rows = [
            ("*" if output.usual else " ", output.name, output.type, output.size, output.refused)
            for output in one
        ]
        wide = [max((len(row[k]) for row in rows), default=0) for k in range(4)]
        for mark, name, kind, size, why in rows:
            text = f"{mark} {name:{wide[1]}}  {kind:{wide[2]}}  {size:{wide[3]}}"
            typer.echo((f"{text}  {why}" if why else text).rstrip())
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


def _default(model: str, data: Path) -> Path:
    name = model.rpartition(":")[2] if ":" in model else Path(model).absolute().name
    if not name:
        raise MethexisError(f"MODEL: expected a model, got {model!r}")
    stem = Path(name).stem if Path(name).suffix in {".pt", ".jit", ".onnx"} else name
    return Path(f"{short(bare(stem))}-{short(Path(bare(data.absolute().name)).stem)}.zarr")
