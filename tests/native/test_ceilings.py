"""The machine's ceilings: rates that are plausible, and clear errors."""

from __future__ import annotations

import pytest

from tests.native.extension import extension

BYTES = 16 * 2**10  # in any first cache


def test_rates_of_every_instruction_set() -> None:
    native = extension()
    for name in native.instruction_sets():
        for single in (False, True):
            # Between a machine of 1 operation per 10 ns and one of a thousand per ns.
            assert 1e8 < native.fma_rate(single, seconds=0.0, name=name) < 1e12
            for store in (False, True):
                rate = native.memory_rate(BYTES, store, single, seconds=0.0, name=name)
                assert 1e8 < rate < 1e13
            # A weight takes a multiply-add and a subtraction.
            assert 1e7 < native.pull_rate(BYTES, single, seconds=0.0, name=name) < 1e12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("memory_rate", 0, True, False), "bytes: expected from 1"),
        (("memory_rate", 2**40, True, False), "bytes: expected from 1"),
        (("pull_rate", 0, False), "bytes: expected from 1"),
        (("pull_rate", BYTES, False, -1.0), "seconds: expected a number in"),
        (("fma_rate", False, -1.0), "seconds: expected a number in"),
        (("fma_rate", False, float("nan")), "seconds: expected a number in"),
        (("fma_rate", False, 0.0, "mmx"), "instruction set: expected one of"),
    ],
)
def test_bad_input(call: tuple[object, ...], message: str) -> None:
    name, *arguments = call
    with pytest.raises(ValueError, match=message):
        getattr(extension(), str(name))(*arguments)
