"""Choosing between instruction sets, and the stub that types the extension."""

from __future__ import annotations

import ast
import os
import platform
import shutil
import subprocess
import sys

import pytest
from nanobind.stubgen import StubGen

from tests.native.extension import NAME, STUB, extension, extension_file, missing, output

CHOSEN = f"import {NAME} as native; print(native.instruction_set())"
# The extension alone, by its file: NumPy needs more than the least machine has.
DETECT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("_native", sys.argv[1])
native = module_from_spec(spec)
spec.loader.exec_module(native)
print(*native.instruction_sets())
"""


def run(code: str, isa: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "METHEXIS_ISA"}
    if isa is not None:
        environment["METHEXIS_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment
    )


def test_the_fastest_is_chosen() -> None:
    available = extension().instruction_sets()
    assert available[-1] in {"baseline", "neon"}  # what every machine has comes last
    for isa in (None, ""):
        done = run(CHOSEN, isa)
        assert (done.returncode, done.stdout.strip()) == (0, available[0])


def test_the_environment_chooses() -> None:
    for isa in extension().instruction_sets():
        done = run(CHOSEN, isa)
        assert (done.returncode, done.stdout.strip()) == (0, isa)
        assert extension().instruction_set(isa) == isa


def test_an_unknown_one_is_refused() -> None:
    native = extension()
    expected = "expected one of {} on this machine, got 'mmx'".format(
        ", ".join(native.instruction_sets())
    )
    with pytest.raises(ValueError, match=f"^instruction set: {expected}$"):
        native.instruction_set("mmx")
    done = run(CHOSEN, "mmx")
    assert done.returncode == 1
    assert f"METHEXIS_ISA: {expected}" in done.stderr


@pytest.mark.parametrize(
    ("processor", "expected"), [("Nehalem", "baseline"), ("Haswell", "avx2 baseline")]
)
def test_an_old_processor_gets_what_it_can_run(processor: str, expected: str) -> None:
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("only x86-64 has more than one instruction set, only Linux the emulator")
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        missing("expected qemu-x86_64, found none (Debian: apt-get install qemu-user)")
    command = [emulator, "-cpu", processor, sys.executable, "-I", "-S", "-c", DETECT]
    # An instruction that the processor lacks would end it by SIGILL.
    assert output(*command, extension_file()).strip() == expected


def signatures(source: str) -> dict[str, list[str]]:
    """Return the public functions and methods of a stub with the names of their parameters."""
    found: dict[str, list[str]] = {}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[prefix + node.name] = []
                collect(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                found[prefix + node.name] = [argument.arg for argument in every]

    collect(ast.parse(source).body, "")
    return found


def test_the_stub_describes_the_extension() -> None:
    generator = StubGen(extension())
    generator.put(extension())
    assert signatures(STUB.read_text(encoding="utf-8")) == signatures(generator.get())


def test_the_extension_says_what_it_runs_on() -> None:
    done = output(sys.executable, "-c", f"import {NAME} as native; print(native.__doc__)")
    assert done.strip()
