"""The site: every page has its place, links and anchors lead on, the reference has every name.

By `make check-long` it is built as `make site` does, every warning an error, and opened in a
browser.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from methexis.cli.app import app
from methexis.version import __version__
from tests.browser import chromium
from tests.zoo.public import namespaces
from website import notebooks, reference, sitemap
from website.links import relinked
from website.sitemap import ROOT, pages, staged

DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.*"))
TOOLS = ROOT / "build" / "site-tools"
#: Namespaces of the tests that no user asks for by that name: what they have is found elsewhere.
INNER = {"methexis.core", "methexis.training.optimisers"}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def test_every_page_has_one_place() -> None:
    written = {page for page in DOCS if page.endswith((".md", ".ipynb"))}
    assert written <= set(pages())
    assert len(pages()) == len(set(pages()))
    for page in pages():
        assert (ROOT / page).is_file()
    # Names of files know no case on some systems, and Sphinx writes pages of its own.
    places = [staged(page).lower() for page in pages()]
    assert len(places) == len(set(places))
    assert not {"search.md", "genindex.md"} & set(places)
    assert set(sitemap.TITLES) <= {*pages(), "reference/index.md"}


def slug(heading: str) -> str:
    """The anchor that a repository's viewer gives a heading."""
    bare = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.lower())
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", bare))


def anchors(page: str) -> set[str]:
    """Anchors of the headings of a page."""
    prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return {slug(found) for found in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}


@pytest.mark.parametrize("page", ["README.md", *(page for page in pages() if page.endswith(".md"))])
def test_anchors_lead_on(page: str) -> None:
    for target, anchor in re.findall(r"\]\(([^()\s#]*)#([^()\s]+)\)", text_of(page)):
        if "://" not in target:
            there = (ROOT / page).parent / target if target else ROOT / page
            name = there.resolve().relative_to(ROOT).as_posix()
            assert anchor in anchors(name), f"{page} links to {target}#{anchor}"


def test_links_hold_where_the_site_has_a_page(tmp_path: Path) -> None:
    text = (
        "[theory](theory.md#notation) [code](../examples/digits.py) ![figure](images/demo.png) "
        "[all](../docs/decisions/) [folder](../examples/) [site](https://a.b/c.md) [gone](gone.md) "
        "`[code](theory.md)`"
    )
    assert relinked(text, "docs/digits.md", tmp_path) == (
        "[theory](../theory/theory.md#notation) [code](../files/examples/digits.py) "
        "![figure](../files/docs/images/demo.png) [all](../decisions/index.md) folder "
        "[site](https://a.b/c.md) [gone](gone.md) `[code](theory.md)`"
    )
    assert (tmp_path / "files" / "examples" / "digits.py").read_text("utf-8") == text_of(
        "examples/digits.py"
    )
    assert (tmp_path / "files" / "docs" / "images" / "demo.png").is_file()


def test_a_notebook_becomes_a_page(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {
            "cell_type": "code",
            "source": ["1 + 1"],
            "outputs": [
                {"output_type": "stream", "text": ["\x1b[1mbold\x1b[0m\n"]},
                {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
                {"data": {"text/html": ["<b>2</b>\n", "\n", "<i>3</i>"], "text/plain": ["2"]}},
                {"data": {"image/png": "aGVsbG8="}},
            ],
        },
    ]
    path = tmp_path / "page.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert notebooks.markdown(path, tmp_path / "pictures", "page") == (
        "# Title\nwords\n\n```python\n1 + 1\n```\n\n```text\nbold\n```\n\n```text\n2\n```\n\n"
        '<div class="output">\n<b>2</b>\n<i>3</i>\n</div>\n\n'
        "![Drawn by the cell above](pictures/page-1.png)\n"
    )
    assert (tmp_path / "pictures" / "page-1.png").read_bytes() == b"hello"


def test_the_reference_has_every_public_name_once(tmp_path: Path) -> None:
    public = {module.__name__: module for module in namespaces().values()}
    assert set(public) == set(reference.NAMESPACES) | INNER
    reference.write_names(tmp_path)
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.md")]
    made = [
        name
        for text in texts
        for name in re.findall(r"^\.\. (?:autoclass|autofunction|py:data):: (\S+)$", text, re.M)
    ]
    assert len(made) == len(set(made)) > 200
    listed = {name for text in texts for name in re.findall(r"\{py:obj\}`\w+ <(\S+)>`", text)}
    assert listed == set(made)
    values = {id(_value(public, name)) for name in made}
    for module in public.values():
        for name in module.__all__:
            value = getattr(module, name)
            if not name.startswith("_") and value not in public.values():
                assert id(value) in values or module.__name__ in INNER, f"{module.__name__}.{name}"


def _value(public: dict[str, object], full: str) -> object:
    space, _, name = full.rpartition(".")
    return getattr(public[space], name)


def test_the_reference_has_every_verb() -> None:
    verbs = reference.verbs()
    assert len(verbs) == len([info for info in app.registered_commands if not info.hidden])
    assert {"verify", "break", "compare"} <= set(verbs)


def test_the_citation_is_of_this_version() -> None:
    citation = text_of("CITATION.cff")
    assert f"\nversion: {__version__}\n" in citation
    assert "arXiv:2507.01098" in citation


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not TOOLS.is_dir():
        pytest.skip("needs build/site-tools, which make site installs")
    folder = tmp_path_factory.mktemp("built") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "website", str(folder)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{TOOLS}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.long
def test_the_site_asks_no_other_machine_for_anything(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\bsrc=\"([^\"]*)\"", text)
        loaded += re.findall(r"<link[^>]*rel=\"stylesheet\"[^>]*href=\"([^\"]*)\"", text)
        assert loaded
        assert not [target for target in loaded if "//" in target], page


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("page", "equations"),
    [
        ("index.html", 0),
        ("theory/theory.html", 700),
        ("reference/measures/kernels.html", 0),
        ("tutorials/neuroscience.html", 0),
        ("evidence/numbers.html", 0),
    ],
)
def test_pages_fit_screens_and_show_their_equations(
    site: Path, page: str, equations: int, width: int
) -> None:
    seen = chromium.measure(
        site / page,
        width,
        "{wide: d.documentElement.scrollWidth,"
        " equations: d.querySelectorAll('mjx-container').length,"
        " errors: d.querySelectorAll('[data-mml-node=merror], [data-mjx-error]').length}",
        after=20_000,
    )
    assert seen["wide"] <= width
    assert seen["equations"] >= equations
    assert seen["errors"] == 0


@pytest.mark.long
def test_search_finds_pages_from_a_folder(site: Path) -> None:
    """As from a server; pages of a folder may not read other pages, so excerpts may be missing."""
    dom = chromium.dumped(f"{(site / 'search.html').as_uri()}?q=universal+kernel")
    (results,) = re.findall(r'<ul[^>]*class="search".*?</ul>', dom, re.DOTALL)
    assert 'href="theory/theory.html' in results
    assert 'href="reference/theory/' in results
