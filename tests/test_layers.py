"""The architecture as a test: who may import whom (`tests/layers.py`), what every file must have.

Imports are read from the syntax trees of the source, so nothing is executed, and imports for type
checkers only count like any other. ``from package import name`` is an import of the module
``package.name`` if there is one, else of the package's ``__init__``. Only the top ``__init__``, the
public face of the package, is free to import from every layer; no module below may import from it
anything but its dunder names, such as the version.
"""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.layers import LAYERS, PAGES, ROOT, STRANGERS, rendered

SOURCE = ROOT / "src"
PACKAGE = "methexis"

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# What may be imported from outside, besides the standard library. No entry: anything but torch.
NUMERICAL = {"numpy", "scipy", "lazy_loader", "threadpoolctl"}
ALLOWED_OUTSIDE: dict[str | None, set[str]] = {
    "version": set(),
    "errors": set(),
    "progress": set(),
    "moved": set(),
    "display": set(),
    "lazy": {"lazy_loader"},
    "files": {"lazy_loader"},  # filelock, when the first lock is taken
    "_native": {"numpy"},
    "core": NUMERICAL,
    "theory": NUMERICAL,
    "plots": {"numpy", "matplotlib"},
}
NOT_INSTALLED = {"benchmarks", "evidence", "examples", "tests"}  # other folders of this repository
TORCH = {"torch", "curvlinops", "onnx", "onnxruntime"}
MAY_USE_TORCH = {"representations", "probes"}  # and transport, when it is there

MAX_LINES = 500


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}
# The compiled extension is known by its stub.
MODULES[f"{PACKAGE}._native"] = SOURCE / PACKAGE / "_native.pyi"


def syntax_tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def absolute(name: str, node: ast.ImportFrom) -> str:
    """Return the module that ``from … import`` names in module `name`."""
    if node.level == 0:
        return node.module or ""
    is_package = MODULES[name].name == "__init__.py"
    parts = name.split(".")
    parents = parts[: len(parts) - node.level + is_package]
    return ".".join([*parents, *([node.module] if node.module else [])])


