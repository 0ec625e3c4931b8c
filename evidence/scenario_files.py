"""Full runs of scenarios: the command that makes them, their files, what pages show of them."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from evidence.crew import add_options, share_out
from evidence.outcome import say
from methexis.scenarios.framework.results import JobResult

ROOT = Path(__file__).resolve().parent.parent
NUMBERS = ROOT / "docs" / "numbers.md"

Found = TypeVar("Found", bound=JobResult[Any])


def carry_out(
    arguments: Sequence[str] | None,
    *,
    program: str,
    description: str | None,
    registry: Mapping[str, Any],
    folder: Path,
    work: Callable[[str], bool],
    render: Callable[[], None],
) -> int:
    """Run scenarios and write their files, or render the pages; 1 if one disagrees, else 0.

    ``work`` takes the name of a scenario, ends with `finished`, and is a function of a module. The
    scenarios that took longest the last time are begun first.
    """
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--only", action="append", choices=list(registry), metavar="NAME")
    parser.add_argument("--render", action="store_true", help="write pages, run nothing")
    add_options(parser)
    chosen = parser.parse_args(arguments)
    if chosen.render:
        render()
        return 0

    def seconds(name: str) -> float:
        there = (folder / f"{name}.json").exists()
        return float(read_summary(folder, name)["seconds"]) if there else math.inf

    parts = [(name,) for name in sorted(chosen.only or registry, key=seconds, reverse=True)]
    return 0 if all(share_out(chosen, work, parts)) else 1


def finished(found: Found, folder: Path, show: Callable[[Found], None]) -> bool:
    """Write and show the run of one scenario; whether it agrees with theory."""
    path = write(found.summary(), folder)
    show(found)
    say(f"{found.results[0].name}: {found.seconds:.0f} s, written to {path}")
    return found.agrees


def read_summary(folder: Path, name: str) -> dict[str, Any]:
    """What the file of a scenario holds."""
    summary: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return summary


def origin(summary: dict[str, Any]) -> str:
    """For a page: the command that made it, how long and where it ran, its first seed."""
    (scenario,), machine = summary["scenarios"], summary["machine"]
    return (
        f"`{summary['command']}`: {scenario['seconds']:.0f} s on {machine['cores']} cores "
        f"({machine['architecture']}), Methexis {summary['version']}, seeds from {scenario['seed']}"
    )


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


def numbers_with(name: str, block: str) -> str:
    """docs/numbers.md with ``block`` between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Ends the program if there is not one pair of them.
    """
    pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    text, count = pattern.subn(
        lambda match: match[1] + block + match[2], NUMBERS.read_text(encoding="utf-8")
    )
    if count != 1:
        sys.exit(f"docs/numbers.md: expected one pair of {name} marks, found {count}")
    return text
