"""The guides as tests run them: Python as one doctest, commands as a person types them."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

FOLDER = Path(__file__).parents[2] / "docs" / "guides"
_FLAGS = doctest.NORMALIZE_WHITESPACE


def run(page: Path) -> tuple[doctest.TestResults, dict[str, Any], str]:
    """Run all examples of a page one after another; how many failed, what they defined, and why."""
    blocks = "\n".join(re.findall(r"```python\n(>>>.*?)```", page.read_text("utf-8"), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, page.name, str(page), 0)
    report: list[str] = []
    backend = mpl.get_backend()
    try:
        results = doctest.DocTestRunner(optionflags=_FLAGS).run(
            test, out=report.append, clear_globs=False
        )
    finally:
        pyplot.close("all")
        pyplot.switch_backend(backend)
    return results, test.globs, "".join(report)


def commands(page: Path) -> list[tuple[list[str], str]]:
    """Commands of ours in a page, each with what the page says that it prints."""
    text = page.read_text("utf-8")
    found = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.replace("\\\n", " ").partition("\n")
            found.append((line.split(), output.strip()))
    return found
