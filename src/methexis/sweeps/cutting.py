"""Cutting a sweep into tasks: what one batched run can hold is one task, and no more than so much.

Networks of one run share their source, their widths and their number of steps; parameters of the
optimiser, the label noise and the seed may differ (`training.cells`). So cells are grouped by all
that cannot differ, and each group is cut into tasks of at most ``tasks.cells`` cells.

A task is known by what it computes: its name is a fingerprint of its tables and of the values of
its cells, and neither its number nor the version nor the executor has a part in it. A network's
numbers depend on its own parameters, its seed and its replica number alone. So no bit depends on
how a sweep is cut, nor on who runs what when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from methexis.core.checks import integer
from methexis.sweeps.building import build, make_optimiser, make_options, make_source, make_student
from methexis.sweeps.design import keys
from methexis.sweeps.design.axes import Cells, make_cells
from methexis.sweeps.design.lines import KeyPath
from methexis.sweeps.design.spec import Spec, fingerprint

#: The format of what a task is, which enters its name.
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Task:
    """One batched run of a sweep.

    Attributes
    ----------
    number : int
        Its place among the tasks.
    name : str
        Its fingerprint.
    config : mapping
        Its tables ``source``, ``students``, ``optimiser``, ``training``.
    cells : tuple of int
        Its cells by their place in the sweep.
    values : mapping from str to list
        What differs between its cells, by dotted name.
    """

    number: int
    name: str
    config: Mapping[str, Any]
    cells: tuple[int, ...]
    values: Mapping[str, list[Any]]

    @property
    def work(self) -> int:
        """Steps of all its networks together."""
        training = self.config["training"]
        return int(training["steps"] * training["replicas"] * len(self.cells))


def cut(spec: Spec) -> tuple[Cells, list[Task]]:
    """The cells of a sweep, and its tasks in the order of their first cells.

    Raises
    ------
    MethexisError
        If axes and design do not go together.
    """
    cells = make_cells(spec.axes, spec.design, spec.places)
    batched = _batched(spec, cells)
    separate = [name for name in cells.columns if name not in batched]
    groups: dict[str, list[int]] = {}
    for cell in range(cells.count):
        apart = [cells.columns[name][cell] for name in separate]
        # Without noise the gradient may come from moments: such networks run by themselves.
        noiseless = _value(spec, cells, "training.label_noise", cell) == 0.0
        groups.setdefault(json.dumps([apart, noiseless]), []).append(cell)
    most = spec.tables["tasks"]["cells"]
    tasks = []
    for group in groups.values():
        config = _config(spec, cells, separate, group[0])
        for first in range(0, len(group), most):
            part = tuple(group[first : first + most])
            values = {name: [cells.columns[name][k] for k in part] for name in batched}
            values["training.seed"] = _seeds(config, values, len(part))
            name = fingerprint([_FORMAT, _content(config), values])
            tasks.append(Task(0, name, config, part, values))
    tasks.sort(key=lambda task: task.cells[0])
    return cells, [
        Task(number, task.name, task.config, task.cells, task.values)
        for number, task in enumerate(tasks)
    ]


def require_buildable(spec: Spec, tasks: Sequence[Task]) -> None:
    """Make the nouns of every task, and the plan of the first, so that none fails for its values.

    Raises
    ------
    MethexisError
        With the line of the key, or of the axis, of what is refused.
    """
    sources: dict[str, Any] = {}
    for task in tasks:
        key = json.dumps(task.config["source"])
        with spec.places.about(("source",), _known(spec, "source")):
            if key not in sources:
                sources[key] = make_source(task.config["source"])
        source = sources[key]
        for k, one in enumerate(task.config["students"]):
            with spec.places.about(("students", k), _known(spec, "students", k)):
                make_student(one, source)
        turned = {
            table: {
                name.split(".")[1]: values
                for name, values in task.values.items()
                if name.startswith(table)
            }
            for table in ("optimiser", "training")
        }
        with spec.places.about(("optimiser",), _known(spec, "optimiser")):
            make_optimiser(task.config["optimiser"], turned["optimiser"])
        with spec.places.about(("training",), _known(spec, "training")):
            make_options(task.config["training"], source, turned["training"])
    known = {**_known(spec, "optimiser"), **_known(spec, "training")}
    with spec.places.about(("training",), known):
        build(tasks[0].config, tasks[0].values).plan(threads=1)


def _batched(spec: Spec, cells: Cells) -> list[str]:
    """Parameters on axes that may differ between the networks of one run."""
    names = set(cells.columns.get("optimiser.name", [spec.tables["optimiser"]["name"]]))
    able = {f"training.{name}" for name in keys.BATCHED_TRAINING}
    able |= {
        f"optimiser.{name}"
        for name in set.intersection(*(set(keys.batched_optimiser(rule)) for rule in names))
    }
    return [name for name in cells.columns if name in able]


def _content(config: Mapping[str, Any]) -> dict[str, Any]:
    """Tables without where a file lies, because its content is what counts."""
    source = {name: value for name, value in config["source"].items() if name != "path"}
    return {**config, "source": source}


def _value(spec: Spec, cells: Cells, parameter: str, cell: int) -> Any:
    if parameter in cells.columns:
        return cells.columns[parameter][cell]
    table, name = parameter.split(".")
    return spec.tables[table][name]


def _config(spec: Spec, cells: Cells, separate: Sequence[str], cell: int) -> dict[str, Any]:
    """Tables of the task of a cell: what is fixed, and what is the same for the whole task."""
    tables = ("source", "optimiser", "training")
    config: dict[str, Any] = {name: dict(spec.tables[name]) for name in tables}
    config["students"] = [dict(one) for one in spec.tables["students"]]
    for parameter in separate:
        table, *rest = parameter.split(".")
        value = cells.columns[parameter][cell]
        if table != "students":
            config[table][rest[0]] = value
        elif len(rest) == 2:
            config["students"][int(rest[0])][rest[1]] = value
        else:
            for one in config["students"]:
                one[rest[0]] = value
    return config


def _seeds(config: Mapping[str, Any], values: Mapping[str, list[Any]], count: int) -> list[int]:
    """Seeds of cells: that of the sweep, or each its own, which its own parameters decide."""
    training = config["training"]
    seeds = list(values.get("training.seed", [training["seed"]] * count))
    for seed in seeds:
        integer("training.seed", seed, least=0, most=2**64 - 1)
    if training["seeds"] == "same":
        return seeds
    apart = {name: column for name, column in values.items() if name != "training.seed"}
    return [
        _own_seed([seed, _content(config), {name: column[k] for name, column in apart.items()}])
        for k, seed in enumerate(seeds)
    ]


def _own_seed(plain: Any) -> int:
    text = json.dumps(plain, sort_keys=True)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _known(spec: Spec, table: str, student: int = 0) -> dict[str, KeyPath]:
    """Where each parameter of a table stands: at its axis where it has one."""
    path: KeyPath = (table, student) if table == "students" else (table,)
    given = spec.tables[table][student] if table == "students" else spec.tables[table]
    known: dict[str, KeyPath] = {name: (*path, name) for name in given}
    for axis in spec.axes:
        parts = axis.parameter.split(".")
        if parts[0] == table and (len(parts) == 2 or parts[1] == str(student)):
            known[parts[-1]] = axis.place
    return known
