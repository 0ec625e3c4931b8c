"""Translation and gauges of real models: four parts, each side by side with others in one run.

*pairs*: partners of glosses between two encoders, by the number of pairs that are known. *vectors*:
the same between an encoder and means of word vectors, which have other dimensions and know less.
*shuffled*: the two encoders without any pair. *gauge*: interfaces of real models with their proofs.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.machine import machine
from benchmarks.processes import ROOT, printed
from benchmarks.transport.partners import Drawing, partners
from benchmarks.transport.rows import encoded_rows
from benchmarks.transport.shuffled import shuffled
from benchmarks.transport.ways import LATENTIS
from methexis.core.checks import Array, integer, one_of
from methexis.version import __version__

PARTS = ("pairs", "vectors", "shuffled", "gauge")
#: Numbers of pairs, and of shuffled texts; the most of these that other ways are given.
PAIRS, TEXTS, MOST_OF_OTHERS = (64, 256, 1024, 4096), (1000, 2000, 9900), 1000
GAUGE = ROOT / "benchmarks" / "transport" / "peers" / "gauge.py"
#: Models whose interfaces are found, with their precisions; the detectors' scripts have one only.
MODELS = (
    ("minilm", ("float64", "float32")),
    ("efficientnet", ("float64", "float32")),
    ("silero 5.1.2", ("float32",)),
    ("silero 6.2.3", ("float32",)),
)
_PEERS = ("numpy", "scipy", "scikit-learn", "torch", "pot")


@dataclass(frozen=True)
class TransportSettings:
    """What is run.

    Attributes
    ----------
    samples : int
        Glosses; most tokens of one is `length`.
    length : int
    pairs : tuple of int
        From how many pairs is learnt.
    unseen : int
        Samples whose partners are sought among each other.
    draws : int
        How often pairs and unseen samples are drawn.
    texts : tuple of int
        Shuffled texts that `translate_unpaired` is given.
    of_others : tuple of int
        Those that other ways are given.
    seeds : int
        Random elements that prove each interface.
    seed : int
        Of the draws.
    only : tuple of str
        Parts; all by default.
    """

    samples: int = 24_000
    length: int = 64
    pairs: tuple[int, ...] = PAIRS
    unseen: int = 4096
    draws: int = 5
    texts: tuple[int, ...] = TEXTS
    of_others: tuple[int, ...] = TEXTS[:1]
    seeds: int = 1
    seed: int = 0
    only: tuple[str, ...] = PARTS

    def __post_init__(self) -> None:
        integer("samples", self.samples, least=64)
        integer("length", self.length, least=4)
        for name, least in (("pairs", 20), ("texts", 100), ("of_others", 100)):
            for count in getattr(self, name):
                integer(name, count, least=least)
        integer("unseen", self.unseen, least=2)
        integer("draws", self.draws, least=1)
        integer("seeds", self.seeds, least=1)
        integer("seed", self.seed, least=0)
        for name in self.only:
            one_of("only", name, PARTS)


def run_transport(
    settings: TransportSettings, *, announce: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Run the parts that are asked for: plain data for JSON, by part, with the machine of each.

    Raises
    ------
    MethexisError
        If the models are not there, or there are too few samples.
    """
    parts: dict[str, Any] = {}
    rows: dict[str, Array] = {}
    if set(settings.only) - {"gauge"}:
        rows = encoded_rows(settings.samples, settings.length, announce=announce)
    for name in (name for name in PARTS if name in settings.only):
        before = machine()
        outcome = _PARTS[name](rows, settings, announce)
        asked = {key: one for key, one in asdict(settings).items() if key != "only"}
        about = {"machine": before, "versions": versions(), "settings": asked}
        parts[name] = about | {"outcome": outcome}
    return parts


def versions() -> dict[str, str]:
    """Versions of this package and of what it is measured beside."""
    known = {"methexis": __version__}
    for name in _PEERS:
        try:
            known[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    for one in importlib.metadata.distributions(name="latentis", path=[str(LATENTIS)]):
        known["latentis"] = one.version
    return known


def kept_parts(content: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What a file holds once new parts are in it: others stay as they were."""
    return {name: new.get(name, content.get(name)) for name in PARTS if name in content | new}


def _pairs(rows: dict[str, Array], settings: TransportSettings, announce: Any) -> Any:
    drawing = Drawing(settings.pairs, settings.unseen, settings.draws, settings.seed)
    return partners(rows["l6"], rows["l3"], drawing, announce=announce).summary()


def _vectors(rows: dict[str, Array], settings: TransportSettings, announce: Any) -> Any:
    """The same from all pairs that there are besides."""
    drawing = Drawing((*settings.pairs, 0), settings.unseen, settings.draws, settings.seed)
    return partners(rows["l6"], rows["glove"], drawing, announce=announce).summary()


def _shuffled(rows: dict[str, Array], settings: TransportSettings, announce: Any) -> Any:
    outcomes = shuffled(
        rows["l6"],
        rows["l3"],
        texts=settings.texts,
        of_others=settings.of_others,
        unseen=settings.unseen,
        draws=settings.draws,
        seed=settings.seed,
        announce=announce,
    )
    return [one.summary() for one in outcomes]


def _gauge(rows: dict[str, Array], settings: TransportSettings, announce: Any) -> Any:
    del rows
    outcomes = []
    for model, precisions in MODELS:
        for dtype in precisions:
            announce(f"interfaces of {model} in {dtype}")
            outcomes.append(printed(GAUGE, model, dtype, settings.seeds))
    return outcomes


_PARTS: dict[str, Callable[[dict[str, Array], TransportSettings, Any], Any]] = {
    "pairs": _pairs,
    "vectors": _vectors,
    "shuffled": _shuffled,
    "gauge": _gauge,
}
