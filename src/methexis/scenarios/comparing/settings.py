"""What a comparison is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methexis.core.checks import boolean, count, integer, number, one_of, sequence, shown
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures import Measure
from methexis.measures.budget import memory_bytes
from methexis.measures.inference.all_pairs.compare_all import CORRECTIONS
from methexis.measures.inference.compare import NULLS
from methexis.measures.inference.plan import duration
from methexis.measures.inputs.preprocessing import preprocessing


@dataclass(frozen=True)
class CompareSettings(Displayed):
    """Settings of `run_compare`, checked.

    Parameters
    ----------
    measures : tuple of Measure
    preprocessing : {"none", "prh"}
        Steps before, by name.
    null : {"auto", "moments", "permutation", "none"}
    correction : {"max", "holm"}
        How p-values of many pairs are corrected for having looked at all; see `compare_all`.
    num_permutations : int, optional
        Orders, where they are needed: by default for one pair as `mx.compare` has it, and for many
        as many as take about ten minutes, from 199 to 999.
    num_bootstrap : int, optional
        Bootstrap samples for the interval of a single pair; by default as `mx.compare` has it.
    alpha : float
        A pair counts as aligned if its corrected p is at most this.
    seed : int
    memory : str, optional
        Most memory for what is computed, such as "2 GiB"; see `mx.compare` for what is done where
        it does not hold whole arrays.
    references : tuple of str
        Names of what scores are read against.
    num_repeats : int
        How many repetitions of A the ceiling is from.
    sample : int, optional
        How many of the samples are compared, drawn at random by the seed; all by default.
    curve : bool
        Whether the most aligned pair is also sought at a half, a quarter and an eighth of the
        samples (`search_curve`).

    Raises
    ------
    MethexisError
        If one of them is none of these.
    """

    measures: tuple[Measure[Any], ...]
    preprocessing: str = "none"
    null: str = "auto"
    correction: str = "max"
    num_permutations: int | None = None
    num_bootstrap: int | None = None
    alpha: float = 0.05
    seed: int = 0
    memory: str | None = None
    references: tuple[str, ...] = ()
    num_repeats: int = 0
    sample: int | None = None
    curve: bool = False

    def __post_init__(self) -> None:
        for measure in sequence("measures", self.measures, "measures"):
            if not isinstance(measure, Measure):
                raise MethexisError(
                    f"measures: expected measures, such as mx.measures.CKA(), got {shown(measure)}"
                )
        preprocessing(self.preprocessing)
        one_of("null", self.null, NULLS)
        one_of("correction", self.correction, CORRECTIONS)
        if self.num_permutations is not None:
            count("permutations", self.num_permutations, least=0)
        if self.num_bootstrap is not None:
            count("bootstrap", self.num_bootstrap, least=0)
        if self.sample is not None:
            count("sample", self.sample, least=1)
        boolean("curve", self.curve)
        number("alpha", self.alpha, above=0.0, below=1.0)
        integer("seed", self.seed, least=0)
        memory_bytes("memory", self.memory)


@dataclass(frozen=True)
class Step:
    """How far a comparison is."""

    measure: str  # title of the measure at work
    what: str  # what it does
    #: How far that is; both 0 where a measure begins, or permutations are drawn after all: then
    #: `what` says how long it takes, and where the null is from.
    done: int
    total: int
    seconds: float = 0.0  # that time

    @property
    def duration(self) -> str:
        """That time in words."""
        return duration(self.seconds)
