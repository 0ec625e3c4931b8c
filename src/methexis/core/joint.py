"""All that several students see together: the shared input and each one's private features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher


def joint_inputs(
    source: Teacher | Samples, students: Sequence[EDLN | MLP]
) -> tuple[Array, list[list[int]]]:
    """Second moment of ``[x; u_0; u_1; …]`` and where each student's inputs stand in it.

    Examples
    --------
    >>> joint_inputs(Teacher([[1.0, 0.0]]), [EDLN((2,)), EDLN((3,))])[1]
    [[0, 1], [0, 1]]
    """
    shared = source.dim_x
    privates = [] if isinstance(source, Samples) else [s.view.private_cov for s in students]
    total = shared + sum(len(p) for p in privates if p is not None)
    moment = np.zeros((total, total))
    moment[:shared, :shared] = source.cov_x
    places = []
    at = shared
    for k in range(len(students)):
        private = privates[k] if privates else None
        size = 0 if private is None else len(private)
        if private is not None:
            moment[at : at + size, at : at + size] = private
        places.append([*range(shared), *range(at, at + size)])
        at += size
    return moment, places
