"""What a comparison is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methexis.core.checks import integer, number, one_of
from methexis.measures import Measure
from methexis.measures.compare import NULLS
from methexis.measures.preprocessing import preprocessing


@dataclass(frozen=True)
class CompareSettings:
    """Settings of `run_compare`, checked.

    Parameters
    ----------
    measures : tuple of Measure
    preprocessing : {"none", "prh"}
        Steps before, by name.
    null : {"auto", "moments", "permutation", "none"}
    num_permutations, num_bootstrap : int
        Orders and bootstrap samples, where they are needed; 999 resolve p to .001.
    alpha : float
        A pair counts as aligned if its corrected p is at most this.
    seed : int

    Raises
    ------
    MethexisError
        If one of them is none of these.
    """

    measures: tuple[Measure[Any], ...]
    preprocessing: str = "none"
    null: str = "auto"
    num_permutations: int = 999
    num_bootstrap: int = 999
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        preprocessing(self.preprocessing)
        one_of("null", self.null, NULLS)
        integer("permutations", self.num_permutations, least=0)
        integer("bootstrap", self.num_bootstrap, least=0)
        number("alpha", self.alpha, above=0.0, below=1.0)
        integer("seed", self.seed, least=0)


@dataclass(frozen=True)
class Step:
    """How far a comparison is.

    Attributes
    ----------
    measure : str
        Title of the measure at work.
    done, total : int
        Pairs of layers compared, of this measure.
    """

    measure: str
    done: int
    total: int
