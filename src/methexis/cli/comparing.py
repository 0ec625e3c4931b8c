"""``methexis compare``: how aligned two models are, with what it takes to believe it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from methexis import report, representations, scenarios
from methexis.cli.errors import print_json, user_errors
from methexis.cli.folders import fill, prepared
from methexis.cli.progress import Clock, LiveLine
from methexis.cli.sides import Layers, by_side, default_folder, typed_command
from methexis.cli.staged import Force, Json
from methexis.errors import MethexisError
from methexis.text import json_text

if TYPE_CHECKING:
    from methexis.representations import Representations
    from methexis.scenarios.comparing import Step

#: Seconds beyond which the time that a measure takes is told before it begins.
_LONG = 30.0


def compare(
    first: Annotated[
        str | None,
        typer.Argument(metavar="A", help="File or folder of representations.", show_default=False),
    ] = None,
    second: Annotated[
        str | None,
        typer.Argument(metavar="B", help="Another one, of the same samples.", show_default=False),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            "--measure",
            "-m",
            help="A measure, with options behind a colon: mutual_knn:k=20. May be repeated. "
            "[default: cka:debiased=true and mutual_knn; rsa with --rdm]",
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of every measure that has it: k=20."),
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="List the measures.")] = False,
    preprocessing: Annotated[
        str,
        typer.Option(
            help="Steps before: none; prh, which clips at the 95 % quantile and scales rows to "
            "length one; prh_rows, which clips at the mean of the rows' quantiles."
        ),
    ] = "none",
    pool: Annotated[
        str | None,
        typer.Option(
            help="How arrays with tokens become rows: mean, first, last, each (a layer) or "
            "flatten; those of convolutions: spatial (channels first) or spatial_last."
        ),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            help=".npy that tells real tokens from padding: 1 or 0 (samples, tokens), or lengths "
            "(samples,). For one side: A=FILE or B=FILE; none: all tokens are real."
        ),
    ] = None,
    layers: Layers = None,
    rdm: Annotated[
        str | None,
        typer.Option(help="Sides that hold dissimilarities of samples, not features: A, B or AB."),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            help="What scores are read against: name=PATH, such as untrained=PATH, with the layers "
            "of B (or of A, or one for all); or random, features with the spectrum of A. May be "
            "repeated."
        ),
    ] = None,
    repeat: Annotated[
        list[str] | None,
        typer.Option(
            help="A repetition of A, such as a trial, a run or a session, with the layers of A; "
            "give two or more, and halves of them are the ceiling."
        ),
    ] = None,
    no_references: Annotated[
        bool,
        typer.Option(
            "--no-references",
            help="Leave out the untrained twin that a store of methexis probe names.",
        ),
    ] = False,
    inputs: Annotated[
        Path | None,
        typer.Option(help="File with inputs for saved runs. [default: drawn by the run's teacher]"),
    ] = None,
    replica: Annotated[int, typer.Option(help="Replica of saved runs to compare.")] = 0,
    null: Annotated[
        str,
        typer.Option(
            help="Where chance is from: auto (moments if known), moments, permutation, none."
        ),
    ] = "auto",
    correction: Annotated[
        str, typer.Option(help="How p is corrected for the number of pairs: max (search) or holm.")
    ] = "max",
    permutations: Annotated[
        int | None,
        typer.Option(
            help="Number of orders drawn, and scored whole. [default: 199 to 999, as time has]"
        ),
    ] = None,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            help="Number of resamples for the interval of a single pair; 0: none. [default: 999, "
            "or the jackknife where they take long]"
        ),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Level of significance, after correction.")] = 0.05,
    memory: Annotated[
        str | None,
        typer.Option(
            help="Most memory to take; beyond it, rows are read in one pass by measures that can. "
            "[default: 4 GiB]"
        ),
    ] = None,
    items: Annotated[
        list[str] | None,
        typer.Option(
            help="Which item each row belongs to, where items have several rows, as images have "
            "captions: A=FILE or B=FILE, lines of text or .npy. Rows of a side without a file are "
            "items 0, 1, …"
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            help="Compare so many of the samples, drawn at random by the seed; the same rows of "
            "everything. [default: all]"
        ),
    ] = None,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve",
            help="Seek the most aligned pair at a half, a quarter and an eighth of the samples "
            "too, corrected for the search at each.",
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Seed of all that is drawn: permutations, bootstrap, inputs, rows.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for report and data. [default: methexis-compare-A-B]"),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compare representations: how aligned, between which levels, where, and how sure.

    A and B hold features (num_samples, num_features) of the same samples in the same order, as
    .npy, .npz, .safetensors, .parquet, .h5, .mat, .pt, zarr, a saved run, or a folder of these, in
    which every file is a layer. Without B, the layers of A are compared with each other.

    Example: methexis compare model-a/ model-b/ -m cka:debiased=true -m mutual_knn:k=20
    """
    began = time.perf_counter()
    with user_errors(memory_hint="give a smaller --memory, or fewer samples"):
        if names:
            _list(as_json=as_json)
            return
        if first is None:
            raise MethexisError("A: expected a file or folder of representations, got none")
        if rdm not in {None, "A", "B", "AB"}:
            raise MethexisError(f"rdm: expected A, B or AB, got {rdm!r}")
        wanted = measure or list(scenarios.DEFAULT_MEASURES if rdm is None else ("rsa",))
        settings = scenarios.CompareSettings(
            measures=tuple(scenarios.measures_named(wanted, option or [])),
            preprocessing=preprocessing,
            null=null,
            correction=correction,
            num_permutations=permutations,
            num_bootstrap=bootstrap,
            alpha=alpha,
            seed=seed,
            memory=memory,
            sample=sample,
            curve=curve,
        )

        masks, labels = by_side(mask), by_side(items)

        def opened(path: str, side: str) -> Representations:
            try:
                return representations.load(
                    path,
                    pool=pool,
                    layers=layers,
                    inputs=inputs,
                    replica=replica,
                    seed=seed,
                    dissimilarities=side in (rdm or ""),
                    mask=masks.get(side),
                ).read()
            except MethexisError as error:
                raise MethexisError(f"{error}{_models_inside(Path(path))}") from None

        a = opened(first, "A")
        b = None if second is None else opened(second, "B")
        side = "A" if b is None else "B"
        references = {
            name: path if path == "random" else opened(path, side)
            for name, path in map(_reference, reference or [])
        }
        if not (no_references or labels) and "untrained" not in references:
            references |= _untrained(a if b is None else b, opened, side)
        repeats = [opened(path, "A") for path in repeat or []]
        folder = default_folder(first, second) if out is None else out
        with prepared(folder, force=force):
            line = LiveLine()
            with Clock(line) as clock:
                result = scenarios.run_compare(
                    a,
                    b,
                    settings,
                    references=references,
                    repeats=repeats,
                    items=labels,
                    command=typed_command(),
                    show=_teller(line, clock),
                )
            summary = json_text(result.summary())
            fill(folder, summary, lambda staged: report.write_compare_report(result, staged))
        if as_json:
            print_json(result.summary())
        else:
            report.print_compare(result, folder, time.perf_counter() - began)


