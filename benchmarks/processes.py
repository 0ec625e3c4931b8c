"""Workers: the processes of the peers, started, asked and held still between two questions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from methexis.errors import MethexisError

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("worker.py")


class PeerEndedError(MethexisError):
    """A peer's process ended while it was asked something."""


class PeerMissingError(Exception):
    """A peer is not installed for the interpreter it was to run with."""


@dataclass(frozen=True)
class PeerSpec:
    """How to start a peer.

    Attributes
    ----------
    name : str
        As in the table.
    path : Path
        Its file, see `worker`.
    python : str
        Interpreter.
    environment : dict
        Variables of the environment, besides those of this process.
    """

    name: str
    path: Path
    python: str
    environment: dict[str, str] = field(default_factory=dict)


def our_own(name: str, path: Path) -> PeerSpec:
    """What of ours is timed: in this interpreter, with this source tree to import from."""
    return PeerSpec(name, path, sys.executable, environment_with_tree())


def environment_with_tree() -> dict[str, str]:
    """Variables with which another process of this interpreter finds `benchmarks`."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}


def printed(script: Path, *arguments: object) -> Any:
    """What a script prints last, as JSON; it runs in this interpreter and with this source tree.

    Raises
    ------
    MethexisError
        If it fails, with its last words.
    """
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env=os.environ | environment_with_tree(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        raise MethexisError(f"{script.stem}: expected a result, got: {last}; is build/real there?")
    return json.loads(done.stdout.splitlines()[-1])


class Worker:
    """A running peer.

    Between requests the process is stopped by a signal, so that a pool of threads that waits by
    spinning takes nothing from the peer that is being timed.
    """

    def __init__(self, spec: PeerSpec, threads: int) -> None:
        self.spec = spec
        self.threads = threads
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._process = subprocess.Popen(
            [spec.python, "-P", str(WORKER), str(spec.path), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | spec.environment,
            text=True,
            encoding="utf-8",
            # Ctrl-C is for us to pass on. And if this process is killed, a group of its own is
            # orphaned, and the system ends it unless it is just about to stop; see worker.py.
            process_group=0 if os.name == "posix" else None,
        )
        try:
            self.versions: dict[str, str] = self.ask(do="start")["versions"]
        except BaseException:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises
        ------
        PeerMissingError
            If the peer is not installed.
        MethexisError
            If the peer failed or ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._signal("SIGCONT")
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerEndedError(
                f"benchmark: {self.spec.name} ended unexpectedly{self._last_words()}"
            )
        self._signal("SIGSTOP")
        reply: dict[str, Any] = json.loads(line)
        if "missing" in reply:
            raise PeerMissingError(reply["missing"])
        if "error" in reply:
            raise MethexisError(f"benchmark: {self.spec.name} failed: {reply['error']}")
        return reply

    def call(self, name: str, **arguments: Any) -> Any:
        """Call another function of the peer's."""
        return self.ask(do="call", name=name, arguments=arguments)["result"]

    def close(self) -> None:
        """End the process."""
        if not self._log.closed:
            self._process.kill()
            self._process.communicate()
            self._log.close()

    def _signal(self, name: str) -> None:
        if hasattr(signal, name) and self._process.poll() is None:
            self._process.send_signal(getattr(signal, name))

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


@contextmanager
def running(spec: PeerSpec, threads: int) -> Iterator[Worker]:
    """A worker that ends with the block."""
    worker = Worker(spec, threads)
    try:
        yield worker
    finally:
        worker.close()
