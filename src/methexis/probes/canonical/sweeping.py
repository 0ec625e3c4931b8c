"""Sweeps over the interfaces of a model: one at a time, each brought to its own balance.

A step at one interface moves the balance of its neighbours, since a layer takes part in two. All at
once would bounce; one after another never raises the total (docs/theory.md §7). Interfaces that
have no parameter in common do not see each other, so they are balanced in one pass over the data,
which is the same as one after another.

Near the end the total is quadratic in the logarithms of the elements, and sweeps are the method of
Gauss and Seidel, whose error shrinks by a factor per sweep that nears 1 with the number of
interfaces in a row. Steps of `stretch` times their length are its successive over-relaxation. How
far interfaces pull at each other is known beforehand: of factors common to all coordinates the
second derivative of the total is ``4 S_i`` at one interface, with the sum of traces ``S_i``, and
``-4 S_ij`` between two that share parameters of so much. From the largest eigenvalue ``m`` of
``S_ij / sqrt(S_i S_j)`` follows the stretch of every step, ``1 / (1 - m² w / 4)`` after ``w`` (the
semi-iterative method of Chebyshev).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.errors import MethexisError
from methexis.probes.canonical.criteria import Criterion
from methexis.probes.canonical.meeting import Meeting
from methexis.probes.canonical.steps import Moments
from methexis.probes.interfaces.traced import Traced

#: A rise of the total that is rounding.
_ROUNDING = 1e-9
#: The largest gap from which on the total is near enough to quadratic that steps are stretched.
_NEAR = 0.1
#: The longest stretch; at 2 sweeps would go on for ever.
_LONGEST = 1.8


@dataclass
class Swept:
    """What was seen at the start and after each sweep.

    Attributes
    ----------
    gaps : list of list of float
        By sweep and interface: the gap over the sum of both traces.
    totals : list of float
        By sweep.
    """

    gaps: list[list[float]]
    totals: list[float]


def swept(
    model: Any,
    traced: Traced,
    meetings: Sequence[Meeting],
    criterion: Criterion,
    *,
    tolerance: float,
    sweeps: int,
    show: Callable[[int], None],
) -> Swept:
    """Change a model until every gap is below a tolerance, or so many sweeps are over.

    Raises
    ------
    MethexisError
        If moments are no numbers, or the total rose.
    """
    classes = apart(meetings)
    moments, parts = criterion.measured(meetings)
    seen = Swept([[relative(one) for one in moments]], [sum(parts.values())])
    _see(moments)
    stretch = Stretch(meetings)
    for done in range(min(sweeps, criterion.most or sweeps)):
        show(done)
        if max(seen.gaps[-1], default=0.0) <= tolerance:
            break
        if max(seen.gaps[-1]) <= _NEAR:
            stretch.see(parts)
        for place, inside in enumerate(classes):
            some = [meetings[index] for index in inside]
            now = [moments[index] for index in inside]
            if place:
                now, _ = criterion.moments(some)
            for meeting, mine in zip(some, now, strict=True):
                traced.act(model, meeting.freedoms, criterion.element(meeting, mine, stretch.now))
            stretch.step()
        moments, parts = criterion.measured(meetings)
        _see(moments)
        total = sum(parts.values())
        if total > seen.totals[-1] * (1 + _ROUNDING):
            raise MethexisError(
                f"canonicalize: expected a {criterion.quantity} that never rises, got "
                f"{total:.6g} after {seen.totals[-1]:.6g}; the gradients may be those of a loss "
                "that is not a function of samples alone"
            )
        seen.gaps.append([relative(one) for one in moments])
        seen.totals.append(total)
    return seen


class Stretch:
    """How long the steps are, in units of those to the least total of one interface.

    Attributes
    ----------
    now : float
        Of the next step.
    """

    def __init__(self, meetings: Sequence[Meeting]) -> None:
        self.now = 1.0
        self._meetings = meetings
        self._coupling = 0.0

    def see(self, parts: dict[str, float]) -> None:
        """Learn how far interfaces pull at each other, from parts of the total by parameter."""
        each = [{name: parts.get(name, 0.0) for name in one.places} for one in self._meetings]
        alone = np.sqrt([sum(mine.values()) for mine in each])
        shared = np.array([
            [sum(mine[name] for name in mine.keys() & other.keys()) for other in each]
            for mine in each
        ])  # fmt: skip
        np.fill_diagonal(shared, 0.0)
        scale = np.where(alone > 0, alone, 1.0)
        self._coupling = float(np.linalg.eigvalsh(shared / np.outer(scale, scale))[-1])

    def step(self) -> None:
        """Go on to the next step."""
        first = self.now == 1.0
        squared = min(self._coupling, 1.0) ** 2
        self.now = min(1 / (1 - squared * self.now / (2 if first else 4)), _LONGEST)


def relative(moments: Sequence[Moments]) -> float:
    """The gap of all spaces of an interface, over the sum of their traces; 0 where these are."""
    total = sum(one.total for one in moments)
    return sum(one.gap for one in moments) / total if total > 0 else 0.0


def apart(meetings: Sequence[Meeting]) -> list[list[int]]:
    """Interfaces in classes, so that no two of a class have a parameter in common."""
    classes: list[tuple[set[str], list[int]]] = []
    for index, meeting in enumerate(meetings):
        mine = set(meeting.places)
        for names, inside in classes:
            if not names & mine:
                names.update(mine)
                inside.append(index)
                break
        else:
            classes.append((mine, [index]))
    return [inside for _, inside in classes]


def _see(moments: Sequence[Sequence[Moments]]) -> None:
    for each in moments:
        for one in each:
            if not one.total < float("inf"):
                raise MethexisError(
                    "canonicalize: expected finite second moments, got NaN or infinity; the loss "
                    "or the weights are beyond what numbers hold"
                )
