"""docs/measures.md: its table is that of the registry, its examples are true, its links lead on."""

from __future__ import annotations

import doctest
import re

from evidence.measures import COST, PAGE, filled
from methexis.measures import MEASURES


def test_every_measure_has_its_cost() -> None:
    assert set(COST) == set(MEASURES)


def test_the_table_is_fresh() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text) == text, "run python -m evidence.measures"


def test_the_examples_are_true() -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 15
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(test, out=report.append).failed == 0, "".join(report)


def test_named_measures_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    part = text[text.index("## Which measure") : text.index("<!-- measures:begin")]
    rows = [line.split("|")[2] for line in part.splitlines() if line.startswith("| ")][1:]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(named) > 10
    assert set(named) <= set(MEASURES)
