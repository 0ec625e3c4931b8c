"""A tree of labelled arrays on disk, in zarr types that have a specification.

Zarr 3 has no stable type for fixed-length strings, so an array of strings is stored as positions
``0 … n - 1`` with the strings in its attribute ``labels``, which any reader of zarr can see. The
order of groups and variables, which folders do not keep, is in attributes as well. All this is
undone on reading: what is read is identical to what was written, or else reading fails.
"""

from __future__ import annotations

import shutil
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

_LABELS = "labels"
_ORDER = "variables"
_GROUPS = "groups"


def write_tree(tree: xr.DataTree, path: Path) -> None:
    """Write ``tree`` to a new zarr store at ``path``; whole or not at all.

    An older store there is replaced only when the new one is complete.

    Raises
    ------
    OSError
        If it cannot be written; an older store is then left as it was.
    """
    partial = path.with_name(path.name + ".partial")
    old = path.with_name(path.name + ".old")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)
        groups = {node.path: _encoded(node.to_dataset(inherit=False)) for node in tree.subtree}
        groups["/"].attrs[_GROUPS] = list(groups)
        with zarr.config.set({"array.write_empty_chunks": True}):
            xr.DataTree.from_dict(groups).to_zarr(partial, mode="w", consolidated=False)
        if path.is_dir():
            path.replace(old)
        partial.replace(path)
    except BaseException:
        if old.is_dir() and not path.exists():
            old.replace(path)
        raise
    finally:
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)


def read_tree(path: Path, *, every_chunk: bool = True) -> xr.DataTree:
    """Read what `write_tree` wrote, into memory.

    Parameters
    ----------
    path : path
        The store.
    every_chunk : bool
        Whether every chunk must be there. Zarr itself takes a missing one for a chunk of fill
        values, and does not write those by default.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, RuntimeError
        If there is no whole store of ours at ``path``.
    """
    if every_chunk:
        _require_chunks(path)
    with xr.open_datatree(path, engine="zarr", consolidated=False) as tree:
        return xr.DataTree.from_dict(
            {path: _decoded(_dataset_at(tree, path)) for path in tree.attrs[_GROUPS]}
        )


def _require_chunks(path: Path) -> None:
    for name, node in zarr.open_group(path, mode="r").members(max_depth=None):
        if isinstance(node, zarr.Array) and node.nchunks_initialized < node.nchunks:
            raise ValueError(
                f"{name} has {node.nchunks_initialized} of {node.nchunks} chunks, the others are "
                "lost"
            )


def _dataset_at(tree: xr.DataTree, path: str) -> xr.Dataset:
    node = tree[path]
    if not isinstance(node, xr.DataTree):
        raise KeyError(path)
    return node.to_dataset(inherit=False)


def _encoded(data: xr.Dataset) -> xr.Dataset:
    variables = {name: _positions(value) for name, value in data.variables.items()}
    order = [str(name) for name in (*data.coords, *data.data_vars)]
    return _dataset(variables, list(data.coords), data.attrs | {_ORDER: order})


def _decoded(data: xr.Dataset) -> xr.Dataset:
    variables = {name: _strings(data.variables[name]) for name in data.attrs[_ORDER]}
    attrs = {name: value for name, value in data.attrs.items() if name not in (_ORDER, _GROUPS)}
    return _dataset(variables, [name for name in variables if name in data.coords], attrs)


def _dataset(
    variables: dict[Hashable, xr.Variable], coords: list[Hashable], attrs: dict[str, object]
) -> xr.Dataset:
    return xr.Dataset(
        {name: value for name, value in variables.items() if name not in coords},
        coords={name: variables[name] for name in coords},
        attrs=attrs,
    )


def _positions(variable: xr.Variable) -> xr.Variable:
    values = np.asarray(variable.values)
    if values.dtype.kind != "U":
        return xr.Variable(variable.dims, values, variable.attrs)
    places = np.arange(values.size).reshape(values.shape)
    return xr.Variable(variable.dims, places, variable.attrs | {_LABELS: values.ravel().tolist()})


def _strings(variable: xr.Variable) -> xr.Variable:
    attrs = dict(variable.attrs)
    values = np.asarray(variable.values)
    if _LABELS in attrs:
        values = np.array(attrs.pop(_LABELS), dtype=np.str_)[values]
    return xr.Variable(variable.dims, values, attrs)
