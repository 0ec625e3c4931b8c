"""Elements of a group: drawn at random, checked, and raised to what acts on each space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.outside.foreign import doubles
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces.acting import Action, Dense, Monomial
from methexis.probes.interfaces.freedoms import Freedom

#: How far a drawn factor is from 1: it lies between exp(-SPREAD) and exp(SPREAD).
SPREAD = 0.5
#: How far a given matrix may be from what its group asks, in entries.
_TOLERANCE = 1e-8
_APART = ("permutation", "scale", "sign", "positive")


@dataclass(frozen=True)
class Element(Displayed):
    """An element of the group of an interface, one for each of its equal spaces.

    The writer's coordinates become ``new = matrix @ old``; where coordinates stay apart they become
    ``new[i] = factors[i] * old[order[i]]``.

    Attributes
    ----------
    matrix : array (count, size, size), optional
    order : array (count, size) of int, optional
    factors : array (count, size), optional

    Raises
    ------
    MethexisError
        If they are no arrays of numbers, or an order names a coordinate twice.
    """

    matrix: NDArray[np.float64] | None = None
    order: NDArray[np.int64] | None = None
    factors: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name in ("matrix", "factors"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, doubles(name, getattr(self, name)))
        if self.order is not None:
            object.__setattr__(self, "order", _orders(self.order))


def _orders(given: Any) -> NDArray[np.int64]:
    order = doubles("order", given)
    if order.ndim != 2 or not (np.sort(order, axis=1) == np.arange(order.shape[1])).all():
        raise MethexisError(
            "order: expected rows that name each coordinate from 0 once, got another array "
            f"of shape {order.shape}"
        )
    return order.astype(np.int64)


def mixes(group: str) -> bool:
    """Whether elements of a group are matrices that mix coordinates."""
    return group.split(maxsplit=1)[0] not in _APART


def drawn(freedom: Freedom, count: int, rng: np.random.Generator) -> Element:
    """A random element, well conditioned, so that rounding stays rounding."""
    size = freedom.size
    if mixes(freedom.group):
        return Element(matrix=np.stack([_matrix(freedom.group, size, rng) for _ in range(count)]))
    order = factors = None
    if freedom.order:
        order = np.stack([rng.permutation(size) for _ in range(count)])
    if freedom.powers:
        factors = np.ones((count, size))
        if "scale" in freedom.group:
            factors = np.exp(rng.uniform(-SPREAD, SPREAD, size=(count, size)))
        if "positive" not in freedom.group:
            factors = factors * rng.choice([-1.0, 1.0], size=(count, size))
    return Element(order=order, factors=factors)


def _matrix(group: str, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    left = _rotation(size, rng)
    if group == "linear":
        scaled: NDArray[np.float64] = left * np.exp(rng.uniform(-SPREAD, SPREAD, size=size))
        return scaled @ _rotation(size, rng)
    if group == "rotation":
        return left
    if "planes" in group:
        return _of_planes(group, size, rng)
    basis = about_ones(size)
    inner = np.eye(size)
    inner[1:, 1:] = _rotation(size - 1, rng)
    about: NDArray[np.float64] = basis @ inner @ basis
    return about


def _of_planes(group: str, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """One complex number per plane, as a real matrix."""
    half = size // 2
    angles = rng.uniform(-np.pi, np.pi, size=half)
    sizes = np.exp(rng.uniform(-SPREAD, SPREAD, size=half)) if "scaled" in group else np.ones(half)
    matrix = np.zeros((size, size))
    for a, b, angle, scale in zip(*places_of_planes(group, size), angles, sizes, strict=True):
        matrix[a, a] = matrix[b, b] = scale * np.cos(angle)
        matrix[b, a] = scale * np.sin(angle)
        matrix[a, b] = -matrix[b, a]
    return matrix


def places_of_planes(group: str, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the first and of the second coordinate of each plane."""
    every = np.arange(size)
    if "halves" in group:
        return every[: size // 2], every[size // 2 :]
    return every[::2], every[1::2]


def about_ones(size: int) -> NDArray[np.float64]:
    """The reflection that takes the first axis to the vector of ones, up to its length.

    Examples
    --------
    >>> np.allclose(about_ones(3)[0], np.ones(3) / np.sqrt(3))
    True
    """
    normal = np.full(size, -1 / np.sqrt(size))
    normal[0] += 1
    if not normal.any():
        return np.eye(size)
    reflection: NDArray[np.float64] = np.eye(size) - 2 * np.outer(normal, normal) / (
        normal @ normal
    )
    return reflection


def _rotation(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    turned: NDArray[np.float64] = q * np.sign(np.diag(r))
    return turned


def checked(given: Any, freedom: Freedom, count: int, where: str) -> Element:
    """An element from what a user gave: one of ours, or a matrix for each of the spaces.

    Raises
    ------
    MethexisError
        If it has other sizes, or is not in the group.
    """
    if isinstance(given, Element):
        return _in_group(given, freedom, count, where)
    matrix = doubles(where, given)
    if matrix.ndim == 2 and count == 1:
        matrix = matrix[None]
    if matrix.shape != (count, freedom.size, freedom.size):
        raise MethexisError(
            f"{where}: expected an element, or matrices of shape "
            f"({count}, {freedom.size}, {freedom.size}), got shape {matrix.shape}"
        )
    if mixes(freedom.group):
        return _in_group(Element(matrix=matrix), freedom, count, where)
    apart = (matrix != 0).sum(axis=1).max() == 1 and (matrix != 0).sum(axis=2).max() == 1
    if not apart or not (matrix != 0).any(axis=2).all():
        raise MethexisError(
            f"{where}: expected one entry in each row and column, because coordinates here do not "
            f"mix ({freedom.group}), got another matrix"
        )
    order = np.argmax(matrix != 0, axis=2)
    factors = np.take_along_axis(matrix, order[:, :, None], axis=2)[:, :, 0]
    plain = order if (order != np.arange(freedom.size)).any() else None
    return _in_group(
        Element(order=plain, factors=factors if (factors != 1).any() else None),
        freedom, count, where,
    )  # fmt: skip


def _in_group(element: Element, freedom: Freedom, count: int, where: str) -> Element:
    size = freedom.size
    shapes = {"matrix": (count, size, size), "order": (count, size), "factors": (count, size)}
    for name, shape in shapes.items():
        value = getattr(element, name)
        if value is not None and (np.shape(value) != shape or not np.isfinite(value).all()):
            raise MethexisError(
                f"{where}: expected finite {name} of shape {shape}, got {np.shape(value)}"
            )
    if (element.matrix is not None) != mixes(freedom.group):
        raise MethexisError(
            f"{where}: expected an element of the group {freedom.group!r}, got one of another kind"
        )
    if element.matrix is not None:
        _see_matrix(element.matrix, freedom.group, where)
    if element.order is not None and not freedom.order:
        raise MethexisError(
            f"{where}: expected coordinates in their order, as the group {freedom.group!r} has "
            "them, got another order"
        )
    if element.factors is not None:
        _see_factors(element.factors, freedom, where)
    return element


def _see_matrix(matrix: NDArray[np.float64], group: str, where: str) -> None:
    size = matrix.shape[-1]
    if group == "linear":
        if (np.linalg.cond(matrix) * np.finfo(float).eps * size > 1).any():
            raise MethexisError(f"{where}: expected invertible matrices, got a singular one")
        return
    if "planes" in group:
        _see_planes(matrix, group, where)
        if "scaled" in group:
            return
    off = np.abs(np.swapaxes(matrix, -1, -2) @ matrix - np.eye(size)).max()
    if off > _TOLERANCE:
        raise MethexisError(f"{where}: expected rotations, got a matrix that is off by {off:.1e}")
    if group == "rotation about ones" and np.abs(matrix.sum(axis=-1) - 1).max() > _TOLERANCE:
        raise MethexisError(
            f"{where}: expected rotations that leave the vector of ones alone, got another one"
        )


def _see_planes(matrix: NDArray[np.float64], group: str, where: str) -> None:
    a, b = places_of_planes(group, matrix.shape[-1])
    rebuilt = np.zeros_like(matrix)
    real, imaginary = matrix[:, a, a], matrix[:, b, a]
    rebuilt[:, a, a] = rebuilt[:, b, b] = real
    rebuilt[:, b, a], rebuilt[:, a, b] = imaginary, -imaginary
    if np.abs(matrix - rebuilt).max() > _TOLERANCE or ((real == 0) & (imaginary == 0)).any():
        raise MethexisError(
            f"{where}: expected matrices that turn and scale each plane by itself ({group}), got "
            "another matrix"
        )


def _see_factors(factors: NDArray[np.float64], freedom: Freedom, where: str) -> None:
    group = freedom.group
    wrong = (
        (not freedom.powers and (factors != 1).any())
        or ("positive" in group and (factors <= 0).any())
        or ("sign" in group and (np.abs(factors) != 1).any())
        or (factors == 0).any()
    )
    if wrong:
        raise MethexisError(
            f"{where}: expected factors of the group {group!r}, got others, such as "
            f"{float(factors.flat[np.argmin(factors)]):.3g}"
        )


def action_of(freedom: Freedom, element: Element, index: int, device: Any) -> Action:
    """What acts on each space of one of the equal freedoms."""
    if element.matrix is not None:
        matrix = torch.as_tensor(element.matrix[index], dtype=torch.float64, device=device)
        dense = Dense(matrix, torch.linalg.inv(matrix).T)
        other = Dense(dense.turned, dense.matrix)
        return {key: other if turned else dense for key, turned in freedom.turned.items()}
    order = None if element.order is None else torch.as_tensor(element.order[index], device=device)
    factors = None
    if element.factors is not None:
        factors = torch.as_tensor(element.factors[index], dtype=torch.float64, device=device)
    action: Action = {}
    for key in {*freedom.order, *freedom.powers}:
        power = freedom.powers.get(key, 0)
        action[key] = Monomial(order, None if factors is None or not power else factors**power)
    return action
