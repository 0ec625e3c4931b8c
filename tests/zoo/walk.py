"""The walk: every argument of every good call, replaced by every member of the zoo in turn."""

from __future__ import annotations

import copy
import dataclasses
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from methexis.errors import DegenerateWarning, MethexisError
from tests.zoo.members import ARRAYS, NUMBERS, THINGS, WORDS, Member
from tests.zoo.recipes import RECIPES, Recipe

#: Seconds that a call may take, here on a loaded machine.
DEADLINE = 10


class DeadlineError(BaseException):
    """A call took too long; no ``except Exception`` on its way may catch it."""


@dataclass(frozen=True)
class Case:
    """One call: whose, which argument (and which part of it), and what stands there."""

    recipe: str
    argument: str
    part: int | str | None
    member: str

    def __str__(self) -> str:
        part = "" if self.part is None else f"[{self.part!r}]"
        return f"{self.recipe}({self.argument}{part} = {self.member})"


def members_for(value: Any) -> dict[str, Member]:
    """What may stand in place of a good argument."""
    if isinstance(value, np.ndarray):
        return ARRAYS
    if isinstance(value, bool | int | float):
        return NUMBERS
    if isinstance(value, str):
        return WORDS
    return THINGS


def cases() -> Iterator[Case]:
    """All of them, in a fixed order."""
    for name, recipe in RECIPES.items():
        for argument, value in recipe.arguments.items():
            yield from (
                Case(name, argument, None, member)
                for member in members_for(value)
                if (argument, member) not in recipe.skip
            )
            parts: Any = ()
            if isinstance(value, list | tuple):
                parts = range(min(len(value), 2))
            elif isinstance(value, Mapping):
                parts = list(value)
            for part in parts:
                yield from (
                    Case(name, argument, part, member) for member in members_for(value[part])
                )


def arguments(case: Case) -> dict[str, Any]:
    """Of the call, new objects each time."""
    recipe = RECIPES[case.recipe]
    given = {k: copy.deepcopy(v) for k, v in recipe.arguments.items()}
    value = given[case.argument]
    if case.part is None:
        given[case.argument] = members_for(value)[case.member](value)
    else:
        whole: Any = list(value) if isinstance(value, tuple) else value
        part: Any = whole[case.part]
        whole[case.part] = members_for(part)[case.member](part)
        given[case.argument] = type(value)(whole) if isinstance(value, tuple) else whole
    return {**given, **recipe.fixed}


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `DeadlineError` when the time is up."""

    def late(*_: Any) -> None:
        raise DeadlineError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(case: Case) -> str:
    """What came of a call: "value", "refused", or what is wrong with it."""
    recipe = RECIPES[case.recipe]
    given = arguments(case)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with deadline(DEADLINE):
                value = recipe.call(**given)
                bad = _not_numbers(value)
        except MethexisError as error:
            text = str(error)
            if "\n" in text or len(text) > 700:
                return f"no sentence: {text!r}"
            return "refused"
        except DeadlineError:
            return f"no answer in {DEADLINE} s"
        except Exception as error:
            return f"raw {type(error).__name__}: {' '.join(str(error).split())[:120]}"
    told = any(issubclass(w.category, DegenerateWarning) for w in caught)
    foreign = [
        w
        for w in caught
        if not issubclass(w.category, DegenerateWarning) and "methexis" in str(w.filename)
    ]
    if foreign:
        return f"raw {foreign[0].category.__name__}: {str(foreign[0].message)[:100]}"
    silent = bad - usual(case.recipe)
    if not isinstance(recipe.nan, bool):
        silent -= set(recipe.nan)
    if silent and not told and recipe.nan is not True:
        return f"silent NaN in {sorted(silent)[:3]}"
    return "value"


_USUAL: dict[str, set[str]] = {}


def usual(name: str) -> set[str]:
    """Places where the good call has no number either."""
    if name not in _USUAL:
        recipe: Recipe = RECIPES[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                _USUAL[name] = _not_numbers(recipe.call(**recipe.arguments, **recipe.fixed))
            except MethexisError:
                _USUAL[name] = set()
    return _USUAL[name]


def _not_numbers(value: Any, path: str = "") -> set[str]:
    """Places in a result where there is NaN or infinity."""
    if isinstance(value, float | np.floating):
        return set() if np.isfinite(value) else {path}
    if isinstance(value, np.ndarray):
        numbers = value.dtype.kind in "fc"
        return {path} if numbers and not np.isfinite(value).all() else set()
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        return _not_numbers(value.detach().double().numpy(), path)
    found: set[str] = set()
    if isinstance(value, xr.Dataset | xr.DataArray):
        for name, variable in getattr(value, "data_vars", {"": value}).items():
            found |= _not_numbers(np.asarray(variable.values), f"{path}.{name}")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            found |= _not_numbers(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, Mapping):
        for key, one in value.items():
            found |= _not_numbers(one, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for one in value:
            found |= _not_numbers(one, f"{path}[]")
    return found
