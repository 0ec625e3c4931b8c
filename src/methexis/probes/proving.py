"""Which axis of an output is the samples', which are positions: found by running, never guessed.

A few samples of the first batch are run some seven times:

1. two of them, and then all three: the axis of samples is the one whose length goes along, 2 to 3;
2. all three once more: what differs now is random, or remembers what it has seen;
3. all three in another order: along that axis, and no other, the output must follow;
4. two of them once more: what differs from the run with three depends on neighbours in the batch;
5. with fewer tokens, or smaller images: the axes whose lengths go along are positions.

A layer that fails one of the first four is refused in a sentence. Where no input of another length
can be run (a fixed number of patches), positions are what the layer's type says, or else, for three
axes alone, those between samples and features; a note says on what it rests. "Follow" means equal
up to rounding: a sum over more rows may be done in another order. A dependence on neighbours below
that is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.probes.batches import Batch, is_array
from methexis.probes.frameworks.models import Model, Output, Run
from methexis.probes.frameworks.optional import is_tensor
from methexis.probes.reducing import Axes

#: Samples that are run, and those of them that are run alone.
_ALL, _FEW = 3, 2
#: Numbers of a sample that are compared.
_COMPARED = 4096
#: Rounding, relative to the largest number of the output: single precision through many layers.
_ROUNDING = {"float64": 1e-8, "float32": 1e-4, "float16": 3e-2, "bfloat16": 1e-1}
#: Pools that need to know which axes are positions.
_NEED = ("mean", "max", "first", "last", "each")


@dataclass
class Proof:
    """What is known of one output.

    Attributes
    ----------
    shape : tuple of int
        Of the output for one batch of three samples.
    dtype : str
    axes : Axes, optional
    refused : str
        Why it is no layer; empty if it is one.
    """

    shape: tuple[int, ...]
    dtype: str
    axes: Axes | None = None
    refused: str = ""
    _kept: Any = field(default=None, repr=False)


def proved(model: Model, run: Run, batch: Batch, pool: str) -> dict[Output, Proof]:
    """Axes of all outputs that a run hands out, by some passes over a few samples.

    Parameters
    ----------
    model, run
    batch : Batch
        Samples of which the first different ones are taken.
    pool : str
        Whether positions must be known.

    Raises
    ------
    MethexisError
        If there are no two different samples.
    """
    small = _different(batch)
    few = small.taken(range(small.size - 1))
    order = [*range(1, small.size), 0]
    fewer = _shapes(run, few)
    proofs: dict[Output, Proof] = {}
    state = np.random.default_rng(0)
    columns = state.integers(0, 2**31, size=_COMPARED)

    def first(output: Output, value: Any) -> None:
        proof = _begun(value, fewer.get(output), small.size, few.size)
        if not proof.refused and proof.axes is not None:
            proof._kept = _rows(value, proof.axes.samples, columns)
        proofs[output] = proof

    run(small, first)
    for output in fewer.keys() - proofs.keys():
        proofs[output] = Proof((), "", refused=_calls(output))
    again = list(range(small.size))
    _compare(
        run,
        small,
        proofs,
        columns,
        again,
        "expected the same output for the same batch, got another the second time: it is random "
        "(dropout that knows no evaluation mode) or remembers what was run before",
    )
    _compare(
        run,
        small.taken(order),
        proofs,
        columns,
        order,
        "expected an output whose samples follow those of the batch, got one that does not when "
        "they are given in another order",
    )
    _compare(
        run,
        few,
        proofs,
        columns,
        again[: few.size],
        "expected an output that depends on its own sample alone, got one that depends on its "
        "neighbours in the batch (statistics of the batch, as of a batch norm without running "
        "means)",
    )
    _positions(model, run, small, proofs, pool)
    _padding(run, small, proofs)
    for proof in proofs.values():
        proof._kept = None
    return proofs


def _different(batch: Batch) -> Batch:
    """Up to three samples that differ."""
    prints = batch.fingerprints() if batch.digests is None else _inputs_only(batch)
    rows: list[int] = []
    seen: set[bytes] = set()
    for row in range(batch.size):
        one = prints[row].tobytes()
        if one not in seen:
            seen.add(one)
            rows.append(row)
        if len(rows) == _ALL:
            break
    if len(rows) < _FEW:
        raise MethexisError(
            f"batches: expected at least {_FEW} different samples to begin with, so that the axis "
            f"of samples can be found, got {batch.size} of which {len(rows)} differ; give larger "
            "batches"
        )
    return batch.taken(rows)


def _inputs_only(batch: Batch) -> NDArray[np.uint8]:
    return Batch(batch.inputs, batch.size, batch.mask).fingerprints()


def _shapes(run: Run, batch: Batch) -> dict[Output, tuple[int, ...]]:
    shapes: dict[Output, tuple[int, ...]] = {}

    def take(output: Output, value: Any) -> None:
        shapes[output] = () if value is None else tuple(value.shape)

    run(batch, take)
    return shapes


def _begun(value: Any, fewer: tuple[int, ...] | None, many: int, few: int) -> Proof:
    """Shape, type and axis of samples, from the lengths with fewer and with more samples."""
    if value is None:
        return Proof((), "", refused="expected an array, got none: it gives nothing in this pass")
    shape, dtype = tuple(int(n) for n in value.shape), _dtype(value)
    moved: list[int] = []
    if fewer is not None and len(fewer) == len(shape):
        moved = [axis for axis, (a, b) in enumerate(zip(fewer, shape, strict=True)) if a != b]
    why = ""
    if dtype not in _ROUNDING:
        why = f"expected floating-point numbers, got {dtype}"
    elif fewer is None or len(fewer) != len(shape):
        was = "none" if fewer is None else f"shape {fewer}"
        why = (
            f"expected as many axes for every number of samples, got shape {shape} for {many} "
            f"samples and {was} for {few}"
        )
    elif 0 in shape:
        why = f"expected numbers, got an empty output of shape {shape}"
    elif not moved:
        why = f"expected an axis of samples, got shape {shape} whatever the number of samples"
    elif len(moved) > 1 or shape[moved[0]] != many or fewer[moved[0]] != few:
        why = (
            f"expected one axis with the {many} samples, got shape {shape}, and {fewer} for {few} "
            "samples: samples and something else share an axis"
        )
    if why:
        return Proof(shape, dtype, refused=why)
    return Proof(shape, dtype, Axes(moved[0], (), len(shape)))


def _compare(
    run: Run,
    batch: Batch,
    proofs: dict[Output, Proof],
    columns: NDArray[Any],
    rows: Sequence[int],
    why: str,
) -> None:
    """Refuse outputs that are not the kept ones in an order."""
    seen: set[Output] = set()

    def take(output: Output, value: Any) -> None:
        seen.add(output)
        proof = proofs.setdefault(output, Proof((), "", refused=_calls(output)))
        if proof.refused or proof.axes is None:
            return
        if value is None or len(value.shape) != proof.axes.ndim:
            proof.refused = "expected the same kind of output in every pass, got another"
            return
        now = _rows(value, proof.axes.samples, columns)
        before = proof._kept[list(rows)]
        if now.shape != before.shape or not _same(before, now, proof.dtype):
            proof.refused = why

    run(batch, take)
    for output, proof in proofs.items():
        if output not in seen and not proof.refused:
            proof.refused = _calls(output)


def _calls(output: Output) -> str:
    return (
        f"expected as many calls in every pass, got call {output.call + 1} in some only; it is "
        "called as often as the data have it"
    )


def _rows(value: Any, axis: int, columns: NDArray[Any]) -> NDArray[np.float64]:
    """Some numbers of each sample, copied."""
    xp = array_api_compat.array_namespace(value)
    flat = xp.reshape(xp.moveaxis(value, axis, 0), (value.shape[axis], -1))
    width = flat.shape[1]
    if width > len(columns):
        flat = flat[:, np.unique(columns % width)]
    return np.array(flat.double().cpu().numpy() if is_tensor(flat) else flat, dtype=np.float64)


def _same(one: NDArray[np.float64], other: NDArray[np.float64], dtype: str) -> bool:
    """Equal up to rounding; what is not finite must not be so elsewhere."""
    finite = np.isfinite(one)
    if not np.array_equal(finite, np.isfinite(other)):
        return False
    if not finite.any():
        return True
    scale = float(np.abs(one[finite]).max())
    return bool(np.abs(one - other)[finite].max() <= _ROUNDING[dtype] * scale)


def _padding(run: Run, batch: Batch, proofs: dict[Output, Proof]) -> None:
    """Refuse outputs whose real tokens depend on how much padding stands behind them.

    Where padding stands before, positions change with it, and nothing is asked.
    """
    if batch.mask is None:
        return
    lengths = batch.mask.sum(axis=1)
    which, width = int(lengths.argmin()), batch.mask.shape[1]
    length = int(lengths[which])
    if length == width or not batch.mask[which, :length].all():
        return
    alone = batch.taken([which])
    inputs = {
        key: value[:, :length] if is_array(value) and _long(value, width) else value
        for key, value in alone.inputs.items()
    }
    alone = Batch(inputs, 1, alone.mask[:, :length] if alone.mask is not None else None)
    kept: dict[Output, NDArray[np.float64]] = {}

    def real(output: Output, value: Any, row: int) -> NDArray[np.float64] | None:
        proof = proofs.get(output)
        if proof is None or proof.refused or proof.axes is None or value is None:
            return None
        places = proof.axes.positions
        if len(places) != 1 or value.shape[places[0]] < length:
            return None
        xp = array_api_compat.array_namespace(value)
        rows = xp.moveaxis(value, (proof.axes.samples, places[0]), (0, 1))[row, :length]
        part = rows[:, : max(1, _COMPARED // length), ...] if rows.ndim > 1 else rows
        return np.array(part.double().cpu().numpy() if is_tensor(part) else part, dtype=np.float64)

    def keep(output: Output, value: Any) -> None:
        if (
            value is not None
            and len(value.shape) > 1
            and (one := real(output, value, which)) is not None
        ):
            kept[output] = one

    def compare(output: Output, value: Any) -> None:
        before = kept.get(output)
        if before is None or value is None:
            return
        now = real(output, value, 0)
        if now is None or now.shape != before.shape or not _same(before, now, proofs[output].dtype):
            proofs[output].refused = (
                "expected real tokens that do not depend on padding, got other numbers without it, "
                "so that they depend on the lengths of neighbours in the batch; see that the model "
                "is given its mask"
            )

    run(batch, keep)
    run(alone, compare)


def _positions(
    model: Model, run: Run, batch: Batch, proofs: dict[Output, Proof], pool: str
) -> None:
    """Find which axes are positions, by inputs of other lengths where these can be run."""
    best: dict[Output, tuple[int, ...]] = {}
    complete = False
    for smaller in _shrunk(batch):
        shapes: dict[Output, tuple[int, ...]] = {}

        def take(output: Output, value: Any, shapes: Any = shapes) -> None:
            shapes[output] = () if value is None else tuple(value.shape)

        try:
            run(smaller, take)
            whole = True
        except MethexisError:
            whole = False
        if (whole, len(shapes)) > (complete, len(best)):
            best, complete = shapes, whole
        if complete:
            break
    for output, proof in proofs.items():
        if proof.refused or proof.axes is None:
            continue
        shape, axes = best.get(output), proof.axes
        moved: tuple[int, ...] = ()
        if shape is not None and len(shape) == len(proof.shape):
            moved = tuple(
                axis
                for axis, (a, b) in enumerate(zip(shape, proof.shape, strict=True))
                if a != b and axis != axes.samples
            )
        if moved and len(moved) < axes.ndim - 1:
            proof.axes = Axes(axes.samples, moved, axes.ndim, "found with inputs of another length")
            continue
        proof.axes = _by_convention(model, output, axes, pool)
        if proof.axes is None:
            proof.refused = (
                f"expected to find which axes of shape {proof.shape} are positions, got no input "
                "of another length that can be run; say it by pool: spatial (channels first), "
                "spatial_last or flatten"
            )


def _by_convention(model: Model, output: Output, axes: Axes, pool: str) -> Axes | None:
    rest = [axis for axis in range(axes.ndim) if axis != axes.samples]
    if len(rest) < 2:
        return axes
    first = model.channels_first(output.layer)
    if pool in {"spatial", "spatial_last"}:
        first, words = pool == "spatial", f"as pool {pool} says"
    elif first is not None:
        words = "by the type of the layer"
    elif len(rest) == 2:
        first, words = False, "taken to be the axis between samples and features"
    elif pool in _NEED:
        return None
    else:
        return axes
    return Axes(axes.samples, tuple(rest[1:] if first else rest[:-1]), axes.ndim, words)


def _shrunk(batch: Batch) -> list[Batch]:
    """The same samples with fewer tokens, or smaller; those that are likelier to run first."""
    arrays = {key: value for key, value in batch.inputs.items() if is_array(value)}
    integers = {k: v for k, v in arrays.items() if _dtype(v).startswith(("int", "uint"))}
    if batch.mask is not None or integers:
        length = (
            batch.mask.shape[1]
            if batch.mask is not None
            else max((v.shape[1] for v in integers.values() if v.ndim > 1), default=0)
        )
        if length < 2:
            return []
        inputs = {
            key: value[:, : length - 1] if key in arrays and _long(value, length) else value
            for key, value in batch.inputs.items()
        }
        mask = None if batch.mask is None else batch.mask[:, : length - 1]
        return [Batch(inputs, batch.size, mask)]
    batches = []
    ndim = max(value.ndim for value in arrays.values())
    ways = [tuple(range(2, ndim)), tuple(range(1, ndim - 1)), tuple(range(1, ndim))]
    if ndim == 3:
        ways = [(1,), (2,)]
    for axes in dict.fromkeys(way for way in ways if way):
        inputs = {
            key: _halved(value, axes) if key in arrays and value.ndim == ndim else value
            for key, value in batch.inputs.items()
        }
        batches.append(Batch(inputs, batch.size))
    return batches


def _long(value: Any, length: int) -> bool:
    return bool(value.ndim > 1 and value.shape[1] == length)


def _halved(value: Any, axes: Sequence[int]) -> Any:
    """The first half along some axes, so that strides of most networks still fit."""
    cut = tuple(
        slice(0, max(1, (value.shape[axis] + 1) // 2)) if axis in axes else slice(None)
        for axis in range(value.ndim)
    )
    return value[cut]


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")