def imports(name: str) -> set[str]:
    """Return the full names of the modules that module `name` imports, ours and others."""
    found: set[str] = set()
    for node in ast.walk(syntax_tree(MODULES[name])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = absolute(name, node)
            for alias in node.names:
                if base == PACKAGE and alias.name.startswith("__"):
                    continue
                member = f"{base}.{alias.name}"
                found.add(member if member in MODULES else base)
    return found


def part(name: str) -> str:
    """Return the layer's part to which a module of ours belongs: ``methexis.core.view`` → core."""
    return name.split(".")[1]


IMPORTS = {name: imports(name) for name in MODULES}
BELOW_TOP = [name for name in MODULES if name != PACKAGE]


def ours(name: str) -> set[str]:
    return {target for target in IMPORTS[name] if target.split(".")[0] == PACKAGE}


def test_the_source_is_found() -> None:
    assert len(BELOW_TOP) > 0
    assert f"{PACKAGE}.core.checks" in IMPORTS[f"{PACKAGE}.core.random.streams"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_the_layers(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert rendered(page, text) == text, f"{page} is stale: change tests/layers.py, run make docs"


def test_every_part_of_the_layers_exists() -> None:
    absent = LEVEL.keys() - {part(name) for name in BELOW_TOP}
    assert not absent, f"tests/layers.py names {sorted(absent)}, which src/methexis lacks"


@pytest.mark.parametrize("name", BELOW_TOP)
def test_every_module_has_a_layer(name: str) -> None:
    assert part(name) in LEVEL, f"{name}: give {part(name)!r} a line in tests/layers.py"


@pytest.mark.parametrize("name", BELOW_TOP)
def test_imports_go_downwards(name: str) -> None:
    for target in ours(name):
        assert target != PACKAGE, f"{name} imports from the top of the package"
        assert target in MODULES, f"{name} imports {target}, which does not exist"
        if {part(name), part(target)} <= LEVEL.keys():  # else the test above fails
            assert LEVEL[part(target)] <= LEVEL[part(name)], f"{name} imports {target} from above"
        assert {part(name), part(target)} != STRANGERS, f"{name} must not import {target}"


def test_plots_know_no_noun() -> None:
    plots = [name for name in BELOW_TOP if part(name) == "plots"]
    assert plots
    for name in plots:
        nouns = {target for target in ours(name) if part(target) != "plots"}
        plain = {f"{PACKAGE}.errors", f"{PACKAGE}.lazy"}
        assert nouns <= plain, f"{name} must not import {nouns - plain}"


@pytest.mark.parametrize("name", MODULES)
def test_imports_from_outside(name: str) -> None:
    outside = {target.split(".")[0] for target in IMPORTS[name] - ours(name)}
    outside -= sys.stdlib_module_names
    assert not outside & NOT_INSTALLED, f"{name} imports what the wheel does not hold"
    me = part(name) if name != PACKAGE else None
    assert me in MAY_USE_TORCH or not outside & TORCH, f"{name} must not import torch"
    if me in ALLOWED_OUTSIDE:
        foreign = outside - ALLOWED_OUTSIDE[me]
        assert not foreign, f"{name} may import {sorted(ALLOWED_OUTSIDE[me])}, got {foreign}"


def assert_no_cycle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(error.args[1]))


def test_no_cycles_between_modules() -> None:
    assert_no_cycle({name: ours(name) for name in BELOW_TOP})


def test_no_cycles_between_parts() -> None:
    graph: dict[str, set[str]] = {}
    for name in BELOW_TOP:
        targets = {part(target) for target in ours(name) if target != PACKAGE}
        graph.setdefault(part(name), set()).update(targets - {part(name)})
    assert_no_cycle(graph)


@pytest.mark.parametrize("name", MODULES)
def test_no_import_inside_a_function(name: str) -> None:
    hidden = [
        f"{name}:{inner.lineno}"
        for node in ast.walk(syntax_tree(MODULES[name]))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
        or (isinstance(inner, ast.Name) and inner.id == "__import__")
        or (isinstance(inner, ast.Attribute) and inner.attr == "import_module")
    ]
    assert not hidden


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_docstring(name: str) -> None:
    assert ast.get_docstring(syntax_tree(MODULES[name])), f"{name} says nothing about itself"


#: Packages whose public functions bear their modules' names. `mx.theory.entropy(...)` and its like
#: are promised to users, and each of these modules is named after the formula that it holds.
MAY_HIDE_MODULES = {"methexis.theory"}
PACKAGES = [name for name, path in MODULES.items() if path.name == "__init__.py"]


def exported(name: str) -> set[str]:
    """Return the names that a package's ``__init__`` takes from its modules, at once or lazily."""
    found = set()
    for node in ast.walk(syntax_tree(MODULES[name])):
        if isinstance(node, ast.ImportFrom):
            base = absolute(name, node)
            found |= {
                alias.asname or alias.name
                for alias in node.names
                if f"{base}.{alias.name}" not in MODULES
            }
        elif isinstance(node, ast.keyword) and node.arg == "submod_attrs":
            found |= {attr for attrs in ast.literal_eval(node.value).values() for attr in attrs}
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_no_module_is_hidden_behind_a_name(name: str) -> None:
    """``package.thing`` is the module; where a function takes its place nobody reaches the module.

    A test that replaces a module's constant would then silently set an attribute of the function.
    """
    hidden = {attr for attr in exported(name) if f"{name}.{attr}" in MODULES}
    if name in MAY_HIDE_MODULES:
        assert hidden, f"{name} hides no module any more: take it off MAY_HIDE_MODULES"
    else:
        assert not hidden, f"{name}: rename the modules or do not export the names {sorted(hidden)}"


NATIVE_FILES = [
    ROOT / "CMakeLists.txt",
    *(path for path in sorted((ROOT / "native").rglob("*")) if path.is_file()),
]
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))
FILES = [*MODULES.values(), *BENCHMARKS, *sorted((ROOT / "tests").rglob("*.py")), *NATIVE_FILES]


@pytest.mark.parametrize("path", NATIVE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_native_file_says_what_it_is_for(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith(("// ", "# "))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_benchmark_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(syntax_tree(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    num_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert num_lines < MAX_LINES, f"{path.relative_to(ROOT)}: {num_lines} lines are two files"
