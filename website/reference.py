"""The reference: a page per public name, made from its docstring, and one with the commands.

Names come from ``__all__`` of the public namespaces, so nothing is listed by hand. What several
namespaces have is documented where users find it first, and linked from the others.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from methexis.cli.app import app

#: Public namespaces in the order of the reference, with what each is about.
NAMESPACES = {
    "methexis": "What `import methexis as mx` has",
    "methexis.theory": "Theory",
    "methexis.measures": "Measures of alignment",
    "methexis.geometry": "Geometry of layers",
    "methexis.init": "Where a run starts",
    "methexis.schedules": "Learning-rate schedules",
    "methexis.probes": "Probing of models",
    "methexis.representations": "Representations from files",
    "methexis.training": "Runs, and what records them",
    "methexis.scenarios": "Whole jobs",
    "methexis.report": "Reports",
    "methexis.measures.dropin": "Functions with other packages' names",
}
#: Folders of `measures`, by what the reference calls them.
FAMILIES = {
    "inference": "Comparisons, with what makes a score believable",
    "kernels": "Kernels",
    "neighbours": "Nearest neighbours",
    "subspaces": "Subspaces, rotations and linear maps",
    "units": "Single units",
    "dissimilarity": "Dissimilarities, and experiments with several subjects",
    "inputs": "What is compared",
    "streaming": "One pass over many samples",
    "spectra": "Spectra",
    "planted": "Pairs whose alignment is known",
}
#: Columns of what a command prints as its help.
WIDTH = 96


@dataclass
class Space:
    """A namespace: its module, and its names by the heading that they stand under."""

    name: str
    title: str
    module: ModuleType
    groups: dict[str, list[str]] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its pages are, within the reference."""
        return self.name.removeprefix("methexis").removeprefix(".").replace(".", "-") or "mx"

    @property
    def short(self) -> str:
        """How a user writes it."""
        return self.name.replace("methexis", "mx", 1)


def write(folder: Path) -> None:
    """Write the whole reference into a folder: names, and what commands print as their help."""
    write_names(folder)
    (folder / "commands.md").write_text(commands(), encoding="utf-8")


def write_names(folder: Path) -> None:
    """Write the pages of all namespaces, and the one that lists them."""
    spaces = [_space(name, title) for name, title in NAMESPACES.items()]
    homes: dict[int, str] = {}
    for space in spaces:
        _write_space(space, folder / space.folder, homes)
    (folder / "index.md").write_text(_index(spaces), encoding="utf-8")


def _space(name: str, title: str) -> Space:
    space = Space(name, title, import_module(name))
    for each in space.module.__all__:
        value = getattr(space.module, each)
        if not each.startswith("_") and not isinstance(value, ModuleType):
            space.groups.setdefault(_heading(space, each, value), []).append(each)
    order = list(FAMILIES.values())
    space.groups = dict(
        sorted(
            space.groups.items(), key=lambda item: order.index(item[0]) if item[0] in order else -1
        )
    )
    return space


def _heading(space: Space, name: str, value: Any) -> str:
    """Heading that a name stands under: its family of measures, or the comment above it."""
    if space.name == "methexis.measures":
        home = getattr(value, "__module__", "").split(".")
        return FAMILIES.get(home[2] if len(home) > 2 else "", "The registry")
    return _comments(space.module).get(name, "")


def _comments(module: ModuleType) -> dict[str, str]:
    """Comment above each name in the file of a namespace, where its lists have comments."""
    heading = ""
    headings: dict[str, str] = {}
    for line in Path(str(module.__file__)).read_text(encoding="utf-8").splitlines():
        if comment := re.match(r"\s+# (.*)", line):
            heading = comment[1][:1].upper() + comment[1][1:]
        for name in re.findall(r'"(\w+)"', line):
            headings.setdefault(name, heading)
    return headings


