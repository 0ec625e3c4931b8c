"""Build the site: ``python -m website FOLDER``, with what requirements/site.txt has on the path.

Pages are staged beside the folder, and every warning of Sphinx is an error. Nothing is fetched.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from website.stage import stage


def build(folder: Path) -> int:
    """Build the site into a folder; 0 if all went well, without a warning."""
    pages = folder.with_name(f"{folder.name}-pages")
    stage(pages)
    options = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    places = ["--conf-dir", str(Path(__file__).parent)]
    places += ["--doctree-dir", str(folder.with_name(f"{folder.name}-doctrees"))]
    return int(build_main([*options, *places, str(pages), str(folder)]))


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1])))
