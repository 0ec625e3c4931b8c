"""Files of evidence with a case each: what was measured, how it is repeated, and its cells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from methexis.version import __version__

#: Measures with their options, by the names of their files.
Cases = dict[str, tuple[str, dict[str, Any]]]


def write_case(
    folder: Path, module: str, cases: Cases, name: str, cells: Sequence[Any], seconds: float
) -> None:
    """Write one case's file; ``python -m module --only name`` repeats it."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "measure": cases[name][0],
        "options": cases[name][1],
        "command": f"python -m {module} --only {name}",
        "methexis": __version__,
        "machine": machine(),
        "seconds": round(seconds, 1),
        "cells": [asdict(c) for c in cells],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_cases(folder: Path, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The cells of every case that was run."""
    paths = {name: folder / f"{name}.json" for name in names}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))["cells"]
        for name, path in paths.items()
        if path.exists()
    }
