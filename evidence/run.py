"""Run the experiments: ``python -m evidence.run [--only NAME] [--quick] [--out DIR]``."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from evidence.outcome import RESULTS, say, summary, to_json, write
from evidence.registry import EXPERIMENTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write; 0 if every experiment that ends in a verdict agrees with theory, else 1."""
    parser = argparse.ArgumentParser(prog="python -m evidence.run", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(EXPERIMENTS), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="reduced runs, without extrapolation")
    parser.add_argument("--out", type=Path, help="folder for the JSON files")
    chosen = parser.parse_args(arguments)
    if chosen.out is not None:
        folder = chosen.out
    elif chosen.quick:  # reduced runs never overwrite the committed ones
        folder = Path(tempfile.mkdtemp(prefix="evidence-"))
    else:
        folder = RESULTS
    agreed = True
    for name in chosen.only or EXPERIMENTS:
        experiment = EXPERIMENTS[name]
        say(f"{name}: {experiment.title}")
        began = time.monotonic()
        outcome = experiment.run(chosen.quick)
        seconds = time.monotonic() - began
        found = to_json(experiment, outcome, quick=chosen.quick, wall_seconds=seconds)
        path = write(found, folder)
        say("\n".join(summary(found)))
        say(f"{name}: {seconds:.0f} s, written to {path}")
        agreed &= found["agrees"] is not False
    return 0 if agreed else 1


if __name__ == "__main__":
    raise SystemExit(main())
