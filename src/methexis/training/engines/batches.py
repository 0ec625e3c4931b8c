"""Batches: what each student sees at each step, as a pure function of the step.

Sample ``b`` of a step takes the normals from number ``b (dim_x + dim_y)`` on of the step's address
in the SAMPLES stream (inputs first, then noise), or that many wide numbers (`core.random.laws`)
where the teacher's laws are not both Gaussian, so every engine draws the same numbers, and any cut
into blocks gives the same bits. Private features have a stream of their own per student, also where
the samples are shared. Inputs are handed out as ``h_0 = E x`` and labels as ``(2/B) Mᵀ y``, or as
``y`` where the loss is not quadratic: the only forms in which a step needs them (`gradients`).
Columns are the samples of the batch. With ``sampling="full"`` the batch is the data set, in its
order.

Label noise ``σ n`` is added to the source's labels: sample ``b`` of a step takes the normals from
number ``b dim_y`` on in the LABEL_NOISE stream, shared by the students of a paired run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.linalg import sqrt_psd
from methexis.core.problem import Problem
from methexis.core.random.laws import wide_numbers
from methexis.core.random.streams import (
    StreamId,
    indices,
    keys,
    normals,
    permutations,
    student_stream,
)
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.training.plan import Plan

#: Inputs and labels of one student for a block: (steps, network, d_0, B), (steps, network, d_D, B).
Block = tuple[Array, Array]
#: Blocks of all students for ``(first_step, num_steps)``.
Draw = Callable[[int, int], list[Block]]
Drawn = TypeVar("Drawn")


def batches(plan: Plan) -> Draw:
    """Return the function that draws blocks for ``plan`` (unless ``plan.from_moments``)."""
    if plan.sampling == "online":
        draw = _online(plan)
    elif plan.sampling == "full":
        draw = _whole(plan)
    else:
        draw = _from_samples(plan)
    return _noisy(plan, draw) if plan.label_noise.any() else draw


def _noisy(plan: Plan, draw: Draw) -> Draw:
    """Add fresh noise to the labels of a draw."""
    count, dim_y = plan.batch, plan.source.dim_y
    dtype = np.dtype(plan.dtype)
    deviation = plan.label_noise.astype(dtype)[:, None, None]
    maps = [(signal_map(p, count) @ p.label_map).astype(dtype) for p in plan.problems]
    noise_keys = [stream_keys(plan, StreamId.LABEL_NOISE, k) for k in range(len(maps))]

    def noisy(first: int, num: int) -> list[Block]:
        noise = _each(plan, lambda k: _columns(noise_keys[k], first, num, count, dim_y, dtype))
        return [
            (inputs, labels + deviation * (pull @ z))
            for (inputs, labels), pull, z in zip(draw(first, num), maps, noise, strict=True)
        ]

    return noisy


def _each(plan: Plan, draw: Callable[[int], Drawn]) -> Iterator[Drawn]:
    """What each student draws; students of a paired run have what the first one drew."""
    shared = draw(0)
    yield shared
    for k in range(1, len(plan.problems)):
        yield shared if plan.paired else draw(k)


def _columns(
    key: NDArray[np.uint32], first: int, num: int, batch: int, rows: int, dtype: np.dtype[Any]
) -> Array:
    """Normals of consecutive steps, ``(num, network, rows, batch)``, a sample's in one column."""
    drawn = normals(key, first_step=first, num_steps=num, num_normals=batch * rows)
    shaped = drawn.reshape(num, len(key), batch, rows).swapaxes(-1, -2)
    return np.ascontiguousarray(shaped, dtype=dtype)


def signal_map(problem: Problem, batch: int) -> Array:
    """Map from the folded labels to the form in which the loss wants them."""
    if problem.loss in ("squared", "whitened"):
        return 2.0 / batch * problem.embed_out.T
    return np.eye(len(problem.label_map))


def sample_tables(plan: Plan) -> list[tuple[Array, Array]]:
    """Inputs and labels of every row of the data set, in the form of a block, per student."""
    tables = []
    for problem in plan.problems:
        assert problem.x is not None and problem.y is not None  # make_plan refuses a teacher
        inputs = problem.x @ problem.embed_in.T
        labels = problem.y @ signal_map(problem, plan.batch).T
        tables.append((inputs.astype(plan.dtype), labels.astype(plan.dtype)))
    return tables


def stream_keys(
    plan: Plan, base: StreamId, student: int, *, own: bool = False
) -> NDArray[np.uint32]:
    """Keys of a student's stream, which all share in a paired run unless it is their ``own``."""
    stream = int(base) if plan.paired and not own else student_stream(base, student)
    return keys(plan.seeds, plan.replica_of, stream)


