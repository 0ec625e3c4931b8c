"""What balance leaves open: which axes a linear interface has, and in which order units come.

Balance fixes an element up to a rotation, or up to the order of units. Sweeps take the one that is
nearest to no change. *Principal* axes make the rest a matter of the function too: the common moment
``A = B`` becomes diagonal with its eigenvalues falling, units come in the order of their moments,
and the largest number of each row that writes is positive. So two models that differ by a change of
gauge come out with the same weights, where no two eigenvalues are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.probes.canonical.meeting import Meeting
from methexis.probes.canonical.steps import Moments
from methexis.probes.interfaces import weights
from methexis.probes.interfaces.elements import Element
from methexis.probes.interfaces.traced import Traced


def made_principal(
    model: Any, traced: Traced, meetings: Sequence[Meeting], moments: Sequence[Sequence[Moments]]
) -> None:
    """Turn every interface to its principal axes; none of them sees the others turn."""
    for meeting, each in zip(meetings, moments, strict=True):
        if meeting.mixes:
            turned = np.stack([_axes(0.5 * (one.above + one.below)) for one in each])
            traced.act(model, meeting.freedoms, Element(matrix=turned))
            signs = np.stack([np.diag(one) for one in _signs(model, meeting)])
            traced.act(model, meeting.freedoms, Element(matrix=signs))
        elif "permutation" in meeting.interface.group:
            order = np.stack([np.argsort(-(one.above + one.below), kind="stable") for one in each])
            traced.act(model, meeting.freedoms, Element(order=order))


def _axes(moment: Array) -> Array:
    """Eigenvectors as rows, those of large eigenvalues first."""
    rows: Array = np.linalg.eigh(moment)[1].T[::-1]
    return rows


def _signs(model: Any, meeting: Meeting) -> list[Array]:
    """Signs, by space, that make the largest number of each row that writes positive."""
    held = weights.arrays(model)
    signs = []
    for index in range(len(meeting.freedoms)):
        name, place = next(
            (name, one)
            for name, each in meeting.places.items()
            for one in each[index]
            if one.exponent > 0
        )
        rows = place.rows(held[name].detach()[None]).double().cpu().numpy()
        largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)[:, 0]
        signs.append(np.where(largest < 0, -1.0, 1.0))
    return signs
