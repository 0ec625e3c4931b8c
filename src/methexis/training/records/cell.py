"""One cell of a run, or some: its variables and its provenance, as of a run of its own."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from methexis.errors import MethexisError
from methexis.training.records.storage import MEASURED_NETWORKS


def taken(
    held: xr.DataTree, tree: xr.DataTree, record: dict[str, Any], labels: Mapping[str, Any]
) -> xr.DataTree:
    """Take one cell of all that a run holds, or some, by values of coordinates; as `Run.cell`.

    Parameters
    ----------
    held, tree : DataTree
        All that is stored, and the same without the source.
    record : dict
        The run's provenance.
    labels : mapping
        Along each dimension named, the value of its coordinate, or the position without.

    Raises
    ------
    MethexisError
        If there is no such dimension or value.
    """
    places = _places(tree, labels)
    groups = {node.path: select(node.to_dataset(inherit=False), places) for node in held.subtree}
    network = tuple(tree["diverged_step"].sizes.items())
    for variable in groups["/"].data_vars.values():
        if MEASURED_NETWORKS in variable.attrs:
            networks = variable.attrs[MEASURED_NETWORKS]
            variable.attrs[MEASURED_NETWORKS] = networks_at(networks, network, places)
    groups["/"].attrs["provenance"] = json.dumps(provenance_at(record, places))
    return xr.DataTree.from_dict(groups)


def _places(tree: xr.DataTree, labels: Mapping[str, Any]) -> dict[str, int]:
    """Positions of labels along their dimensions."""
    sizes = dimensions(tree)
    places = {}
    for dim, label in labels.items():
        if dim not in sizes:
            raise MethexisError(
                f"cell: expected one of the dimensions {', '.join(sizes) or 'none'}, got {dim!r}"
            )
        values = tree[dim].values if dim in tree.coords else range(sizes[dim])
        matching = np.flatnonzero(np.asarray(values) == label)
        if len(matching) != 1:
            raise MethexisError(f"cell: expected one value of {dim}, got {label!r}")
        places[dim] = int(matching[0])
    return places


def dimensions(tree: xr.DataTree) -> dict[str, int]:
    """Dimensions of the cells and their lengths; empty without."""
    sizes = tree["diverged_step"].sizes
    return {str(dim): size for dim, size in sizes.items() if dim != "replica"}


def networks_at(
    networks: Sequence[int], sizes: tuple[tuple[Hashable, int], ...], places: dict[str, int]
) -> list[int]:
    """Networks among those of some cells, counted anew there."""
    chosen = np.zeros([size for _, size in sizes], dtype=np.bool_)
    chosen.flat[np.asarray(networks, dtype=np.int64)] = True
    taken = chosen[tuple(places.get(str(dim), slice(None)) for dim, _ in sizes)]
    renumbered: list[int] = np.flatnonzero(taken).tolist()
    return renumbered


def select(data: xr.Dataset, places: dict[str, int]) -> xr.Dataset:
    """Take some cells; what varies no longer is told as in a run in which it never did."""
    part = data.isel({dim: at for dim, at in places.items() if dim in data.dims})
    for name in [str(name) for name in part.data_vars]:
        closed_form = name.startswith("predicted_") or name == "universal_kernel"
        if closed_form and part[name].isnull().all():
            part = part.drop_vars(name)
        elif closed_form and not part[name].dims:
            part.attrs[name] = float(part[name])
            part = part.drop_vars(name)
    return part


def provenance_at(record: dict[str, Any], places: dict[str, int]) -> dict[str, Any]:
    """Provenance of a cell: each hyper-parameter's own value, and the dimensions left."""
    result: dict[str, Any] = {}
    for key, value in record.items():
        if key == "cells":
            left = {dim: labels for dim, labels in value.items() if dim not in places}
            result |= {"cells": left} if left else {}
            taken = {
                dim: labels[places[dim]] if isinstance(labels, list) else places[dim]
                for dim, labels in value.items()
                if dim in places
            }
            result["cell"] = record.get("cell", {}) | taken
        elif isinstance(value, dict) and value.keys() == {"dims", "values"}:
            index = tuple(places.get(dim, slice(None)) for dim in value["dims"])
            kept = [dim for dim in value["dims"] if dim not in places]
            values = np.asarray(value["values"])[index].tolist()
            result[key] = {"dims": kept, "values": values} if kept else values
        elif isinstance(value, dict) and key != "cell":
            result[key] = provenance_at(value, places)
        elif key not in result:
            result[key] = value
    return result
