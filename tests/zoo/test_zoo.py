"""No input, however bad, gets anything but a value, a sentence, or an answer in time.

The walk (`tests/zoo/walk.py`) replaces each argument of each public function by each member of a
zoo. Here a part of it, chosen by a rule; all of it, some 30,000 calls, in `make check-long`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

import methexis as mx
from tests.zoo.public import EXEMPT, EXEMPT_METHODS, methods, namespaces, public
from tests.zoo.recipes import RECIPES
from tests.zoo.walk import Case, cases, outcome

DATA = Path(__file__).parents[1] / "data"
#: Of the members that may stand in a place, every so many is put there in a plain run; each place
#: begins with another one.
STEP = 8
GOOD = {"value", "refused"}


def test_every_public_callable_has_a_recipe() -> None:
    names = {name for name, _ in public()}
    missing = names - RECIPES.keys() - EXEMPT.keys()
    assert not missing, f"tests/zoo/recipes.py: add a good call of {sorted(missing)}"
    assert not EXEMPT.keys() - names, f"no longer public: {sorted(EXEMPT.keys() - names)}"
    assert not EXEMPT.keys() & RECIPES.keys()


def test_every_public_method_has_a_recipe() -> None:
    names = set(methods())
    # "core.Problem.of" and a recipe's further names count by what stands before their comma.
    missing = names - {name.partition(",")[0] for name in RECIPES} - EXEMPT_METHODS.keys()
    assert not missing, f"tests/zoo/methods.py: add a good call of {sorted(missing)}"
    gone = EXEMPT_METHODS.keys() - names
    assert not gone, f"no longer public: {sorted(gone)}"


def test_every_public_package_is_walked() -> None:
    """`tests/data/public_names.json` has all of them; and every submodule of ``mx`` is one."""
    known = json.loads((DATA / "public_names.json").read_text(encoding="utf-8"))["names"]
    walked = {module.__name__ for module in namespaces().values()}
    assert known.keys() <= walked
    submodules = {getattr(mx, name) for name in mx.__all__}
    assert {value.__name__ for value in submodules if isinstance(value, ModuleType)} <= walked


def test_every_recipe_names_what_is_public() -> None:
    """A recipe of what was renamed would walk the old name for ever, and nothing the new one."""
    names = {name for name, _ in public()} | set(methods())
    assert not {name.partition(",")[0] for name in RECIPES} - names


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RECIPES)
def test_the_good_call_is_good(name: str) -> None:
    """Else the walk would prove nothing: every call could fail for another reason."""
    recipe = RECIPES[name]
    if name in {"mx.open_run", "mx.open_sweep", "representations.load"}:
        return  # there is nothing to open; what is read is tested where it is read
    recipe.call(**recipe.arguments, **recipe.fixed)


def some() -> list[Case]:
    """A part of the walk by a rule: of every place some members, of every member some places."""
    places: dict[tuple[str, str, int | str | None], list[Case]] = defaultdict(list)
    for case in cases():
        places[case.recipe, case.argument, case.part].append(case)
    return [
        case
        for start, members in enumerate(places.values())
        for case in members[start % STEP :: STEP]
    ]


def check(walk: list[Case]) -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for case in walk:
        what = outcome(case)
        if what not in GOOD:
            found[what].append(str(case))
    text = "\n".join(f"{what}: {', '.join(calls[:5])}" for what, calls in found.items())
    assert not found, f"{sum(map(len, found.values()))} of {len(walk)} calls:\n{text}"


def test_a_part_of_the_walk() -> None:
    check(some())


def test_the_part_leaves_out_no_place_and_no_member() -> None:
    everything, part = list(cases()), some()
    assert {(c.recipe, c.argument, c.part) for c in part} == {
        (c.recipe, c.argument, c.part) for c in everything
    }
    assert {c.member for c in part} == {c.member for c in everything}
    assert len(everything) / len(part) == pytest.approx(STEP, rel=0.1)


@pytest.mark.long
@pytest.mark.parametrize("name", RECIPES)
def test_the_whole_walk(name: str) -> None:
    check([case for case in cases() if case.recipe == name])
