"""docs/translation.md: its examples are true, and it names every kind of map."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from methexis.transport.forms import MAPS

PAGE = Path(__file__).parents[2] / "docs" / "translation.md"


def test_examples() -> None:
    blocks = "\n".join(re.findall(r"```python\n(>>>.*?)```", PAGE.read_text(), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) >= 6
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed == 0


def test_every_map_has_a_row() -> None:
    rows = re.findall(r"^\| (\w+) \| `f", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(rows) == MAPS
