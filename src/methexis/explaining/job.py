"""`run_explain`: all layers of one model with all of another, from files to a result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.explaining.explanation import Explanation
from methexis.explaining.many import Explanations, explain_all
from methexis.explaining.pair import explain, renamed
from methexis.explaining.verdict import MATERIAL
from methexis.representations import Representations
from methexis.scenarios.framework.provenance import provenance
from methexis.scenarios.framework.records import to_json

FORMAT = 1


@dataclass(frozen=True)
class ExplainSettings(Displayed):
    """Settings of `run_explain`; see `explain`."""

    preprocessing: str = "none"
    material: float = MATERIAL
    seed: int = 0


@dataclass(frozen=True, eq=False)
class ExplainResult(Displayed):
    """What takes the layers of one model to those of another.

    Attributes
    ----------
    first, second : Representations
        The second is the first where a model is explained by itself.
    itself : bool
        Whether it is.
    settings : ExplainSettings
    found : Explanations
    command : str
    seconds : float
    """

    first: Representations
    second: Representations
    itself: bool
    settings: ExplainSettings
    found: Explanations
    command: str
    seconds: float

    @property
    def single(self) -> Explanation | None:
        """The explanation, where there is one pair of layers only."""
        every = list(self.found.pairs.values())
        return every[0] if len(every) == 1 else None

    @property
    def conclusion(self) -> str:
        """The first sentence of whatever tells the result."""
        return self.found.sentence if self.single is None else self.single.sentence

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON; numbers that are unknown are null."""
        content: dict[str, Any] = to_json(self.found.as_dict())
        return {
            "format": FORMAT,
            "command": self.command,
            "first": self.first.described(),
            "second": None if self.itself else self.second.described(),
            "settings": to_json(self.settings),
            "conclusion": self.conclusion,
            **{name: content[name] for name in ("rows", "columns", "pairs")},
            **provenance(self.seconds),
        }

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"first": self.first.name}
        told |= {} if self.itself else {"second": self.second.name}
        return told | {"pairs": len(self.found.pairs), "n": self.first.num_samples}


def run_explain(
    first: Representations,
    second: Representations | None,
    settings: ExplainSettings,
    *,
    command: str = "",
    show: Callable[[str, int, int], None] = lambda _, __, ___: None,
) -> ExplainResult:
    """Explain all pairs of layers of two models, or of one with itself.

    Parameters
    ----------
    first, second : Representations
        Of the same samples in the same order.
    settings : ExplainSettings
    command : str
        For the record: the command that repeats it.
    show : function of (what, done, all)
        Told how far it is.

    Raises
    ------
    MethexisError
        If the samples are not as many, there is one layer only, or a layer is refused.
    """
    began = time.perf_counter()
    other = first if second is None else second
    if other.num_samples != first.num_samples:
        raise MethexisError(
            f"{other.layers[0].source}: expected {first.num_samples} rows, the same samples in the "
            f"same order as in {first.layers[0].source}, got {other.num_samples}"
        )
    if second is None and len(first) == 1:
        raise MethexisError(
            f"B: expected another file or folder, or more than one layer in {first.path}, got none"
        )
    words: dict[str, Any] = {
        "preprocessing": settings.preprocessing,
        "material": settings.material,
        "seed": settings.seed,
        "progress": show,
    }
    if second is not None and len(first) == len(second) == 1:
        one, another = first.layers[0], second.layers[0]
        pair = explain(one, another, names=(one.source, another.source), **words)
        names = _titles(first, second)
        explained = Explanations((names[0],), (names[1],), {names: renamed(pair, names)})
    else:
        explained = explain_all(first, second, **words)
    return ExplainResult(
        first, other, second is None, settings, explained, command, time.perf_counter() - began
    )


def _titles(first: Representations, second: Representations) -> tuple[str, str]:
    """Names of both, where these differ; else A and B."""
    return (first.name, second.name) if first.name != second.name else ("A", "B")
