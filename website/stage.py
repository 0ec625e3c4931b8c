"""Stage the pages of the site: ``python -m website.stage FOLDER``.

All pages of `sitemap` are written into a folder that is emptied first, with links that hold there;
notebooks become Markdown, and the reference is made from docstrings.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from website import notebooks, reference
from website.links import relinked
from website.sitemap import BELOW, ROOT, SECTIONS, pages, staged


def main() -> None:
    """Stage all pages into the folder that is named."""
    (folder,) = (Path(argument) for argument in sys.argv[1:])
    stage(folder)


def stage(folder: Path) -> None:
    """Write every page of the site into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in pages():
        target = folder / staged(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = relinked(_text(page, folder), page, folder)
        if page in BELOW:
            text += toctree([staged(below) for below in BELOW[page]])
        target.write_text(text, encoding="utf-8")
    reference.write(folder / "reference")
    index = folder / "index.md"
    trees = "".join(
        toctree(_entries(section.pages), caption=section.title, hidden=True) for section in SECTIONS
    )
    index.write_text(index.read_text(encoding="utf-8") + trees, encoding="utf-8")


def toctree(entries: list[str], *, caption: str = "", hidden: bool = False) -> str:
    """Markdown of a list of pages, which is also their place in the navigation."""
    options = [f":caption: {caption}"] if caption else []
    options += [":hidden:"] if hidden else [":maxdepth: 1"]
    names = [
        "self" if entry == "index.md" else f"/{entry.removesuffix('.md')}" for entry in entries
    ]
    return "\n".join(["", "```{toctree}", *options, "", *names, "```", ""])


def _entries(listed: tuple[str, ...]) -> list[str]:
    return [page if page.startswith("reference/") else staged(page) for page in listed]


def _text(page: str, folder: Path) -> str:
    """Markdown of a page of the repository."""
    path = ROOT / page
    if path.suffix == ".ipynb":
        target = folder / staged(page)
        return notebooks.markdown(path, target.parent / "pictures", path.stem)
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
