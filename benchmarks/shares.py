"""Where the time of a verb goes: steps, measuring, prediction, report.

``python -m benchmarks.shares [VERB …]`` runs each verb in a process of its own, with its default
of a quick look, and looks at the stack of its main thread every few milliseconds. A moment counts
for the outermost function on the stack that lies in one of the `PARTS`; so what a record asks of
the theory is measuring, not prediction. Nothing of the package is changed for it: with another
checkout on PYTHONPATH the same is told of that one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from benchmarks.machine import machine
from benchmarks.terminal import table, wide_console

#: Folders of the package by what is done there.
PARTS = {
    "steps": ("methexis/training/engines/", "methexis/scenarios/irreversibility/walk.py"),
    "measuring": ("methexis/training/records/", "methexis/scenarios/sharpening/curvature"),
    "prediction": ("methexis/theory/",),
    "report": ("methexis/report/", "methexis/plots/"),
    "import": ("importlib._bootstrap",),
}
REST = "rest"

#: Verbs as they are typed; ``--out`` is added.
VERBS = {
    "verify": ("verify",),
    "verify --easy": ("verify", "--easy"),
    "break sampling": ("break", "sampling", "--quick"),
    "sharpen edge": ("sharpen", "edge", "--quick"),
    "reverse order": ("reverse", "order", "--quick"),
}
#: Seconds between two looks.
INTERVAL = 0.004


def part(frame: FrameType | None) -> str:
    """What a stack is at: the part of the outermost of its functions that lies in one."""
    names = []
    while frame is not None:
        names.append(frame.f_code.co_filename.replace("\\", "/"))
        frame = frame.f_back
    for name in reversed(names):
        for what, places in PARTS.items():
            if any(place in name for place in places):
                return what
    return REST


class Watch:
    """Seconds of a thread by what it is at, within ``with``."""

    def __init__(self, thread: int) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._thread, self._over = thread, threading.Event()
        self._watcher = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def _run(self) -> None:
        last = time.perf_counter()
        while not self._over.wait(INTERVAL):
            now = time.perf_counter()
            self.seconds[part(sys._current_frames().get(self._thread))] += now - last
            last = now


def watched(words: Sequence[str]) -> dict[str, float]:
    """Run a verb here, and return its seconds by part, with their sum as ``total``."""
    began = time.perf_counter()
    with Watch(threading.get_ident()) as watch, tempfile.TemporaryDirectory() as folder:
        from methexis.cli import main  # noqa: PLC0415 -- its import is felt too

        sys.argv = ["methexis", *words, "--out", str(Path(folder) / "out")]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main()
    return dict(watch.seconds) | {"total": time.perf_counter() - began}


def measured(verb: str) -> dict[str, float]:
    """The same in a process of its own, by the verb's name."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.shares", "--here", verb],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"shares: {verb} failed: {done.stderr.strip().splitlines()[-1]}")
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shares", description=__doc__)
    parser.add_argument("verbs", nargs="*", help=f"of {', '.join(VERBS)}; all by default")
    parser.add_argument("--here", choices=list(VERBS), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.here:
        print(json.dumps(watched(VERBS[chosen.here])))
        return
    if unknown := set(chosen.verbs) - set(VERBS):
        parser.error(f"verbs: expected some of {', '.join(VERBS)}, got {', '.join(unknown)}")
    console = wide_console()
    here = machine()
    console.print(f"\n{here['processor']}, {here['cores']} cores, {here['system']}")
    rows = table("[bold]verb[/bold]", "s", *PARTS, REST)
    for verb in chosen.verbs or VERBS:
        seconds = measured(verb)
        shares = (seconds.get(what, 0.0) / seconds["total"] for what in (*PARTS, REST))
        rows.add_row(verb, f"{seconds['total']:.1f}", *(f"{share:.0%}" for share in shares))
    console.print(rows)


if __name__ == "__main__":
    main()
