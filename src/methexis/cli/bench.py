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

#: Name of the result in the folder that --out names.
RESULT = "bench.json"


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
        if out is not None:
            if out.exists() and not out.is_dir():
                raise MethexisError(f"out: expected a folder, got the file {out}")
            out.mkdir(parents=True, exist_ok=True)
        result = benchmarks.run_bench(settings, announce=announcer())
        summary = json.dumps(result.summary(), indent=1)
        if out is not None:
            (out / RESULT).write_text(summary + "\n", encoding="utf-8")
        if as_json:
            sys.stdout.write(summary + "\n")
        else:
            report.print_bench(result, out and out / RESULT)
