"""From plain values to nouns: the source, the students and the optimiser of one task.

A worker builds them from the task that it is given, and the driver builds all of them before
anything runs, so that what a noun refuses is refused with its line and not in the middle of a
sweep.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from methexis import init
from methexis.core.checks import integer, one_of
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.core.view import View
from methexis.errors import MethexisError
from methexis.schedules import Schedule
from methexis.text import sentence
from methexis.training.optimisers import RULES, GradientFlow
from methexis.training.optimisers.registry import Optimiser
from methexis.training.plan import Plan, log_steps, make_plan

#: The dimension of a run along which its cells lie.
CELL = "cell"
_INITS: dict[str, tuple[Callable[..., init.Initialiser], str]] = {
    "gaussian": (init.gaussian, "scale"),
    "orthogonal": (init.orthogonal, "scale"),
    "random_minima": (init.random_minima, "spread"),
    "balanced": (init.balanced, ""),
    "platonic_point": (init.platonic_point, ""),
}


@dataclass(frozen=True, eq=False)
class Built:
    """The nouns of one task, ready to be trained."""

    source: Teacher | Samples
    students: list[EDLN | MLP]
    optimiser: Optimiser
    options: dict[str, Any]

    def plan(self, threads: int | None = None) -> Plan:
        """The plan of its run, which does not depend on the number of threads."""
        return make_plan(
            self.students, self.source, self.optimiser, threads=threads, **self.options
        )


def make_source(table: Mapping[str, Any]) -> Teacher | Samples:
    """The source that a table describes.

    Raises
    ------
    MethexisError
        If a number is out of range, or the file is not the one that was read at first.
    """
    if table["kind"] == "file":
        return _from_file(table)
    own = {"kind", "num_samples", "sample_seed"}
    teacher = Teacher.random(**{name: value for name, value in table.items() if name not in own})
    if table["kind"] == "teacher":
        return teacher
    return teacher.samples(table["num_samples"], seed=table["sample_seed"])


def _from_file(table: Mapping[str, Any]) -> Samples:
    try:
        content = Path(table["path"]).read_bytes()
        if blake2b(content, digest_size=16).hexdigest() != table["digest"]:
            raise MethexisError(
                f"path: expected the file with which the sweep began, got another {table['path']}"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            x, y = (arrays[table[name]] for name in ("x", "y"))
    except MethexisError:
        raise
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise MethexisError(
            f"path: expected an .npz file with the arrays {table['x']!r} and {table['y']!r}, got: "
            f"{sentence(error)}"
        ) from None
    return Samples.classes(x, y) if table["classes"] else Samples(x, y)


def make_student(table: Mapping[str, Any], source: Teacher | Samples) -> EDLN | MLP:
    """The student that a table describes: plain, or with random embeddings and view.

    Raises
    ------
    MethexisError
        If a number is out of range.
    """
    if "hidden" in table:
        hidden = tuple(table["hidden"])
    else:
        depth = integer("depth", table["depth"], least=2, most=1000)
        hidden = (integer("width", table["width"], least=1),) * (depth - 1)
    condition = table.get("condition")
    if table["kind"] == "edln":
        if condition is None:
            return EDLN(hidden)
        return EDLN.random(source, hidden, condition=condition, seed=table["seed"])
    view = None
    if condition is not None:
        view = View.random(source.dim_x, condition, seed=table["seed"])
    return MLP(hidden, table["activation"], table["bias"], view)


def make_optimiser(
    table: Mapping[str, Any], turned: Mapping[str, Sequence[float]] | None = None
) -> Optimiser:
    """The optimiser that a table describes; what is turned differs from cell to cell.

    Raises
    ------
    MethexisError
        On an unknown name, a parameter of another optimiser, or a number out of range.
    """
    given = dict(table) | {name: _along(values) for name, values in (turned or {}).items()}
    name = one_of("name", given.pop("name"), [*RULES, "GradientFlow"])
    known = {"lr", "rtol"} if name == "GradientFlow" else {*RULES[name].bounds}
    if name != "GradientFlow":
        known |= {"schedule", "schedule_final"} | ({"nesterov"} if name == "SGD" else set())
    for parameter in given:
        if parameter not in known:
            raise MethexisError(
                f"{parameter}: expected a parameter of {name}, {', '.join(sorted(known))}, got "
                "this one"
            )
    if name == "GradientFlow":
        return GradientFlow(**given)
    final = given.pop("schedule_final", Schedule().final)
    if "schedule" in given:
        given["schedule"] = Schedule(given["schedule"], final)
    return RULES[name](**given)


def make_options(
    table: Mapping[str, Any], source: Teacher | Samples, turned: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Keywords of `train` that a table gives.

    Raises
    ------
    MethexisError
        If a word is unknown or a number out of range.
    """
    own = {"seeds", "init", "init_scale"}
    options = {name: value for name, value in table.items() if name not in own}
    options |= {name: _along(values) for name, values in turned.items()}
    options.setdefault("sampling", "shuffle" if isinstance(source, Samples) else "online")
    make, word = _INITS[one_of("init", table["init"], list(_INITS))]
    scale = table.get("init_scale")
    if scale is not None and not word:
        raise MethexisError(f"init_scale: expected none with init {table['init']!r}, got {scale:g}")
    options["init"] = make() if scale is None else make(**{word: scale})
    if isinstance(table.get("record"), int):
        steps = integer("steps", table["steps"], least=1, most=2**62)
        count = integer("record", table["record"], least=2, most=10**6)
        options["record"] = log_steps(steps, count)
    return options


def build(config: Mapping[str, Any], values: Mapping[str, Sequence[Any]]) -> Built:
    """All nouns of one task.

    Parameters
    ----------
    config : mapping
        Its tables.
    values : mapping from str to sequence
        What differs between its cells, by dotted name; a value for each cell.
    """
    turned: dict[str, dict[str, Sequence[Any]]] = {"optimiser": {}, "training": {}}
    for parameter, column in values.items():
        table, name = parameter.split(".")
        turned[table][name] = column
    source = make_source(config["source"])
    return Built(
        source,
        [make_student(one, source) for one in config["students"]],
        make_optimiser(config["optimiser"], turned["optimiser"]),
        make_options(config["training"], source, turned["training"]),
    )


def _along(values: Sequence[Any]) -> xr.DataArray:
    whole = all(isinstance(value, int) for value in values)
    return xr.DataArray(np.array(values, dtype=np.uint64 if whole else np.float64), dims=CELL)
