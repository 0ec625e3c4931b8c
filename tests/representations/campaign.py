"""Damage files of every format by the thousand and count what becomes of them.

``python -m tests.representations.campaign --count 5000``

Each batch runs in a process of its own, with six gigabytes and a deadline per file: a crash,
a bomb or a hang of a library is counted, not suffered. Seeds are fixed, so that a case named in the
output is made again by its format and number.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import signal
import tempfile
import warnings
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from tests.representations.damage import FORMATS, damaged, outcome, random_edits, victims

#: Seconds for one file, bytes of memory for a process, files for each.
DEADLINE, MEMORY, BATCH = 20, 6 << 30, 100


def one(name: str, number: int, folder: Path) -> str:
    """What becomes of one damaged file."""
    path = FORMATS[name].write(folder)
    rng = random.Random(f"{name} {number}")
    files = victims(path)
    victim = rng.choice(files)
    victim.write_bytes(damaged(victim.read_bytes(), random_edits(rng)))
    return outcome(path)


def _batch(name: str, numbers: range, send: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            signal.alarm(DEADLINE)
            found = one(name, number, Path(folder))
            signal.alarm(0)
        send.send((number, found))


def campaign(name: str, count: int) -> tuple[Counter[str], list[str]]:
    """Outcomes of one format by kind, and the cases that are faults."""
    counts: Counter[str] = Counter()
    faults: list[str] = []
    context = multiprocessing.get_context("fork")
    number = 0
    while number < count:
        receive, send = context.Pipe(duplex=False)
        numbers = range(number, min(number + BATCH, count))
        process = context.Process(target=_batch, args=(name, numbers, send))
        process.start()
        send.close()
        while True:
            try:
                number, found = receive.recv()
            except EOFError:
                break
            number += 1
            counts[found.split(":")[0]] += 1
            fault = found.startswith(("raw", "refused in"))
            if fault or (found == "other numbers" and FORMATS[name].checked):
                faults.append(f"{name} {number - 1}: {found}")
        process.join()
        if process.exitcode:
            counts[f"ended by {process.exitcode}"] += 1
            faults.append(f"{name} {number}: process ended by {process.exitcode}")
            number += 1
    return counts, faults


def main() -> None:
    """Print the outcomes of all formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--only", choices=FORMATS)
    options = parser.parse_args()
    everything = []
    for name in FORMATS if options.only is None else [options.only]:
        counts, faults = campaign(name, options.count)
        told = ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items()))
        print(f"{name}: {told}", flush=True)
        everything += faults
    print(*everything, sep="\n")
    raise SystemExit(bool(everything))


if __name__ == "__main__":
    main()
