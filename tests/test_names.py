"""A local name says what it holds: scores, moments, lists, a path; never that it was found."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "methexis"

#: Names that say nothing of what they hold.
EMPTY = {"found"}

FILES = sorted(PACKAGE.rglob("*.py"))


def empty_names(tree: ast.Module) -> list[str]:
    """Locals and parameters with an empty name; fields of a dataclass belong to its users."""
    stored = [
        (node.lineno, node.id)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.Lambda)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    given = [(node.lineno, node.arg) for node in ast.walk(tree) if isinstance(node, ast.arg)]
    return [f"{line}: {name}" for line, name in sorted({*stored, *given}) if name in EMPTY]


def test_empty_names_are_seen() -> None:
    assert empty_names(ast.parse("def f(x):\n    found = x\n    return found")) == ["2: found"]
    assert empty_names(ast.parse("g = lambda found: found")) == ["1: found"]
    assert not empty_names(ast.parse("class Check:\n    found: str"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_locals_say_what_they_hold(path: Path) -> None:
    nameless = empty_names(ast.parse(path.read_text(encoding="utf-8")))
    assert not nameless, f"{path}: name what it holds"
