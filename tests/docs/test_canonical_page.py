"""docs/canonical.md: its examples are true, and its numbers are those of the stored run."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path

import pytest

from benchmarks.canonical.text import tables

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "canonical.md"
STORED = ROOT / "benchmarks" / "results" / "canonical.json"


def test_examples() -> None:
    blocks = "\n".join(re.findall(r"```python\n(>>>.*?)```", PAGE.read_text(), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) >= 8
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed == 0


def test_tables_are_those_of_the_stored_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    (shown,) = re.findall(r"<!-- canonical:begin -->\n(.*?)<!-- canonical:end -->", text, re.DOTALL)
    assert shown == tables(json.loads(STORED.read_text(encoding="utf-8")))
