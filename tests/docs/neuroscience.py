"""What rsatoolbox makes of the raw runs of docs/guides/neuroscience.md, stored in tests/data.

``python -m tests.docs.neuroscience`` runs the guide, gives its raw runs to rsatoolbox in a process
of its own, and stores what that prints. It is installed in build/rsatoolbox by `make check-long`.
With ``--draw`` it draws the guide's picture instead, as `make docs` does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from methexis import measures
from methexis.plots import style
from tests.docs import guides

ROOT = Path(__file__).parents[2]
PAGE = guides.FOLDER / "neuroscience.md"
STORE = ROOT / "tests" / "data" / "neuroscience_rsatoolbox.json"
PEER = ROOT / "benchmarks" / "measures" / "peers" / "rsatoolbox_group.py"
INSTALLED = ROOT / "build" / "rsatoolbox"
#: Our names of comparisons, and rsatoolbox's.
METHODS = {
    "pearson": "corr",
    "cosine": "cosine",
    "spearman": "spearman",
    "tau_a": "tau-a",
    "tau_b": "tau-b",
    "whitened_correlation": "corr_cov",
    "whitened_cosine": "cosine_cov",
}


def raw_runs(values: Mapping[str, Any]) -> dict[str, Any]:
    """The data of the guide before anything was computed, as arrays by name."""
    numbers = {label: number for number, label in enumerate(values["conditions"])}
    arrays = {
        "conditions": np.array([numbers[label] for label in values["condition"]]),
        "runs": np.asarray(values["run"]),
    }
    for k, (measurements, residuals) in enumerate(values["subjects"]):
        arrays |= {f"measurements_{k}": measurements, f"residuals_{k}": residuals}
    return arrays | {f"model_{name}": features for name, features in values["layers"].items()}


def peer_numbers(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """What rsatoolbox computes of raw runs.

    Raises
    ------
    RuntimeError
        If it is not installed, or fails.
    """
    if not INSTALLED.exists():
        raise RuntimeError("expected rsatoolbox in build/rsatoolbox; make check-long installs it")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw.npz"
        np.savez(path, **arrays)  # type: ignore[arg-type]
        done = subprocess.run(
            [sys.executable, str(PEER), str(path)],
            capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONPATH": str(INSTALLED)},
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def kept(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of it: of each covariance its first row, for they are large."""
    rows = {
        name: [covariance[0] for covariance in numbers[name]]
        for name in ("covariances", "covariances_diagonal")
    }
    return {k: v for k, v in numbers.items() if k != "mean_rdm"} | rows


def stored() -> dict[str, Any]:
    """What was stored."""
    found: dict[str, Any] = json.loads(STORE.read_text(encoding="utf-8"))
    return found


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Lists of numbers by the path to them."""
    if isinstance(value, dict):
        return {k: v for key, one in value.items() for k, v in flat(one, f"{name}/{key}").items()}
    if isinstance(value, list):
        return {k: v for i, one in enumerate(value) for k, v in flat(one, f"{name}/{i}").items()}
    return {name: float(value)} if isinstance(value, int | float) else {}


def draw(values: Mapping[str, Any], target: Path) -> None:
    """Draw the group's RDM, its conditions as points, and the models beside the ceiling."""
    with style.house_style():
        figure = style.grid_figure(3 * style.PANEL, 400)
        shades, points, models = figure.subplots(1, 3, width_ratios=(1.15, 1.0, 0.9))
        values["group_rdm"].plot(shades)
        measures.mds(values["group_rdm"]).plot(points)
        values["group"].plot(models)
        figure.savefig(target, dpi=110, metadata={"Software": None})


def main() -> None:
    """Store what rsatoolbox computes now, or draw the picture."""
    results, values, report = guides.run(PAGE)
    if results.failed:
        raise SystemExit(report)
    if "--draw" in sys.argv[1:]:
        draw(values, ROOT / "docs" / "images" / "neuroscience.png")
        return
    text = json.dumps(kept(peer_numbers(raw_runs(values))), separators=(",", ":"))
    STORE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
