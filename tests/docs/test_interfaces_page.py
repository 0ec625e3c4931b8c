"""docs/interfaces.md: its examples are true, and its table has every kind of group."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = Path(__file__).parents[2] / "docs" / "interfaces.md"
GROUPS = {
    *("linear", "rotation", "rotation about ones", "scaled rotation of planes", "permutation"),
    *("permutation and positive scale", "permutation and sign", "permutation and scale", "scale"),
}


def test_examples() -> None:
    blocks = "\n".join(re.findall(r"```python\n(>>>.*?)```", PAGE.read_text(), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) >= 10
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed == 0


def test_every_group_has_a_row() -> None:
    rows = re.findall(r"^\| [^|]+ \| `([a-z ]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == GROUPS
