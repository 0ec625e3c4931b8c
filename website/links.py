"""Links of a page, as the site needs them: a page may lie elsewhere than in the repository.

A link to another page leads to where the site has it; one to any other file of the repository, to a
copy of that file beside the pages; one to a folder loses its link, because a site has no listings.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from website.sitemap import BELOW, ROOT, pages, staged

#: Where the site keeps files that are no pages.
FILES = "files"
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_LINK = re.compile(
    r"(?P<text>!?\[(?P<words>[^][]*)\])\((?P<target>[^()\s#]+)(?P<anchor>#[^()\s]*)?\)"
)


def relinked(text: str, page: str, copies: Path) -> str:
    """A page's text with links that hold in the site; files that it names are put under ``copies``.

    Links within code are left alone, and so are those to other sites and to what is no file.
    """
    pieces = _CODE.split(text)
    pieces[::2] = [_LINK.sub(_turned(page, copies), piece) for piece in pieces[::2]]
    return "".join(pieces)


def _turned(page: str, copies: Path) -> Callable[[re.Match[str]], str]:
    here = Path(staged(page)).parent
    known = set(pages())

    def turn(match: re.Match[str]) -> str:
        path = (ROOT / page).parent / match["target"]
        if "://" in match["target"] or not path.exists():
            return match[0]
        name = path.resolve().relative_to(ROOT).as_posix()
        index = f"{name}/index.md"
        if path.is_dir() and index not in BELOW:
            return match["words"]
        if path.is_dir():
            name = index
        if name in known:
            there = staged(name)
        else:
            there = f"{FILES}/{name}"
            (copies / there).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copies / there)
        return f"{match['text']}({os.path.relpath(there, here)}{match['anchor'] or ''})"

    return turn
