"""What a scenario of irreversibility is: a dial, and ways of stepping along it, fixed before a run.

A case belongs to a way, a problem and a value of the dial. It knows its predictions, one for each
direction (or other quantity) that theory names, and how to measure them at the effort it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from methexis.progress import Progress
from methexis.scenarios.framework import scenario as framework
from methexis.scenarios.framework.scenario import Cell
from methexis.scenarios.irreversibility.records import Control, Found


class Case(Protocol):
    """One way of stepping, problem and value of the dial."""

    @property
    def parts(self) -> Mapping[str | None, float]:
        """Predictions by the names of their directions."""

    def measure(self, cell: Cell[Any], *, seed: int, show: Progress | None = None) -> Found:
        """Measure and compare; ``seed`` is that of the first ensemble."""


@dataclass(frozen=True, eq=False)
class Scenario(framework.Scenario[Case]):
    """A dial of irreversibility."""

    #: ``controls(quick)``: lengths left by walks of the first problem, to be shown, not judged.
    controls: Callable[[bool], tuple[Control, ...]] | None = None
