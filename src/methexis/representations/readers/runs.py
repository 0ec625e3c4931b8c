"""Hidden layers of a saved run: what its networks make of given inputs, or of normal ones.

A run does not keep its data. Inputs can be given; otherwise, if its source was a teacher, they are
drawn: independent standard normal numbers, the same for every run with as many inputs, so that two
runs can be compared. Of a run on a data set such inputs would mean nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.representations.readers.guarding import regular
from methexis.representations.representation import Stored, Unread
from methexis.training import Run, open_run

#: Inputs drawn where none are given.
NUM_INPUTS = 1024
#: Longest metadata of a folder that may be a run.
_LONGEST = 100_000_000


def is_run(path: Path) -> bool:
    """Whether a folder is a run that `Run.save` wrote."""
    try:
        if regular(path / "zarr.json") > _LONGEST:
            return False
        attributes = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(attributes, dict) and {"format_version", "provenance"} <= attributes.keys()


def read_run(
    path: Path, inputs: Array | None = None, *, replica: int = 0, seed: int = 0
) -> list[Stored | Unread]:
    """All hidden layers of all students of one replica, named as in the run: ``0/h1``.

    Parameters
    ----------
    path : path
    inputs : array (num_samples, dim_x), optional
        Inputs of the source. By default `NUM_INPUTS` standard normal ones.
    replica : int
        Position of the replica.
    seed : int
        Of inputs that are drawn.

    Raises
    ------
    MethexisError
        If there is no such replica, it was lost, the run has cells, or inputs are needed.
    """
    run = open_run(path)
    if run.cells:
        raise MethexisError(
            f"{path}: expected a run without cells, got some along {', '.join(run.cells)}; save "
            "one of them: run.cell(...).save(...)"
        )
    healthy = run.healthy
    if not 0 <= replica < len(healthy):
        raise MethexisError(
            f"replica: expected one in [0, {len(healthy) - 1}] of {path}, got {replica}"
        )
    if not healthy[replica]:
        raise MethexisError(
            f"replica: expected one that neither diverged nor collapsed in {path}, got {replica}"
        )
    layers: list[Stored | Unread] = []
    for student in range(run.num_students):
        x, note = _inputs(run, student, path, inputs, seed)
        depth = int(run.tree.children[f"student_{student}"].attrs["depth"])
        for layer in range(1, depth):
            activations = run.activations(x, student=student, layer=layer, replica=replica)
            notes = (f"replica {replica}", note)
            layers.append(Stored(f"{student}/h{layer}", activations, "float64", notes))
    return layers


def _inputs(
    run: Run, student: int, path: Path, inputs: Array | None, seed: int
) -> tuple[Array, str]:
    width = int(run.tree.children[f"student_{student}"]["embed_in"].shape[-1])
    if inputs is not None:
        if inputs.ndim != 2 or inputs.shape[1] != width:
            raise MethexisError(
                f"inputs: expected shape (num_samples, {width}) for {path}, got {inputs.shape}"
            )
        return inputs, f"at the {len(inputs)} inputs given"
    if run.provenance["source"] != "teacher":
        raise MethexisError(
            f"inputs: expected --inputs FILE, an array (num_samples, {width}), for {path} does "
            "not keep the data that it was trained on, got none"
        )
    drawn = np.random.default_rng(seed).standard_normal((NUM_INPUTS, width))
    return drawn, f"at {NUM_INPUTS} standard normal inputs (seed {seed})"
