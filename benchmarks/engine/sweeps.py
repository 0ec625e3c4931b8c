"""How the cost of our engine grows: threads, networks, steps, parameters; and its memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.engine.points import POINTS, Point
from benchmarks.processes import PeerSpec, Worker, running
from benchmarks.timing import Timing, deviation_from_line, interleave, network_step


@dataclass(frozen=True)
class Scaling:
    """Time of a network-step with one thread and with several."""

    point: str
    threads: int
    one: Timing
    many: Timing

    @property
    def speedup(self) -> float:
        """How many times faster with several threads."""
        return self.one.median / self.many.median


@dataclass(frozen=True)
class Sweep:
    """Cost over a range of one size.

    ``deviation`` is the largest relative deviation from the best line; from the origin for networks
    and steps. With parameters a line with an offset: samples are drawn and embedded whatever the
    number of layers.
    """

    what: str
    where: str
    sizes: tuple[int, ...]
    costs: tuple[float, ...]
    unit: str
    proportional: bool

    @property
    def deviation(self) -> float:
        """Largest relative deviation from the best line."""
        return deviation_from_line(self.sizes, self.costs, proportional=self.proportional)


@dataclass(frozen=True)
class Memory:
    """Peak memory in bytes after so many steps."""

    point: str
    steps: tuple[int, ...]
    peaks: tuple[float, ...]

    @property
    def growth(self) -> float:
        """Bytes between the first and the last number of steps."""
        return self.peaks[-1] - self.peaks[0]


class Sweeper:
    """Measures sweeps of one engine.

    Parameters
    ----------
    engine : PeerSpec
        Which.
    folder : Path
        For the files of cases.
    threads, rounds, seconds
        Most threads; rounds, and seconds of a measurement.
    """

    def __init__(
        self, engine: PeerSpec, folder: Path, threads: int, rounds: int, seconds: float
    ) -> None:
        self.engine, self.folder = engine, folder
        self.threads, self.rounds, self.seconds = threads, rounds, seconds

    def case(self, point: Point, threads: int) -> dict[str, Any]:
        """The case of a point for our engines, which need no arrays."""
        return asdict(point) | {"peer": self.engine.name, "threads": threads}

    def scaling(self, points: Sequence[Point]) -> list[Scaling]:
        """One thread against all, at each point."""
        found = []
        for point in points:
            pair = [(point, threads) for threads in (1, self.threads)]
            one, many = self._timed(pair, self._step)
            found.append(Scaling(point.name, self.threads, one, many))
        return found

    def sweeps(self, quick: bool) -> list[Sweep]:
        """Networks, steps, and parameters by depth and by width."""
        base = POINTS[0]
        networks = (128, 512, 2048) if quick else (64, 128, 256, 512, 1024, 2048, 4096)
        steps = (2000, 8000, 32000) if quick else (2000, 4000, 8000, 16000, 32000, 64000)
        depths = (2, 6, 12) if quick else (2, 3, 4, 6, 8, 12, 16)
        widths = (16, 32, 64) if quick else (16, 24, 32, 48, 64, 96)
        return [
            self._sweep(
                "networks", networks, [replace(base, networks=n) for n in networks], "µs per step"
            ),
            self._steps(steps, replace(base, networks=64)),
            self._sweep(
                "parameters, by depth", depths, [replace(base, depth=d) for d in depths], ""
            ),
            self._sweep(
                "parameters, by width",
                widths,
                [Point("linear", 4, w, 32, 16, base.dtype) for w in widths],
                "",
            ),
        ]

    def memory(self, quick: bool) -> Memory:
        """Peak memory of a process of its own after few and after many steps."""
        point = replace(POINTS[0], networks=64)
        steps = (1000, 10_000) if quick else (1000, 10_000, 100_000)
        with running(self.engine, self.threads) as worker:
            peaks = worker.call(
                "memory_growth", case=self.case(point, self.threads), steps=list(steps)
            )
        return Memory(point.name, steps, tuple(peaks))

    def _step(self, worker: Worker, point: Point) -> Callable[[], float]:
        return network_step(worker, point.networks, self.seconds)

    def _sweep(self, what: str, sizes: Sequence[int], points: list[Point], unit: str) -> Sweep:
        timings = self._timed([(p, self.threads) for p in points], self._step)
        if what == "networks":
            costs = [t.median * p.networks for t, p in zip(timings, points, strict=True)]
            return Sweep(what, points[0].name, tuple(sizes), tuple(costs), unit, True)
        parameters = tuple(p.work().parameters for p in points)
        costs = [t.median for t in timings]
        return Sweep(what, points[0].name, parameters, tuple(costs), "µs per network-step", False)

    def _steps(self, steps: Sequence[int], point: Point) -> Sweep:
        def exactly(worker: Worker, num_steps: int) -> Callable[[], float]:
            return lambda: 1e3 * float(worker.ask(do="steps", steps=num_steps)["seconds"])

        with running(self.engine, self.threads) as worker:
            worker.ask(do="prepare", case=self.case(point, self.threads))
            found = interleave({n: exactly(worker, n) for n in steps}, self.rounds)
        costs = tuple(found[n].median for n in steps)
        return Sweep("steps", point.name, tuple(steps), costs, "ms", True)

    def _timed(
        self,
        cases: list[tuple[Point, int]],
        measure: Callable[[Worker, Point], Callable[[], float]],
    ) -> list[Timing]:
        """Timings of several cases, a process each, in interleaved rounds."""
        with ExitStack() as stack:
            functions = {}
            for i, (point, threads) in enumerate(cases):
                worker = stack.enter_context(running(self.engine, self.threads))
                worker.ask(do="prepare", case=self.case(point, threads))
                functions[i] = measure(worker, point)
            found = interleave(functions, self.rounds)
        return [found[i] for i in range(len(cases))]
