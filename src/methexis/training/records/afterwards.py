"""Costly quantities of a run measured afterwards, from the weights that it recorded.

A run holds its folded problems (`core.problem`), so that a saved one can be measured without its
source. Rows of a data set are not among them: what depends on more than their second moments needs
the data again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError, shown
from methexis.core.layers.axes import axis_cosines_of
from methexis.core.layers.geometry import cosines_of
from methexis.core.layers.products import hidden_maps
from methexis.core.parallel.threads import available_cores, one_blas_thread
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.training.measuring import COSTLY, costly_names
from methexis.training.memory import measured_at_once
from methexis.training.parallel import in_threads
from methexis.training.records.costly import Costly, measure_costly
from methexis.training.records.measured import Measured, measured_at

#: Prefix of the variables in which a run holds the parts of a folded problem.
STORED = "problem_"
#: Those parts with their dimensions.
PARTS: dict[str, tuple[str, ...]] = {
    "target": ("output", "input"),
    "cov_x": ("input", "input_b"),
    "cov_noise": ("output", "output_b"),
    "label_map": ("output", "given_output"),
    "excess_x": ("input",),
}
#: What of a data set depends on its second moments alone.
_OF_MOMENTS = ("sharpness",)


def stored_parts(problem: Problem) -> dict[str, tuple[tuple[str, ...], Array]]:
    """Variables that hold a folded problem, beside its embeddings."""
    return {f"{STORED}{name}": (dims, getattr(problem, name)) for name, dims in PARTS.items()}


@one_blas_thread
def measure_run(
    tree: xr.DataTree,
    provenance: Mapping[str, Any],
    quantity: str | Sequence[str],
    at: Sequence[int] | NDArray[Any] | int | None,
    source: Samples | None,
) -> xr.Dataset:
    """`Run.measure` of a run's tree and provenance."""
    names = costly_names(quantity, "quantity")
    rows = _rows(tree, at)
    from_samples = provenance["source"] == "samples"
    if from_samples and source is None and not set(names) <= set(_OF_MOMENTS):
        raise MethexisError(
            f"source: expected the Samples that the run was trained on, of which "
            f"{', '.join(n for n in names if n not in _OF_MOMENTS)} needs every row, got none"
        )
    if source is not None and not isinstance(source, Samples):
        raise MethexisError(
            f"source: expected the Samples that the run was trained on, or None, got "
            f"{type(source).__name__}"
        )
    count = tree.sizes["student"]
    problems = [stored_problem(tree, provenance, k, source) for k in range(count)]
    network = tuple(tree["diverged_step"].sizes)
    shape = tuple(tree["diverged_step"].sizes.values())
    noise = _per_network(tree, provenance["label_noise"])
    weights = [_weights(tree, k, rows) for k in range(count)]
    table = _Table(tree, names, rows, int(np.prod(shape)))
    healthy = np.isfinite([w.sum(axis=(-2, -1)) for layers in weights for w in layers]).all(axis=0)
    jobs = []
    for deviation in np.unique(noise):
        students = [measured_at(problem, float(deviation)) for problem in problems]
        pairs = np.argwhere(healthy & (noise == deviation))
        size = max(1, measured_at_once(problems) // available_cores())
        for first in range(0, len(pairs), size):
            places = tuple(pairs[first : first + size].T)
            jobs.append(_Job(table, students, [[w[places] for w in s] for s in weights], places))
    in_threads(jobs, available_cores())
    return table.dataset(tree, network, shape)


class _Job:
    """Some snapshots of one level of label noise, and where what is found goes."""

    def __init__(
        self,
        table: _Table,
        students: list[Measured],
        weights: list[list[Array]],
        places: tuple[NDArray[np.intp], ...],
    ) -> None:
        self.table, self.students, self.weights, self.places = table, students, weights, places

    def __call__(self) -> None:
        pairs = self.pairs if all(m.problem.linear for m in self.students) else None
        costly = measure_costly(self.students, self.weights, self.table.names, pairs)
        self.table.keep(costly, self.places)

    def pairs(self, weights: Sequence[list[Array]]) -> Array:
        """Alignments of all pairs of layers, on the inputs that all students see."""
        return alignments_of([m.problem for m in self.students], weights, self.table.num_shared)


class _Table:
    """Arrays of NaN for what is measured, and how it is labelled."""

    def __init__(
        self, tree: xr.DataTree, names: tuple[str, ...], rows: NDArray[np.intp], networks: int
    ) -> None:
        self.names, self.rows = names, rows
        self.num_shared = int(tree.children["student_0"].attrs["num_shared"])
        students, layers = tree.sizes["student"], tree.sizes["layer"]
        ends = {"student": (students,), "layer": (layers,), "pair": (layers, layers)}
        self.arrays = {
            column: np.full((len(rows), networks, *ends[_end(column)]), np.nan)
            for name in names
            for column in COSTLY[name]
        }

    def keep(self, costly: Costly, places: tuple[NDArray[np.intp], ...]) -> None:
        """Write what was measured of some snapshots into its places."""
        if costly.alignments is not None:
            self.arrays["alignment_projected"][places] = costly.alignments
        first = 0
        for k, (student, layer) in enumerate(zip(costly.student, costly.layer, strict=True)):
            for name, value in student.items():
                self.arrays[name][..., k][places] = value
            for name, value in layer.items():
                self.arrays[name][..., first : first + value.shape[-1]][places] = value
            first += costly.widths[k]

    def dataset(
        self, tree: xr.DataTree, network: tuple[Any, ...], shape: tuple[int, ...]
    ) -> xr.Dataset:
        """All of it with the labels of the run."""
        dims = {"student": ("student",), "layer": ("layer",), "pair": ("layer_a", "layer_b")}
        variables = {
            name: (
                ("step", *network, *dims[_end(name)]),
                values.reshape(len(self.rows), *shape, *values.shape[2:]),
                {"long_name": tree[name].attrs.get("long_name", name)},
            )
            for name, values in self.arrays.items()
        }
        used = {dim for variable in variables.values() for dim in variable[0]}
        coords = {name: tree.coords[name] for name in tree.coords if name in used - {"step"}}
        return xr.Dataset(variables, coords | {"step": np.asarray(tree["step"])[self.rows]})


def alignments_of(
    problems: Sequence[Problem], weights: Sequence[Sequence[Array]], num_shared: int
) -> Array:
    """Alignments of all pairs of layers of linear students, ``(..., layer, layer)``.

    All see the first ``num_shared`` inputs; the others are private to each.
    """
    return cosines_of(*_joint_maps(problems, weights, num_shared))


def axis_alignment_of(
    tree: xr.DataTree, provenance: Mapping[str, Any], weights: Sequence[Sequence[Array]]
) -> xr.DataArray:
    """The same neuron by neuron: cosines after the best signed permutation (`core.layers.axes`).

    Raises
    ------
    MethexisError
        If a student is not linear, or the run is of a version that did not keep its problem.
    """
    problems = [stored_problem(tree, provenance, k, None) for k in range(len(weights))]
    for k, problem in enumerate(problems):
        if not problem.linear:
            raise MethexisError(
                f"axis_alignment: expected linear students, got activation "
                f"{problem.activation!r} of student {k}; give its activations to "
                "mx.geometry.match_samples"
            )
    shared = int(tree.children["student_0"].attrs["num_shared"])
    alignments = axis_cosines_of(*_joint_maps(problems, weights, shared))
    label = "alignment of neurons (1 = same)"
    like = tree.to_dataset()["alignment"].copy(data=alignments)
    return like.rename("axis_alignment").assign_attrs(long_name=label)


def _joint_maps(
    problems: Sequence[Problem], weights: Sequence[Sequence[Array]], num_shared: int
) -> tuple[list[Array], Array]:
    """Maps of all layers from what all students see together, and its second moment."""
    maps = [hidden_maps(p, w) for p, w in zip(problems, weights, strict=True)]
    sizes = [len(p.cov_x) for p in problems]
    total = num_shared + sum(size - num_shared for size in sizes)
    moment = np.zeros((total, total))
    joint = []
    start = num_shared
    for problem, size, layers in zip(problems, sizes, maps, strict=True):
        at = [*range(num_shared), *range(start, start + size - num_shared)]
        moment[np.ix_(at, at)] = problem.cov_x
        start += size - num_shared
        for h in layers:
            joint.append(np.zeros((*h.shape[:-1], total)))
            joint[-1][..., at] = h
    return joint, moment


def _end(column: str) -> str:
    """What a column has one value of: a student, a layer, or a pair of layers."""
    if column == "alignment_projected":
        return "pair"
    return "layer" if column in ("theory_alignment_projected", "entropic_gap") else "student"


def _rows(tree: xr.DataTree, at: Sequence[int] | NDArray[Any] | int | None) -> NDArray[np.intp]:
    """Places of recorded steps."""
    steps = np.asarray(tree["step"])
    if at is None:
        return np.arange(len(steps))
    plain: Any = at.tolist() if isinstance(at, np.ndarray) else at
    wanted: list[Any] = [*plain] if isinstance(plain, list | tuple | range) else [plain]
    missing = [
        step
        for step in wanted
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or step not in steps
    ]
    if missing or not wanted:
        raise MethexisError(
            f"at: expected recorded steps ({len(steps)} from {steps[0]} to {steps[-1]}), got "
            f"{shown(missing[0] if missing else at)}"
        )
    return np.searchsorted(steps, np.unique(wanted))


def stored_problem(
    tree: xr.DataTree,
    provenance: Mapping[str, Any],
    k: int,
    source: Samples | None,
    asked: str = "measure",
) -> Problem:
    """The folded problem of one student, with the rows of a data set where they are given.

    Raises
    ------
    MethexisError
        If the run is of a version that did not keep it, or the data have other inputs.
    """
    group = tree.children[f"student_{k}"]
    if f"{STORED}target" not in group:
        raise MethexisError(
            f"{asked}: expected a run that holds its problem, got one saved by an older version; "
            "use mx.theory with its source, student and weights"
        )
    parts = {name: np.asarray(group[f"{STORED}{name}"]) for name in PARTS}
    x = y = None
    if source is not None:
        if source.x.shape[1] != len(parts["cov_x"]):
            raise MethexisError(
                f"source: expected {len(parts['cov_x'])} inputs, got {source.x.shape[1]}"
            )
        x, y = source.x, source.y @ parts["label_map"].T
    return Problem(
        **parts,
        embed_in=np.asarray(group["embed_in"]),
        embed_out=np.asarray(group["embed_out"]),
        dims=tuple(int(d) for d in np.atleast_1d(group.attrs["dims"])),
        loss=provenance["loss"],
        activation=group.attrs["activation"],
        bias=bool(group.attrs["bias"]),
        x=x,
        y=y,
    )


def _per_network(tree: xr.DataTree, described: Any) -> Array:
    """A hyper-parameter as provenance has it, of every network."""
    sizes = tree["diverged_step"].sizes
    if not isinstance(described, Mapping):
        return np.full(int(np.prod(list(sizes.values()))), float(described))
    values = xr.DataArray(np.asarray(described["values"], dtype=np.float64), dims=described["dims"])
    expanded = values.expand_dims({d: n for d, n in sizes.items() if d not in values.dims})
    return np.asarray(expanded.transpose(*sizes)).ravel()


def _weights(tree: xr.DataTree, k: int, rows: NDArray[np.intp]) -> list[Array]:
    """Weights of one student at some records, ``(record, network, d_i, d_{i-1})``."""
    group = tree.children[f"student_{k}"]
    weights = []
    for i in range(1, int(group.attrs["depth"]) + 1):
        w = np.asarray(group[f"weights_{i}"])[rows].astype(np.float64)
        w = w.reshape(len(rows), -1, *w.shape[-2:])
        if group.attrs["bias"]:
            b = np.asarray(group[f"biases_{i}"])[rows].astype(np.float64)
            w = np.concatenate([w, b.reshape(*w.shape[:-1], 1)], axis=-1)
        weights.append(w)
    return weights
