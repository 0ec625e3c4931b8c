"""`probe`: all wanted layers of a model over many samples, in one pass, on disk.

Before the first batch counts, a few samples of it are run to find what the axes of every output are
(`proving`). Then each batch is run once; every layer is reduced while the pass goes on (`reducing`)
and its rows are appended to a file (`store`). Nothing grows with the number of samples but those
files and sixteen bytes each in them for the name of the sample.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import boolean, integer, location
from methexis.errors import MethexisError
from methexis.probes.batches import MASK, Batch, MaskOf
from methexis.probes.frameworks.fresh import fresh
from methexis.probes.frameworks.models import Model, Output, Run
from methexis.probes.frameworks.opening import opened
from methexis.probes.frameworks.optional import is_tensor
from methexis.probes.patterns import is_exact, matching
from methexis.probes.proving import Proof, proved
from methexis.probes.reducing import reduced, require_pool
from methexis.probes.sources import Prepare, Source, first_of
from methexis.probes.store import Column, Store, require_free, writing
from methexis.probes.telling import Progress, teller
from methexis.representations import Representations, load
from methexis.representations.probed import about_probed, is_probed
from methexis.text import brief
from methexis.version import __version__

#: Samples of a batch where arrays or a data set are given.
BATCH_SIZE = 32
#: Positions that are layers of their own with pool each.
TOKENS = 16
#: The most of them.
MOST_TOKENS = 4096


@dataclass(frozen=True)
class _Layer:
    """One output that is stored, as one array or, with pool each, several."""

    output: Output
    name: str
    proof: Proof
    columns: tuple[Column, ...]


def probe(
    model: Any,
    batches: Any,
    layers: str | None = None,
    *,
    out: str | Path,
    pool: str = "mean",
    tokens: int = TOKENS,
    mask: MaskOf = MASK,
    prepare: Prepare = None,
    ids: Any = None,
    batch_size: int = BATCH_SIZE,
    sample: int | None = None,
    seed: int = 0,
    untrained: str | Path | None = None,
    force: bool = False,
    progress: Progress | str | bool | None = "auto",
) -> Representations:
    """Store what layers of a model make of many samples, one row per sample.

    The same call goes on where a killed one was, to the same bits.

    Parameters
    ----------
    model : torch.nn.Module, TorchScript module, or path of an ``.onnx`` file
        Probed in evaluation mode without gradients, and left as it was found.
    batches : iterable, data set, array or dict of arrays
        An iterable of batches as the model takes them: a tensor, a dict of named inputs or a tuple
        of inputs. A data set of samples, and arrays with samples along the first axis, are cut into
        batches.
    layers : str, optional
        Pattern of layer names; ``*`` stops at dots, ``**`` does not, commas separate. By default
        the members of the outermost lists of modules, which are the blocks of most networks.
    out : path
        The new zarr store.
    pool : str
        What stands for a sample where a layer has positions; one of `PROBE_POOLS`.
    tokens : int
        Positions that are layers of their own with ``pool="each"``.
    mask : str or function
        Under which name a batch has its mask, 1 for real tokens, or a function that finds it there.
    prepare : function, optional
        From a batch to what the model takes, such as ``lambda batch: batch[0]``.
    ids : sequence, optional
        A name for every sample, by which stores of other models find the same samples. By default
        samples are known by their inputs, which is right for models that take the same ones.
    batch_size : int
        Samples of a batch, where there are none yet.
    sample : int, optional
        How many samples to draw of an array or a data set; all by default.
    seed : int
        Of that draw, and of fresh weights.
    untrained : path, optional
        A second store, of the same architecture with fresh weights over the same samples, which the
        first names; what compares the first takes it as the level "untrained". The batches are gone
        through twice.
    force : bool
        Whether to replace a store of probed layers, and to begin anew what is unfinished.
    progress : "auto", bool or function
        As in `train`: shown on a terminal and in a notebook by default.

    Returns
    -------
    Representations
        The store opened: arrays are mapped, not read.

    Raises
    ------
    MethexisError
        If no layer is matched or fit, the model does not take the batches, an activation is not
        finite, layers differ in shape between batches, or what is unfinished at ``out`` is of
        another model, other layers or other batches.
    """
    target = location("out", out)
    require_pool(pool)
    tokens = integer("tokens", tokens, least=1, most=MOST_TOKENS)
    require_free(target, force=boolean("force", force))
    held = opened(model)

    def source() -> Source:
        return Source(
            batches,
            batch_size=batch_size,
            prepare=prepare,
            mask=mask,
            ids=ids,
            kind="given names",
            sample=sample,
            seed=seed,
        )

    job = Job(layers, pool, tokens, force, progress)
    if untrained is None:
        return probed(held, source(), target, job)
    beside = location("untrained", untrained)
    if iter(batches) is batches:
        raise MethexisError(
            "untrained: expected batches that can be gone through twice, got an iterator; give a "
            "list, a data set, a loader or arrays"
        )
    twin = opened(fresh(model, seed), f"{held.name}, untrained")
    return twin_then(held, twin, source, target, beside, job, seed)


@dataclass(frozen=True)
class Job:
    """What is done with any model and its batches.

    Attributes
    ----------
    layers : str or None
    pool : str
    tokens : int
    force : bool
    progress
        As of `probe`.
    """

    layers: str | None
    pool: str
    tokens: int
    force: bool
    progress: Progress | str | bool | None


def twin_then(
    model: Model,
    twin: Model,
    source: Callable[[], Source],
    out: Path,
    beside: Path,
    job: Job,
    seed: int,
) -> Representations:
    """Probe an untrained twin, and then the model, whose store names that of the twin.

    A store of the same twin that is there already, as after an interruption, is taken as it is.

    Raises
    ------
    MethexisError
        If both went over other samples.
    """
    print_ = twin.fingerprint()
    require_free(out, force=job.force)
    if is_probed(beside) and about_probed(beside)["model"]["fingerprint"] == print_:
        other = load(beside)
    else:
        other = probed(twin, source(), beside, job)
    about = {
        "store": os.path.relpath(beside, out.parent),
        "fingerprint": print_,
        "seed": seed,
        "data": other.about["data"],
        "layers": other.names,
    }
    return probed(model, source(), out, job, {"untrained": about})


def _require_same(twin: dict[str, Any], store: Store, names: list[str], out: Path) -> None:
    """See that an untrained twin went over the same samples, and has the same layers.

    Raises
    ------
    MethexisError
        If it did not.
    """
    place = f"untrained: expected the store at {out.parent / twin['store']} to be"
    if twin["layers"] != names:
        raise MethexisError(f"{place} of the same layers, got others; remove it, or give another")
    if twin["data"] != store.data():
        raise MethexisError(f"{place} of the same data, got others; remove it, or give another")


def probed(
    model: Model, source: Source, out: Path, job: Job, more: dict[str, Any] | None = None
) -> Representations:
    """Probe what was opened before; ``more`` joins the attributes of the store."""
    require_free(out, force=job.force)
    names = wanted(model, job.layers)
    show = teller(job.progress)
    print_ = model.fingerprint()
    began = time.perf_counter()
    with model.held(names) as run:
        stream = iter(source)
        joined, looked = first_of(stream)
        proofs = proved(model, run, joined, job.pool)
        stored, left_out = _layers(proofs, names, job)
        columns = [column for layer in stored for column in layer.columns]
        plan = {
            "model": print_,
            "layers": [[c.name, c.width, c.dtype] for c in columns],
            "pool": [job.pool, job.tokens],
            "names of samples": source.kind,
        }
        with _on_disk(out), writing(out, columns, plan, force=job.force) as store:
            done, total = 0, source.about(looked[0].size)
            for batch in chain(looked, stream):
                prints = batch.fingerprints()
                there = store.passed(prints)
                if not there:
                    store.append(_features(run, batch, stored, proofs, job, done), prints)
                done += batch.size
                if not there:
                    show(done, total)
            show(done, done)
            if more is not None and "untrained" in more:
                _require_same(more["untrained"], store, [one.name for one in columns], out)
            about = {
                "model": {"name": model.name, "kind": model.kind, "fingerprint": print_},
                "pool": job.pool,
                "names": source.kind,
                "left_out": left_out,
                "notes": [*model.remarks(), *source.notes],
                "methexis": __version__,
                "seconds": round(time.perf_counter() - began, 3),
            }
            store.finish(about | (more or {}))
    return load(out)


def wanted(model: Model, pattern: str | None) -> list[str]:
    """Layers that a pattern stands for; those that are usual without one."""
    names = list(model.layers())
    return model.usual() if pattern is None else matching(pattern, names)


def name_of(output: Output, calls: int) -> str:
    """What a layer is called in a store.

    Examples
    --------
    >>> name_of(Output("act", 1, ""), 2), name_of(Output("lstm", 0, "1.0"), 1)
    ('act#1', 'lstm[1.0]')
    """
    again = f"#{output.call}" if calls > 1 else ""
    return f"{output.layer}{again}" + (f"[{output.part}]" if output.part else "")


def named_proofs(
    proofs: dict[Output, Proof], names: Sequence[str]
) -> list[tuple[str, Output, Proof]]:
    """Outputs with their names, in the order of the model's layers."""
    calls: dict[str, int] = {}
    for output in proofs:
        calls[output.layer] = max(calls.get(output.layer, 0), output.call + 1)
    place = {name: k for k, name in enumerate(names)}
    order = sorted(proofs, key=lambda one: (place[one.layer], one.call))
    return [(name_of(one, calls[one.layer]), one, proofs[one]) for one in order]


