"""The calls whose felt time is taken: what is typed, and the program that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")
#: Name of the computation that all times are divided by.
REFERENCE = "reference"
#: What a call of `mx.train` takes as it is typed, and what its steps take alone.
DEFAULT, STEPS = "default", "steps alone"


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
    prints : tuple of str
        What the program times itself and prints as JSON, each a row of its own; by default the
        whole process is timed.
    """

    name: str
    what: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    prints: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of what is timed."""
        return tuple(f"{self.name}, {what}" for what in self.prints) or (self.name,)


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
    Call(
        "compare wide",
        "import, then mx.compare(x, y, 'procrustes') of 1000 x 256",
        _program("compare_wide"),
    ),
    Call(
        "compare ordinary",
        "import, then mx.compare(x, y, 'svcca') of 5000 x 1000",
        _program("compare_ordinary"),
    ),
    Call(
        "theory",
        "theory of linear networks, D = 3: mx.theory.relaxation and entropic_flow at "
        "d = 32, slow_drift at d = 20, drift_fixed_point at d = 16, run.predict at d = 32",
        (*_program("theory"), "32", "20", "16"),
        prints=("relaxation", "flow", "drift", "end of a drift", "prediction of a run"),
    ),
    *(
        Call(
            f"train {case}",
            f"mx.train of {words}, 20,000 steps",
            (*_program("train"), case, "20000"),
            prints=(DEFAULT, STEPS),
        )
        for case, words in (
            ("d8", "256 linear networks, D = 4, d = 8"),
            ("d16", "128 linear networks, D = 3, d = 16"),
            ("digits", "64 classifiers of digits"),
        )
    ),
)
