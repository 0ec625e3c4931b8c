"""What a comparison finds: the terminal, the report and ``--json`` read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from methexis.display import Displayed, Table
from methexis.measures import Grid, SearchCurve
from methexis.measures.inference.all_pairs.grid import VARIABLES
from methexis.measures.inference.sampling import Sample
from methexis.measures.inputs.preprocessing import preprocessing
from methexis.representations import Representations
from methexis.scenarios.comparing.answer import Answer
from methexis.scenarios.comparing.items import Items
from methexis.scenarios.comparing.settings import CompareSettings
from methexis.scenarios.comparing.wanted import widest
from methexis.scenarios.framework.provenance import provenance
from methexis.scenarios.framework.records import to_json

FORMAT = 1


@dataclass(frozen=True, eq=False)
class CompareResult(Displayed):
    """All measures over all pairs of layers of two models, or of one.

    Attributes
    ----------
    first, second : Representations
        The second is the first where a model is compared with itself.
    itself : bool
        Whether it is.
    settings : CompareSettings
    found : tuple of Grid
        One grid per measure that could be computed.
    command : str
    seconds : float
    answers : tuple of Answer
        What each measure says.
    left_out : tuple of str
        For every other measure, in a sentence, why not: what can be computed is not lost with it.
    sample : Sample or None
        Which of the samples were compared, where not all were.
    items : Items or None
        To which items rows belong, where these have several.
    curves : tuple of SearchCurve
        Of each measure, its most aligned pair at several numbers of samples, where asked for.
    """

    first: Representations
    second: Representations
    itself: bool
    settings: CompareSettings
    found: tuple[Grid, ...]
    command: str
    seconds: float
    answers: tuple[Answer, ...] = ()
    left_out: tuple[str, ...] = ()
    sample: Sample | None = None
    items: Items | None = None
    curves: tuple[SearchCurve, ...] = ()

    @property
    def conclusion(self) -> str:
        """The first sentence of whatever tells the result: what its first measure says."""
        return self.answers[0].sentence

    @property
    def single(self) -> bool:
        """Whether there is one pair of layers only."""
        return len(self.first) == len(self.second) == 1

    @property
    def num_samples(self) -> int:
        """Number of samples; of items, where these have several rows."""
        return self.first.num_samples if self.items is None else self.items.num_items

    @property
    def titles(self) -> tuple[str, str]:
        """Names of both models; with their folders where the names are equal."""
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
            "sample": None
            if self.sample is None
            else {"num_samples": len(self.sample.rows), "of": self.sample.total},
            "items": None if self.items is None else self.items.described(),
            "conclusion": self.conclusion,
            "references": list(settings.references),
            "num_repeats": settings.num_repeats,
            "measures": [
                _measured(grid, answer)
                | ({} if curve is None else {"over_samples": to_json(curve.as_dict())})
                for grid, answer, curve in zip(
                    self.found,
                    self.answers,
                    self.curves or (None,) * len(self.found),
                    strict=True,
                )
            ],
            "left_out": list(self.left_out),
            **provenance(self.seconds),
        }

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"first": self.first.name}
        told |= {} if self.itself else {"second": self.second.name}
        told |= {"layers": (len(self.first), len(self.second)), "n": self.first.num_samples}
        told["measures"] = tuple(grid.measure.name for grid in self.found)
        return told | ({"left_out": self.left_out} if self.left_out else {})

    def _table(self) -> Table:
        """The most aligned pair by each measure."""
        head = ["measure", "most aligned", "score"]
        told = [grid._facts() for grid in self.found]
        return head, ([one["measure"], one.get("best"), one.get("score")] for one in told)


#: How the null and the interval of a single pair came to be.
_DRAWN = ("num_bootstrap", "interval", "num_permutations", "num_whole")


def _measured(grid: Grid, answer: Answer) -> dict[str, Any]:
    measure = grid.measure
    content: dict[str, Any] = {
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
        "answer": answer.as_dict(),
        **{name: getattr(grid, name).tolist() for name in VARIABLES},
    }
    if grid.single is not None:
        content |= {"ci": list(grid.single.ci), "confidence": grid.single.confidence}
        content |= {name: getattr(grid.single, name) for name in _DRAWN}
    if grid.curve is not None:
        content["curve"] = grid.curve.as_dict()
    if grid.scales is not None:
        content["scales"] = grid.scales.as_dict()
    return to_json(content)  # type: ignore[no-any-return]