def _reference(word: str) -> tuple[str, str]:
    """Name and path of what scores are read against."""
    if word == "random":
        return "random features", "random"
    name, equals, path = word.partition("=")
    if not (equals and name.strip() and path):
        raise MethexisError(
            f"reference: expected name=PATH, such as untrained=DIR, or random, got {word!r}"
        )
    return name.strip(), path


def _untrained(
    model: Representations, opened: Callable[[str, str], Representations], side: str
) -> dict[str, Representations]:
    """The untrained twin that a store names, if it is the one with which the store was written.

    Raises
    ------
    MethexisError
        If another store lies where the twin was.
    """
    about = model.about.get("untrained")
    if about is None:
        return {}
    path = Path(model.path).parent / about["store"]
    if not path.exists():
        typer.echo(
            f"... {side}: its untrained twin, {path}, is not there any more; no level is read from "
            "it",
            err=True,
        )
        return {}
    twin = opened(str(path), side)
    if twin.about.get("model", {}).get("fingerprint") != about["fingerprint"]:
        raise MethexisError(
            f"untrained: expected the twin with which {model.path} was probed at {path}, got "
            "another model; probe again, or give --no-references"
        )
    typer.echo(f"... {side}: read against its untrained twin, {path}", err=True)
    return {"untrained": twin}


def _list(*, as_json: bool) -> None:
    measures = scenarios.listed_measures()
    if as_json:
        print_json(measures)
        return
    for one in measures:
        typer.echo(_line(one))


def _line(one: dict[str, Any]) -> str:
    low, high = (f"{bound:g}" for bound in one["range"])
    options = ", ".join(f"{k}={str(v).lower()}" for k, v in one["options"].items())
    parts = [f"{one['title']}", f"{low} to {high}", "unchanged by " + ", ".join(one["invariances"])]
    return f"{one['name']}: " + "; ".join(parts) + (f"; options {options}" if options else "")


def _models_inside(path: Path) -> str:
    """How to compare the models in a folder that holds models, not layers, as a hint."""
    if not path.is_dir():
        return ""
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    for model in inside[:2]:
        try:
            representations.load(model)
        except MethexisError:
            return ""
    if len(inside) < 2:
        return ""
    return f"; for its models: methexis compare {shlex.join(str(p) for p in inside[:2])}"


def _teller(line: LiveLine, clock: Clock) -> Callable[[Step], None]:
    def tell(step: Step) -> None:
        if not step.total:
            typer.echo(f"... {step.measure}: {step.what}", err=True)
            long = step.seconds >= _LONG
            clock.begin(f"{step.measure}: of {step.duration}" if long else "")
            return
        clock.end()
        text = f"{step.measure}: {step.what}, {step.done:,} of {step.total:,}"
        line(text, ended=step.done >= step.total)

    return tell
