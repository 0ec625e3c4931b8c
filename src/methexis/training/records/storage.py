"""A tree of labelled arrays on disk, in zarr types that have a specification.

Zarr 3 has no stable type for fixed-length strings, so an array of strings is stored as positions
``0 … n - 1`` with the strings in its attribute ``labels``, which any reader of zarr can see. The
order of groups and variables, which folders do not keep, is in attributes as well. All this is
undone on reading: what is read is identical to what was written, or else reading fails. Every chunk
carries zarr's crc32c, and the whole store is sealed (`methexis.training.records.sealing`).
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from methexis.files import files_below
from methexis.training.records.sealing import SEALS, check_seal, is_sealed, seal

#: The attribute of the root that says which format a store has.
VERSION = "format_version"
#: Attributes of a costly quantity that was not measured of all: places of those networks of which
#: it was, counted over ``(*cells, replica)``; and the recorded steps at which it was.
MEASURED_NETWORKS, MEASURED_STEPS = "measured_networks", "measured_steps"
#: Formats from which on every chunk is written, and the store is sealed.
_COMPLETE, _SEALED = 2, 3
#: Names of files that zarr writes: of a node, and the only chunk of an array without dimensions.
_OWN = {"zarr.json", "c"}
_LABELS = "labels"
_ORDER = "variables"
_GROUPS = "groups"


def write_tree(tree: xr.DataTree, path: Path, version: int) -> None:
    """Write ``tree`` to a new zarr store at ``path``, sealed; half of it if that fails.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    groups = {node.path: _encoded(node.to_dataset(inherit=False)) for node in tree.subtree}
    groups["/"].attrs |= {_GROUPS: list(groups), VERSION: version}
    codecs = (Crc32cCodec(), ZstdCodec())
    encoding = {
        path: {str(name): {"compressors": codecs} for name in group.variables}
        for path, group in groups.items()
    }
    with zarr.config.set({"array.write_empty_chunks": True}):
        xr.DataTree.from_dict(groups).to_zarr(
            path, mode="w-", consolidated=False, encoding=encoding
        )
    seal(path)


def read_tree(path: Path, version: int) -> xr.DataTree:
    """Read what `write_tree` wrote, into memory.

    Parameters
    ----------
    path : path
        The store.
    version : int
        Its format. From 2 on every chunk must be there: zarr itself takes a missing one for a chunk
        of fill values. From 3 on stores are sealed.

    Raises
    ------
    Exception
        Of any type, by the libraries that read it, if there is no whole store of ours at ``path``.
    """
    if version >= _SEALED or is_sealed(path):
        check_seal(path)
    elif version >= _COMPLETE:
        _require_chunks(path)
    with xr.open_datatree(path, engine="zarr", consolidated=False) as tree:
        return xr.DataTree.from_dict(
            {path: _decoded(_dataset_at(tree, path)) for path in tree.attrs[_GROUPS]}
        )


def strangers(path: Path) -> list[str]:
    """Files in a store that are not of the run that it says it holds; nothing if it holds none.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, AttributeError
        If the store does not say what it holds.
    """
    nodes = set()
    for group in _attributes(path)[_GROUPS]:
        below = str(group).strip("/")
        nodes.add(below)
        nodes |= {f"{below}/{name}".strip("/") for name in _attributes(path / below)[_ORDER]}
    foreign = []
    for name in files_below(path):
        parts = name.split("/")
        at = parts.index("c") if "c" in parts else len(parts) - 1
        if "/".join(parts[:at]) not in nodes or (at == len(parts) - 1 and parts[-1] not in _OWN):
            foreign.append(name)
    return foreign


def _attributes(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
    attributes: dict[str, Any] = content["attributes"]
    return attributes


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
    own = {_ORDER, _GROUPS, *SEALS}
    attrs = {name: value for name, value in data.attrs.items() if name not in own}
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