def _write_space(space: Space, folder: Path, homes: dict[int, str]) -> None:
    """Write the list of a namespace's names, and a page per heading with what is documented here.

    A namespace without headings is one page with both.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own: dict[str, list[str]] = {heading: [] for heading in space.groups}
    for heading, names in space.groups.items():
        for name in names:
            value = getattr(space.module, name)
            if id(value) not in homes:
                homes[id(value)] = f"{space.name}.{name}"
                own[heading].append(name)
    about = inspect.getdoc(space.module) or ""
    head = f"# {space.title}" if space.name == "methexis" else f"# {space.title}: `{space.short}`"
    lines = [head, "", _plain(about.partition("\n\n")[0]), ""]
    below = []
    for heading, names in space.groups.items():
        lines += [f"## {heading}", ""] if heading else []
        lines += _table(space, names, homes)
        documented = _documented(space, own[heading])
        if heading and documented:
            slug = re.sub(r"[^a-z]+", "-", heading.lower()).strip("-")
            below.append(f"{heading} <{slug}>")
            page = [f"# {heading}: `{space.short}`", "", *documented]
            (folder / f"{slug}.md").write_text("\n".join(page), encoding="utf-8")
        else:
            lines += documented
    lines += ["```{toctree}", ":hidden:", "", *below, "```", ""] if below else []
    (folder / "index.md").write_text("\n".join(lines), encoding="utf-8")


def _documented(space: Space, names: list[str]) -> list[str]:
    """Lines that let autodoc document names: classes behind what makes them."""
    lines = []
    for name in sorted(names, key=lambda each: (each.lower(), each[0].isupper())):
        value = getattr(space.module, name)
        full = f"{space.name}.{name}"
        if inspect.isclass(value):
            lines += [f".. autoclass:: {full}", "   :members:", "   :inherited-members:", ""]
        elif callable(value):
            lines += [f".. autofunction:: {full}", ""]
        else:
            lines += [f".. py:data:: {full}", "", f"   {_contents(value)}", ""]
    return ["```{eval-rst}", *lines, "```", ""] if lines else []


def _contents(value: Any) -> str:
    """What a constant holds, in words."""
    return f"{type(value).__name__.strip('_')} of " + ", ".join(f"``{each}``" for each in value)


def _table(space: Space, names: list[str], homes: dict[int, str]) -> list[str]:
    """Markdown of names with the first sentences of what they are, each a link."""
    lines = ["| name | what it is |", "|---|---|"]
    for name in sorted(names, key=lambda each: (each.lower(), each[0].isupper())):
        value = getattr(space.module, name)
        lines.append(f"| {{py:obj}}`{name} <{homes[id(value)]}>` | {_summary(value)} |")
    return [*lines, ""]


def _summary(value: Any) -> str:
    """First sentence of a docstring, as a cell of a table."""
    if not callable(value):
        return _plain(_contents(value))
    first = (inspect.getdoc(value) or "").partition("\n\n")[0]
    return _plain(" ".join(first.split())).replace("|", "\\|")


def _plain(text: str) -> str:
    """Markdown of a reST sentence: literals in single backticks."""
    return text.replace("``", "`")


def _index(spaces: list[Space]) -> str:
    lines = [
        "# Reference",
        "",
        "Every public name, as its docstring says; examples in docstrings are run by the tests. "
        "Tables below show how a user writes a namespace after `import methexis as mx`.",
        "",
        "| namespace | what it has | names |",
        "|---|---|---:|",
    ]
    lines += [
        f"| [`{space.short}`]({space.folder}/index.md) | {space.title} | "
        f"{sum(map(len, space.groups.values()))} |"
        for space in spaces
    ]
    lines += [
        "",
        "[Commands](commands.md) has what `methexis VERB --help` prints for every verb.",
        "",
    ]
    entries = ["Commands <commands>", *(f"{each.short} <{each.folder}/index>" for each in spaces)]
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *entries, "```", ""])


def commands() -> str:
    """Markdown of the help of every verb."""
    lines = [
        "# Commands",
        "",
        "One verb per job, as `methexis --help` lists them. Exit status is 0 only for success, and "
        "2 for input that is refused, with one sentence that says what was expected and what came.",
        "",
    ]
    for verb in verbs():
        text = _help(verb)
        lines += [f"## `methexis {verb}`", "", "```text", text, "```", ""]
    return "\n".join(lines)


def verbs() -> list[str]:
    """Names of the verbs that the command shows."""
    shown = [info for info in app.registered_commands if not info.hidden]
    return [info.name or str(getattr(info.callback, "__name__", "")) for info in shown]


def _help(verb: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "methexis", verb, "--help"],
        env=os.environ | {"COLUMNS": str(WIDTH)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    text = done.stdout.replace("python -m methexis", "methexis").strip()
    return "\n".join(line.rstrip() for line in text.splitlines())
