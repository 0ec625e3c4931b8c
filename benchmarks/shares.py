"""Where the time of a verb goes: steps, measuring, prediction, report.

``python -m benchmarks.shares [VERB …]`` runs each verb in a process of its own, with its default
of a quick look, and looks at the stack of its main thread every few milliseconds. A moment counts
for the outermost function on the stack that lies in one of the `PARTS`; so what a record asks of
the theory is measuring, not prediction. Nothing of the package is changed for it: with another
checkout on PYTHONPATH the same is told of that one.

``--cpu`` takes the time of the process, all threads together, in place of the clock's, which other
work on the machine changes. ``--save before`` and ``--save after`` keep it in `RESULT`, from which
`benchmarks.render` writes a table of both.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.machine import machine
from benchmarks.markdown import table as table_of_markdown
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
#: Where shares are kept, and of which states of the package.
RESULT = Path("benchmarks") / "results" / "shares.json"
STATES = ("before", "after")

#: Verbs as they are typed; ``--out`` is added.
VERBS = {
    "verify": ("verify",),
    "verify --easy": ("verify", "--easy"),
    "break sampling": ("break", "sampling", "--quick"),
    "sharpen edge": ("sharpen", "edge", "--quick"),
    "reverse order": ("reverse", "order", "--quick"),
}
#: Tells seconds.
Clock = Callable[[], float]
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

    def __init__(self, thread: int, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
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
        last = self._clock()
        while not self._over.wait(INTERVAL):
            now = self._clock()
            self.seconds[part(sys._current_frames().get(self._thread))] += now - last
            last = now


def watched(words: Sequence[str], clock: Clock) -> dict[str, float]:
    """Run a verb here, and return its seconds by part, with their sum as ``total``."""
    began = clock()
    with Watch(threading.get_ident(), clock) as watch, tempfile.TemporaryDirectory() as folder:
        from methexis.cli import main  # noqa: PLC0415 -- its import is felt too

        sys.argv = ["methexis", *words, "--out", str(Path(folder) / "out")]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main()
    return dict(watch.seconds) | {"total": clock() - began}


def measured(verb: str, *, cpu: bool) -> dict[str, float]:
    """The same in a process of its own, by the verb's name."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.shares", "--here", verb, *(["--cpu"] if cpu else [])],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"shares: {verb} failed: {done.stderr.strip().splitlines()[-1]}")
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def section(stored: dict[str, Any]) -> str:
    """The shares that are kept, as a section of docs/benchmarks.md."""
    rows = []
    states = [state for state in STATES if state in stored]
    for verb in VERBS:
        for state in states:
            seconds = stored[state]["verbs"].get(verb)
            if seconds is not None:
                shares = (seconds.get(what, 0.0) / seconds["total"] for what in (*PARTS, REST))
                cells = [f"{share:.0%}" for share in shares]
                rows.append([f"`{verb}`", state, f"{seconds['total']:.1f} s", *cells])
    told = "; ".join(f"{state}: {_told(stored[state])}" for state in states)
    return f"""## Where the time of a verb goes

Written from `benchmarks/results/shares.json`, which
`python -m benchmarks.shares --cpu --save after` writes: seconds of the process, all threads
together, and the share that goes while the main thread is in steps, in measuring at records, in
predictions, in reports and in imports; one run each. Before is the last commit in which costly
quantities were measured at every record and not where they are named or affordable. {told}.

""" + table_of_markdown(["verb", "", "seconds", *PARTS, REST], rows)


def _told(kept: dict[str, Any]) -> str:
    here = kept["machine"]
    return (
        f"{here['processor']}, {here['cores']} cores, load before the run {here['load']:.1f}, "
        f"{kept['commit']}"
    )


def save(state: str, verbs: dict[str, dict[str, float]], commit: str) -> None:
    """Keep the shares of some verbs beside those that are kept already."""
    path = Path(__file__).resolve().parent.parent / RESULT
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known = stored.get(state, {"verbs": {}})["verbs"]
    rounded = {
        verb: {part: round(seconds, 3) for part, seconds in parts.items()}
        for verb, parts in verbs.items()
    }
    stored[state] = {"machine": machine(), "commit": commit, "verbs": known | rounded}
    path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shares", description=__doc__)
    parser.add_argument("verbs", nargs="*", help=f"of {', '.join(VERBS)}; all by default")
    parser.add_argument("--here", choices=list(VERBS), help=argparse.SUPPRESS)
    parser.add_argument("--save", choices=STATES, help=f"keep them in {RESULT}")
    parser.add_argument("--commit", default="this checkout", help="what is kept is told to be of")
    parser.add_argument("--cpu", action="store_true", help="time of the process, not of the clock")
    chosen = parser.parse_args(arguments)
    if chosen.here:
        clock = time.process_time if chosen.cpu else time.perf_counter
        print(json.dumps(watched(VERBS[chosen.here], clock)))
        return
    if chosen.save and not chosen.cpu:
        parser.error(
            "--save: expected --cpu too, because other work on the machine changes a clock"
        )
    if unknown := set(chosen.verbs) - set(VERBS):
        parser.error(f"verbs: expected some of {', '.join(VERBS)}, got {', '.join(unknown)}")
    console = wide_console()
    here = machine()
    console.print(f"\n{here['processor']}, {here['cores']} cores, {here['system']}")
    rows = table("[bold]verb[/bold]", "s", *PARTS, REST)
    verbs = {}
    for verb in chosen.verbs or VERBS:
        verbs[verb] = seconds = measured(verb, cpu=chosen.cpu)
        shares = (seconds.get(what, 0.0) / seconds["total"] for what in (*PARTS, REST))
        rows.add_row(verb, f"{seconds['total']:.1f}", *(f"{share:.0%}" for share in shares))
    console.print(rows)
    if chosen.save:
        save(chosen.save, verbs, chosen.commit)


if __name__ == "__main__":
    main()
