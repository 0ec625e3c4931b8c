"""Code of one instruction set must not be reachable on a machine that lacks it.

The linker keeps one copy of each weak symbol: an inline function of the standard library that was
compiled once for AVX-512 and once for the least machine is *one* function in the extension, and
either copy may be it. So all that an object file of the kernels offers must carry its own namespace
in its name, and nothing may run when the extension is loaded. The last test looks at the outcome.
"""

from __future__ import annotations

import re

import pytest

from tests.native.extension import extension_file, object_files, output

# What a compiler adds by itself: a pointer to the handler of exceptions, which is data.
HARMLESS = re.compile(r"DW\.ref\.")
# In the disassembly: `0000000000001139 <methexis::avx2::dot(...)>:`, then lines whose fields are
# separated by tabs. Every instruction of AVX and later begins with v; verr and verw are older.
FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>.*)>:$")
WIDE = re.compile(r"^\s*[0-9a-f]+:\t(?P<what>v(?!err|erw)\w+)")


def global_symbols(path: object) -> list[str]:
    lines = output("nm", "--demangle", "--defined-only", "--extern-only", str(path)).splitlines()
    return [line.split(maxsplit=2)[2] for line in lines if line.strip()]


def test_kernels_define_names_of_their_instruction_set_only() -> None:
    num_symbols = 0
    for isa, paths in object_files().items():
        for path in paths:
            symbols = global_symbols(path)
            num_symbols += len(symbols)
            shared = [
                name
                for name in symbols
                if f"methexis::{isa}::" not in name and not HARMLESS.match(name)
            ]
            assert not shared, f"{path.name} for {isa} shares {shared}"
    assert num_symbols > 0


def test_kernels_initialise_nothing_at_run_time() -> None:
    for isa, paths in object_files().items():
        for path in paths:
            sections = output("objdump", "--section-headers", path)
            found = re.findall(r"\.(?:init_array|ctors)\S*", sections)
            assert not found, f"{path.name} for {isa} runs code when it is loaded"


def test_the_extension_offers_only_its_initialisation() -> None:
    lines = output("nm", "--dynamic", "--defined-only", extension_file()).splitlines()
    names = {line.split()[-1] for line in lines if " T " in line}
    assert names == {"PyInit__native"}


def test_wide_instructions_are_in_their_own_functions_only() -> None:
    if "avx2" not in object_files():
        pytest.skip("only x86-64 has more than one instruction set")
    where = ""
    num_wide = 0
    disassembly = output(
        "objdump", "--disassemble", "--demangle", "--no-show-raw-insn", extension_file()
    )
    for line in disassembly.splitlines():
        function = FUNCTION.match(line)
        if function:
            where = function["name"]
        elif WIDE.match(line):
            num_wide += 1
            assert re.search(r"methexis::avx(2|512)::", where), f"{line.strip()} in {where}"
    assert num_wide > 0  # else the pattern has gone blind
