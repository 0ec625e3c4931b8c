"""The calls whose felt time is taken: what is typed, and the program that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")
#: Name of the computation that all times are divided by.
REFERENCE = "reference"


@dataclass(frozen=True)
class Call:
    """One thing that a user does and waits for: a process from its start to its end.

    Attributes
    ----------
    name : str
        As in the table.
    what : str
        In words.
    arguments : tuple of str
        Arguments of the interpreter.
    environment : dict
        Variables of the environment, besides those of this process.
    """

    name: str
    what: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def _program(name: str) -> tuple[str, ...]:
    return (str(PROGRAMS / f"{name}.py"),)


CALLS = (
    Call(
        REFERENCE,
        "NumPy alone, in one thread: 12 SVDs of 300 x 300",
        _program("reference"),
        {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    ),
    Call("import", "import methexis as mx", ("-c", "import methexis as mx")),
    Call(
        "help",
        "methexis --help",
        ("-c", "from methexis.cli import main; main()", "--help"),
    ),
    Call(
        "first compare",
        "import, then mx.compare(x, y) of 500 x 64",
        _program("first_compare"),
    ),
)
