"""The keys of a specification: which there are in each of its tables, of which kind, and defaults.

What a key may be is judged twice. Here its kind is seen: a number, a word. Its range is judged by
the noun that it makes (`building.py`), which knows it anyway; the message then gets the key's line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from methexis.core.checks import shown
from methexis.errors import MethexisError
from methexis.training.optimisers import RULES

#: What a value of each kind is, for messages.
KINDS = {
    "integer": "an integer",
    "number": "a finite number",
    "truth": "true or false",
    "word": "a word in quotes",
    "words": "a word, or a list of words",
    "integers": "a list of integers",
    "steps": "a number of records, or a list of steps",
}


@dataclass(frozen=True)
class Key:
    """One key of a table.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    default : object
        What stands for it where it is not given; None where the noun has a default of its own.
    needed : bool
        Whether it must be given.
    turned : bool
        Whether an axis may turn it: not what all tasks must share.
    """

    kind: str
    default: Any = None
    needed: bool = False
    turned: bool = True


def typed(kind: str, value: Any) -> Any:
    """A value of a kind in plain types, so that equal values are written alike.

    Raises
    ------
    MethexisError
        If it is not of that kind; the message lacks the key.

    Examples
    --------
    >>> typed("number", 1), typed("integers", (4, 8))
    (1.0, [4, 8])
    """
    plain = _TYPED[kind](value)
    if plain is None:
        raise MethexisError(f"expected {KINDS[kind]}, got {shown(value)}")
    return plain


def _integer(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return int(value) if whole and abs(value) < 2**64 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        return None
    return float(value) if math.isfinite(value) else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _words(value: Any) -> list[str] | None:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
        return None
    return list(listed)


def _integers(value: Any) -> list[int] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    whole = [_integer(one) for one in value]
    return None if None in whole else [one for one in whole if one is not None]


def _steps(value: Any) -> int | list[int] | None:
    return _integers(value) if isinstance(value, list | tuple) else _integer(value)


_TYPED = {
    "integer": _integer,
    "number": _number,
    "truth": _truth,
    "word": _word,
    "words": _words,
    "integers": _integers,
    "steps": _steps,
}

_TEACHER = {
    "dim_x": Key("integer", needed=True),
    "dim_y": Key("integer", needed=True),
    "rank": Key("integer"),
    "noise": Key("number", 1.0),
    "condition": Key("number", 2.0),
    "condition_x": Key("number", 1.0),
    "condition_noise": Key("number", 1.0),
    "law_x": Key("word", "gaussian"),
    "law_noise": Key("word", "gaussian"),
    "seed": Key("integer", 0),
}
#: Keys of the table ``source``, by its ``kind``.
SOURCES: Mapping[str, Mapping[str, Key]] = {
    "teacher": _TEACHER,
    "samples": _TEACHER
    | {"num_samples": Key("integer", needed=True), "sample_seed": Key("integer", 0)},
    "file": {
        "path": Key("word", needed=True, turned=False),
        "x": Key("word", "x", turned=False),
        "y": Key("word", "y", turned=False),
        "classes": Key("truth", default=False, turned=False),
    },
}
_SHAPE = {
    "hidden": Key("integers"),
    "width": Key("integer"),
    "depth": Key("integer"),
    "condition": Key("number"),
    "seed": Key("integer", 0),
}
#: Keys of a table ``students``, by its ``kind``.
STUDENTS: Mapping[str, Mapping[str, Key]] = {
    "edln": _SHAPE,
    "mlp": _SHAPE | {"activation": Key("word", "relu"), "bias": Key("truth", default=True)},
}
#: Keys of the table ``training``.
TRAINING: Mapping[str, Key] = {
    "steps": Key("integer", needed=True),
    "batch": Key("integer", 1),
    "sampling": Key("word"),
    "paired": Key("truth", default=True),
    "loss": Key("word", "squared"),
    "label_noise": Key("number", 0.0),
    "init": Key("word", "gaussian"),
    "init_scale": Key("number"),
    "replicas": Key("integer", 1, turned=False),
    "seed": Key("integer", 0),
    "seeds": Key("word", "same", turned=False),
    "dtype": Key("word", "float64", turned=False),
    "engine": Key("word", "auto", turned=False),
    "record": Key("steps", turned=False),
    "measure": Key("words", [], turned=False),
}
#: Keys of the table ``design``.
DESIGN: Mapping[str, Key] = {
    "kind": Key("word", "grid"),
    "count": Key("integer"),
    "seed": Key("integer", 0),
}
#: Keys of the table ``tasks``.
TASKS: Mapping[str, Key] = {"cells": Key("integer", 64)}
#: Keys of an axis that is given by its ends.
SPAN: Mapping[str, Key] = {
    "low": Key("number", needed=True),
    "high": Key("number", needed=True),
    "num": Key("integer"),
    "scale": Key("word", "linear"),
}
#: Tables of a specification, and what is in none of them.
TABLES = ("name", "source", "students", "optimiser", "training", "design", "tasks", "axes")
#: Keys of ``training`` that may differ between the networks of one run.
BATCHED_TRAINING = ("label_noise", "seed")
_OTHER_OPTIMISER = {
    "nesterov": Key("truth"),
    "rtol": Key("number"),
    "schedule": Key("word"),
    "schedule_final": Key("number"),
}


def batched_optimiser(name: str) -> tuple[str, ...]:
    """Parameters of an optimiser that may differ between the networks of one run."""
    return tuple(RULES[name].bounds) if name in RULES else ("lr",)


def optimiser_keys() -> dict[str, Key]:
    """Keys of the table ``optimiser``: parameters of all optimisers; each knows its own."""
    names = dict.fromkeys(name for rule in RULES.values() for name in rule.bounds)
    keys = {"name": Key("word", "SGD")} | {name: Key("number") for name in names}
    return keys | {"lr": Key("number", needed=True)} | _OTHER_OPTIMISER
