"""Times of all ways in interleaved rounds of one process; peaks of each in one of its own."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.processes import printed
from methexis.core.checks import integer, one_of
from methexis.version import __version__

WAYS = Path(__file__).with_name("peers") / "ways.py"
CASES = ("minilm", "efficientnet")
#: The way that others are divided by, and ours.
ALONE, OURS = "forward", "probe"
_MEBIBYTE = 2**20


@dataclass(frozen=True)
class ProbesSettings:
    """What is run.

    Attributes
    ----------
    samples : int
        Texts that are timed; of images a tenth.
    rounds : int
        Interleaved rounds.
    memory : tuple of int
        Numbers of texts at which peaks are taken; of images a tenth.
    length : int
        Most tokens of a text.
    only : tuple of str
        Names of models; all by default.
    """

    samples: int = 20_000
    rounds: int = 3
    memory: tuple[int, ...] = (2_000, 20_000)
    length: int = 64
    only: tuple[str, ...] = CASES

    def __post_init__(self) -> None:
        integer("samples", self.samples, least=64)
        integer("rounds", self.rounds, least=1)
        for count in self.memory:
            integer("memory", count, least=64)
        for name in self.only:
            one_of("only", name, CASES)


@dataclass(frozen=True)
class ProbesResult:
    """What came out.

    Attributes
    ----------
    settings : ProbesSettings
    seconds : dict
        By model and way: seconds of each round, of the clock and of the processor.
    peaks : dict
        By model, way and number of samples: most memory of a process, in bytes.
    machine : dict
    """

    settings: ProbesSettings
    seconds: dict[str, dict[str, list[tuple[float, float]]]]
    peaks: dict[str, dict[str, dict[int, float]]]
    machine: dict[str, Any]

    def median(self, case: str, way: str, *, processor: bool = False) -> float:
        """Median over rounds."""
        return statistics.median(one[processor] for one in self.seconds[case][way])

    def ratio(self, case: str, way: str, *, processor: bool = False) -> float:
        """Median over rounds of the ratio to the model alone in the same round."""
        rounds = zip(self.seconds[case][way], self.seconds[case][ALONE], strict=True)
        return statistics.median(one[processor] / other[processor] for one, other in rounds)

    def above(self, case: str, way: str, samples: int) -> float:
        """Mebibytes of a peak above that of the model alone."""
        peaks = self.peaks[case]
        return (peaks[way][samples] - peaks[ALONE][samples]) / _MEBIBYTE

    def summary(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "machine": self.machine,
            "methexis": __version__,
            "samples": self.settings.samples,
            "seconds": {
                case: {
                    way: {
                        "seconds": self.median(case, way),
                        "ratio": self.ratio(case, way),
                        "processor_ratio": self.ratio(case, way, processor=True),
                        "rounds": rounds,
                    }
                    for way, rounds in ways.items()
                }
                for case, ways in self.seconds.items()
            },
            "peaks": self.peaks,
        }


def run_probes(
    settings: ProbesSettings, *, announce: Callable[[str], None] = lambda _: None
) -> ProbesResult:
    """Time all ways, and take their peaks."""
    seconds: dict[str, Any] = {}
    peaks: dict[str, dict[str, dict[int, float]]] = {}
    for case in settings.only:
        scale = 1 if case == "minilm" else 10
        announce(f"{case}: {settings.rounds} rounds over {settings.samples // scale:,} samples")
        seconds[case] = printed(
            WAYS, "time", case, settings.samples // scale, settings.rounds, settings.length
        )
        peaks[case] = {}
        for way in (ALONE, "hooks", OURS):
            peaks[case][way] = {}
            for count in settings.memory:
                announce(f"{case}: peak of {way} over {count // scale:,} samples")
                peaks[case][way][count] = printed(
                    WAYS, "peak", case, count // scale, way, settings.length
                )
    return ProbesResult(settings, seconds, peaks, machine())