def silent(proofs: dict[Output, Proof], names: Sequence[str]) -> list[str]:
    """Layers of which no output came."""
    called = {output.layer for output in proofs}
    return [name for name in names if name not in called]


#: What is said of a layer that was not called.
NOT_CALLED = (
    "expected to be called in a forward pass, got none: the model goes round it, or was compiled, "
    "which hides layers; give the model as it was before"
)


def _layers(
    proofs: dict[Output, Proof], names: Sequence[str], job: Job
) -> tuple[list[_Layer], list[str]]:
    """What is stored, and why all else is not.

    Raises
    ------
    MethexisError
        If nothing is left, or what was asked for by its name is not.
    """
    refused = dict.fromkeys(silent(proofs, names), NOT_CALLED)
    layers = []
    for name, output, proof in named_proofs(proofs, names):
        if proof.refused:
            refused[name] = proof.refused
            continue
        layers.append(_Layer(output, name, proof, _columns(name, output, proof, job)))
    for name, why in refused.items():
        exact = job.layers is not None and is_exact(job.layers, name)
        if exact or not layers:
            more = f" (and {len(refused) - 1} more)" if not exact and len(refused) > 1 else ""
            raise MethexisError(f"layer {brief(name)}: {why}{more}")
    return layers, [f"{brief(name)} ({why})" for name, why in refused.items()]


