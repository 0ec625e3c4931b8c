"""What a run measured as a table: a row for each record of a student, a replica or a pair."""

from __future__ import annotations

from typing import Any

import xarray as xr

from methexis.core.checks import one_of

#: Dimensions besides step, cells and replica that a row has its place on.
ROWS: dict[str, tuple[str, ...]] = {
    "student": ("student",),
    "layer": ("layer",),
    "pair": ("layer_a", "layer_b"),
    "replica": (),
}


def records(data: xr.Dataset, per: str) -> Any:
    """A `pandas.DataFrame` of all that was recorded per student, layer, pair or replica.

    Raises
    ------
    MethexisError
        If ``per`` is none of these.
    """
    places = ROWS[one_of("per", per, tuple(ROWS))]
    common = {"step", *map(str, data["diverged_step"].dims)}
    told = {name: values for name, values in data.items() if set(values.dims) == common | {*places}}
    if per == "replica":
        told["worst_pair"] = data["alignment"].min(dim=("layer_a", "layer_b"), skipna=False)
    along = xr.Dataset({name: data[name] for name in ("slow_time",) if name in data})
    return xr.Dataset(told).merge(along).to_dataframe().reset_index()
