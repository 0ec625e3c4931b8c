"""An optimiser is one file, and some lines in others: none of them can be forgotten.

Optimisers are found by looking into `training/optimisers`, so that a new file is enough to be asked
for everything else. Whether what stands there is right is tested elsewhere; here it is only said
which file lacks it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import methexis as mx
from methexis import training
from methexis.training import optimisers
from methexis.training.cells import HYPER
from methexis.training.optimisers import KINDS, RULES, UpdateRule
from tests.training.laws import LAWFUL, LAWLESS
from tests.training.loops import MEMORY, NAMES, direction
from tests.training.variants import VARIANTS

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "src" / "methexis" / "training" / "optimisers"
NO_OPTIMISER = {"__init__", "registry", "rule"}  # what the others rest on


def rules_of(path: Path) -> list[type[UpdateRule]]:
    """The rules that a file defines."""
    module = importlib.import_module(f"methexis.training.optimisers.{path.stem}")
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, UpdateRule)
        and value.__module__ == module.__name__
    ]


FILES = [path for path in sorted(FOLDER.glob("*.py")) if path.stem not in NO_OPTIMISER]
FOUND = [rule for path in FILES for rule in rules_of(path)]


@dataclass(frozen=True)
class Asked:
    """What a rule needs elsewhere: its name, its formulas with their slots, its numbers."""

    name: str
    slots: dict[str, int]
    numbers: set[str]

    @classmethod
    def of(cls, rule: type[UpdateRule]) -> Asked:
        made = [rule(lr=0.1), *(r for r in VARIANTS.values() if type(r) is rule)]
        return cls(rule.__name__, {r.kind: r.num_slots for r in made}, set(rule.bounds))

    @property
    def kinds(self) -> set[str]:
        """Names of the formulas."""
        return set(self.slots)


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def enumerators(name: str) -> list[str]:
    """Entries of an enum of native/spec.hpp, in order."""
    found = re.search(rf"enum class {name} : int {{([^}}]*)}}", text("native/spec.hpp"))
    assert found is not None
    return [entry.strip() for entry in found[1].split(",")]


def slots_in(path: str) -> dict[str, int]:
    """Slots per formula as the C++ function `num_slots` has them; the others have none."""
    body = text(path).split("int num_slots(", 1)[1].split("default:", 1)[0]
    found, waiting = {}, []
    for kind, number in re.findall(r"case Optimiser::(\w+):|return (\d);", body):
        if kind:
            waiting.append(kind)
        else:
            found |= dict.fromkeys(waiting, int(number))
            waiting = []
    return found


def cases() -> set[str]:
    """Formulas among which `update_all` of native/optimisers.hpp chooses."""
    body = text("native/optimisers.hpp").split("switch")[-1]
    return set(re.findall(r"case Optimiser::(\w+):", body))


def other_slots(asked: Asked, known: dict[str, int]) -> set[str]:
    return {kind for kind, number in asked.slots.items() if known.get(kind, 0) != number}


def unknown_to_the_loops(asked: Asked) -> set[str]:
    """Formulas that `direction` does not have: it asserts that the last one is meant."""
    missing = set()
    for kind, number in asked.slots.items():
        try:
            direction(kind, 1.0, [0.0] * number, dict.fromkeys(NAMES, 0.5), 0)
        except (AssertionError, IndexError):
            missing.add(kind)
    return missing


def kinds_of(rules: dict[str, UpdateRule]) -> set[str]:
    return {rule.kind for rule in rules.values()}


#: Where to write what, and what of it is missing there.
PLACES: dict[str, Callable[[Asked], set[str]]] = {
    "its class to RULES in src/methexis/training/optimisers/registry.py": (
        lambda a: {a.name} - set(RULES)
    ),
    "its formula to KINDS in src/methexis/training/optimisers/registry.py": (
        lambda a: a.kinds - set(KINDS)
    ),
    "its class to src/methexis/training/optimisers/__init__.py": (
        lambda a: {a.name} - set(optimisers.__all__)
    ),
    "its class to src/methexis/training/__init__.py": lambda a: {a.name} - set(training.__all__),
    "its class to src/methexis/__init__.py and its stub": lambda a: {a.name} - set(mx.__all__),
    "its class to the docstring of `train` in src/methexis/training/train.py": (
        lambda a: {a.name} - set(re.findall(r"\w+", mx.train.__doc__ or ""))
    ),
    "its hyper-parameters to HYPER in src/methexis/training/cells.py": (
        lambda a: a.numbers - set(HYPER)
    ),
    "its formula to `Optimiser` in native/spec.hpp": (
        lambda a: a.kinds - set(enumerators("Optimiser"))
    ),
    "its hyper-parameters to `Hyper` in native/spec.hpp": (
        lambda a: a.numbers - set(enumerators("Hyper"))
    ),
    "the slots of its formula to `num_slots` in native/optimisers.hpp": (
        lambda a: other_slots(a, slots_in("native/optimisers.hpp"))
    ),
    "the slots of its formula to `num_slots` in native/module.cpp": (
        lambda a: other_slots(a, slots_in("native/module.cpp"))
    ),
    "its formula to `update_all` in native/optimisers.hpp": lambda a: a.kinds - cases(),
    "an example to tests/training/variants.py": (
        lambda a: {a.name} - {type(rule).__name__ for rule in VARIANTS.values()}
    ),
    "its formula to `direction` in tests/training/loops.py": unknown_to_the_loops,
    "the slots of its formula to MEMORY in tests/training/loops.py": (
        lambda a: other_slots(a, MEMORY)
    ),
    "its hyper-parameters to NAMES in tests/training/loops.py": (
        lambda a: a.numbers - {"lr", *NAMES}
    ),
    "its law of the charges to tests/training/laws.py, in LAWFUL or LAWLESS": (
        lambda a: a.kinds - kinds_of(LAWFUL) - kinds_of(LAWLESS)
    ),
    "its law of the charges to the summary in docs/theory.md, section 2.6": (
        lambda a: {
            kind
            for kind in a.kinds
            if kind.replace("_", " ") not in text("docs/theory.md").lower().split("### 2.6")[1]
        }
    ),
}


def test_every_file_is_an_optimiser() -> None:
    steppers = {rule.__module__.rpartition(".")[2] for rule in FOUND}
    assert {path.stem for path in FILES} == {*steppers, "gradient_flow"}  # which makes no steps


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("rule", FOUND, ids=lambda rule: rule.__name__)
def test_nothing_is_forgotten(rule: type[UpdateRule], place: str) -> None:
    missing = PLACES[place](Asked.of(rule))
    assert not missing, f"{rule.__name__}: add {place}; missing there: {sorted(missing)}"


def test_every_formula_has_an_example() -> None:
    assert kinds_of(VARIANTS) == set(KINDS), "add an example to tests/training/variants.py"


def test_numbers_mean_the_same_on_both_sides() -> None:
    """The native engine gets positions in these lists."""
    assert enumerators("Optimiser") == list(KINDS)
    assert enumerators("Hyper") == list(HYPER)
    assert f"kNumHyper = {len(HYPER)};" in text("native/spec.hpp")


def test_a_stranger_is_asked_for_everything() -> None:
    """The table can fail: an optimiser that nobody knows is missing in every place."""
    stranger = Asked("Stranger", {"strange": 1}, {"lr", "strangeness"})
    assert [place for place, missing in PLACES.items() if not missing(stranger)] == []
