"""What a comparison finds: the terminal, the report and ``--json`` read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from methexis.measures import Grid
from methexis.measures.inference.grid import VARIABLES
from methexis.measures.inputs.preprocessing import preprocessing
from methexis.representations import Representations
from methexis.scenarios.comparing.settings import CompareSettings
from methexis.scenarios.comparing.wanted import widest
from methexis.scenarios.framework.provenance import provenance

FORMAT = 1


@dataclass(frozen=True, eq=False)
class CompareResult:
    """All measures over all pairs of layers of two models, or of one.

    Attributes
    ----------
    first, second : Representations
        The second is the first where a model is compared with itself.
    itself : bool
        Whether it is.
    settings : CompareSettings
    found : tuple of Grid
        One per measure.
    command : str
    seconds : float
    """

    first: Representations
    second: Representations
    itself: bool
    settings: CompareSettings
    found: tuple[Grid, ...]
    command: str
    seconds: float

    @property
    def single(self) -> bool:
        """Whether there is one pair of layers only."""
        return len(self.first) == len(self.second) == 1

    @property
    def titles(self) -> tuple[str, str]:
        """Names of both; with their folders where the names are one."""
        names = (self.first.name, self.second.name)
        if self.itself or Path(names[0]).stem != Path(names[1]).stem:
            return names
        paths = (Path(self.first.path).resolve(), Path(self.second.path).resolve())
        return tuple("/".join(path.parts[-2:]) for path in paths)  # type: ignore[return-value]

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON; numbers that are unknown or infinite are null."""
        settings = self.settings
        return {
            "format": FORMAT,
            "command": self.command,
            "first": self.first.described(),
            "second": None if self.itself else self.second.described(),
            "preprocessing": {
                "name": settings.preprocessing,
                **preprocessing(settings.preprocessing).described(),
            },
            "null": settings.null,
            "correction": settings.correction,
            "memory": settings.memory,
            "num_permutations": settings.num_permutations,
            "alpha": settings.alpha,
            "seed": settings.seed,
            "measures": [_measured(grid) for grid in self.found],
            **provenance(self.seconds),
        }


def _measured(grid: Grid) -> dict[str, Any]:
    measure = grid.measure
    found: dict[str, Any] = {
        "measure": measure.name,
        "title": measure.title,
        "options": measure.options(),
        "range": list(measure.range),
        "aligned": measure.aligned,
        "distance": measure.distance,
        "invariances": widest(measure),
        "null": grid.null,
        "correction": grid.correction,
        "precision": grid.precision,
        "one_pass": grid.one_pass,
        "notes": list(grid.notes),
        **{name: getattr(grid, name).tolist() for name in VARIABLES},
    }
    if grid.single is not None:
        found |= {"ci": list(grid.single.ci), "confidence": grid.single.confidence}
        found["num_bootstrap"] = grid.single.num_bootstrap
    if grid.curve is not None:
        found["curve"] = grid.curve.as_dict()
    return {key: plain(value) for key, value in found.items()}


def plain(value: Any) -> Any:
    """Numbers that JSON does not know, NaN and infinity, as None; everything else as it is.

    Examples
    --------
    >>> plain([1.0, float("nan"), {"a": float("inf")}])
    [1.0, None, {'a': None}]
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value
