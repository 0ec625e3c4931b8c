"""The process in which one peer is timed; started by path, with the peer's own interpreter.

``python -P worker.py PEER.py THREADS`` loads the file of a peer and answers requests, one JSON
object a line. Peers have a process each because thread pools, allocators and compiler flags would
otherwise meet, and an interpreter each because nothing but a benchmark needs them installed. This
file therefore uses the standard library only.

A peer is a Python file with

- ``start(threads)``: import what is needed, or import it above; return the versions of it. A
  `ModuleNotFoundError` means that the peer is not installed here.
- ``prepare(case)``: get ready for a case (a dictionary, see `points.Point.case`); return an object
  with ``run(num_steps)``, which takes at least that many steps of all networks, returns how many,
  and returns only when they are done; ``variant``, what was chosen in words; and ``details``, a
  dictionary of anything else worth reporting. Or return a sentence that says why not.
- other functions, called by ``{"do": "call", "name": …, "arguments": {…}}``.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

#: Least seconds of the first measurement, from which the number of steps is derived.
_CALIBRATION = 0.02


class Timer:
    """Times what a peer has prepared."""

    def __init__(self, prepared: Any) -> None:
        self.prepared = prepared
        self.num_steps = 1
        while self.time(self.num_steps)["seconds"] < _CALIBRATION:
            self.num_steps *= 2

    def time(self, num_steps: int) -> dict[str, float]:
        """Seconds of at least ``num_steps`` steps, by the clock and of all this process's cores."""
        cpu, began = time.process_time(), time.perf_counter()
        done = self.prepared.run(num_steps)
        seconds = time.perf_counter() - began
        return {"steps": done, "seconds": seconds, "cpu": time.process_time() - cpu}

    def time_for(self, seconds: float) -> dict[str, float]:
        """Time about that many seconds of steps."""
        found = self.time(self.num_steps)
        rate = found["steps"] / found["seconds"]
        if found["seconds"] < 0.5 * seconds:  # learn the speed first, measure then
            self.num_steps = max(1, int(rate * seconds))
            found = self.time(self.num_steps)
        self.num_steps = max(1, int(found["steps"] / found["seconds"] * seconds))
        return found


class Peer:
    """A peer's file, and what it has prepared."""

    def __init__(self, path: str, threads: int) -> None:
        self.path, self.threads = path, threads
        self.names: dict[str, Any] = {}
        self.timer: Timer | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked."""
        match request["do"]:
            case "start":  # here, so that what a file lacks is an answer
                self.names = runpy.run_path(self.path)
                return {"versions": self.names["start"](self.threads)}
            case "prepare":
                self.timer = None  # let go of the last case before the next one takes memory
                prepared = self.names["prepare"](request["case"])
                if isinstance(prepared, str):
                    return {"refused": prepared}
                self.timer = Timer(prepared)
                return {"variant": prepared.variant, "details": prepared.details}
            case "time":
                assert self.timer is not None
                return dict(self.timer.time_for(request["seconds"]))
            case "steps":
                assert self.timer is not None
                return dict(self.timer.time(request["steps"]))
            case "call":
                return {"result": self.names[request["name"]](**request["arguments"])}
        raise ValueError(f"unknown request {request['do']!r}")


def limit_threads(threads: int) -> None:
    """Keep this process, and what it loads from now on, to that many cores where possible."""
    for name in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:threads])


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer requests from standard input until it ends; what a peer prints goes to stderr."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except ModuleNotFoundError as error:
            reply = {"missing": error.name}
        except Exception as error:  # whatever it is, the parent is to know and to go on
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def end_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, be it held still at that moment.

    Elsewhere the end of standard input ends it, and a stopped process the orphaning of its group.
    """
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


if __name__ == "__main__":
    end_with_parent()
    limit_threads(int(sys.argv[2]))
    serve(Peer(sys.argv[1], int(sys.argv[2])).answer)
