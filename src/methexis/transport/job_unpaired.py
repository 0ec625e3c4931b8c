"""`run_translate_unpaired`: translation without pairs, from files to a result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from methexis.display import Displayed
from methexis.measures.inputs.joining import in_common
from methexis.representations import Representations
from methexis.transport.job import Translated, all_known, both_layers, titles
from methexis.transport.overlay import Overlay
from methexis.transport.unpaired.result import UnpairedTranslation
from methexis.transport.unpaired.translating import translate_unpaired
from methexis.transport.words import limits_unpaired

#: Fewest pairs from which `translate` learns.
_ENOUGH = 20


@dataclass(frozen=True)
class UnpairedSettings(Displayed):
    """Settings of `run_translate_unpaired`; see `translate_unpaired`."""

    map: str = "auto"
    shared: bool = False
    pair: tuple[int, int] | None = None
    preprocessing: str = "none"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class UnpairedResult(Translated[UnpairedSettings, UnpairedTranslation]):
    """The translation between a layer of one model and one of another, learnt without pairs.

    Attributes
    ----------
    overlay : Overlay
        Images of the first side among rows of the second.
    """

    overlay: Overlay

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits it, in sentences."""
        certificate, settings = self.translation.certificate, self.settings
        assuming = certificate.basis != "returns"
        limits = limits_unpaired(certificate.found, assuming, settings.shared, settings.pair)
        pairs = _known_pairs(self.first, self.second)
        if pairs >= _ENOUGH:
            limits.insert(
                0,
                f"{pairs:,} samples of both are known to be the same: without --unpaired they are "
                "pairs, from which more is learnt",
            )
        return tuple(limits)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON; numbers that are unknown or infinite are null."""
        return super().summary() | {"notes": list(self.notes)}


def _known_pairs(first: Representations, second: Representations) -> int:
    """How many samples of both files are known to be the same."""
    names = [side.layers[0].samples for side in (first, second)]
    known = [one for one in names if one is not None]
    return len(in_common(known)) if all_known(first, second) else 0


def run_translate_unpaired(
    first: Representations,
    second: Representations,
    settings: UnpairedSettings,
    *,
    layers: tuple[str | None, str | None] = (None, None),
    command: str = "",
    show: Callable[[str, int, int], None] = lambda _, __, ___: None,
) -> UnpairedResult:
    """Translate between one layer of each of two models of which no pair of rows is known.

    Parameters
    ----------
    first, second : Representations
        Of samples of one law, in any order.
    settings : UnpairedSettings
    layers : (str or None, str or None)
        Names or patterns of one layer of each, where they have several.
    command : str
        For the record: the command that repeats it.
    show : function of (what, done, all)
        Told how far it is.

    Raises
    ------
    MethexisError
        If not one layer of each is named, or `translate_unpaired` refuses them.
    """
    began = time.perf_counter()
    one, other = both_layers(first, second, layers)
    x, y = one.layers[0], other.layers[0]
    learnt = translate_unpaired(
        x,
        y,
        pair=settings.pair,
        map=settings.map,
        shared=settings.shared,
        preprocessing=settings.preprocessing,
        seed=settings.seed,
        names=(x.source, y.source),
        progress=show,
    )
    names = titles(one, other)
    from_x, from_y = learnt.sides
    sides = replace(from_x, name=names[0]), replace(from_y, name=names[1])
    translation = replace(learnt, names=names, sides=sides)
    overlay = Overlay.of(translation, x.array, y.array, settings.seed)
    seconds = time.perf_counter() - began
    return UnpairedResult(one, other, settings, translation, command, seconds, overlay)
