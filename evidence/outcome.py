"""What an experiment returns, and the JSON file it becomes."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import scipy.stats

import methexis as mx
from evidence.simulate import RunRecord
from methexis.scenarios.framework.limit import Distance
from methexis.scenarios.framework.statistics import CONFIDENCE, fit_powers, half_width

FORMAT = 1
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Point:
    """A measured value at one learning rate, with its standard error over replicas."""

    lr: float
    value: float
    error: float


@dataclass(frozen=True)
class Quantity:
    """One measured number per learning rate, and its extrapolation to learning rate zero.

    Attributes
    ----------
    name : str
    prediction : float
        What theory says for learning rate zero.
    points : tuple of Point
    powers : tuple of int
        Model ``Σ_p c_p η^p`` of the fit; the coefficient of power 0 is the value.
    replicas : int
        Least number of replicas of any point: degrees of freedom of the interval.
    limit : Distance or None
        The value itself, where it is ``1 - A`` of kernels that were extrapolated; None where the
        numbers are.
    """

    name: str
    prediction: float
    points: tuple[Point, ...]
    powers: tuple[int, ...]
    replicas: int
    limit: Distance | None = None

    def to_json(self, quantities: int) -> dict[str, Any]:
        """Fit and judge; ``quantities`` is how many intervals must hold at once."""
        found: dict[str, Any] = {
            "name": self.name,
            "prediction": self.prediction,
            "powers": list(self.powers),
            "points": [asdict(p) for p in self.points],
        }
        if len(self.points) < len(self.powers):  # a reduced run: nothing to extrapolate
            return found | {"value": None, "error": None, "interval": None, "agrees": None}
        if self.limit is not None:
            return found | self._of_kernels(self.limit, quantities)
        fit = fit_powers(
            [p.lr for p in self.points],
            [p.value for p in self.points],
            [p.error for p in self.points],
            self.powers,
        )
        value, error = fit.coefficients[0], fit.errors[0]
        half = half_width(error, replicas=self.replicas, quantities=quantities)
        return found | {
            "value": value,
            "error": error,
            "interval": [value - half, value + half],
            "agrees": bool(abs(value - self.prediction) <= half),
            "coefficients": list(fit.coefficients),
            "coefficient_errors": list(fit.errors),
            "chi2": fit.chi2,
            "dof": fit.dof,
            "p_value": fit.p_value,
        }

    def _of_kernels(self, limit: Distance, quantities: int) -> dict[str, Any]:
        half = half_width(limit.error, replicas=limit.replicas, quantities=quantities)
        farthest = float(scipy.stats.norm.isf((1.0 - CONFIDENCE) / 2.0 / quantities))
        return {
            "value": limit.value,
            "error": limit.error,
            "interval": [limit.value - half, limit.value + half],
            "deviation": limit.deviation,
            "agrees": bool(abs(limit.deviation) <= farthest),
            "p_value": limit.fit_p,
        }


@dataclass(frozen=True)
class Outcome:
    """All quantities of one experiment and the runs behind them; the first is the headline."""

    quantities: tuple[Quantity, ...]
    runs: tuple[RunRecord, ...]


@dataclass(frozen=True)
class Experiment:
    """One entry of the registry.

    Attributes
    ----------
    name : str
    title : str
        One line for tables.
    claim : str
        What theory says, in a sentence or two, with the equations' numbers.
    run : function
        Carries it out; the argument says whether to run the reduced version.
    note : str
        What a reader of the result should know besides.
    """

    name: str
    title: str
    claim: str
    run: Callable[[bool], Outcome]
    note: str = ""


def to_json(
    experiment: Experiment, outcome: Outcome, *, quick: bool, wall_seconds: float
) -> dict[str, Any]:
    """The content of an experiment's file."""
    quantities = [q.to_json(len(outcome.quantities)) for q in outcome.quantities]
    verdicts = [q["agrees"] for q in quantities]
    head = quantities[0]
    reduced = " --quick" if quick else ""
    return {
        "format": FORMAT,
        "name": experiment.name,
        "title": experiment.title,
        "claim": experiment.claim,
        "value": head["value"],
        "interval": head["interval"],
        "prediction": head["prediction"],
        "agrees": None if None in verdicts else all(verdicts),
        "confidence": CONFIDENCE,
        "simultaneous": len(quantities),
        "quantities": quantities,
        "runs": [asdict(r) for r in outcome.runs],
        "quick": quick,
        "command": f"python -m evidence.run --only {experiment.name}{reduced}",
        "seeds": sorted({r.seed for r in outcome.runs}),
        "version": mx.__version__,
        "libraries": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "machine": {
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "architecture": platform.machine(),
        },
        "wall_seconds": round(wall_seconds, 1),
    }


def write(found: dict[str, Any], folder: Path) -> Path:
    """Write the file whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['name']}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def read(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Read an experiment's file."""
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def decimals(error: float, *values: float) -> list[str]:
    """Numbers with the decimals that show a standard error with two significant digits."""
    digits = max(0, 1 - int(f"{error:.1e}".split("e")[1]))
    return [f"{value:.{digits}f}" for value in values]


def summary(found: dict[str, Any]) -> Sequence[str]:
    """Every number of a result as lines of text."""
    lines = [f"{found['name']}: {found['title']}"]
    for q in found["quantities"]:
        lines.append(f"  {q['name']}: prediction {q['prediction']:.6g}")
        for p in q["points"]:
            value, error = decimals(p["error"], p["value"], p["error"])
            lines.append(f"    lr {p['lr']:<8g} {value} ± {error}")
        if q["value"] is not None:
            verdict = "agrees" if q["agrees"] else "DISAGREES"
            value, error, low, high = decimals(q["error"], q["value"], q["error"], *q["interval"])
            lines.append(
                f"    lr → 0      {value} ± {error}, interval [{low}, {high}], "
                f"fit p {q['p_value']:.2f}: {verdict}"
            )
    return lines
