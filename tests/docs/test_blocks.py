"""Every block of code in README and docs is run by a test; every command that a page shows is one.

Pages with a test of their own are run there. Here the others are: examples as one doctest per
page, lines of Python as a script, commands as far as their names and options go, and by `make
check-long` as they stand, in an empty folder.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from tests.cli.test_cli import invoke
from tests.docs import guides

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
    for page in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
}
#: Pages with Python in them that another test runs.
ELSEWHERE = {
    "docs/explain.md": "test_explain_page.py",
    "docs/guides/neuroscience.md": "test_neuroscience_guide.py",
    "docs/guides/sweeping.md": "test_sweeping_guide.py",
    "docs/measures.md": "test_measures_page.py",
    "docs/results.md": "test_results_page.py",
    "docs/tutorials/two-encoders.md": "test_tutorials.py",
}
#: Pages whose Python is a script, with what a reader has before its first line.
SCRIPTS: dict[str, dict[str, Any]] = {
    "README.md": {},
    "docs/digits.md": {
        "x": np.random.default_rng(0).normal(size=(150, 6)),
        "labels": np.arange(150) % 3,
    },
}
#: Languages of blocks: Python, commands with what they print, output, files of sweeps, and none.
LANGUAGES = {"python", "console", "text", "toml", ""}
PLACEHOLDER = re.compile(r"[A-Z]+|…")


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of every block of a page."""
    for match in re.finditer(r"^```(.*)\n((?:.*\n)*?)```$", PAGES[page], re.MULTILINE):
        yield match[1], match[2]


def python_pages() -> list[str]:
    return [page for page in PAGES if any(language == "python" for language, _ in blocks(page))]


def commands(page: str) -> Iterator[str]:
    """Commands that a page shows, in blocks and within sentences."""
    for language, text in blocks(page):
        lines = text.replace("\\\n", " ").splitlines()
        if language in {"console", "text"}:
            yield from (line.removeprefix("$ ") for line in lines if line.startswith("$ "))
        elif not language:
            words = ("make ", "pip ", "methexis ", "python ")
            yield from (line for line in lines if line.startswith(words))
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    for text in re.findall(r"`((?:make|pip install|methexis|python -m) [^`]+)`", prose):
        yield re.sub(r"\s+", " ", text)


def wrong_with(command: str) -> str:
    """What is wrong with a command, without running it; empty if nothing is.

    Examples
    --------
    >>> wrong_with("methexis verify --easy"), wrong_with("make test")
    ('', '')
    >>> "No such option" in wrong_with("methexis verify --easier")
    True
    >>> wrong_with("make money"), wrong_with("pip install '.[tools]'")
    ("no job 'money'", "no extra 'tools'")
    """
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        jobs = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        unknown = [word for word in words[1:] if "=" not in word and word not in jobs]
        return f"no job {unknown[0]!r}" if unknown else ""
    if words[0] == "pip":
        return _wrong_with_install(words)
    if words[:2] == ["python", "-m"]:
        return "" if importlib.util.find_spec(words[2]) else f"no module {words[2]!r}"
    return _wrong_with_verb(words[1:]) if words[0] == "methexis" else ""


def _wrong_with_install(words: list[str]) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for word in words:
        if extras := re.fullmatch(r"(?:\.|methexis)\[([\w,]+)\]", word):
            absent = set(extras[1].split(",")) - set(project["optional-dependencies"])
            if absent:
                return f"no extra {min(absent)!r}"
    return ""


def _wrong_with_verb(words: list[str]) -> str:
    if not words or words[0].startswith("--") or PLACEHOLDER.fullmatch(words[0]):
        return ""
    done = invoke(*words, "--help")  # which takes the other words apart, and runs nothing
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("page", PAGES)
def test_blocks_say_what_they_are(page: str) -> None:
    assert {language for language, _ in blocks(page)} <= LANGUAGES
    assert len(re.findall(r"^```", PAGES[page], re.MULTILINE)) == 2 * len(list(blocks(page)))


@pytest.mark.parametrize(
    "page", sorted(PAGES.keys() - {"CHANGELOG.md"})
)  # which names what is gone
def test_commands_are_as_the_page_shows_them(page: str) -> None:
    wrong = {command: wrong_with(command) for command in commands(page)}
    assert not {command: why for command, why in wrong.items() if why}


def test_pages_that_are_run_elsewhere_are() -> None:
    for page, test in ELSEWHERE.items():
        text = (Path(__file__).parent / test).read_text(encoding="utf-8")
        helpers = (Path(__file__).parent / "neuroscience.py").read_text(encoding="utf-8")
        assert Path(page).name in text + helpers
        assert page in PAGES


@pytest.mark.parametrize("page", [p for p in python_pages() if p not in {*ELSEWHERE, *SCRIPTS}])
def test_examples_are_true(page: str) -> None:
    for language, text in blocks(page):
        assert language != "python" or text.startswith(">>> "), f"{page}: not an example: {text}"
    results, _, report = guides.run(ROOT / page)
    assert results.attempted >= 4
    assert results.failed == 0, report


@pytest.mark.parametrize("page", SCRIPTS)
def test_scripts_run(page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    values = dict(SCRIPTS[page])
    backend = mpl.get_backend()
    try:
        pyplot.switch_backend("agg")
        for language, text in blocks(page):
            if language == "python":
                exec(compile(text, page, "exec"), values)
    finally:
        pyplot.close("all")
        pyplot.switch_backend(backend)
    if page == "README.md":
        assert values["run"].worst_pair()[-1].min() > 0.99  # as the comment beside it says
        assert values["found"].conclusion.startswith(
            "Aligned more than untrained: cka 0.54 is 35 %"
        )
    else:
        assert values["run"].data["accuracy"].shape[-1] == 2


def test_readme_is_a_page() -> None:
    lines = PAGES["README.md"].splitlines()
    assert len(lines) <= 120
    assert "make test " in PAGES["README.md"]  # what continuous integration is told to run
    assert PAGES["README.md"].count("![") == 1


@pytest.mark.long
@pytest.mark.parametrize("page", ["docs/index.md", "docs/guides/breaking.md"])
def test_commands_do_what_the_page_says(page: str, tmp_path: Path) -> None:
    for language, text in blocks(page):
        if language == "console":
            for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
                words = shlex.split(line)
                done = invoke(*words[1:], cwd=tmp_path)
                assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
                if "--out" in words:
                    folder = tmp_path / words[words.index("--out") + 1]
                    assert (folder / "report.html").stat().st_size > 10_000
