"""The benchmark of the engines: every peer at every point, then how our engine scales."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.ceilings import ceiling
from benchmarks.engine.digits import DIGITS_FROM
from benchmarks.engine.points import Point, all_points
from benchmarks.engine.result import BenchResult, PointResult, Row
from benchmarks.engine.specs import (
    HOW_TO_INSTALL,
    JAX,
    NATIVE,
    REFERENCE,
    other_peers,
    our_engine,
    peers_python,
)
from benchmarks.engine.sweeps import Sweeper
from benchmarks.engine.targets import targets
from benchmarks.machine import machine
from benchmarks.processes import PeerEndedError, PeerMissingError, PeerSpec, Worker, running
from benchmarks.timing import interleave, network_step
from methexis.core.checks import integer, one_of
from methexis.core.parallel.threads import available_cores
from methexis.errors import MethexisError

#: How far a step of a peer's may deviate from the reference's, relative to the largest move of a
#: weight, in units of the precision's rounding: sums of a few hundred terms in another order.
_TOLERANCE = 1e4


@dataclass(frozen=True)
class BenchSettings:
    """What is measured, and for how long.

    Attributes
    ----------
    quick : bool
        Fewer points, variants and rounds: a look, not a result.
    dtype : {"float64", "float32", "both"}
        Precisions.
    threads : int, optional
        Threads of every peer; by default all cores.
    rounds, seconds
        Interleaved rounds, and seconds of one measurement; by default 7 of 0.3 s, quick 3 of 0.1 s.
    python : Path, optional
        Interpreter of the peers.
    peers : bool
        Whether to run any but our engines.
    only : tuple of str
        Names of points; with them no sweep and no memory is measured. By default all points.
    """

    quick: bool = False
    dtype: str = "float64"
    threads: int | None = None
    rounds: int | None = None
    seconds: float | None = None
    python: Path | None = None
    peers: bool = True
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check everything before anything is started."""
        one_of("dtype", self.dtype, ("float64", "float32", "both"))
        known = tuple(point.name for point in all_points(self.dtypes))
        for name in self.only:
            one_of("only", name, known)
        if self.threads is not None:
            integer("threads", self.threads, least=1, most=available_cores())
        if self.rounds is not None:
            integer("rounds", self.rounds, least=1)
        if self.seconds is not None and not 0.0 < self.seconds <= 60.0:
            raise MethexisError(f"seconds: expected a number in (0, 60], got {self.seconds}")

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Precisions as a list."""
        return ("float64", "float32") if self.dtype == "both" else (self.dtype,)

    def points(self) -> list[Point]:
        """Points to measure."""
        points = all_points(self.dtypes)
        if self.only:
            return [p for p in points if p.name in self.only]
        if not self.quick:
            return points
        return [p for p in points if p.networks > 1 or (p.kind, p.width) == ("linear", 8)]


def run_bench(
    settings: BenchSettings, *, announce: Callable[[str], None] = lambda sentence: None
) -> BenchResult:
    """Measure everything.

    Raises
    ------
    MethexisError
        If a peer fails, or computes another step than the reference engine.
    """
    threads = settings.threads or available_cores()
    rounds = settings.rounds or (3 if settings.quick else 7)
    seconds = settings.seconds or (0.1 if settings.quick else 0.3)
    notes: list[str] = []
    specs = [our_engine(NATIVE), our_engine(REFERENCE)]
    if settings.peers:
        specs += other_peers(peers_python(settings.python), threads)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        announce("starting the peers")
        workers = _start(specs, threads, notes, stack)
        points = []
        for point in settings.points():
            announce(f"{point.name}: preparing")
            points.append(
                _measure(
                    point, workers, stack, folder, settings.quick, rounds, seconds, notes, announce
                )
            )
        versions = {k: v for w in workers.values() for k, v in w.versions.items()}
        for worker in workers.values():
            worker.close()
        used = NATIVE if any(NATIVE in p.rows for p in points) else REFERENCE
        sweeper = Sweeper(our_engine(used), folder, threads, rounds, seconds)
        announce("threads")
        scaling = sweeper.scaling([p for p in settings.points() if p.networks > 1])
        sweeps, memory = [], None
        if not settings.only:
            announce("networks, steps, parameters")
            sweeps = sweeper.sweeps(settings.quick)
            announce("memory")
            memory = sweeper.memory(settings.quick)
        announce("ceilings")
        with running(our_engine(used), 1) as worker:
            rates = worker.call("ceilings", seconds=0.1 if settings.quick else 0.5)
    ceilings = []
    if isinstance(rates, str):
        notes.append(f"ceilings: {rates}")
    elif used == NATIVE:
        one_thread = {s.point: s.one.median for s in scaling}
        ceilings = [
            ceiling(p, rates, one_thread[p.name]) for p in settings.points() if p.name in one_thread
        ]
    result = BenchResult(
        engine=used,
        quick=settings.quick,
        threads=threads,
        rounds=rounds,
        seconds=seconds,
        machine=machine(),
        versions=versions | {"digits": DIGITS_FROM},
        points=points,
        scaling=scaling,
        sweeps=sweeps,
        memory=memory,
        rates={} if isinstance(rates, str) else rates,
        ceilings=ceilings,
        targets=[],
        notes=notes,
    )
    result.targets.extend(targets(result))
    return result


def _start(
    specs: list[PeerSpec], threads: int, notes: list[str], stack: ExitStack
) -> dict[str, Worker]:
    """Start what can be started, and say what cannot and why."""
    workers = {}
    missing: dict[str, str] = {}
    for spec in specs:
        try:
            workers[spec.name] = stack.enter_context(running(spec, threads))
        except PeerMissingError as error:
            missing.setdefault(str(error), spec.python)
    for module, python in missing.items():
        notes.append(f"skipped {module}: not installed for {python}; {HOW_TO_INSTALL}")
    return workers


def _measure(
    point: Point,
    workers: dict[str, Worker],
    stack: ExitStack,
    folder: Path,
    quick: bool,
    rounds: int,
    seconds: float,
    notes: list[str],
    announce: Callable[[str], None],
) -> PointResult:
    """All peers at one point."""
    case = point.case(folder) | {"quick": quick}
    functions, replies, deviations = {}, {}, {}
    for name, worker in workers.items():
        try:
            if name not in (NATIVE, REFERENCE):
                deviations[name] = _check(worker, case)
            reply = worker.ask(do="prepare", case=case | {"peer": name})
        except PeerEndedError as error:  # a peer's crash is a result, not the end of the run
            notes.append(f"{point.name}: {error}")
            worker.close()
            workers[name] = stack.enter_context(running(worker.spec, worker.threads))
            deviations.pop(name, None)
            continue
        if "refused" in reply:
            note = f"skipped {name}: {reply['refused']}"
            if note not in notes:
                notes.append(note)
            continue
        replies[name] = reply
        # A loop over networks takes its networks one by one.
        networks = reply["details"].get("networks", point.networks)
        functions[name] = network_step(worker, networks, seconds)
    announce(f"{point.name}: {rounds} rounds")
    timings = interleave(functions, rounds)
    rows = {
        name: Row(name, timing, replies[name]["variant"], replies[name]["details"])
        for name, timing in timings.items()
    }
    for name, deviation in deviations.items():
        rows[name].details["deviation of a step"] = deviation
    jax = rows.get(JAX)
    return PointResult(point, rows, None if jax is None else jax.timing.median)


def _check(worker: Worker, case: dict[str, Any]) -> float:
    """Deviation of a peer's step from the reference's, relative to the largest move."""
    deviation = float(worker.call("check", case=case)) / float(case["move"])
    if not deviation <= _TOLERANCE * np.finfo(case["dtype"]).eps:
        raise MethexisError(
            f"benchmark: {worker.spec.name} computes another step than the reference engine "
            f"(relative deviation {deviation:.1e}), so its time says nothing"
        )
    return deviation
