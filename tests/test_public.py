"""The public face: every name is there, typed, documented, and costs nothing until used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import methexis as mx
from methexis.version import __version__
from tests.zoo.public import namespaces

#: What design documents and examples call; names may be added, not removed.
CONTRACT = {
    "EDLN", "SGD", "GradientFlow", "MethexisError", "Run", "Samples", "Teacher", "View", "compare",
    "compare_all", "init", "measures", "open_run", "schedules", "theory", "train",
}  # fmt: skip


def test_contract() -> None:
    assert set(mx.__all__) >= CONTRACT
    assert set(dir(mx)) == set(mx.__all__)


@pytest.mark.parametrize("name", sorted(mx.__all__))
def test_every_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(mx, name)
    if name != "__version__":
        assert inspect.getdoc(value)


def test_type_checkers_see_the_same_names() -> None:
    source = Path(mx.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    declared = {
        alias.asname
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared == set(mx.__all__)
    assert (Path(mx.__file__).parent / "py.typed").exists()


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, methexis; "
        "print([m for m in ('numpy', 'scipy', 'xarray', 'zarr', 'matplotlib', 'torch') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_version() -> None:
    assert mx.__version__ == __version__ == version("methexis")


def test_errors_are_value_errors() -> None:
    assert issubclass(mx.MethexisError, ValueError)
    assert issubclass(mx.ConditionError, mx.MethexisError)


@pytest.mark.parametrize("label", namespaces())
def test_only_public_names_are_listed(label: str) -> None:
    """What completion offers at a prompt: no imports of the module's own."""
    module = namespaces()[label]
    assert dir(module) == sorted(module.__all__)


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "methexis", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "verify" in done.stdout
    assert done.stderr == ""
