"""What docstrings mention: names, as links to where the reference documents them, and references.

Docstrings name things as a reader knows them (`Teacher`, `theory.platonic`, `Run.measure`), not by
the module that documents them. Of several things with one ending none is meant for sure, so none is
linked.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes

_CITED = re.compile(r"\[(\d+)\]_")
_REFERENCE = re.compile(r"^(\s*)\.\. \[(\d+)\] ")


def prepared(app: Any, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Make the references of a docstring a list: as footnotes they would be those of a whole page.

    Before what an attribute or a property says comes an empty line, because a colon in the first
    line would be read as the end of a type.
    """
    del app, name, value, options
    lines[:] = [_CITED.sub(r"[\1]", _REFERENCE.sub(r"\1\2. ", line)) for line in lines]
    if kind in {"attribute", "property"}:
        lines.insert(0, "")


def without_types(app: Any, document: Any) -> None:
    """Take links off the words of a parameter's type, such as ``num_samples`` of a shape.

    Sphinx takes each for the name of a class; only one that looks like a class stays a link.
    """
    del app
    for node in list(document.findall(addnodes.pending_xref)):
        word = node.get("reftarget", "")
        if node.get("reftype") == "class" and "." not in word and not word[:1].isupper():
            node.replace_self(node.children)


def resolved(app: Any, env: Any, node: Any, content: Any) -> Any:
    """A link to the one documented thing whose full name ends in what a docstring says, or None."""
    if node.get("refdomain") != "py":
        return None
    wanted = "." + node["reftarget"].removeprefix("mx.").removeprefix("methexis.")
    objects = env.domains["py"].objects
    places = [name for name in objects if f".{name}".endswith(wanted)]
    best = min(places, key=lambda name: name.count("."), default=None)
    if best is None or [name.count(".") for name in places].count(best.count(".")) > 1:
        return None
    entry = objects[best]
    there = app.builder.get_relative_uri(node["refdoc"], entry.docname)
    link = nodes.reference("", "", content, internal=True, refuri=f"{there}#{entry.node_id}")
    return link
