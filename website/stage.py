"""Pages of the site as Markdown in one folder, of which Sphinx makes HTML.

All pages of `sitemap` are written into a folder that is emptied first, with links that hold there;
notebooks become Markdown, and the reference is made from docstrings.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from website import notebooks, reference
from website.links import relinked
from website.sitemap import BELOW, ROOT, SECTIONS, TITLES, pages, staged


def stage(folder: Path) -> None:
    """Write every page of the site into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in pages():
        target = folder / staged(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = relinked(_text(page, folder), page, folder)
        if page in BELOW:
            text += toctree(BELOW[page])
        target.write_text(text, encoding="utf-8")
    reference.write(folder / "reference")
    index = folder / "index.md"
    trees = "".join(
        toctree(section.pages, caption=section.title, hidden=True) for section in SECTIONS
    )
    index.write_text(index.read_text(encoding="utf-8") + trees, encoding="utf-8")


def toctree(listed: Sequence[str], *, caption: str = "", hidden: bool = False) -> str:
    """Markdown of a list of pages, which is also their place in the navigation."""
    options = [f":caption: {caption}"] if caption else []
    options += [":hidden:"] if hidden else [":maxdepth: 1"]
    return "\n".join(["", "```{toctree}", *options, "", *map(_entry, listed), "```", ""])


def _entry(page: str) -> str:
    """A page in a list: its place, and in front of it a title if it is not the page's own."""
    place = page if page.startswith("reference/") else staged(page)
    if place == "index.md":
        return "self"
    name = f"/{place.removesuffix('.md')}"
    return f"{TITLES[page]} <{name}>" if page in TITLES else name


def _text(page: str, folder: Path) -> str:
    """Markdown of a page of the repository."""
    path = ROOT / page
    if path.suffix == ".ipynb":
        target = folder / staged(page)
        return notebooks.markdown(path, target.parent / "pictures", path.stem)
    return path.read_text(encoding="utf-8")
