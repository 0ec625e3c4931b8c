"""`EDLN`: an embedded deep linear network, as a specification without weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from methexis.core.checks import Array, hidden_widths, integer, number, real_array
from methexis.core.linalg import random_conditioned
from methexis.core.parallel.threads import one_blas_thread
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher, source_name
from methexis.core.view import View
from methexis.display import Displayed


@dataclass(frozen=True, eq=False)
class EDLN(Displayed):
    r"""A student ``f(x) = M_O W_D … W_1 M_I Z x`` with frozen ``M_I``, ``M_O``, ``Z``.

    Parameters
    ----------
    hidden : sequence of int
        Widths ``d_1 … d_{D-1}`` of the hidden layers; the depth is ``D = len(hidden) + 1 >= 2``.
    embed_in : array (d_0, num_seen), optional
        ``M_I``; identity by default.
    embed_out : array (num_labels, d_D), optional
        ``M_O``; identity by default.
    view : View or array, optional
        What the student sees; a bare matrix is shorthand for ``View(matrix)``.

    Raises
    ------
    MethexisError
        If there is no hidden layer, a width is below 1, or an array is bad.

    Examples
    --------
    >>> EDLN(hidden=(12, 16, 9)).depth
    4
    """

    hidden: tuple[int, ...]
    embed_in: Array | None
    embed_out: Array | None
    view: View

    def __init__(
        self,
        hidden: Sequence[int],
        embed_in: ArrayLike | None = None,
        embed_out: ArrayLike | None = None,
        view: View | ArrayLike | None = None,
    ) -> None:
        object.__setattr__(self, "hidden", hidden_widths(hidden))
        for name, value in (("embed_in", embed_in), ("embed_out", embed_out)):
            checked = None if value is None else real_array(name, value, (None, None))
            object.__setattr__(self, name, checked)
        if not isinstance(view, View):
            view = View(view)
        object.__setattr__(self, "view", view)

    @classmethod
    @one_blas_thread
    def random(
        cls,
        source: Teacher | Samples,
        hidden: Sequence[int],
        *,
        condition: float = 3.0,
        seed: int = 0,
    ) -> EDLN:
        """Draw a student with random square embeddings and view.

        ``M_I``, ``M_O`` and ``Z`` are independent, each with the given condition number and
        determinant of size 1 (`core.linalg.random_conditioned`).

        Examples
        --------
        >>> teacher = Teacher.random(dim_x=4, dim_y=3, seed=0)
        >>> EDLN.random(teacher, hidden=(5, 4), condition=3.0, seed=2).embed_out.shape
        (3, 3)
        """
        source_name(source)
        condition = number("condition", condition, least=1.0)
        generator = np.random.default_rng(integer("seed", seed, least=0))
        embed_in = random_conditioned(source.dim_x, condition, generator)
        embed_out = random_conditioned(source.dim_y, condition, generator)
        view = random_conditioned(source.dim_x, condition, generator)
        return cls(hidden, embed_in, embed_out, View(view))

    @property
    def depth(self) -> int:
        """Number of trainable layers ``D``."""
        return len(self.hidden) + 1
