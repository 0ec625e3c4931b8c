"""Nothing is half added: what lies in a folder is registered, exported, documented and tested.

One test per kind of thing, in the order of "Adding things" in ARCHITECTURE.md. Each compares what
is found in the folder with what must know of it; its message names the file to change.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import methexis as mx
from evidence.breaking import FOLDER as BREAKING_RESULTS
from evidence.reverse import FOLDER as REVERSAL_RESULTS
from methexis import cli, measures, report
from methexis.cli.app import app
from methexis.measures import MEASURES, Measure
from methexis.scenarios.breaking import SCENARIOS
from methexis.scenarios.breaking import dials as breaking_dials
from methexis.scenarios.irreversibility import REVERSALS
from methexis.scenarios.irreversibility import dials as reversal_dials
from methexis.training import engines, optimisers
from methexis.training.engines.choice import ENGINES
from methexis.training.optimisers import RULES, UpdateRule
from tests.measures import cases
from tests.training import variants

ROOT = Path(__file__).resolve().parent.parent


def read(*names: str) -> str:
    """Text of files of the repository, one after another."""
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)


def all_tests(folder: str) -> str:
    """Text of all tests in a folder of `tests`."""
    return read(*(str(path) for path in sorted((ROOT / "tests" / folder).rglob("test_*.py"))))


def modules(package: ModuleType) -> list[ModuleType]:
    """All modules of a package and of the packages in it."""
    found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    return [import_module(info.name) for info in found]


def defined(package: ModuleType, kind: type) -> Iterator[tuple[str, Any]]:
    """Public names and objects of a kind that modules of a package define."""
    for module in modules(package):
        for name, value in vars(module).items():
            mine = getattr(value, "__module__", None) == module.__name__
            if isinstance(value, kind) and mine and not name.startswith("_"):
                yield name, value


def file_of(value: Any) -> str:
    return f"src/{value.__module__.replace('.', '/')}.py"


# measures


MEASURE_CLASSES = [
    value
    for _, value in defined(measures, type)
    if issubclass(value, Measure) and not inspect.isabstract(value)
]


@pytest.mark.parametrize("measure", MEASURE_CLASSES, ids=lambda value: value.__name__)
def test_a_measure_is_registered_and_exported(measure: type[Measure[Any]]) -> None:
    where = file_of(measure)
    assert MEASURES.get(measure.name) is measure, (
        f"{where}: {measure.__name__} has no line in src/methexis/measures/registry.py"
    )
    for name in (measure.__name__, measure.name):
        assert name in measures.__all__, f"{where}: export {name} in src/methexis/measures/__init__"
    row = f"| `{measure.name}` |"
    assert row in read("docs/measures.md"), f"docs/measures.md: no row {row}; run make docs"


def test_options_that_are_tested_are_those_of_measures() -> None:
    strangers = cases.MORE.keys() - MEASURES.keys()
    assert not strangers, f"tests/measures/cases.py has options of {sorted(strangers)}, no measures"


# closed forms


@pytest.mark.parametrize("name", mx.theory.__all__)
def test_a_closed_form_is_tested(name: str) -> None:
    if isinstance(getattr(mx.theory, name), type):
        return  # what closed forms return is tested with them
    tests = all_tests("theory") + all_tests("core")
    assert re.search(rf"\b{name}\b", tests), f"theory.{name}: no test in tests/theory names it"


# optimisers and engines


RULE_CLASSES = [
    value
    for _, value in defined(optimisers, type)
    if issubclass(value, UpdateRule) and value is not UpdateRule
]


@pytest.mark.parametrize("rule", RULE_CLASSES, ids=lambda value: value.__name__)
def test_an_optimiser_is_registered_and_exported(rule: type[UpdateRule]) -> None:
    name, where = rule.__name__, file_of(rule)
    assert RULES.get(name) is rule, (
        f"{where}: {name} has no line in src/methexis/training/optimisers/registry.py"
    )
    assert name in optimisers.__all__, f"{where}: export {name} in training/optimisers/__init__.py"
    for package in ("training/__init__.py", "__init__.py", "__init__.pyi"):
        known = re.search(rf"\b{name}\b", read(f"src/methexis/{package}"))
        assert known, f"{where}: export {name} in src/methexis/{package}"
    assert any(type(one) is rule for one in variants.VARIANTS.values()), (
        f"{where}: {name} has no line in tests/training/variants.py"
    )


def test_an_engine_is_chosen_from() -> None:
    known = {engine.__name__ for engine in ENGINES}
    for name, value in defined(engines, type):
        if hasattr(value, "advance") and hasattr(value, "start") and name != "Engine":
            assert name in known, (
                f"{file_of(value)}: {name} is not in ENGINES of training/engines/choice.py"
            )


# the native part


def test_every_native_source_is_compiled() -> None:
    lists = read("CMakeLists.txt")
    for path in sorted((ROOT / "native").rglob("*.cpp")):
        name = str(path.relative_to(ROOT))
        assert name in lists, f"{name} is in no list at the top of CMakeLists.txt"


def test_every_instruction_set_has_a_table_and_is_detected() -> None:
    sets = re.findall(
        r"set\(METHEXIS_INSTRUCTION_SETS ([\w ]+)\)", read("native/cmake/instruction_sets.cmake")
    )
    for name in {name for line in sets for name in line.split()}:
        for file, text in (
            ("native/kernels.hpp", f"namespace {name} {{"),
            ("native/dispatch.cpp", f"&{name}::kernels"),
            ("native/cmake/instruction_sets.cmake", f"set(METHEXIS_FLAGS_{name} "),
        ):
            assert text in read(file), f"instruction set {name}: {file} has no {text!r}"


def test_every_binding_is_declared() -> None:
    modules = sorted((ROOT / "native").glob("module*.cpp"))
    bound = {name for path in modules for name in re.findall(r'm\.def\("(\w+)"', path.read_text())}
    declared = set(re.findall(r"^def (\w+)", read("src/methexis/_native.pyi"), re.MULTILINE))
    assert bound == declared, "native/module*.cpp and src/methexis/_native.pyi differ"


# scenarios


def scenarios(dials: ModuleType) -> dict[str, str]:
    """The names of the scenarios in a folder of dials, with the file of each."""
    found = {}
    for module in modules(dials):
        where = f"src/{module.__name__.replace('.', '/')}.py"
        assert hasattr(module, "SCENARIO"), f"{where}: a dial ends in a SCENARIO"
        found[module.SCENARIO.name] = where
    return found


@pytest.mark.parametrize(
    ("dials", "registry", "results", "page", "verb"),
    [
        (breaking_dials, SCENARIOS, BREAKING_RESULTS, "docs/breaking.md", "breaking"),
        (reversal_dials, REVERSALS, REVERSAL_RESULTS, "docs/irreversibility.md", "reverse"),
    ],
    ids=["break", "reverse"],
)
def test_a_dial_is_registered_with_its_evidence(
    dials: ModuleType, registry: dict[str, Any], results: Path, page: str, verb: str
) -> None:
    for name, where in scenarios(dials).items():
        known = dials.__name__.rpartition(".")[0].replace(".", "/")
        assert name in registry, f"{where}: {name} has no line in src/{known}/registry.py"
        result = results / f"{name}.json"
        run = f"python -m evidence.{verb} --only {name}"
        assert result.exists(), f"{where}: no {result.relative_to(ROOT)}; run {run}"
        assert f"`{name}`" in read(page) or registry[name].claim in read(page), (
            f"{page} does not show {name}; run make docs"
        )


# verbs and reports


#: Modules of `cli` that serve the verbs.
SERVANTS = {"app", "errors", "folders", "models", "progress", "results", "sides", "staged"}
VERBS = {
    command.name or command.callback.__name__: command.callback
    for command in app.registered_commands
    if command.callback is not None and not command.hidden  # a hidden one names its successors
}


def test_a_verb_is_registered() -> None:
    registered = set(
        re.findall(r"from methexis\.cli\.(\w+) import", read("src/methexis/cli/app.py"))
    )
    for info in pkgutil.iter_modules(cli.__path__):
        assert info.name in registered | SERVANTS, (
            f"src/methexis/cli/{info.name}.py: register its verb in app.py, or list it as one of "
            "SERVANTS in tests/test_complete.py"
        )


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_documented(verb: str) -> None:
    where, call = file_of(VERBS[verb]), rf"methexis {verb}\b"
    text = VERBS[verb].__doc__ or ""
    assert re.search(f"Example: {call}", text), f"{where}: no 'Example: methexis {verb}'"
    for page in ("README.md", "CHANGELOG.md", "ARCHITECTURE.md"):
        assert re.search(call, read(page)), f"{page} does not name methexis {verb}"


def test_a_page_is_exported_and_opened_in_a_browser() -> None:
    opened = all_tests("browser")
    for name, value in defined(report, object):
        if not re.fullmatch(r"write(_\w+)?_report", name):
            continue
        where = file_of(value)
        assert name in report.__all__, f"{where}: export {name} in src/methexis/report/__init__.py"
        assert f"{name}(" in opened, f"{where}: no test in tests/browser opens what {name} writes"
