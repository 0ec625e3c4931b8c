"""How long from a wheel to the first report: ``python -m tests.native.first_report WHEEL``.

In an empty environment, with nothing else on the path: no compiler, no package of this one. What it
needs comes from the package index, so the times are those of a network, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILERS = ("cc", "c++", "gcc", "g++", "clang", "clang++", "cmake", "ninja")


class Fresh:
    """An environment with a wheel in it and nothing else, and how long each step took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds: dict[str, float] = {}
        self.computing: dict[str, float] = {}  # of all cores, so that a busy machine is seen
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.path = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def run(self, step: str, *words: str) -> str:
        """What a command of the environment prints; its time counts for a step.

        Raises
        ------
        RuntimeError
            If it fails.
        """
        kept = {"HOME", "SYSTEMROOT", "TMPDIR", "LANG", "PIP_INDEX_URL", "PIP_CONFIG_FILE"}
        surroundings = {name: os.environ[name] for name in kept if name in os.environ}
        began, before = time.monotonic(), _computed()
        done = subprocess.run(
            [str(self.path / words[0]), *words[1:]],
            cwd=self.folder,
            env=surroundings | {"PATH": str(self.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - began
        self.computing[step] = self.computing.get(step, 0.0) + _computed() - before
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def install(self, wheel: Path, *options: str) -> None:
        """Install a wheel; nothing is compiled, whatever it needs comes as wheels."""
        found = [name for name in COMPILERS if (self.path / name).exists()]
        assert not found
        words = ("-m", "pip", "install", "--quiet", "--only-binary", ":all:", *options, str(wheel))
        self.run("pip install", "python", *words)


def _computed() -> float:
    """Seconds of processors that children of this process took."""
    times = os.times()
    return times.children_user + times.children_system


def first_report(wheel: Path, folder: Path) -> Fresh:
    """Install a wheel into an empty environment, and let it write its first report."""
    fresh = Fresh(folder)
    fresh.install(wheel.resolve())
    fresh.run("methexis verify --easy", "methexis", "verify", "--easy", "--out", "first-report")
    assert (folder / "first-report" / "report.html").stat().st_size > 10_000
    return fresh


def main() -> None:
    """Say how long a wheel takes."""
    (wheel,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        fresh = first_report(Path(wheel), Path(name))
        print(f"{Path(wheel).name}, {Path(wheel).stat().st_size / 1e6:.1f} MB")
        for step, seconds in fresh.seconds.items():
            print(f"{seconds:6.1f} s  {step} ({fresh.computing[step]:.1f} s of computing)")
        print(f"{sum(fresh.seconds.values()):6.1f} s  to the first report")


if __name__ == "__main__":
    main()
