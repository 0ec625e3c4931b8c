"""docs/results.md: its examples are true, and its table has all that can be drawn."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

from tests.display.specimens import classes

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def test_examples() -> None:
    blocks = "\n".join(re.findall(r"```python\n(>>>.*?)```", PAGE.read_text(), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) >= 10
    backend = mpl.get_backend()
    try:
        found = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    finally:
        pyplot.close("all")
        pyplot.switch_backend(backend)
    assert found.failed == 0


def test_all_that_can_be_drawn_is_named() -> None:
    drawn = {value.__name__ for value in classes().values() if hasattr(value, "plot")}
    rows = re.findall(r"^\| (.*?) \|", PAGE.read_text(), re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert drawn - {"SlowPath"} == named & drawn  # a path has no name that a user writes
    assert "slow_drift" in named
