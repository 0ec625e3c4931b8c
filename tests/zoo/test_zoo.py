"""No input, however bad, gets anything but a value, a sentence, or an answer in time.

The walk (`tests/zoo/walk.py`) replaces each argument of each public function by each member of a
zoo. Here a part of it, drawn with a fixed seed; all of it, some 30,000 calls, in `make check-long`.
"""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.zoo.public import EXEMPT, public
from tests.zoo.recipes import RECIPES
from tests.zoo.walk import Case, cases, outcome

#: Calls of a plain run: of each public function some, together less than a minute.
NUM_CALLS = 3000
GOOD = {"value", "refused"}


def test_every_public_callable_has_a_recipe() -> None:
    names = {name for name, _ in public()}
    missing = names - RECIPES.keys() - EXEMPT.keys()
    assert not missing, f"tests/zoo/recipes.py: add a good call of {sorted(missing)}"
    assert not EXEMPT.keys() - names, f"no longer public: {sorted(EXEMPT.keys() - names)}"
    assert not EXEMPT.keys() & RECIPES.keys()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RECIPES)
def test_the_good_call_is_good(name: str) -> None:
    """Else the walk would prove nothing: every call could fail for another reason."""
    recipe = RECIPES[name]
    if name in {"mx.open_run", "representations.load"}:
        return  # there is nothing to open; what is read is tested where it is read
    recipe.call(**recipe.arguments, **recipe.fixed)


def drawn() -> list[Case]:
    everything = list(cases())
    return random.Random(0).sample(everything, NUM_CALLS)


def check(some: list[Case]) -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for case in some:
        what = outcome(case)
        if what not in GOOD:
            found[what].append(str(case))
    text = "\n".join(f"{what}: {', '.join(calls[:5])}" for what, calls in found.items())
    assert not found, f"{sum(map(len, found.values()))} of {len(some)} calls:\n{text}"


def test_a_part_of_the_walk() -> None:
    check(drawn())


@pytest.mark.long
@pytest.mark.parametrize("name", RECIPES)
def test_the_whole_walk(name: str) -> None:
    check([case for case in cases() if case.recipe == name])
