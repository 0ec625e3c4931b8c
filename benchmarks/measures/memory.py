"""Peak memory and time of linear CKA of representations on disk.

``python -m benchmarks.measures.memory [--rows 1000000] [--features 512] [--memory "1 GiB"]`` makes
two files, streams them in a fresh process and prints one JSON object: seconds, peak resident memory
of that process, and the scores. The process that makes the files never holds one: the peak of a
process that is started from it counts from what it holds at that moment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peak import peak_bytes
from methexis.measures import CKA, stream

BLOCK = 16384


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measures.memory")
    parser.add_argument("--rows", type=int, default=10**6)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--memory", default="1 GiB", help="what the pass may take")
    parser.add_argument("--folder", type=Path, help="where files are made, and deleted again")
    parser.add_argument("--stream", nargs=2, type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args(arguments)
    found = streamed(words.stream, words.memory) if words.stream else measured(words)
    print(json.dumps(found))
    return 0


def measured(words: argparse.Namespace) -> dict[str, Any]:
    """Make the files, start the process that streams them, and check what it says."""
    with tempfile.TemporaryDirectory(dir=words.folder) as name:
        paths = [Path(name) / f"{side}.npy" for side in "xy"]
        make(paths, words.rows, words.features)
        command = [sys.executable, "-m", "benchmarks.measures.memory", "--memory", words.memory]
        done = subprocess.run(
            [*command, "--stream", *map(str, paths)], capture_output=True, text=True, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return {"rows": words.rows, "features": words.features, "memory": words.memory} | found


def make(paths: Sequence[Path], rows: int, features: int) -> None:
    """Two files of float32: images of shared signals, and noise; never in memory as a whole."""
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(16, features)).astype(np.float32) for _ in paths]
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for file in files:
            header = {"descr": "<f4", "fortran_order": False, "shape": (rows, features)}
            np.lib.format.write_array_header_1_0(file, header)
        for low in range(0, rows, BLOCK):
            height = min(BLOCK, rows - low)
            shared = rng.standard_normal((height, 16), dtype=np.float32)
            for file, image in zip(files, maps, strict=True):
                noise = rng.standard_normal((height, features), dtype=np.float32)
                (shared @ image + 4.0 * noise).astype("<f4").tofile(file)


def streamed(paths: Sequence[Path], memory: str) -> dict[str, Any]:
    """The pass itself, with the peak memory of this process."""
    before = peak_bytes()
    began = time.perf_counter()
    found = stream(paths[0], paths[1], [CKA(), CKA(debiased=True)], memory=memory)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "peak_bytes": peak_bytes(),
        "peak_bytes_before": before,
        "scores": found.scores,
        "bytes_read": sum(path.stat().st_size for path in paths),
    }


if __name__ == "__main__":
    raise SystemExit(main())
