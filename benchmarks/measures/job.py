"""The benchmark of the measures: agreement with peers, speed beside them, memory from disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.measures import agreement
from benchmarks.measures.agreement import Agreement
from benchmarks.processes import (
    ROOT,
    PeerEndedError,
    PeerMissingError,
    PeerSpec,
    Worker,
    environment_with_tree,
    our_own,
    running,
)
from benchmarks.target import Target
from benchmarks.timing import Timing, interleave
from methexis.core.checks import integer
from methexis.core.parallel.threads import available_cores
from methexis.errors import MethexisError
from methexis.version import __version__

_OURS = Path(__file__).with_name("ours.py")
_PEERS = Path(__file__).with_name("peers")
OURS = "methexis"
#: Peers by name, and the file of each.
PEERS = {
    "thingsvision": "thingsvision_peer.py",
    "torch_cka": "torch_cka_peer.py",
    "calibrated-similarity": "calibrated_peer.py",
    "pytorch-cka": "pytorch_cka_peer.py",
    "cka-pytorch": "cka_pytorch_peer.py",
    "ckatorch": "ckatorch_peer.py",
    "repsim": "repsim_peer.py",
    "rsatoolbox": "rsatoolbox_scores.py",
    "scikit-learn": "sklearn_peer.py",
    "PyTorch topk": "topk_peer.py",
}
#: Peers that are asked for but are not on the Python index.
NOT_THERE = ("netrep", "platonic-rep")
MEASURES = ("cka", "debiased_cka", "mutual_knn", "calibrated")
HOW_TO_INSTALL = "`make bench-measures` installs the peers in build/bench-measures"
#: Orders of a calibration: what 999 orders per pair resolve.
ORDERS = 999
TIMES_PEER, TIMES_CALIBRATION, SHARE, BYTES = 10.0, 100.0, 0.6, 2.0 * 10**9


@dataclass(frozen=True)
class MeasuresSettings:
    """What is measured, and for how long.

    Attributes
    ----------
    quick : bool
        Small grids, one round, a small file: a look, not a result.
    threads : int, optional
        Of every peer; by default all cores.
    rounds : int, optional
        Interleaved rounds; by default 3, quick 1.
    python : Path, optional
        Interpreter of the peers.
    peers : bool
        Whether to run any.
    """

    quick: bool = False
    threads: int | None = None
    rounds: int | None = None
    python: Path | None = None
    peers: bool = True

    def __post_init__(self) -> None:
        """Check everything before anything is started."""
        if self.threads is not None:
            integer("threads", self.threads, least=1, most=available_cores())
        if self.rounds is not None:
            integer("rounds", self.rounds, least=1)
        if self.python is not None and not self.python.is_file():
            raise MethexisError(f"python: expected an interpreter, got {self.python}")

    @property
    def grid(self) -> tuple[int, int, int]:
        """Layers of each model, samples, features."""
        return (4, 256, 32) if self.quick else (32, 4096, 1024)


@dataclass(frozen=True)
class Speed:
    """A measure of a grid: seconds of the whole grid, for us and for every peer.

    Attributes
    ----------
    measure : str
        One of `MEASURES`.
    seconds : dict of Timing
        By peer; those of peers that take pairs one by one are a pair's times the number of pairs.
    extrapolated : dict of bool
        Whether they are.
    variants : dict of str
        What was timed.
    flops : int
        Operations of our way.
    """

    measure: str
    seconds: dict[str, Timing]
    extrapolated: dict[str, bool]
    variants: dict[str, str]
    flops: int

    def ratio(self) -> tuple[str, float] | None:
        """The fastest peer, and how many times longer it takes."""
        others = {name: t.median for name, t in self.seconds.items() if name != OURS}
        if not others or OURS not in self.seconds:
            return None
        fastest = min(others, key=lambda name: others[name])
        return fastest, others[fastest] / self.seconds[OURS].median


@dataclass(frozen=True)
class MeasuresResult:
    """Everything that `run_measures` measured."""

    settings: MeasuresSettings
    threads: int
    rounds: int
    machine: dict[str, Any]
    versions: dict[str, str]
    agreements: list[Agreement]
    speeds: list[Speed]
    rate: float
    memory: dict[str, Any] | None
    targets: list[Target]
    notes: list[str]

    def summary(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        layers, n, d = self.settings.grid
        return {
            "methexis": __version__,
            "quick": self.settings.quick,
            "threads": self.threads,
            "rounds": self.rounds,
            "machine": self.machine,
            "versions": self.versions,
            "grid": {"layers": layers, "n": n, "d": d, "orders": ORDERS},
            "agreements": [asdict(row) for row in self.agreements],
            "speeds": [
                {
                    "measure": s.measure,
                    "seconds": {
                        name: asdict(t) | {"median": t.median} for name, t in s.seconds.items()
                    },
                    "extrapolated": s.extrapolated,
                    "variants": s.variants,
                    "flops": s.flops,
                }
                for s in self.speeds
            ],
            "product_rate": self.rate,
            "memory": self.memory,
            "targets": [asdict(t) | {"reached": t.reached} for t in self.targets],
            "notes": self.notes,
        }


def run_measures(
    settings: MeasuresSettings, *, announce: Callable[[str], None] = lambda sentence: None
) -> MeasuresResult:
    """Measure everything.

    Raises
    ------
    MethexisError
        If our own process fails.
    """
    threads = settings.threads or available_cores()
    rounds = settings.rounds or (1 if settings.quick else 3)
    notes = [f"{name}: not on the Python index" for name in NOT_THERE] if settings.peers else []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        announce("starting the peers")
        ours = stack.enter_context(running(our_own(OURS, _OURS), threads))
        peers = _started(settings, threads, notes, stack) if settings.peers else {}
        announce("agreement")
        shapes = agreement.SHAPES[:1] if settings.quick else agreement.SHAPES
        agreements = agreement.agreements(ours, peers, folder, shapes)
        file = _layers(folder, *settings.grid)
        speeds, rates = [], []
        for measure in MEASURES:
            announce(f"{measure}: {rounds} rounds")
            rates.append(float(ours.call("product_rate", seconds=0.2 if settings.quick else 2.0)))
            speeds.append(_speed(measure, file, ours, peers, rounds, settings, notes))
        versions = {k: v for w in (ours, *peers.values()) for k, v in w.versions.items()}
    announce("memory")
    memory = _memory(settings, notes)
    result = MeasuresResult(
        settings,
        threads,
        rounds,
        machine(),
        versions,
        agreements,
        speeds,
        float(np.median(rates)),
        memory,
        [],
        notes,
    )
    result.targets.extend(_targets(result))
    return result


def _started(
    settings: MeasuresSettings, threads: int, notes: list[str], stack: ExitStack
) -> dict[str, Worker]:
    own = ROOT / "build" / "bench-measures" / "bin" / "python"
    python = str(settings.python or (own if own.exists() else sys.executable))
    workers = {}
    for name, file in PEERS.items():
        spec = PeerSpec(name, _PEERS / file, python)
        try:
            workers[name] = stack.enter_context(running(spec, threads))
        except PeerMissingError as error:
            notes.append(f"skipped {name}: {error} is not installed for {python}; {HOW_TO_INSTALL}")
    return workers


def _speed(
    measure: str,
    file: Path,
    ours: Worker,
    peers: dict[str, Worker],
    rounds: int,
    settings: MeasuresSettings,
    notes: list[str],
) -> Speed:
    layers, _, _ = settings.grid
    functions, extrapolated, variants, flops = {}, {}, {}, 0
    for name, worker in {OURS: ours, **peers}.items():
        try:
            reply = worker.ask(do="prepare", case={"measure": measure, "file": str(file)})
        except PeerEndedError as error:
            notes.append(f"{measure}: {error}")
            continue
        except MethexisError as error:
            notes.append(f"{measure}: {error}")
            continue
        if "refused" in reply:
            continue
        times = layers * layers / reply["details"]["pairs"]
        if measure == "calibrated" and name != OURS:
            times *= ORDERS + 1
        flops = reply["details"].get("flops", flops)
        variants[name], extrapolated[name] = reply["variant"], times != 1.0
        functions[name] = _timer(worker, times)
    found = interleave(functions, rounds)
    return Speed(measure, found, extrapolated, variants, flops)


def _timer(worker: Worker, times: float) -> Callable[[], float]:
    def seconds() -> float:
        reply = worker.ask(do="steps", steps=1)
        return float(times * reply["seconds"] / reply["steps"])

    return seconds


def _layers(folder: Path, layers: int, n: int, d: int) -> Path:
    """Two models in float32 whose layers drift apart from shared signals."""
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((n, 16), dtype=np.float32)
    found = {}
    for side in "ab":
        found[side] = np.empty((layers, n, d), dtype=np.float32)
        for k in range(layers):
            image = rng.standard_normal((16, d), dtype=np.float32)
            noise = rng.standard_normal((n, d), dtype=np.float32)
            found[side][k] = shared @ image + (1.0 + k) * noise
    np.savez(folder / "layers.npz", **found)  # type: ignore[arg-type]
    return folder / "layers.npz"


def _memory(settings: MeasuresSettings, notes: list[str]) -> dict[str, Any] | None:
    command = [sys.executable, "-m", "benchmarks.measures.memory"]
    if settings.quick:
        command += ["--rows", "20000", "--features", "64"]
    environment = os.environ | environment_with_tree()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        notes.append(f"memory: {done.stderr.strip().splitlines()[-1]}")
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _targets(result: MeasuresResult) -> list[Target]:
    found = []
    by_name = {s.measure: s for s in result.speeds}
    for measure in MEASURES:
        speed = by_name[measure]
        fastest = speed.ratio()
        wanted = TIMES_CALIBRATION if measure == "calibrated" else TIMES_PEER
        who = "" if fastest is None else f" ({fastest[0]})"
        ratio = None if fastest is None else fastest[1]
        found.append(Target(f"times the fastest peer{who}, {measure}", wanted, ratio))
    for measure in ("cka", "debiased_cka"):
        speed = by_name[measure]
        share = speed.flops / speed.seconds[OURS].median / result.rate
        found.append(Target(f"share of the rate of products, {measure}", SHARE, share))
    unexplained = sum(not row.explained for row in result.agreements)
    found.append(Target("numbers of peers without explanation", 0.0, unexplained, at_least=False))
    peak = None if result.memory is None else result.memory["peak_bytes"]
    found.append(Target("peak bytes, CKA from disk", BYTES, peak, at_least=False))
    return found
