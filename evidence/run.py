"""Run the experiments: ``python -m evidence.run [--only NAME] [--quick] [--out DIR]``."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from evidence.crew import add_options, share_out
from evidence.outcome import RESULTS, say, summary, to_json, write
from evidence.registry import EXPERIMENTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write; 0 if every experiment that ends in a verdict agrees with theory, else 1."""
    parser = argparse.ArgumentParser(prog="python -m evidence.run", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(EXPERIMENTS), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="reduced runs, without extrapolation")
    parser.add_argument("--out", type=Path, help="folder for the JSON files")
    add_options(parser)
    chosen = parser.parse_args(arguments)
    if chosen.out is not None:
        folder = chosen.out
    elif chosen.quick:  # reduced runs never overwrite the committed ones
        folder = Path(tempfile.mkdtemp(prefix="evidence-"))
    else:
        folder = RESULTS
    parts = [(name, chosen.quick, folder) for name in chosen.only or EXPERIMENTS]
    return 0 if all(share_out(chosen, run_one, parts)) else 1


def run_one(name: str, quick: bool, folder: Path) -> bool:
    """Run one experiment and write its file; whether it agrees with theory, where it says."""
    experiment = EXPERIMENTS[name]
    say(f"{name}: {experiment.title}")
    began = time.monotonic()
    outcome = experiment.run(quick)
    seconds = time.monotonic() - began
    content = to_json(experiment, outcome, quick=quick, wall_seconds=seconds)
    path = write(content, folder)
    say("\n".join(summary(content)))
    say(f"{name}: {seconds:.0f} s, written to {path}")
    return content["agrees"] is not False


if __name__ == "__main__":
    raise SystemExit(main())
