"""`Run`: the labelled result of `train`, on disk as zarr with provenance and a format version."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from methexis.core.checks import Array, MethexisError, integer, real_array

FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class Run:
    """Result of a run.

    Attributes
    ----------
    tree : xarray.DataTree
        `data` at the root; one group ``student_k`` per student with ``weights_i``
        (step, replica, out, in), ``charges_i``, ``spectrum_i`` and the frozen maps.
    """

    tree: xr.DataTree

    @property
    def data(self) -> xr.Dataset:
        """Measurements: dimensions step, replica, student, layer, layer_a × layer_b."""
        return self.tree.to_dataset()

    @property
    def provenance(self) -> dict[str, Any]:
        """Settings, seed, version, dtype, engine, sampling, wall time, …"""
        found: dict[str, Any] = json.loads(self.tree.attrs["provenance"])
        return found

    @property
    def num_students(self) -> int:
        """Number of students."""
        return self.tree.sizes["student"]

    @property
    def healthy(self) -> NDArray[np.bool_]:
        """Which replicas neither diverged nor collapsed; only these enter summaries."""
        data = self.tree
        return np.asarray((data["diverged_step"] < 0) & (data["collapsed_step"] < 0))

    @property
    def weights(self) -> list[list[Array]]:
        """Final weights per student: one array ``(replica, d_i, d_{i-1})`` per layer."""
        return [[w[-1] for w in self.snapshots(k)] for k in range(self.num_students)]

    def snapshots(self, student: int) -> list[Array]:
        """Weights of one student at all recorded steps: ``(step, replica, d_i, d_{i-1})``."""
        group = self._group(student)
        depth = int(group.attrs["depth"])
        return [np.asarray(group[f"weights_{i}"]) for i in range(1, depth + 1)]

    def _group(self, student: int) -> xr.DataTree:
        student = integer("student", student, least=0, most=self.num_students - 1)
        return self.tree.children[f"student_{student}"]

    def worst_pair(self, *, projected: bool = False) -> Array:
        """Least alignment over all pairs of hidden layers, ``(step, replica)``; NaN when lost."""
        name = "alignment_projected" if projected else "alignment"
        return np.asarray(self.tree[name].min(dim=("layer_a", "layer_b"), skipna=False))

    def activations(
        self, x: ArrayLike, *, student: int = 0, layer: int = 1, replica: int = 0
    ) -> Array:
        """Final activations ``(num_samples, d_layer)`` of one hidden layer.

        Parameters
        ----------
        x : array (num_samples, dim_x)
            Inputs of the source (with the student's private features appended, if it has any).
        student, layer, replica : int
            Student; hidden layer ``1 … D-1``; position of the replica in the run.

        Raises
        ------
        MethexisError
            On bad shapes or numbers out of range.
        """
        group = self._group(student)
        layer = integer("layer", layer, least=1, most=int(group.attrs["depth"]) - 1)
        replica = integer("replica", replica, least=0, most=self.tree.sizes["replica"] - 1)
        embed = np.asarray(group["embed_in"])
        hidden = real_array("x", x, (None, embed.shape[1])) @ embed.T
        for w in self.weights[student][:layer]:
            hidden = hidden @ w[replica].T
        return np.asarray(hidden)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the run to a zarr store; whole or not at all.

        Raises
        ------
        MethexisError
            If ``path`` exists and not ``force``, or cannot be written.
        """
        target = Path(path)
        if target.exists() and not force:
            raise MethexisError(f"save: expected a new path, got existing {target}; use force=True")
        partial = target.with_name(target.name + ".partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(partial, ignore_errors=True)
            self.tree.to_zarr(partial, mode="w", consolidated=False)
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(partial, target)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise MethexisError(
                f"save: expected to write {target}, got: {error.strerror or error}"
            ) from None
        return target


def open_run(path: str | Path) -> Run:
    """Open a saved run.

    Raises
    ------
    MethexisError
        If there is none at ``path``, or it has a newer format.
    """
    source = Path(path)
    if not source.is_dir():
        raise MethexisError(f"open_run: expected a saved run, got no folder at {source}")
    try:
        tree = xr.open_datatree(source, engine="zarr", consolidated=False).load()
    except (OSError, ValueError, KeyError) as error:
        raise MethexisError(f"open_run: expected a saved run at {source}, got: {error}") from None
    version = tree.attrs.get("format_version")
    if not isinstance(version, int | np.integer):
        raise MethexisError(f"open_run: expected a saved run at {source}, got another zarr store")
    if version > FORMAT_VERSION:
        raise MethexisError(
            f"open_run: expected format {FORMAT_VERSION} or older at {source}, got {version}; "
            "update methexis"
        )
    return Run(tree)
