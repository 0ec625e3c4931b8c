"""What the pages name is there: files and folders, links, modules and what they define.

A path is resolved from the root of the repository, from the package, from `native` or `tests`, or
from the page. A bare file name such as `verdict.py` stands for any file of that name, since the
sentence around it says in which folder.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
pages = pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])

BASES = ("", "src", "src/methexis", "native", "tests")
FOLDERS = {path.name for base in BASES for path in (ROOT / base).iterdir() if path.is_dir()}
SOURCE = r"\.(?:py|pyi|cpp|hpp|cmake|toml|md)"
#: What jobs make and git ignores.
MADE = ("build/", "demo-out/", ".venv/")
#: A user's file in an example.
EXAMPLES = {"file/array"}

FILE_NAMES = {
    path.name
    for base in ("src", "native", "tests", "evidence", "benchmarks", "docs", "examples", "website")
    for path in (ROOT / base).rglob("*")
}
PARTS = "|".join(part for layer in LAYERS for part in layer)
FILE = re.compile(r"\.(?:json|md|html|pyi?)$")
DOTTED = re.compile(rf"(?:methexis\.)?(?:{PARTS})(?:\.\w+)+")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def marked(page: Path) -> list[str]:
    """What stands in single backticks, outside of blocks of code."""
    prose = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def exists(name: str, page: Path) -> bool:
    return any((base / name).exists() for base in (page.parent, *(ROOT / base for base in BASES)))


@pages
def test_paths_exist(page: Path) -> None:
    paths = {word for word in marked(page) if re.fullmatch(r"[\w.-]+(?:/[\w.-]*)+", word)}
    # In blocks of code too, what looks like a source file of ours.
    blocks = "\n".join(re.findall(r"```.*?```", text_of(page), re.DOTALL))
    sources = re.findall(rf"[\w./-]+/[\w.-]+{SOURCE}\b", blocks)
    paths |= {path for path in sources if path.split("/")[0] in FOLDERS}
    absent = sorted(
        path for path in paths - EXAMPLES if not path.startswith(MADE) and not exists(path, page)
    )
    assert not absent, f"{page.relative_to(ROOT)} names {absent}, which do not exist"


@pages
def test_bare_file_names_exist(page: Path) -> None:
    names = {word for word in marked(page) if re.fullmatch(rf"\w+{SOURCE}", word)}
    absent = {name for name in names - FILE_NAMES if not (ROOT / name).exists()}
    assert not absent, f"{page.relative_to(ROOT)} names {sorted(absent)}, which do not exist"


@pages
def test_links_lead_on(page: Path) -> None:
    links = re.findall(r"\]\(([\w./:-]+)[)#]", text_of(page))
    absent = [
        link
        for link in links
        if not link.startswith(("http:", "https:")) and not (page.parent / link).exists()
    ]
    assert not absent, f"{page.relative_to(ROOT)} links to {absent}, which do not exist"


def resolves(dotted: str) -> bool:
    """Whether a dotted name, with or without ``methexis.``, is a module or lies in one."""
    words = dotted.removeprefix("methexis.").split(".")
    value: object = import_module("methexis")
    for at, word in enumerate(words):
        if not hasattr(value, word):
            try:
                value = import_module(".".join(["methexis", *words[: at + 1]]))
            except ImportError:
                return False
        else:
            value = getattr(value, word)
    return True


@pages
def test_dotted_names_resolve(page: Path) -> None:
    words = {word.removesuffix("()") for word in marked(page)}
    names = {word for word in words if DOTTED.fullmatch(word) and not FILE.search(word)}
    absent = sorted(name for name in names if not resolves(name))
    assert not absent, f"{page.relative_to(ROOT)} names {absent}, which nothing defines"
