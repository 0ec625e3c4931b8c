"""Notebooks of docs/tutorials: they run, and what stands in them is what they give."""

from __future__ import annotations

import base64
import copy
import io
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from nbclient.exceptions import CellExecutionError

from tests.docs import guides, notebooks
from tests.docs.notebooks import PAGES, differences, same_text, tidied

MOST_BYTES = 400_000
#: Names of folders of a machine, and what a progress line tells of its speed.
STALE = re.compile(
    r"/(?:home|root|tmp|Users|work|mnt|opt|usr)/|steps/s|<progress|\d s left|wall time| at 0x"
)


def committed(page: Path) -> Any:
    return nbformat.read(page, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_tutorials() -> None:
    assert {page.stem for page in PAGES} == {
        "comparing-representations", "gauge", "neuroscience", "theory-in-your-run", "translating",
    }  # fmt: skip


def test_nobody_but_developers_installs_what_executes_them() -> None:
    """So `make demo` and users stay without: it takes 77 MB."""
    project = tomllib.loads((notebooks.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = {"users": project["dependencies"], **project["optional-dependencies"]}
    wanting = {
        name
        for name, needs in groups.items()
        if any(need.startswith(("ipykernel", "nbclient", "jupyter", "ipython")) for need in needs)
    }
    assert wanting == {"dev"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_notebook_is_committed_executed(page: Path) -> None:
    notebook = committed(page)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [one for cell in cells for one in cell.outputs]
    assert len(outputs) >= 8
    assert sum("image/png" in one.get("data", {}) for one in outputs) >= 3
    assert not [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"]
    assert not STALE.findall(json.dumps([cell.get("outputs", []) for cell in cells]))
    assert page.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_notebook_is_as_the_command_writes_it(page: Path) -> None:
    """So a diff shows what a change does, not who made it on which machine."""
    text = page.read_text(encoding="utf-8")
    assert nbformat.writes(tidied(committed(page))) + "\n" == text


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_notebook_gives_what_stands_in_it(page: Path) -> None:
    told = differences(committed(page), notebooks.executed(page))
    assert not told, f"run python -m tests.docs.notebooks {page.stem}; " + "\n".join(told)


@pytest.mark.slow
def test_progress_is_one_bar_and_is_not_kept(tmp_path: Path) -> None:
    """A notebook keeps whatever is written: one display of a run, full at its end."""
    code = (
        "import methexis as mx\n"
        "teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)\n"
        "run = mx.train(mx.EDLN(hidden=(3, 4)), teacher, mx.SGD(lr=0.01), steps=400_000)"
    )
    cells = [nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("run.source")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebooks.run(notebook, tmp_path)
    (bar,) = notebook.cells[0].outputs
    assert '<progress value="400000" max="400000"' in bar.data["text/html"]
    assert "\r" not in json.dumps(notebook)
    shown = tidied(notebook).cells
    assert shown[0].outputs == []
    assert "Teacher(dim_x=3, dim_y=2)" in shown[1].outputs[0].data["text/plain"]


def test_a_cell_that_fails_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), page)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.executed(page)


def changed(page: Path, find: str, put: str) -> Any:
    """A notebook in which one thing that is printed is another."""
    notebook = committed(page)
    for cell in code_cells(notebook):
        for one in cell.outputs:
            if find in one.get("text", ""):
                one.text = one.text.replace(find, put, 1)
                return notebook
    raise AssertionError(find)


def test_what_is_stale_is_seen() -> None:
    page = notebooks.FOLDER / "neuroscience.ipynb"
    now = committed(page)
    assert differences(committed(page), now) == []
    assert differences(changed(page, "0.6034", "0.6035"), now) == []  # a rounding
    assert "0.6036" in differences(changed(page, "0.6034", "0.6036"), now)[0]
    assert "best" in differences(changed(page, "best", "worst"), now)[0]
    assert differences(changed(page, "6 subjects", "7 subjects"), now)
    other = committed(page)
    other.cells[3].source += "\n"
    assert differences(other, now) == ["the cells are others"]
    pictures = [
        (cell, one)
        for cell in code_cells(now)
        for one in cell.outputs
        if "image/png" in one.get("data", {})
    ]
    first, last = pictures[0][1].data, pictures[-1][1].data
    swapped = copy.deepcopy(now)
    for cell in code_cells(swapped):
        for one in cell.outputs:
            if one.get("data", {}).get("image/png") == last["image/png"]:
                one.data["image/png"] = first["image/png"]
    assert "another picture" in differences(swapped, now)[0]
    gone = copy.deepcopy(now)
    code_cells(gone)[-1].outputs = []
    assert "gave []" in differences(gone, now)[0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("p 1e-4", "p 2e-4", True),
        ("p 1e-4", "p 3e-4", False),
        ("−0.50", "−0.51", True),
        ("−0.50", "0.50", False),
        ("n 400", "n 401", False),
        ("0.99", "1.00", True),
        ("a 0.5 b", "a 0.5 c", False),
    ],
)
def test_numbers_may_be_rounded_otherwise(one: str, other: str, same: bool) -> None:
    assert same_text(one, other) is same


def test_a_curve_that_is_missing_is_another_picture() -> None:
    def picture(*curves: np.ndarray) -> str:
        figure = Figure()
        axes = figure.add_subplot()
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="slow time")
        for curve in curves:
            axes.plot(np.linspace(0, 1, 50), curve)
        file = io.BytesIO()
        figure.savefig(file, format="png")
        return base64.b64encode(file.getvalue()).decode()

    x = np.linspace(0, 1, 50)
    assert notebooks.alike(picture(x, x**2), picture(x, x**2))
    assert notebooks.alike(picture(x, x**2), picture(x, x**2 + 1e-3))  # below a pixel
    assert not notebooks.alike(picture(x, x**2), picture(x))
    assert not notebooks.alike(picture(x, x**2), picture(x, 1 - x**2))


def test_the_notebook_has_the_data_and_numbers_of_the_guide() -> None:
    """The guide's numbers are rsatoolbox's (test_neuroscience_guide.py), so these are, too."""
    guide = (guides.FOLDER / "neuroscience.md").read_text(encoding="utf-8")
    told = re.sub(r"^(?:>>>|\.\.\.) ?", "", guide, flags=re.MULTILINE)
    notebook = committed(notebooks.FOLDER / "neuroscience.ipynb")
    cells = code_cells(notebook)

    def bare(text: str) -> str:
        return re.sub(r"[\s()]", "", text)

    assert bare(cells[1].source) in bare(told)  # what was recorded
    (printed,) = (
        one.text for cell in cells for one in cell.outputs if "best (mean" in one.get("text", "")
    )
    assert bare(printed) in bare(told)
