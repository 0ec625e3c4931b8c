"""What is right: a call, and the sources, students, features and weights that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import methexis as mx

_RNG = np.random.default_rng(0)
X = _RNG.normal(size=(14, 4))
Y = X[:, :3] @ _RNG.normal(size=(3, 3)) + 0.5 * _RNG.normal(size=(14, 3))
TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
STUDENT = mx.EDLN(hidden=(3,))
WEIGHTS = mx.theory.random_minimum(TEACHER, STUDENT, seed=1, spread=0.3)
COV = np.cov(_RNG.normal(size=(3, 20)))
OTHER = np.cov(_RNG.normal(size=(3, 20)))
LABELS = [f"s{i}" for i in range(14)]
RDMS = [mx.measures.rdm(X + 0.3 * _RNG.normal(size=X.shape)) for _ in range(3)]


@dataclass(frozen=True)
class Recipe:
    """A call that is right.

    Attributes
    ----------
    call : callable
        Takes the arguments by their names.
    arguments : dict
        Good ones.
    fixed : dict
        Those that stay as they are.
    nan : bool or tuple of str
        Whether its docstring says where it gives NaN without a warning; or in which places.
    skip : tuple of (argument, member)
        What is right there after all.
    """

    call: Callable[..., Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    nan: bool | tuple[str, ...] = False
    skip: tuple[tuple[str, str], ...] = ()
