"""`Run`: the labelled result of `train`, on disk as zarr with provenance and a format version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from methexis.core.activations import ACTIVATIONS
from methexis.core.checks import Array, MethexisError, integer, real_array
from methexis.training.storage import read_tree, write_tree

FORMAT_VERSION = 2


@dataclass(frozen=True, eq=False)
class Run:
    """Result of a run.

    Attributes
    ----------
    tree : xarray.DataTree
        `data` at the root; one group ``student_k`` per student with ``weights_i``
        (step, replica, out, in), ``biases_i`` where there are any, ``charges_i``, ``spectrum_i``
        and the frozen maps.
    """

    tree: xr.DataTree

    @property
    def data(self) -> xr.Dataset:
        """Measurements: dimensions step, replica, student, layer, layer_a × layer_b."""
        return self.tree.to_dataset()

    @property
    def provenance(self) -> dict[str, Any]:
        """What the run was: settings, seed, version, dtype, engine, sampling and wall time."""
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

    @property
    def biases(self) -> list[list[Array]]:
        """Final biases per student: one array ``(replica, d_i)`` per layer; none without biases."""
        found = []
        for k in range(self.num_students):
            group = self._group(k)
            layers = range(1, int(group.attrs["depth"]) + 1) if group.attrs.get("bias", 0) else ()
            found.append([np.asarray(group[f"biases_{i}"])[-1] for i in layers])
        return found

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

        Those after the activation function. With cells, ``(*cells, num_samples, d_layer)``.

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
        act = ACTIVATIONS[group.attrs.get("activation", "identity")].value
        embed = np.asarray(group["embed_in"])
        hidden = real_array("x", x, (None, embed.shape[1])) @ embed.T
        for i in range(1, layer + 1):
            hidden = hidden @ np.asarray(group[f"weights_{i}"])[-1, ..., replica, :, :].mT
            if group.attrs.get("bias", 0):
                hidden = hidden + np.asarray(group[f"biases_{i}"])[-1, ..., replica, None, :]
            hidden = act(hidden)
        return np.asarray(hidden)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the run to a zarr store; whole or not at all.

        ``force`` replaces a saved run, and nothing else, once the new one is complete.

        Raises
        ------
        MethexisError
            If ``path`` exists and not ``force``, or cannot be written.
        """
        target = Path(path)
        if target.exists():
            if not force:
                raise MethexisError(
                    f"save: expected a new path, got existing {target}; use force=True"
                )
            if not (target / "zarr.json").is_file():
                raise MethexisError(
                    f"save: expected a saved run to replace, got {target}, which is none"
                )
        try:
            write_tree(self.tree, target)
        except OSError as error:
            raise MethexisError(
                f"save: expected to write {target}, got: {error.strerror or error}"
            ) from None
        return target


def open_run(path: str | Path) -> Run:
    """Open a saved run; all of it is read into memory and is identical to what was saved.

    Raises
    ------
    MethexisError
        If there is none at ``path``, or it has a newer format.
    """
    source = Path(path)
    if not source.is_dir():
        raise MethexisError(f"open_run: expected a saved run, got no folder at {source}")
    version = _format_version(source)
    if version > FORMAT_VERSION:
        raise MethexisError(
            f"open_run: expected format {FORMAT_VERSION} or older at {source}, got {version}; "
            "update methexis"
        )
    try:
        return Run(read_tree(source))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise MethexisError(f"open_run: expected a saved run at {source}, got: {error}") from None


def _format_version(source: Path) -> int:
    """Read the format version alone, so that a newer format is refused before it is misread."""
    try:
        version = json.loads((source / "zarr.json").read_text(encoding="utf-8"))["attributes"][
            "format_version"
        ]
    except (OSError, ValueError, KeyError, TypeError):
        version = None
    if not isinstance(version, int):
        raise MethexisError(f"open_run: expected a saved run at {source}, got something else")
    return version
