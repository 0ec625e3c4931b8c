"""`Run`: the labelled result of `train`, on disk as zarr with provenance and a format version."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from methexis import plots
from methexis.core.activations import ACTIVATIONS
from methexis.core.checks import Array, MethexisError, boolean, integer, location, real_array
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.parallel.caching import cached_property
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.display import Displayed
from methexis.files import put_folder
from methexis.progress import Progress, choose
from methexis.training.prediction.following import PATIENCE, predict_run
from methexis.training.prediction.predicted import Predicted
from methexis.training.records import cell as cell_of
from methexis.training.records import drawing, tables
from methexis.training.records.afterwards import axis_alignment_of, measure_run
from methexis.training.records.origin import require_source, stored_student, without_source
from methexis.training.records.reading import FORMAT_VERSION, read_run, require_run
from methexis.training.records.storage import write_tree

_LOG = logging.getLogger("methexis")


@dataclass(frozen=True, eq=False)
class Run(Displayed):
    """Result of a run.

    Where hyper-parameters vary, there is one dimension more for each of theirs, between step and
    replica: below, ``*cells`` is all of them, and nothing in a run without. `cell` takes one out.

    Attributes
    ----------
    held : xarray.DataTree
        All that is stored: `tree`, and the source in a group of its own.
    tree : xarray.DataTree
        `data` at the root; one group ``student_k`` per student with ``weights_i``
        ``(step, *cells, replica, out, in)``, ``biases_i`` if it has any, ``charges_i``,
        ``spectrum_i`` and the frozen maps. The charges are whole matrices, computed from the
        weights when they are first read; which of their entries obey the laws of docs/theory.md §2
        is said by the attribute ``charge_law``: behind a ReLU the diagonal.
    """

    held: xr.DataTree

    @cached_property
    def tree(self) -> xr.DataTree:
        """Measurements and students, all with the dimensions of cells, without the source."""
        return without_source(self.held)

    @property
    def data(self) -> xr.Dataset:
        """Measurements: dimensions step, ``*cells``, replica, student, layer, layer_a × layer_b."""
        return self.tree.to_dataset()

    @property
    def provenance(self) -> dict[str, Any]:
        """What the run was: settings, seed, version, dtype, engine, sampling and wall time."""
        record: dict[str, Any] = json.loads(self.tree.attrs["provenance"])
        return record

    @property
    def num_students(self) -> int:
        """Number of students in the run."""
        return self.tree.sizes["student"]

    @property
    def source(self) -> Teacher | Samples:
        """What the run was trained on.

        Raises
        ------
        MethexisError
            If the run was saved without it, or by a version that did not keep it.
        """
        return require_source(self.held, None, "source")

    @property
    def students(self) -> list[EDLN | MLP]:
        """The students, with their embeddings and views.

        Raises
        ------
        MethexisError
            If the run was saved by a version that did not keep them.
        """
        held = [stored_student(self._group(k)) for k in range(self.num_students)]
        if any(student is None for student in held):
            raise MethexisError(
                "students: expected a run that holds its students, got one saved by an older "
                "version; what it keeps of them are their frozen maps, in run.tree"
            )
        return [student for student in held if student is not None]

    @property
    def cells(self) -> dict[str, int]:
        """Dimensions of the cells and their lengths; empty without."""
        return cell_of.dimensions(self.tree)

    def cell(self, **labels: Any) -> Run:
        """Take one cell, or some: along each dimension named, the value of its coordinate.

        A dimension without coordinates takes the position. The provenance is that of the cell.

        Raises
        ------
        MethexisError
            If there is no such dimension or value.

        Examples
        --------
        >>> import methexis as mx
        >>> lr = xr.DataArray([0.01, 0.02], coords={"lr": [0.01, 0.02]})
        >>> run = mx.train(mx.EDLN((1,)), mx.Teacher([[1.0]]), mx.SGD(lr=lr), steps=4)
        >>> run.cells, run.worst_pair().shape
        ({'lr': 2}, (5, 2, 1))
        >>> one = run.cell(lr=0.02)
        >>> one.provenance["optimiser"]["lr"], one.worst_pair().shape
        (0.02, (5, 1))
        """
        return Run(cell_of.taken(self.held, self.tree, self.provenance, labels))

    @property
    def healthy(self) -> NDArray[np.bool_]:
        """Which networks neither diverged nor collapsed, ``(*cells, replica)``.

        Only these enter summaries.
        """
        data = self.tree
        return np.asarray((data["diverged_step"] < 0) & (data["collapsed_step"] < 0))

    @property
    def weights(self) -> list[list[Array]]:
        """Final weights per student: one array ``(*cells, replica, d_i, d_{i-1})`` per layer."""
        return [[w[-1] for w in self.snapshots(k)] for k in range(self.num_students)]

    @property
    def biases(self) -> list[list[Array]]:
        """Final biases per student: one array ``(*cells, replica, d_i)`` per layer, if any."""
        return [[b[-1] for b in self.bias_snapshots(k)] for k in range(self.num_students)]

    def snapshots(self, student: int) -> list[Array]:
        """Weights of one student at all records: ``(step, *cells, replica, d_i, d_{i-1})``."""
        return self._layers("weights", student)

    def bias_snapshots(self, student: int) -> list[Array]:
        """Biases of one student at all records: ``(step, *cells, replica, d_i)``."""
        return self._layers("biases", student) if self._group(student).attrs.get("bias") else []

    def _layers(self, name: str, student: int) -> list[Array]:
        group = self._group(student)
        depth = int(group.attrs["depth"])
        return [np.asarray(group[f"{name}_{i}"]) for i in range(1, depth + 1)]

    def _group(self, student: int) -> xr.DataTree:
        student = integer("student", student, least=0, most=self.num_students - 1)
        return self.tree.children[f"student_{student}"]

    def worst_pair(self, *, projected: bool = False) -> Array:
        """Least alignment over all pairs of hidden layers, ``(step, *cells, replica)``.

        NaN when lost; if ``projected`` onto the minima, also where none is within reach.

        Raises
        ------
        MethexisError
            If ``projected`` is neither True nor False.
        """
        name = "alignment_projected" if boolean("projected", projected) else "alignment"
        return np.asarray(self.tree[name].min(dim=("layer_a", "layer_b"), skipna=False))

    def axis_alignment(self) -> xr.DataArray:
        """Alignment of hidden layers neuron by neuron, at the recorded steps.

        The cosine of two layers after the best signed permutation of neurons, with one scale for
        all (`geometry.match_maps`), where ``data["alignment"]`` lets any rotation act. It costs an
        assignment for each pair of layers of each network and record, so that no run records it.

        Returns
        -------
        DataArray ``(step, *cells, replica, layer_a, layer_b)``
            NaN when lost.

        Raises
        ------
        MethexisError
            If a student is not linear, or the run was saved by a version that did not keep its
            problem.
        """
        snapshots = [self.snapshots(k) for k in range(self.num_students)]
        return axis_alignment_of(self.tree, self.provenance, snapshots)

    def measure(
        self,
        quantity: str | Sequence[str],
        *,
        at: Sequence[int] | NDArray[Any] | int | None = None,
        source: Samples | None = None,
    ) -> xr.Dataset:
        """Measure costly quantities afterwards, of all networks, from the recorded weights.

        Parameters
        ----------
        quantity : str or sequence of str
            ``"projection"``, ``"entropic_gap"``, ``"sharpness"``, or ``"all"``, as in `train`.
        at : int or sequence of int, optional
            Recorded steps; all of them by default.
        source : Samples, optional
            The data that the run was trained on. Projection and gap of a run on `Samples` depend on
            every row, which the run does not hold.

        Returns
        -------
        Dataset
            The variables of `data` that they fill, ``(step, *cells, replica, …)``. Of students that
            the theory is not about, and of lost networks, they are NaN; so are projected alignments
            of runs with such students.

        Raises
        ------
        MethexisError
            On an unknown quantity or step, if data are needed, or if the run was saved by a version
            that did not keep the problem.

        Examples
        --------
        >>> import methexis as mx
        >>> run = mx.train(mx.EDLN((1,)), mx.Teacher([[1.0]]), mx.SGD(lr=0.01), steps=4, measure=())
        >>> bool(run.data["sharpness"].isnull().all())
        True
        >>> run.measure("sharpness", at=4)["sharpness"].shape
        (1, 1, 1)
        """
        return measure_run(self.tree, self.provenance, quantity, at, source)

    def predict(
        self,
        *,
        replicas: int | None = None,
        source: Teacher | Samples | None = None,
        rtol: float = 1e-7,
        patience: float = PATIENCE,
        progress: Progress | str | bool | None = "auto",
    ) -> Predicted:
        """Follow the path that theory draws for this run, or say why it draws none.

        Which path it is depends on how samples were drawn (docs/theory.md §5): in shuffled epochs
        the entropic flow, slowed by what batches know of each other; of independent samples the
        slow drift; of fresh noise on labels a drift of its own, and with weight decay a pull. It
        starts where gradient flow leads from the weights of the first recorded step, and knows
        nothing of what the run did afterwards.

        Parameters
        ----------
        replicas : int, optional
            Follow the first so many; 8 by default, or all of fewer.
        source : Teacher or Samples, optional
            What the run was trained on, where it was saved without it or by an older version.
        rtol : float
            Relative tolerance of the integrator.
        patience : float
            Seconds that it may take on one core, as estimated from sizes.
        progress : "auto", bool or function
            As in `train`.

        Returns
        -------
        Predicted
            With ``paths``, ``worst_pair()``, ``plot()``; where there is none with its ``reason``.

        Raises
        ------
        MethexisError
            If the source is gone or another one, the run has cells, or the estimate is beyond
            ``patience``.

        Examples
        --------
        >>> import methexis as mx
        >>> teacher = mx.Teacher([[1.0], [0.0]])
        >>> run = mx.train(mx.EDLN((2, 2)), teacher, mx.SGD(lr=0.01), steps=50, replicas=2)
        >>> prediction = run.predict()
        >>> prediction.name, prediction.worst_pair().shape == run.worst_pair().shape
        ('entropic flow', True)
        >>> mx.train(mx.EDLN((1,)), teacher, mx.SignSGD(lr=0.01), steps=4).predict().reason[:42]
        'theory follows SGD, Adam and RMSProp, and '
        """
        return predict_run(
            self.held,
            self.provenance,
            self.cells,
            replicas=replicas,
            source=source,
            rtol=rtol,
            patience=patience,
            show=choose(progress),
        )

    def activations(
        self, x: ArrayLike, *, student: int = 0, layer: int = 1, replica: int = 0
    ) -> Array:
        """Final activations ``(*cells, num_samples, d_layer)`` of one hidden layer.

        Parameters
        ----------
        x : array (num_samples, dim_x)
            Inputs of the source (with the student's private features appended, if it has any).
        student, layer, replica : int
            Student; hidden layer ``1 … D-1``, after its activation function; position of the
            replica in the run.

        Raises
        ------
        MethexisError
            On bad shapes or numbers out of range.
        """
        group = self._group(student)
        layer = integer("layer", layer, least=1, most=int(group.attrs["depth"]) - 1)
        replica = integer("replica", replica, least=0, most=self.tree.sizes["replica"] - 1)
        embed = np.asarray(group["embed_in"])
        # Stores of format 1 say nothing of an activation function: there was none.
        act = ACTIVATIONS[group.attrs.get("activation", "identity")].value
        weights, biases = self.weights[student], self.biases[student]
        hidden = real_array("x", x, (None, embed.shape[1])) @ embed.T
        for i in range(layer):
            hidden = hidden @ weights[i][..., replica, :, :].mT
            if biases:
                hidden = hidden + biases[i][..., replica, None, :]
            hidden = act(hidden)
        return np.asarray(hidden)

    def save(self, path: str | Path, *, force: bool = False, source: bool = True) -> Path:
        """Write the run to a zarr store; whole or not at all.

        With ``source=False`` the data that the run was trained on are left out, where they are
        large or not to be handed on; whatever needs them then asks for them.

        ``force`` replaces a saved run, and nothing else, once the new one is complete. Of several
        processes that save to one path, one does at a time, and the others are refused.

        Raises
        ------
        MethexisError
            If ``path`` exists and not ``force``, it is no saved run or has other files in it,
            another process is saving there, or it cannot be written.
        """
        target = Path(path)
        tree = self.held if boolean("source", source) else self.tree
        try:
            put_folder(
                target,
                lambda folder: write_tree(tree, folder, FORMAT_VERSION),
                what="save",
                replaceable=require_run if force else None,
            )
        except OSError as error:
            raise MethexisError(
                f"save: expected to write {target}, got: {error.strerror or error}"
            ) from None
        _LOG.info("save: run written to %s", target)
        return target

    def plot(
        self,
        ax: plots.Axes | None = None,
        *,
        quantity: str = "worst_pair",
        projected: bool = False,
    ) -> plots.Axes:
        """Draw what was measured over slow time: medians over replicas, and each of few.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; on a new figure by default.
        quantity : {"worst_pair", "loss", "entropy", "entropy_ratio", "sharpness", "hessian_trace"}
            Alignment of the least aligned pair of layers; the others per student.
        projected : bool
            Whether to draw it on the minima below the weights.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MethexisError
            On an unknown quantity, or where no replica has a number that could be drawn.
        """
        return drawing.along_steps(
            self.data,
            self.healthy,
            ax,
            quantity=quantity,
            projected=boolean("projected", projected),
        )

    def to_dataframe(self, per: str = "student") -> Any:
        """What was recorded, as a `pandas.DataFrame` with a row for each record.

        Parameters
        ----------
        per : {"student", "layer", "pair", "replica"}
            What a row is about, at a step, in a cell and a replica: loss, entropy and curvature of
            a student; what is known of a layer; the alignment of a pair of layers; or the worst
            pair of a replica. All have the slow time.

        Raises
        ------
        MethexisError
            If ``per`` is none of these.
        """
        return tables.records(self.data, per)

    def _facts(self) -> dict[str, object]:
        about = self.provenance
        told: dict[str, object] = {"students": self.num_students}
        told |= {
            "replicas": self.tree.sizes["replica"],
            "steps": int(np.asarray(self.tree["step"])[-1]),
        }
        told["optimiser"] = about.get("optimiser", {}).get("name", "unknown")
        told |= {"cells": self.cells} if self.cells else {}
        lost = int(np.count_nonzero(~self.healthy))
        told |= {"lost": lost} if lost else {}
        words = ("source", "sampling", "batch", "loss", "seed", "engine", "dtype", "wall_time_s")
        return told | {word: about[word] for word in words if about.get(word) is not None}


def open_run(path: str | Path) -> Run:
    """Open a saved run; all of it is read into memory and is identical to what was saved.

    Raises
    ------
    MethexisError
        If there is none at ``path``, it has a newer format, or it is not as it was written.
    """
    return Run(read_run(location("open_run", path)))
