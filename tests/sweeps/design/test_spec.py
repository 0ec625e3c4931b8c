"""Specifications: what is wrong is said with line and key, and equal ones have equal identity."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.sweeps.cutting import cut, require_buildable
from methexis.sweeps.design.axes import make_cells
from methexis.sweeps.design.spec import Spec, read_spec, stored_spec
from tests.sweeps.small import TOML, spec


def checked(given: Any) -> Spec:
    """All that is checked before anything runs."""
    read = read_spec(given)
    _, tasks = cut(read)
    require_buildable(read, tasks)
    return read


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


#: What is replaced by what, the key that the message names, and what else it says.
WRONG = {
    "unknown key": ("batch = 2", "bacth = 2", "training.bacth", "did you mean 'batch'?"),
    "unknown table": ("[optimiser]", "[optimizer]", "optimizer", "did you mean 'optimiser'?"),
    "unknown kind": ('"edln"', '"eldn"', "students.0.kind", "did you mean 'edln'?"),
    "unknown rule": ('"SGD"', '"SDG"', "optimiser.name", "expected one of 'SGD'"),
    "unknown parameter": (
        "students.width =", "students.widht =", "axes.students.widht",
        "did you mean 'students.width'?",
    ),
    "of another rule": ('"SGD"', '"SGD"\nrho = 0.1', "optimiser.rho", "a parameter of SGD"),
    "wrong type": ("steps = 30", 'steps = "many"', "training.steps", "expected an integer"),
    "a truth": ("steps = 30", "steps = true", "training.steps", "expected an integer, got True"),
    "below range": ("dim_x = 2", "dim_x = 0", "source.dim_x", "expected an integer >= 1, got 0"),
    "a value of an axis": ("[2, 3]", "[2, 0]", "axes.students.width", ">= 1, got 0"),
    "type of a value": ("[2, 3]", "[2,\n 2.5]", "axes.students.width.1", "got 2.5"),
    "no values": ("[2, 3]", "[]", "axes.students.width", "expected a list of values"),
    "twice in a grid": ("[2, 3]", "[2, 2]", "axes.students.width", "2 different values in a grid"),
    "no number": (
        "[0.01, 0.02]", "{ low = 0.01, high = 0.02 }", "axes.optimiser.lr", "expected num",
    ),
    "ends": (
        "[0.01, 0.02]", "{ low = 0.02, high = 0.01, num = 3 }", "axes.optimiser.lr",
        "expected low below high",
    ),
    "scale": (
        "[0.01, 0.02]", '{ low = 0.01, high = 1, num = 3, scale = "lgo" }',
        "axes.optimiser.lr.scale", "expected one of 'linear', 'log'",
    ),
    "log of zero": (
        "[0.01, 0.02]", '{ low = 0, high = 1, num = 3, scale = "log" }',
        "axes.optimiser.lr.low", "expected low > 0",
    ),
    "rounded together": (
        "[2, 3]", "{ low = 2, high = 4, num = 6 }", "axes.students.width",
        "6 different values in a grid, got 3",
    ),
    "shape twice": ("depth = 3", "hidden = [3]", "students.0", "expected hidden, or width and"),
    "axis of one and all": (
        "[2, 3]", "[2, 3]\nstudents.0.width = [4]", "axes.students.0.width", "one axis for it",
    ),
    "not to be turned": (
        "[2, 3]", "[2, 3]\ntraining.replicas = [1, 2]", "axes.training.replicas",
        "expected a parameter among",
    ),
    "sampling of a teacher": (
        "batch = 2", 'sampling = "shuffle"', "training.sampling", "expected 'online' or 'full'",
    ),
    "plan": ("record = [0]", "record = [99]", "training.record", "expected steps in [0, 30]"),
    "missing": ("steps = 30\n", "", "training", "expected the key 'steps'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_by_line_and_key(tmp_path: Path, case: str) -> None:
    old, new, key, words = WRONG[case]
    text = TOML.replace(old, new)
    assert text != TOML
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(mx.MethexisError) as error:
        checked(tmp_path / "s.toml")
    message = str(error.value)
    assert words in message
    where, _, rest = message.partition(": ")
    assert rest.startswith(f"{key}: ")
    assert "\n" not in message
    changed = "[training]" if case == "missing" else new.splitlines()[-1]
    if case == "shape twice":
        changed = "[[students]]"
    assert where == f"s.toml, line {line_of(text, changed)}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[source\n", "s.toml: expected TOML, got: Expected ']'"),
        (b"\xff\xfe", "s.toml: expected TOML, got"),
        (b"x = 1\nx = 2\n", "at line 2"),
    ],
)
def test_what_is_no_toml(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "s.toml").write_bytes(content)
    with pytest.raises(mx.MethexisError, match=re.escape(words)):
        read_spec(tmp_path / "s.toml")


@pytest.mark.parametrize("given", [None, 3, [], "gone.toml", b"x", "\0"])
def test_what_is_no_specification(given: Any) -> None:
    with pytest.raises(mx.MethexisError, match=r"^spec: expected a TOML file"):
        read_spec(given)


def test_a_mapping_is_named_by_key() -> None:
    with pytest.raises(mx.MethexisError, match=r"^spec: training.stpes: expected keys among"):
        read_spec(spec(training={"stpes": 3}))


def test_file_mapping_and_what_is_stored_are_one_sweep(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(TOML)
    read = read_spec(tmp_path / "s.toml")
    spelled = TOML.replace("steps = 30", "steps = 30\ndtype = 'float64'  # the default")
    (tmp_path / "t.toml").write_text(spelled.replace("optimiser.lr", '"optimiser.lr"'))
    others = [read_spec(spec()), stored_spec(read.plain()), read_spec(tmp_path / "t.toml")]
    names = [task.name for task in cut(read)[1]]
    for other in others:
        assert other.digest() == read.digest()
        assert [task.name for task in cut(other)[1]] == names
    assert read_spec(spec(source={"dim_x": 3, "dim_y": 2})).digest() != read.digest()


def drawn(kind: str, count: int, **axes: Any) -> np.ndarray[Any, Any]:
    axes = axes or {"low": 0.0, "high": 1.0}
    given = spec(
        design={"kind": kind, "count": count, "seed": 4},
        axes={"source.noise": axes, "training.label_noise": axes},
    )
    given["students"] = [{"width": 3, "depth": 3}]
    given["optimiser"] = {"lr": 0.1}
    read = read_spec(given)
    cells = make_cells(read.axes, read.design, read.places)
    assert cells.dims == ("cell",)
    return np.array(list(cells.columns.values()))


def discrepancy(points: np.ndarray[Any, Any]) -> float:
    """Largest deviation of the share of points in a box from its area, over boxes at points."""
    boxes = points.T
    shares = (points[:, None, :] <= boxes.T[:, :, None]).all(axis=0).mean(axis=1)
    return float(np.abs(shares - boxes.prod(axis=1)).max())


def test_sobol_points_fill_the_square_more_evenly_than_random_ones() -> None:
    """Discrepancy falls as log(n)²/n and not as 1/√n: at 256 points by a factor of several."""
    sobol, random = drawn("sobol", 256), drawn("random", 256)
    assert discrepancy(sobol) < discrepancy(random) / 2
    assert ((sobol > 0) & (sobol < 1)).all()
    # Any 16 points in a row of a net are one in each sixteenth of every axis; the shift keeps it
    # up to two at a border.
    assert np.histogram(sobol[0, :16], 16, (0, 1))[0].max() <= 2


@pytest.mark.parametrize("kind", ["random", "sobol"])
def test_more_points_begin_with_the_fewer(kind: str) -> None:
    assert np.array_equal(drawn(kind, 32)[:, :8], drawn(kind, 8))


def test_a_log_scale_has_equal_ratios_and_its_ends() -> None:
    axes = {"optimiser.lr": {"low": 1e-3, "high": 1.0, "num": 4, "scale": "log"}}
    read = read_spec(spec(students=[{"width": 3, "depth": 3}], axes=axes))
    values = make_cells(read.axes, read.design, read.places).columns["optimiser.lr"]
    assert values[0] == 1e-3
    assert values[-1] == 1.0
    assert np.diff(np.log10(values)) == pytest.approx(1.0, rel=1e-12)


def test_a_list_goes_along_all_axes_at_once() -> None:
    read = read_spec(spec(design={"kind": "list"}))
    cells, _ = cut(read)
    assert cells.shape == (2,)
    assert cells.columns == {"optimiser.lr": [0.01, 0.02], "students.width": [2, 3]}
    given = spec(design={"kind": "list"}, axes={"optimiser.lr": [0.1], "students.width": [2, 3]})
    with pytest.raises(mx.MethexisError, match="as many values of each axis of a list"):
        cut(read_spec(given))


def test_names_of_axes_stay_apart() -> None:
    axes = {"students.0.width": [2], "students.1.width": [3], "optimiser.lr": [0.1]}
    given = spec(students=[{"depth": 3}, {"depth": 4}], axes=axes)
    dims = [axis.dim for axis in read_spec(given).axes]
    assert dims == ["students_0_width", "students_1_width", "lr"]
