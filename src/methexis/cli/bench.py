"""``methexis bench``: how fast the engines are, beside their peers and the machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from methexis import bench as benchmarks
from methexis import report
from methexis.cli.errors import user_errors
from methexis.cli.progress import announcer
from methexis.errors import MethexisError

bench = typer.Typer(
    name="bench", help="Measure speed, beside peers and the machine.", no_args_is_help=True
)

#: Names of the results in the folder that --out names.
RESULT = "bench.json"
MEASURES_RESULT = "measures.json"


@bench.callback()
def _verbs() -> None:
    """Measure speed, beside peers and the machine.

    Example: methexis bench engine --quick
    """


@bench.command()
def engine(
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer points, variants and rounds.")
    ] = False,
    dtype: Annotated[str, typer.Option(help="Precision: float64, float32 or both.")] = "float64",
    threads: Annotated[
        int | None, typer.Option(help="Threads of every peer. [default: all cores]")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Interleaved rounds. [default: 7, or 3 with --quick]")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Seconds of a measurement. [default: 0.3, or 0.1 with --quick]"),
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(help="Interpreter of the peers. [default: of build/bench, else this one]"),
    ] = None,
    peers: Annotated[bool, typer.Option(help="Measure JAX and PyTorch too.")] = True,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {RESULT}.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Time the engines, JAX and PyTorch at the same steps; threads, scaling, ceilings.

    All peers take the same SGD steps, random numbers included, in processes of their own, one after
    the other in interleaved rounds. JAX and PyTorch are measured where they are installed: `make
    bench` in the source tree does it, or pip install -r requirements/bench.txt. The problems are
    fixed; nothing depends on a seed.

    Example: methexis bench engine --quick --out my-bench
    """
    with user_errors():
        settings = benchmarks.BenchSettings(
            quick=quick,
            dtype=dtype,
            threads=threads,
            rounds=rounds,
            seconds=seconds,
            python=python,
            peers=peers,
        )
        _folder(out)
        result = benchmarks.run_bench(settings, announce=announcer())
        summary = json.dumps(result.summary(), indent=1)
        if out is not None:
            (out / RESULT).write_text(summary + "\n", encoding="utf-8")
        if as_json:
            sys.stdout.write(summary + "\n")
        else:
            report.print_bench(result, out and out / RESULT)


@bench.command()
def measures(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small grids, one round, a small file.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(help="Threads of every peer. [default: all cores]")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Interleaved rounds. [default: 3, or 1 with --quick]")
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(
            help="Interpreter of the peers. [default: of build/bench-measures, else this one]"
        ),
    ] = None,
    peers: Annotated[bool, typer.Option(help="Measure other packages too.")] = True,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {MEASURES_RESULT}.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Compare the measures with other packages: the same numbers, how fast, how much memory.

    Grids of 32 x 32 layers with 4096 samples and 1024 features; peers that take pairs one by one
    are timed on some and counted up. `make bench-measures` in the source tree installs the peers.
    Data are fixed; nothing depends on a seed.

    Example: methexis bench measures --quick --out my-bench
    """
    with user_errors():
        settings = benchmarks.MeasuresSettings(
            quick=quick, threads=threads, rounds=rounds, python=python, peers=peers
        )
        _folder(out)
        result = benchmarks.run_measures(settings, announce=announcer())
        summary = json.dumps(result.summary(), indent=1)
        if out is not None:
            (out / MEASURES_RESULT).write_text(summary + "\n", encoding="utf-8")
        if as_json:
            sys.stdout.write(summary + "\n")
        else:
            report.print_measures_bench(result, out and out / MEASURES_RESULT)


def _folder(out: Path | None) -> None:
    if out is not None:
        if out.exists() and not out.is_dir():
            raise MethexisError(f"out: expected a folder, got the file {out}")
        out.mkdir(parents=True, exist_ok=True)