def _columns(name: str, output: Output, proof: Proof, job: Job) -> tuple[Column, ...]:
    """The arrays of a layer, by their sizes."""
    pool = job.pool
    axes = proof.axes
    assert axes is not None  # a layer that was not refused has them
    rest = [n for axis, n in enumerate(proof.shape) if axis not in {axes.samples, *axes.positions}]
    width = int(np.prod(rest, dtype=np.int64))
    places = [proof.shape[axis] for axis in axes.positions]
    pools = bool(places) and pool != "flatten"
    if pool == "flatten":
        width *= int(np.prod(places, dtype=np.int64))
    if pools and len(places) > 1 and pool in {"first", "last", "each"}:
        raise MethexisError(
            f"layer {brief(name)}: expected one axis of positions for pool {pool}, got "
            f"{len(places)} of lengths {places}; pool mean, max or flatten"
        )
    dtype = {"bfloat16": "float32", "float16": "float32" if pools else "float16"}.get(
        proof.dtype, proof.dtype
    )
    about: dict[str, Any] = {
        "layer": output.layer,
        "given": proof.dtype,
        "shape": ["n" if axis == axes.samples else n for axis, n in enumerate(proof.shape)],
        "notes": [f"pooled: {pool}, positions {axes.evidence}"] if pools else [],
    }
    if pools and pool == "each":
        return tuple(
            Column(f"{name}/{place}", width, dtype, about | {"position": place})
            for place in range(job.tokens)
        )
    return (Column(name, width, dtype, about),)


