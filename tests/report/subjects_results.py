"""A study of made-up subjects, as `run_subjects` finds it in files."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from methexis.representations import load
from methexis.scenarios.subjects import SubjectsResult, SubjectsSettings, run_subjects

CONDITIONS = [f"c{k:02}" for k in range(12)]


def write(
    folder: Path, *, num_subjects: int = 4, num_models: int = 3, shuffled: bool = False
) -> tuple[list[Path], Path]:
    """Files of subjects who saw the first of some models, and a folder of these."""
    rng = np.random.default_rng(0)
    models = folder / "network"
    models.mkdir()
    layers = [rng.normal(size=(12, 20)) for _ in range(num_models)]
    for k, layer in enumerate(layers):
        np.save(models / f"h{k + 1}.npy", layer)
    paths = []
    for s in range(num_subjects):
        channels = 10 + 3 * s
        true = layers[0] @ rng.normal(size=(20, channels)) / 20**0.5
        order = rng.permutation(12) if shuffled else np.arange(12)
        rows = np.concatenate(
            [true[order] + 0.7 * rng.normal(size=(12, channels)) for _ in range(4)]
        )
        paths.append(folder / f"s{s + 1}.npz")
        np.savez(
            paths[-1],
            measurements=rows,
            conditions=np.array([CONDITIONS[k] for k in order] * 4),
            runs=np.repeat(np.arange(4), 12),
            residuals=0.7 * rng.normal(size=(60, channels)),
        )
    return paths, models


@cache
def found(num_models: int = 3) -> SubjectsResult:
    with tempfile.TemporaryDirectory() as folder:
        paths, models = write(Path(folder), num_models=num_models)
        command = "methexis subjects s1.npz s2.npz s3.npz s4.npz --model network"
        return run_subjects(paths, [load(models)], SubjectsSettings(), command=command)
