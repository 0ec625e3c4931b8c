"""Files of scenarios' full runs, and the blocks of README.md that are made of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def write(summary: dict[str, Any], folder: Path) -> Path:
    """Write a summary of one scenario, whole or not at all; lists of records a record a line."""
    (scenario,) = summary["scenarios"]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{scenario['name']}.json"
    marks: dict[str, str] = {}

    def lines(items: list[Any]) -> list[str]:
        keys = [f"@{len(marks) + i}@" for i in range(len(items))]
        marks.update(zip(keys, map(json.dumps, items), strict=True))
        return keys

    packed = dict(scenario)
    for key in ("points", "rests", "lines", "controls"):
        if key in scenario:
            packed[key] = lines(scenario[key])
    text = json.dumps({**summary, "scenarios": [packed]}, indent=1, allow_nan=False)
    text = re.sub(r'"(@\d+@)"', lambda found: marks[found[1]], text)
    partial = path.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def readme_with(name: str, block: str) -> str:
    """README.md with ``block`` between the marks ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Ends the program if there is not one pair of them.
    """
    pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    text, count = pattern.subn(
        lambda match: match[1] + block + match[2], README.read_text(encoding="utf-8")
    )
    if count != 1:
        sys.exit(f"README.md: expected one pair of {name} marks, found {count}")
    return text
