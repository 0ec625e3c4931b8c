"""`Spec`: what a sweep does, from a file in TOML or a mapping, checked key by key.

A specification is plain data: tables of the source, the students, the optimiser and the training,
and axes over any of their parameters by dotted name. What was read is written again with all
defaults (`Spec.plain`), and that text is the sweep's identity: two files that mean the same are the
same sweep.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any

from methexis.core.checks import location, one_of, shown
from methexis.errors import MethexisError
from methexis.sweeps.design import keys
from methexis.sweeps.design.axes import Axis, Design, read_axis
from methexis.sweeps.design.keys import Key, typed
from methexis.sweeps.design.lines import KeyPath, key_lines
from methexis.sweeps.design.places import Places, dotted
from methexis.text import sentence, suggestion

#: Most bytes of a file: more are no specification that a person wrote.
_MOST_BYTES = 1 << 24
#: Names that results have anyway, which no dimension gets.
_TAKEN = {"accuracy", "cell", "entropy", "loss", "replica", "sharpness", "student", "task"}


@dataclass(frozen=True, eq=False)
class Spec:
    """A specification, checked.

    Attributes
    ----------
    name : str
        What the sweep is called.
    tables : mapping
        The tables ``source``, ``students``, ``optimiser``, ``training`` and ``tasks``, with all
        defaults.
    axes : tuple of Axis
        What is turned.
    design : Design
        How axes make cells.
    places : Places
        Where its keys stand.
    """

    name: str
    tables: Mapping[str, Any]
    axes: tuple[Axis, ...]
    design: Design
    places: Places

    def plain(self) -> dict[str, Any]:
        """The specification as a mapping that reads as itself, with all defaults."""
        design = {"kind": self.design.kind, "seed": self.design.seed}
        design |= {} if self.design.count is None else {"count": self.design.count}
        axes = {axis.parameter: axis.plain() for axis in self.axes}
        return {"name": self.name, **self.tables, "design": design, "axes": axes}

    def digest(self) -> str:
        """Fingerprint of what the sweep does; its name is no part of it."""
        plain = self.plain()
        del plain["name"]
        return fingerprint(plain)


def fingerprint(plain: Any) -> str:
    """Fingerprint of plain data: equal data give equal ones on every machine.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": 0.1}) == fingerprint({"b": 0.1, "a": 1})
    True
    """
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode(), digest_size=10).hexdigest()


def stored_spec(plain: Mapping[str, Any]) -> Spec:
    """The specification of a sweep on disk, whose source file is not read again."""
    return _checked(plain, Places(), None, "sweep")


def read_spec(spec: Any) -> Spec:
    """Read a specification from a file in TOML, or take a mapping of the same form.

    Raises
    ------
    MethexisError
        In one sentence with the line and the key of what is wrong, and the nearest known key.
    """
    if isinstance(spec, Mapping):
        return _checked(spec, Places(), Path(), str(spec.get("name", "sweep")))
    if not isinstance(spec, str | PathLike):
        raise MethexisError(f"spec: expected a TOML file or a mapping, got {shown(spec)}")
    path = location("spec", spec, "a TOML file or a mapping")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise MethexisError(f"spec: expected a TOML file, got {path}, which is too large")
        text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
        given = tomllib.loads(text)
    except OSError as error:
        raise MethexisError(
            f"spec: expected a TOML file, got {path}: {error.strerror or error}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise MethexisError(f"{path.name}: expected TOML, got: {sentence(error)}") from None
    places = Places(path.name, key_lines(text))
    return _checked(given, places, path.absolute().parent, path.stem)


def _checked(given: Mapping[str, Any], places: Places, base: Path | None, name: str) -> Spec:
    for table in given:
        _require_known(places, (), table, keys.TABLES)
    with places.about(("name",)):
        name = typed("word", given.get("name", name)) or "sweep"
    axes = _flat(given.get("axes", {}), ("axes",), places)
    turned = {parameter for parameter, _, _ in axes}
    kinds = _kinds(given, places)
    known = {parameter: _key(parameter, kinds, path, places) for parameter, path, _ in axes}
    source = _source(given, places, base, turned)
    students = _students(given, places, turned)
    optimiser = _table(given, ("optimiser",), keys.optimiser_keys(), places, turned)
    training = _table(given, ("training",), keys.TRAINING, places, turned)
    with places.about(("training", "seeds")):
        one_of("seeds", training["seeds"], ("same", "own"))
    tasks = _table(given, ("tasks",), keys.TASKS, places, turned)
    if tasks["cells"] < 1:
        raise places.error(("tasks", "cells"), f"expected at least 1, got {tasks['cells']}")
    tables: dict[str, Any] = {
        "source": source,
        "students": students,
        "optimiser": optimiser,
        "training": training,
        "tasks": tasks,
    }
    dims = _dims([parameter for parameter, _, _ in axes])
    read = [
        read_axis(parameter, dims[parameter], known[parameter], value, path, places)
        for parameter, path, value in axes
    ]
    _require_single(read, places)
    design = _table(given, ("design",), keys.DESIGN, places, set())
    return Spec(name, tables, tuple(read), Design(**design), places)


def _flat(given: Any, path: KeyPath, places: Places) -> list[tuple[str, KeyPath, Any]]:
    """Axes by dotted name, whether dots stand in a quoted key or between keys."""
    if not isinstance(given, Mapping):
        raise places.error(path, f"expected a table of axes, got {shown(given)}")
    flat = []
    for name, value in given.items():
        here = (*path, str(name))
        if isinstance(value, Mapping) and value and not value.keys() & keys.SPAN.keys():
            flat += _flat(value, here, places)
        else:
            flat.append((".".join(map(str, here[1:])), here, value))
    return flat


def _kinds(given: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """Tables with nothing but their kinds, which decide what the axes may turn."""
    listed = given.get("students", [])
    if isinstance(listed, Mapping):
        raise places.error(
            ("students",), "expected a list of students, [[students]] in TOML, got one table"
        )
    if not isinstance(listed, list | tuple) or not listed:
        raise places.error(("students",), "expected a list with at least one student, got none")
    students = [
        {"kind": _kind(one, ("students", k), "edln", keys.STUDENTS, places)}
        for k, one in enumerate(listed)
    ]
    kind = _kind(given.get("source", {}), ("source",), "teacher", keys.SOURCES, places)
    return {"source": {"kind": kind}, "students": students}


def _source(
    given: Mapping[str, Any], places: Places, base: Path | None, turned: set[str]
) -> dict[str, Any]:
    kind = _kind(given.get("source", {}), ("source",), "teacher", keys.SOURCES, places)
    table = _table(given, ("source",), keys.SOURCES[kind], places, turned, kind=kind)
    if kind != "file":
        return table
    if base is None:
        return table | {"digest": given["source"]["digest"]}
    path = base / table["path"]
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"expected an .npz file, got {path}: {error.strerror or error}"
        raise places.error(("source", "path"), message) from None
    digest = blake2b(content, digest_size=16).hexdigest()
    return table | {"path": str(path), "digest": digest}


def _students(given: Mapping[str, Any], places: Places, turned: set[str]) -> list[dict[str, Any]]:
    students = []
    for k, one in enumerate(given["students"]):
        path: KeyPath = ("students", k)
        kind = _kind(one, path, "edln", keys.STUDENTS, places)
        mine = {name.replace(f"students.{k}.", "students.") for name in turned}
        table = _table(one, path, keys.STUDENTS[kind], places, mine, kind=kind)
        _require_shape(table, mine, path, places)
        students.append(table)
    return students


def _require_shape(
    table: Mapping[str, Any], turned: set[str], path: KeyPath, places: Places
) -> None:
    """See that the widths of a student are given in one of the two ways."""
    names = ("hidden", "width", "depth")
    given = [name for name in names if name in table or f"students.{name}" in turned]
    if given not in (["hidden"], ["width", "depth"]):
        raise places.error(
            path, f"expected hidden, or width and depth, got {' and '.join(given) or 'none'}"
        )


def _kind(given: Any, path: KeyPath, default: str, kinds: Mapping[str, Any], places: Places) -> str:
    """What a table is of; it decides which keys there are."""
    if not isinstance(given, Mapping):
        raise places.error(path, f"expected a table, got {shown(given)}")
    kind = given.get("kind", default)
    if not isinstance(kind, str) or kind not in kinds:
        raise places.error(
            (*path, "kind"),
            f"expected one of {', '.join(kinds)}, got {shown(kind)}"
            f"{suggestion(str(kind), list(kinds))}",
        )
    return kind


def _table(
    given: Mapping[str, Any],
    path: KeyPath,
    known: Mapping[str, Key],
    places: Places,
    turned: set[str],
    kind: str | None = None,
) -> dict[str, Any]:
    """One table with its defaults, each value of its kind; keys that an axis turns may lack."""
    inside = given if len(path) > 1 else given.get(str(path[0]), {})
    if not isinstance(inside, Mapping):
        raise places.error(path, f"expected a table, got {shown(inside)}")
    table: dict[str, Any] = {} if kind is None else {"kind": kind}
    for name, value in inside.items():
        if (name, kind is not None) == ("kind", True) or (*path, name) == ("source", "digest"):
            continue
        _require_known(places, path, name, known)
        if value is None:  # as a mapping of ours has what was not given
            continue
        with places.about((*path, name)):
            table[name] = typed(known[name].kind, value)
    for name, key in known.items():
        if name not in table and key.needed and f"{path[0]}.{name}" not in turned:
            raise places.error(path, f"expected the key {name!r}, {keys.KINDS[key.kind]}, got none")
        table.setdefault(name, key.default)
    return {name: value for name, value in table.items() if value is not None}


def _require_known(places: Places, path: KeyPath, name: Any, known: Sequence[str] | Any) -> None:
    if name not in known:
        what = "keys" if path else "tables"
        raise places.error(
            (*path, str(name)),
            f"expected {what} among {', '.join(known)}, got {shown(name)}"
            f"{suggestion(str(name), list(known))}",
        )


def _key(parameter: str, tables: Mapping[str, Any], path: KeyPath, places: Places) -> Key:
    """What the parameter of an axis is; refuses what is none."""
    table, *rest = parameter.split(".")
    known = _keys_of(table, tables)
    numbers = [str(k) for k in range(len(tables["students"]))]
    if table == "students" and len(rest) == 2 and rest[0] in numbers:
        known = keys.STUDENTS[tables["students"][int(rest[0])]["kind"]]
        rest = rest[1:]
    names = [f"{table}.{name}" for name, key in known.items() if key.turned]
    if len(rest) != 1 or rest[0] not in known or not known[rest[0]].turned:
        every = names or [
            f"{one}.{name}"
            for one in ("source", "students", "optimiser", "training")
            for name, key in _keys_of(one, tables).items()
            if key.turned
        ]
        among = ", ".join(names) or (
            "those of source, students, optimiser and training, such as optimiser.lr"
        )
        raise places.error(
            path,
            f"expected a parameter among {among}, got {shown(parameter)}"
            f"{suggestion(parameter, every)}",
        )
    return known[rest[0]]


def _keys_of(table: str, tables: Mapping[str, Any]) -> Mapping[str, Key]:
    if table == "source":
        return keys.SOURCES[tables["source"]["kind"]]
    if table == "students":
        kinds = [keys.STUDENTS[one["kind"]] for one in tables["students"]]
        return {name: key for name, key in kinds[0].items() if all(name in one for one in kinds)}
    return {"optimiser": keys.optimiser_keys(), "training": keys.TRAINING}.get(table, {})


def _dims(parameters: Sequence[str]) -> dict[str, str]:
    """Short names of axes: the last part where no other axis and no result is called so."""
    last = [parameter.rsplit(".", 1)[-1] for parameter in parameters]
    return {
        parameter: name
        if last.count(name) == 1 and name not in _TAKEN
        else parameter.replace(".", "_")
        for parameter, name in zip(parameters, last, strict=True)
    }


def _require_single(axes: Sequence[Axis], places: Places) -> None:
    """See that no two axes turn one parameter, of all students and of one."""
    whole = {axis.parameter for axis in axes}
    for axis in axes:
        parts = axis.parameter.split(".")
        if len(parts) == 3 and f"students.{parts[2]}" in whole:
            raise places.error(
                axis.place, f"expected one axis for it, got also students.{dotted((parts[2],))}"
            )
