"""The compiled extension for the tests: skip without one, or fail where there must be one."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "methexis._native"
BUILD = ROOT / os.environ.get("METHEXIS_BUILD_DIR", "build/native")
STUB = ROOT / "src" / "methexis" / "_native.pyi"


def missing(message: str) -> NoReturn:
    """Skip; where METHEXIS_REQUIRE_NATIVE is set, as in CI, fail."""
    if os.environ.get("METHEXIS_REQUIRE_NATIVE") == "1":
        pytest.fail(message)
    pytest.skip(message)


def extension() -> ModuleType:
    """Return the extension that ``import methexis`` would use."""
    if importlib.util.find_spec(NAME) is None:
        missing(f"expected {NAME}, found none (make native)")
    return importlib.import_module(NAME)


def extension_file() -> Path:
    """Return the extension of this tree, as built in place and not stripped."""
    found = sorted((ROOT / "src" / "methexis").glob("_native.*.so"))
    if not found:
        missing("expected an extension in src/methexis, found none (make native)")
    return found[0]


def object_files() -> dict[str, list[Path]]:
    """Return the object files of the kernels in the build folder, by instruction set."""
    found: dict[str, list[Path]] = {}
    for path in sorted((BUILD / "CMakeFiles").glob("kernels_*.dir/**/*.o")):
        (directory,) = re.findall(r"kernels_(\w+)\.dir", str(path))
        found.setdefault(directory, []).append(path)
    if not found:
        missing(f"expected the object files of the kernels in {BUILD} (make native)")
    return found


def output(*command: str | Path) -> str:
    """Return what the command prints; its failure is a failure of the test."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
