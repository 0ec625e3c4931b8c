"""`run_translate`: one layer of one model with one of another, from files to a result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.representations import Representations
from methexis.scenarios.framework.provenance import provenance
from methexis.scenarios.framework.records import to_json
from methexis.text import shown
from methexis.transport.translating import renamed, translate
from methexis.transport.translation import Translation
from methexis.transport.unpaired.result import UnpairedTranslation

FORMAT = 1
#: Most layers that a message names.
_MOST_NAMED = 6

Settings = TypeVar("Settings")
Made = TypeVar("Made", Translation, UnpairedTranslation)


@dataclass(frozen=True)
class TranslateSettings(Displayed):
    """Settings of `run_translate`; see `translate`."""

    map: str = "auto"
    ridge: float | None = None
    preprocessing: str = "none"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Translated(Displayed, Generic[Settings, Made]):
    """What a job of translation gives, however the maps were learnt.

    Attributes
    ----------
    first, second : Representations
        Each with one layer.
    settings : TranslateSettings or UnpairedSettings
    translation : Translation or UnpairedTranslation
    command : str
    seconds : float
    """

    first: Representations
    second: Representations
    settings: Settings
    translation: Made
    command: str
    seconds: float

    @property
    def conclusion(self) -> str:
        """The first sentence of whatever tells the result."""
        return self.translation.sentence

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON; numbers that are unknown or infinite are null."""
        content: dict[str, Any] = to_json(self.translation.as_dict())
        return {
            "format": FORMAT,
            "command": self.command,
            "first": self.first.described(),
            "second": self.second.described(),
            "settings": to_json(self.settings),
            "conclusion": self.conclusion,
            "translation": content,
            **provenance(self.seconds),
        }

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"first": self.first.name, "second": self.second.name}
        return told | self.translation._facts()


@dataclass(frozen=True, eq=False)
class TranslateResult(Translated[TranslateSettings, Translation]):
    """The translation between a layer of one model and one of another, learnt from pairs."""


def run_translate(
    first: Representations,
    second: Representations,
    settings: TranslateSettings,
    *,
    layers: tuple[str | None, str | None] = (None, None),
    command: str = "",
    show: Callable[[str, int, int], None] = lambda _, __, ___: None,
) -> TranslateResult:
    """Translate between one layer of each of two models.

    Parameters
    ----------
    first, second : Representations
        Of the same samples in the same order, or of samples that both know by name.
    settings : TranslateSettings
    layers : (str or None, str or None)
        Names or patterns of one layer of each, where they have several.
    command : str
        For the record: the command that repeats it.
    show : function of (what, done, all)
        Told how far it is.

    Raises
    ------
    MethexisError
        If not one layer of each is named, the samples are not as many, or a layer is refused.
    """
    began = time.perf_counter()
    one, other = both_layers(first, second, layers)
    if other.num_samples != one.num_samples and not all_known(one, other):
        raise MethexisError(
            f"{other.layers[0].source}: expected {one.num_samples} rows, the same samples in the "
            f"same order as in {one.layers[0].source}, got {other.num_samples}; where rows are no "
            "pairs, ask for a translation without: --unpaired, or mx.translate_unpaired"
        )
    sources = one.layers[0].source, other.layers[0].source
    translation = translate(
        one.layers[0],
        other.layers[0],
        map=settings.map,
        ridge=settings.ridge,
        preprocessing=settings.preprocessing,
        seed=settings.seed,
        names=sources,
        progress=show,
    )
    translation = renamed(translation, titles(one, other))
    return TranslateResult(one, other, settings, translation, command, time.perf_counter() - began)


def all_known(one: Representations, other: Representations) -> bool:
    """Whether both know their samples by the same thing, so that rows find their partners."""
    first, second = one.layers[0].samples, other.layers[0].samples
    return first is not None and second is not None and first.kind == second.kind


def both_layers(
    first: Representations, second: Representations, layers: tuple[str | None, str | None]
) -> tuple[Representations, Representations]:
    """Take of both models the one layer that is meant.

    Raises
    ------
    MethexisError
        If there are none or several that may be.
    """
    one, other = (
        one_layer(side, model, pattern)
        for side, model, pattern in zip("AB", (first, second), layers, strict=True)
    )
    return one, other


def one_layer(side: str, model: Representations, pattern: str | None) -> Representations:
    """A model with the one layer that is meant.

    Raises
    ------
    MethexisError
        If there are none or several that may be.
    """
    option = f"layer-{side.lower()}"
    meant = [one for one in model.layers if pattern is None or fnmatchcase(one.name, pattern)]
    if len(meant) == 1:
        return replace(model, layers=tuple(meant))
    among = meant or model.layers
    listed = ", ".join(shown(one.name) for one in among[:_MOST_NAMED])
    listed += f", … {len(among)} in all" if len(among) > _MOST_NAMED else ""
    if not meant:
        raise MethexisError(
            f"{option}: expected the name of a layer of {model.path}, got {shown(str(pattern))}; "
            f"it has {listed}"
        )
    raise MethexisError(
        f"{option}: expected one layer of {model.path}, got {len(meant)} ({listed}); name one"
    )


def titles(first: Representations, second: Representations) -> tuple[str, str]:
    """Names of models where these differ, else of layers, else A and B."""
    for one, other in (
        (first.name, second.name),
        (first.layers[0].name, second.layers[0].name),
    ):
        if one != other:
            return one, other
    return "A", "B"