def online_maps(source: Teacher, problem: Problem, pull: Array) -> tuple[Array, Array]:
    """From standardised numbers ``[z_x; z_ε]`` of a sample to ``h_0`` and its pulled label."""
    root_x, root_noise = sqrt_psd(source.cov_x), sqrt_psd(source.cov_noise)
    inputs = problem.embed_in[:, : source.dim_x] @ root_x
    pulled = pull @ problem.label_map
    return (
        np.hstack([inputs, np.zeros((len(inputs), source.dim_y))]),
        np.hstack([pulled @ source.weight @ root_x, pulled @ root_noise]),
    )


def _online(plan: Plan) -> Draw:
    source = plan.source
    assert not isinstance(source, Samples)  # make_plan refuses it
    num_x, num_y = source.dim_x, source.dim_y
    width = num_x + num_y
    dtype = np.dtype(plan.dtype)
    maps, privates, sample_keys, private_keys = [], [], [], []
    for k, (student, problem) in enumerate(zip(plan.students, plan.problems, strict=True)):
        inputs, labels = online_maps(source, problem, signal_map(problem, plan.batch))
        maps.append((inputs.astype(dtype), labels.astype(dtype)))
        private = student.view.private_cov
        privates.append(
            None
            if private is None
            else (problem.embed_in[:, num_x:] @ sqrt_psd(private)).astype(dtype)
        )
        sample_keys.append(stream_keys(plan, StreamId.SAMPLES, k))
        private_keys.append(stream_keys(plan, StreamId.PRIVATE, k, own=True))

    laws = [(source.law_x, num_x), (source.law_noise, num_y)]

    def samples(key: NDArray[np.uint32], first: int, num: int) -> Array:
        if all(law == "gaussian" for law, _ in laws):
            return _columns(key, first, num, plan.batch, width, dtype)
        drawn = wide_numbers(key, first, num, plan.batch, laws)
        return np.ascontiguousarray(drawn.swapaxes(-1, -2), dtype=dtype)

    def draw(first: int, num: int) -> list[Block]:
        blocks: list[Block] = []
        seen = _each(plan, lambda k: samples(sample_keys[k], first, num))
        for k, ((inputs, labels), z, private) in enumerate(zip(maps, seen, privates, strict=True)):
            h0, ty = inputs @ z, labels @ z
            if private is not None:
                own = _columns(private_keys[k], first, num, plan.batch, private.shape[1], dtype)
                h0 = h0 + private @ own
            blocks.append((h0, ty))
        return blocks

    return draw


def _from_samples(plan: Plan) -> Draw:
    tables = sample_tables(plan)
    count = len(tables[0][0])
    base = StreamId.INDICES if plan.sampling == "replace" else StreamId.PERMUTATIONS
    index_keys = [stream_keys(plan, base, k) for k in range(len(tables))]
    if plan.sampling == "replace":

        def rows(k: int, first: int, num: int) -> NDArray[np.int64]:
            drawn = indices(
                index_keys[k],
                first_step=first,
                num_steps=num,
                num_indices=plan.batch,
                num_samples=count,
            )
            return np.asarray(drawn, dtype=np.int64)

    else:
        orders: list[dict[int, NDArray[np.int64]]] = [{} for _ in tables]

        def rows(k: int, first: int, num: int) -> NDArray[np.int64]:
            # Epochs follow each other without a gap: place p of the run is sample p mod N of
            # epoch p // N, so a batch may span two epochs and no sample is ever dropped.
            places = np.arange(first * plan.batch, (first + num) * plan.batch)
            epochs = places // count
            wanted = np.unique(epochs)
            held = orders[k]
            for epoch in [e for e in held if e < wanted[0]]:
                del held[epoch]
            result = np.empty((len(places), plan.num_networks), dtype=np.int64)
            for epoch in wanted:
                if epoch not in held:
                    held[int(epoch)] = permutations(
                        index_keys[k], first_epoch=int(epoch), num_epochs=1, num_samples=count
                    )[0]
                inside = epochs == epoch
                result[inside] = held[int(epoch)][:, places[inside] % count].T
            return result.reshape(num, plan.batch, plan.num_networks).swapaxes(1, 2)

    def draw(first: int, num: int) -> list[Block]:
        drawn = _each(plan, lambda k: rows(k, first, num))
        return [
            (
                np.ascontiguousarray(x[index].swapaxes(-1, -2)),
                np.ascontiguousarray(y[index].swapaxes(-1, -2)),
            )
            for (x, y), index in zip(tables, drawn, strict=True)
        ]

    return draw


def _whole(plan: Plan) -> Draw:
    tables = [
        tuple(np.ascontiguousarray(table.T)[None, None] for table in pair)
        for pair in sample_tables(plan)
    ]

    def draw(first: int, num: int) -> list[Block]:
        del first
        return [
            (
                np.broadcast_to(inputs, (num, *inputs.shape[1:])),
                np.broadcast_to(labels, (num, *labels.shape[1:])),
            )
            for inputs, labels in tables
        ]

    return draw
