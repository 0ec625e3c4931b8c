"""What the peers of the measures share: data from a file, and steps that score one pair each.

A peer's file calls `prepare_with` and `scores_with` with a table of its functions by the name of
what they measure; see `benchmarks.worker` for what is then asked of it.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

Score = Callable[[Any, Any], Any]


class Pairs:
    """One pair after another; a step is one pair, or all pairs where a peer takes them at once."""

    variant = "one pair after another"

    def __init__(self, score: Score, rows: list[Any], columns: list[Any]) -> None:
        self.score = score
        self.pairs = [(x, y) for x in rows for y in columns]
        self.next = 0
        self.details: dict[str, Any] = {"pairs": 1}

    def run(self, num_steps: int) -> int:
        for _ in range(num_steps):
            x, y = self.pairs[self.next % len(self.pairs)]
            self.next += 1
            self.score(x, y)
        return num_steps


class Whole:
    """The whole grid at once."""

    variant = "the whole grid at once"

    def __init__(
        self, grid: Callable[[list[Any], list[Any]], Any], rows: Any, columns: Any
    ) -> None:
        self.grid, self.rows, self.columns = grid, rows, columns
        self.details: dict[str, Any] = {"pairs": len(rows) * len(columns)}

    def run(self, num_steps: int) -> int:
        for _ in range(num_steps):
            self.grid(self.rows, self.columns)
        return num_steps


def prepare_with(
    table: dict[str, Score],
    convert: Callable[[Any], Any],
    *,
    whole: dict[str, Any] | None = None,
) -> Callable[[dict[str, Any]], Any]:
    """The function ``prepare`` of a peer with these scores, and grids where it has them."""

    def prepare(case: dict[str, Any]) -> Any:
        name = case["measure"]
        rows, columns = layers(case["file"], convert)
        if whole and name in whole:
            return Whole(whole[name], rows, columns)
        if name not in table:
            return f"has no {name}"
        return Pairs(table[name], rows[:2], columns[:2])

    return prepare


def scores_with(
    table: dict[str, tuple[str, dict[str, Any], Score]], convert: Callable[[Any], Any]
) -> Callable[..., list[dict[str, Any]]]:
    """The function ``scores`` of a peer: by function, what it measures and the number it gives."""

    def scores(file: str) -> list[dict[str, Any]]:
        with np.load(file) as arrays:
            x, y = (convert(arrays[name]) for name in ("x", "y"))
        found = []
        for function, (measure, options, score) in table.items():
            try:
                value = float(score(x, y))
            except Exception as error:
                found.append({"function": function, "measure": measure, "options": options,
                              "failed": f"{type(error).__name__}: {error}"})  # fmt: skip
                continue
            row = {"function": function, "measure": measure, "options": options, "value": value}
            found.append(row)
        return found

    return scores


def layers(file: str, convert: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    """The layers of both models."""
    with np.load(file) as arrays:
        return tuple([convert(layer) for layer in arrays[name]] for name in ("a", "b"))  # type: ignore[return-value]


def part_of(package: str, *parts: str) -> None:
    """Let parts of a package be imported whose own ``__init__`` needs what is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    (folder,) = found.submodule_search_locations
    for name, path in [(package, folder), *((f"{package}.{p}", f"{folder}/{p}") for p in parts)]:
        module = types.ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module
