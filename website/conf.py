"""Settings of Sphinx for the site; `make site` calls it with the staged pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import mathjax  # noqa: E402

from methexis.version import __version__  # noqa: E402
from website import names  # noqa: E402

project = "Methexis"
author = "The Methexis authors"
copyright = "2026, the Methexis authors"
version = release = __version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]
root_doc = "index"
exclude_patterns = ["files/**.md"]

# Pages: what a repository's viewer shows, and nothing more; anchors of headings as it makes them.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_dmath_allow_labels = False
myst_number_code_blocks: list[str] = []
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "monokai"

# Docstrings: types stand in them, so that signatures stay short. A name in single backticks is a
# link where it is the name of something documented, and code where not.
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
toc_object_entries_show_parents = "hide"

# What is copied runs: no prompts, no output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = f"Methexis {release}"
html_short_title = "Methexis"
html_static_path = [
    "static",
    str(Path(mathjax.__path__[0]) / "static" / "mathjax" / "es5" / "tex-svg.js"),
]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5f8b", "color-brand-content": "#1f5f8b"},
    "dark_css_variables": {"color-brand-primary": "#7fb8e0", "color-brand-content": "#7fb8e0"},
}
# In one file of its own, with its fonts: no page asks another machine for anything.
mathjax_path = "tex-svg.js"
mathjax3_config = {
    "tex": {"inlineMath": [["\\(", "\\)"]], "displayMath": [["\\[", "\\]"]]},
    "svg": {"fontCache": "global"},
}


def setup(app: Any) -> None:
    """Read docstrings as they are meant: names are links, references a list."""
    app.connect("autodoc-process-docstring", names.prepared, priority=400)
    app.connect("doctree-read", names.without_types)
    app.connect("missing-reference", names.resolved)
