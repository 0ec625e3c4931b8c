"""The layers of the package: which parts there are, what each is for, and who lies above whom.

This list is the only one. `tests/test_layers.py` enforces it, and ARCHITECTURE.md and
CONTRIBUTING.md show it between marks, written by ``python -m tests.layers`` (`make docs`). A new
part of the package is one line here.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: From the bottom to the top, the parts of each layer with a phrase on each. Imports go downwards
#: or stay in their layer.
LAYERS: list[dict[str, str]] = [
    {
        "moved": "old homes of modules",
        "errors": "what is raised on bad input, and where a theorem's condition fails",
        "text": "text from outside, made fit to be shown",
        "display": "how nouns and results show themselves, at a prompt and in a notebook",
        "progress": "telling a terminal how far a job has come",
        "version": "the version",
        "lazy": "names that are imported when they are first used",
        "files": "where files and folders are written: staged, marked, locked, whole",
        "_native": "compiled kernels (native/), where they are built",
    },
    {
        "plots": "drawing of arrays on axes, from data that know no noun",
    },
    {
        "core": "nouns, partial products, charges, geometry, random streams, checks",
    },
    {
        "theory": "closed forms and slow dynamics (NumPy and SciPy only)",
    },
    {
        "init": "where a run starts",
        "schedules": "how its learning rate goes",
        "geometry": "alignment of layers, from weights or from samples",
    },
    {
        "training": "engines, optimisers, recording, runs on disk",
        "measures": "alignment of representations, and its inference",
    },
    {
        "representations": "representations from files of others, and from saved runs",
        "probes": "representations from models of others: layers, proved and stored",
        "maps": "linear maps between two representations, judged on samples left out",
    },
    {
        "scenarios": "whole jobs: problem, prediction, run, control, verdict; comparing files",
        "explaining": "which maps take one representation to another",
        "sweeps": "many runs over a design of parameters, on any executor, gone on with",
        "transport": "using what two representations share: translation",
    },
    {
        "cli": "what a person types",
        "__main__": "the same, as `python -m methexis`",
        "report": "what a person sees: text, pages, figures",
    },
]
#: Two parts of one layer of which neither imports the other.
STRANGERS = frozenset({"training", "measures"})

#: In each page the block that is made from the list, and how.
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md")
_BLOCK = re.compile(r"(<!-- layers:begin -->\n).*?(<!-- layers:end -->)", re.DOTALL)


def table() -> str:
    """The parts from the top to the bottom, a line each; blank lines between layers."""
    blocks = ["\n".join(f"{part:17}{phrase}" for part, phrase in layer.items()) for layer in LAYERS]
    return "```\n" + "\n\n".join(reversed(blocks)) + "\n```\n"


def sentence() -> str:
    """The parts from the top to the bottom, in a sentence."""
    layers = [", ".join(f"`{part}`" for part in layer) for layer in reversed(LAYERS)]
    first, second = (f"`{part}`" for part in sorted(STRANGERS))
    return (
        textwrap.fill(
            f"{' → '.join(layers)}. Neither of {first} and {second} imports the other.", 100
        )
        + "\n"
    )


def rendered(page: str, text: str) -> str:
    """Text of a page with its block made from the list.

    Raises
    ------
    ValueError
        If the page has no such block, or several.
    """
    block = table() if page == "ARCHITECTURE.md" else sentence()
    text, count = _BLOCK.subn(lambda match: match[1] + block + match[2], text)
    if count != 1:
        raise ValueError(
            f"{page}: expected one pair of marks layers:begin, layers:end, got {count}"
        )
    return text


def main() -> None:
    """Write the list into the pages that show it."""
    for page in PAGES:
        path = ROOT / page
        path.write_text(rendered(page, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
