"""Cells: hyper-parameters with named dimensions, joined into one batch of networks.

A hyper-parameter is a number, or an `xarray.DataArray` with named dimensions. All dimensions of all
hyper-parameters together span the cells of a run, as in an outer product: one network of each
replica number is trained in every cell. Two hyper-parameters that share a dimension vary together
along it, so they must have the same coordinates there.

Inside a run there is only one flat axis of networks: cell-major, the replica running fastest. It is
unfolded into ``(*cells, replica)`` where results are labelled, and nowhere else. What a network
does depends on its own hyper-parameters, seed and replica number alone, so a cell trained alone has
the bits that it has in the batch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError, integer, number

#: Hyper-parameters of optimisers that may differ from network to network; what an optimiser lacks
#: is 0.
HYPER = ("lr", "weight_decay", "l2", "momentum", "beta1", "beta2", "eps", "rho")

#: A number for all networks, or one per cell along named dimensions.
HyperParameter = float | xr.DataArray

# Names of dimensions and variables that results have anyway.
_TAKEN = re.compile(
    r"step|network|replica|student|layer(_[ab])?|hidden_layer|mode(_\d+)?"
    r"|unit_\d+(_b)?|(in|out)put(_b)?|given_output|problem_\w+|condition|learning_rate|slow_time"
    r"|(diverged|collapsed)_step|(weights|biases|charges|spectrum)_\d+|embed_(in|out)"
    r"|predicted_\w+|universal_kernel|loss|accuracy|sharpness|hessian_trace|imbalance|entropic_gap"
    r"|(entropy|entropy_ratio|theory_alignment|alignment)(_projected)?"
    r"|source(_\w+)?|given_\w+|seen_input|private_input(_b)?|student_\d+"
)


def hyper_parameter(
    name: str,
    value: Any,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> HyperParameter:
    """Check a hyper-parameter: a finite number in a range, or a `DataArray` of such numbers.

    Raises
    ------
    MethexisError
        On a number outside the range, or dimensions that cannot become cells.

    Examples
    --------
    >>> hyper_parameter("lr", 0.1, above=0.0)
    0.1
    """
    if not isinstance(value, xr.DataArray):
        _one_value(name, value)
        return number(name, value, least=least, above=above, below=below)
    _check_dims(name, value)
    if value.dtype.kind not in "fiu":
        raise MethexisError(f"{name}: expected real numbers, got dtype {value.dtype}")
    flat = np.asarray(value.values, dtype=np.float64).ravel()
    good = np.isfinite(flat) & (flat >= least) & (flat > above) & (flat < below)
    if not good.all():
        number(name, float(flat[~good][0]), least=least, above=above, below=below)
    return value.astype(np.float64)


def plain(name: str, value: HyperParameter) -> float:
    """Return a hyper-parameter that is the same for all networks.

    Raises
    ------
    MethexisError
        If it varies from cell to cell.
    """
    if isinstance(value, xr.DataArray):
        if value.ndim:
            raise MethexisError(f"{name}: expected one number here, got one along {value.dims}")
        return float(value)
    return value


def seed_parameter(value: Any) -> int | xr.DataArray:
    """Check a seed: an integer from 0 to 2**64 - 1, or a `DataArray` of them.

    Raises
    ------
    MethexisError
        On anything else, or dimensions that cannot become cells.
    """
    if not isinstance(value, xr.DataArray):
        _one_value("seed", value)
        return integer("seed", value, least=0, most=2**64 - 1)
    _check_dims("seed", value)
    if value.dtype.kind not in "iu":
        raise MethexisError(f"seed: expected integers, got dtype {value.dtype}")
    integer("seed", int(value.values.min()), least=0, most=2**64 - 1)
    return value.astype(np.uint64)


def _one_value(name: str, value: Any) -> None:
    """Refuse several values without a name of their dimension, and say how to give them one."""
    if not isinstance(value, list | tuple | np.ndarray):
        return
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return
    raise MethexisError(
        f"{name}: expected one number, or for several values an array with a named dimension, "
        f"xarray.DataArray(values, dims='{name}'), got {type(value).__name__} without one"
    )


def _check_dims(name: str, value: xr.DataArray) -> None:
    for dim, size in value.sizes.items():
        if not isinstance(dim, str) or not dim.isidentifier() or re.fullmatch(r"dim_\d+", dim):
            raise MethexisError(
                f"{name}: expected named dimensions, DataArray(values, dims='name'), got {dim!r}"
            )
        if _TAKEN.fullmatch(dim):
            raise MethexisError(
                f"{name}: expected another name for a dimension, got {dim!r}, which results have"
            )
        if size == 0:
            raise MethexisError(f"{name}: expected at least one value along {dim!r}, got none")


@dataclass(frozen=True, eq=False)
class Cells:
    """The joined dimensions of all hyper-parameters of a run; build it with `join`."""

    #: Length of each dimension, in order; empty where all hyper-parameters are numbers.
    sizes: dict[str, int]
    coords: dict[str, xr.Variable]  # coordinates of the dimensions that have any
    parameters: dict[str, xr.Variable]  # hyper-parameters along their own dimensions

    @property
    def num_cells(self) -> int:
        """Number of cells; 1 without dimensions."""
        return math.prod(self.sizes.values())

    @property
    def dims(self) -> tuple[Hashable, ...]:
        """Names of the dimensions."""
        return tuple(self.sizes)

    def values(self, name: str) -> NDArray[Any]:
        """One hyper-parameter in every cell, ``(num_cells,)``."""
        value = self.parameters[name]
        order = sorted(value.dims, key=self.dims.index)
        shape = [size if dim in value.dims else 1 for dim, size in self.sizes.items()]
        own = value.transpose(*order).values.reshape(shape)
        return np.broadcast_to(own, tuple(self.sizes.values())).flatten()

    def per_network(self, name: str, num_replicas: int) -> NDArray[Any]:
        """One hyper-parameter of every network, ``(num_cells * num_replicas,)``."""
        return np.repeat(self.values(name), num_replicas)

    def unfold(self, values: NDArray[Any], axis: int, num_replicas: int) -> NDArray[Any]:
        """Split the axis of networks into ``(*cells, replica)``."""
        before, after = values.shape[:axis], values.shape[axis + 1 :]
        return values.reshape(*before, *self.sizes.values(), num_replicas, *after)

    def describe(self, name: str) -> Any:
        """One hyper-parameter as plain data: a number, or its dimensions and values."""
        value = self.parameters[name]
        if not value.dims:
            return value.values.item()
        return {"dims": list(value.dims), "values": value.values.tolist()}

    def describe_dims(self) -> dict[str, Any]:
        """Dimensions as plain data: coordinates, or the length where there are none."""
        return {
            dim: self.coords[dim].values.tolist() if dim in self.coords else size
            for dim, size in self.sizes.items()
        }


def join(parameters: Mapping[str, float | int | xr.DataArray]) -> Cells:
    """Outer join of the dimensions of all hyper-parameters, in order of appearance.

    Raises
    ------
    MethexisError
        If two hyper-parameters have different coordinates, or lengths, along one dimension.

    Examples
    --------
    >>> lr = xr.DataArray([0.1, 0.2], coords={"lr": [0.1, 0.2]})
    >>> cells = join({"lr": lr, "rho": 0.5, "seed": xr.DataArray([7, 8, 9], dims="trial")})
    >>> cells.sizes
    {'lr': 2, 'trial': 3}
    >>> cells.values("lr").tolist()
    [0.1, 0.1, 0.1, 0.2, 0.2, 0.2]
    """
    sizes: dict[str, int] = {}
    coords: dict[str, xr.Variable] = {}
    owner: dict[str, str] = {}
    variables: dict[str, xr.Variable] = {}
    for name, value in parameters.items():
        if not isinstance(value, xr.DataArray):
            variables[name] = xr.Variable((), np.asarray(value))
            continue
        variables[name] = value.variable
        for dim, size in value.sizes.items():
            key = str(dim)
            if sizes.setdefault(key, size) != size:
                raise MethexisError(
                    f"{name}: expected {sizes[key]} values along {key!r} as in {owner[key]}, got "
                    f"{size}"
                )
            owner.setdefault(key, name)
        for label, coordinate in value.coords.items():
            _add_coordinate(coords, owner, name, str(label), coordinate)
    clash = [key for key in coords if key in sizes and coords[key].dims != (key,)]
    if clash:
        raise MethexisError(
            f"cells: expected coordinates along their dimensions, got {clash[0]!r} as both a "
            "dimension and another coordinate"
        )
    return Cells(sizes, coords, variables)


def _add_coordinate(
    coords: dict[str, xr.Variable],
    owner: dict[str, str],
    name: str,
    key: str,
    coordinate: xr.DataArray,
) -> None:
    """Take over a coordinate; refuse one that contradicts an earlier one."""
    values = np.asarray(coordinate.values)
    if values.dtype.kind == "O" and all(isinstance(v, str) for v in values.ravel()):
        values = values.astype(np.str_)
    if values.dtype.kind not in "biufU":
        raise MethexisError(
            f"{name}: expected numbers or strings as coordinate {key!r}, got dtype {values.dtype}"
        )
    if _TAKEN.fullmatch(key):
        raise MethexisError(
            f"{name}: expected another name for a coordinate, got {key!r}, which results have"
        )
    new = xr.Variable(coordinate.dims, values)
    old = coords.setdefault(key, new)
    source = owner.setdefault(f"coordinate {key}", name)
    if old.dims != new.dims or not np.array_equal(old.values, new.values):
        raise MethexisError(
            f"{name}: expected the coordinates {key!r} of {source}, "
            f"{_short(old.values)}, got {_short(new.values)}"
        )


def _short(values: NDArray[Any]) -> str:
    shown = ", ".join(str(v) for v in values.ravel()[:4])
    return f"({shown}{', …' if values.size > 4 else ''})"


def per_network(cells: Cells, num_replicas: int) -> dict[str, Array]:
    """All hyper-parameters of optimisers in `HYPER`, per network, as float64."""
    size = cells.num_cells * num_replicas
    return {
        name: np.asarray(cells.per_network(name, num_replicas), dtype=np.float64)
        if name in cells.parameters
        else np.zeros(size)
        for name in HYPER
    }
