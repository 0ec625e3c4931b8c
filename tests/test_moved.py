"""What was public stays so: every name and module path of `tests/data/public_names.json` works.

The list holds what packages exported, and the modules that documents named or that define such a
name. It is only added to. A module under its old name warns once and says the new one. What is gone
for good is named in full in CHANGELOG.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from importlib import import_module
from inspect import ismodule
from pathlib import Path

import pytest

from methexis.moved import MOVED

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = json.loads((ROOT / "tests/data/public_names.json").read_text(encoding="utf-8"))
#: Modules that a package exports as such; elsewhere a module in place of a name means it was lost.
EXPORTED_MODULES = {
    ("methexis", name)
    for name in ("geometry", "init", "measures", "representations", "schedules", "theory")
}
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("package", "name"), [(p, n) for p, names in PUBLIC["names"].items() for n in names]
)
def test_public_names_work(package: str, name: str) -> None:
    gone = f"`{package}.{name}`" in CHANGELOG
    value = getattr(import_module(package), name, None)
    hidden = ismodule(value) and (package, name) not in EXPORTED_MODULES
    assert gone or (value is not None and not hidden), (
        f"{package}.{name} is gone: export it, or name `{package}.{name}` in CHANGELOG.md with "
        "what to use instead"
    )


@pytest.mark.parametrize("name", [name for name in PUBLIC["modules"] if name not in MOVED])
def test_modules_that_stayed(name: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError:
        assert f"`{name}`" in CHANGELOG, (
            f"{name} is gone: give it an entry in src/methexis/moved.py, or name `{name}` in "
            "CHANGELOG.md with what to use instead"
        )


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_modules_that_moved(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    package, _, child = old.rpartition(".")
    before = vars(import_module(package)).get(child)
    with pytest.warns(FutureWarning, match=f"^{old} is now {new}$") as told:
        module = import_module(old)
    assert len(told) == 1
    assert module is import_module(new)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert import_module(old) is module
    after = vars(import_module(package))[child]
    assert after is (before if callable(before) else module), f"{old} hides a public function"


def test_the_warning_names_the_line_that_imports() -> None:
    code = "from methexis.core.streams import normals\nimport methexis.core.streams\nprint(normals)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<function normals")
    assert done.stderr.splitlines() == [
        "<string>:1: FutureWarning: methexis.core.streams is now methexis.core.random.streams"
    ]


def test_what_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        import_module("methexis.core.nonsense")