def _features(
    run: Run,
    batch: Batch,
    layers: Sequence[_Layer],
    known: Collection[Output],
    job: Job,
    done: int,
) -> list[NDArray[Any]]:
    """Rows of a batch for every array of the store.

    Raises
    ------
    MethexisError
        If a layer is of another shape than it was proved to be, or not finite.
    """
    by_output = {layer.output: layer for layer in layers}
    stored = {(layer.output.layer, layer.output.part) for layer in layers}
    given: dict[Output, list[NDArray[Any]]] = {}

    def take(output: Output, value: Any) -> None:
        layer = by_output.get(output)
        if layer is None and (output.layer, output.part) in stored and output not in known:
            raise MethexisError(
                f"layer {brief(output.layer)}: expected as many calls in every batch, got more in "
                f"the one that begins with sample {done}"
            )
        if layer is not None:
            given[output] = _rows(layer, value, batch, job, done)

    run(batch, take)
    missing = [layer.name for layer in layers if layer.output not in given]
    if missing:
        raise MethexisError(
            f"layer {brief(missing[0])}: expected as many calls in every batch, got fewer in the "
            f"one that begins with sample {done}"
        )
    return [rows for layer in layers for rows in given[layer.output]]


def _rows(layer: _Layer, value: Any, batch: Batch, job: Job, done: int) -> list[NDArray[Any]]:
    axes = layer.proof.axes
    assert axes is not None
    where = f"layer {brief(layer.name)}"
    shape = () if value is None else tuple(int(n) for n in value.shape)
    if len(shape) != axes.ndim or shape[axes.samples] != batch.size:
        raise MethexisError(
            f"{where}: expected {axes.ndim} axes with the {batch.size} samples along axis "
            f"{axes.samples}, got shape {shape} in the batch that begins with sample {done}"
        )
    try:
        parts = reduced(value, axes, job.pool, batch.mask, job.tokens)
    except ValueError as error:
        raise MethexisError(f"{where}: {error}, which begins with sample {done}") from None
    arrays = []
    for part, column in zip(parts, layer.columns, strict=True):
        rows = np.array(_numpy(part, value), dtype=column.dtype)  # a copy: see torch_models
        if rows.shape != (batch.size, column.width):
            raise MethexisError(
                f"{where}: expected {column.width} features in every batch, got {rows.shape[1]} in "
                f"the one that begins with sample {done}; lengths differ, so pool them, by mean "
                "for example"
            )
        with np.errstate(all="ignore"):
            whole = np.isfinite(rows.sum())
        if not whole and not np.isfinite(rows).all():
            bad = np.argwhere(~np.isfinite(rows))[0]
            raise MethexisError(
                f"{where}: expected finite activations, got {rows[bad[0], bad[1]]} in sample "
                f"{done + int(bad[0])}, feature {int(bad[1])}"
            )
        arrays.append(rows)
    return arrays


def _numpy(part: Any, value: Any) -> Any:
    if not is_tensor(part):
        return part
    return (part.float() if str(value.dtype) == "torch.bfloat16" else part).cpu().numpy()


class _on_disk:
    """A full disk is told with the place where what was written waits."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __enter__(self) -> None:
        """Nothing to begin with."""

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        """Turn what the system says into a sentence."""
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise MethexisError(
                f"out: expected room on the disk of {self._out}, got a full one; what was written "
                f"waits in {self._out.name}.part, and the same call goes on from there"
            ) from None
