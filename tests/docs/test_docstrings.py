"""Docstrings of the package are sentences or noun phrases that name their subject."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
FILES = sorted(path for path in SOURCE.rglob("*.py*") if path.suffix in {".py", ".pyi"})

FEWEST_WORDS = 4

#: What a summary does not open with: its subject would have to be guessed from the name.
ELLIPTICAL = {
    "Always",
    "Among",
    "As",
    "Both",
    "For",
    "It",
    "Of",
    "Their",
    "Those",
    "They",
    "Unless",
}
BOTH_ARE_NAMED = {"Both sides", "Both kernels"}  # the only subjects that "Both" may come before


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of the docstrings of a file: its own, and those of classes and functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "lineno", 1), text


def elliptical(summary: str) -> bool:
    """Whether a summary opens without its subject."""
    opening = " ".join(summary.split()[:2])
    return opening not in BOTH_ARE_NAMED and opening.split()[0] in ELLIPTICAL


def test_a_summary_without_a_subject_is_seen() -> None:
    assert elliptical("Of one number.")
    assert elliptical("Both as features or both as matrices.")
    assert not elliptical("Both sides as representations.")
    assert not elliptical("Bytes of one number.")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_docstring_is_shorter_than_four_words(path: Path) -> None:
    short = [
        f"{line}: {text}" for line, text in docstrings(path) if len(text.split()) < FEWEST_WORDS
    ]
    assert not short, f"{path}: write a sentence that names its subject"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_docstrings_name_their_subject(path: Path) -> None:
    bare = [f"{line}: {text}" for line, text in docstrings(path) if elliptical(text)]
    assert not bare, f"{path}: begin with what the function gives, or with what it does"
