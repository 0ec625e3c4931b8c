r"""Activations of one second moment: whitened where any matrix may act, of one size elsewhere.

What reaches the readers of an interface, :math:`h \to T h`, gets :math:`E[hh^\top] = 1` by
:math:`T = E[hh^\top]^{-1/2}`, the root that is symmetric, so that coordinates stay as near as
possible to what they were. Where coordinates do not mix each gets a mean square of one. No
interface sees another, so one pass over the data is enough.

Directions with less than `_FAINT` of the strongest are scaled as if they had so much, because what
few samples hardly show is mostly noise, and products of very unequal matrices lose digits; they are
then not white, and the gap says so.

Readers are seen as modules whose input can be looked at: linear layers and convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.probes.canonical.meeting import Meeting
from methexis.probes.canonical.places import Place
from methexis.probes.canonical.samples import Pairs
from methexis.probes.canonical.steps import Moments
from methexis.probes.frameworks.optional import is_script, torch
from methexis.probes.interfaces.elements import Element

#: Below which part of the largest an eigenvalue is none, so that nothing is blown up.
_NONE = 1e-10
#: Below which part of the strongest a direction that mixes is not made white.
_FAINT = 1e-4


class Activations:
    """Second moments of what reaches the readers of each interface."""

    quantity = "squared length of activations"
    #: No interface sees another, so that a second sweep has nothing to do.
    most: int | None = 1

    def __init__(self, model: Any, pairs: Sequence[Pairs]) -> None:
        self._model = model
        self._pairs = pairs

    def reason(self, meeting: Meeting) -> str:
        """Why the readers of an interface cannot be looked at; empty where they can."""
        if meeting.pairs is not None:
            return "queries and keys reach no module whose input could be looked at"
        if is_script(self._model):
            return "a script does not show what reaches its modules"
        if not self._readers(meeting):
            return "what reads there is no linear layer or convolution whose input could be seen"
        return ""

    def _readers(self, meeting: Meeting) -> list[tuple[str, list[list[Place]]]]:
        """Modules that read, each with the places of all spaces along its input."""
        kinds = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
        modules = dict(self._model.named_modules())
        readers = []
        for name, each in meeting.places.items():
            owner, _, last = name.rpartition(".")
            module = modules.get(owner)
            reads = [[one for one in several if one.exponent == -1] for several in each]
            plain = last == "weight" and isinstance(module, kinds)
            along = all(one.axis == 1 for several in reads for one in several)
            if plain and along and all(reads) and getattr(module, "groups", 1) == 1:
                readers.append((owner, reads))
        return readers

    def moments(self, meetings: Sequence[Meeting]) -> tuple[list[list[Moments]], dict[str, float]]:
        """Means over samples, places and readers, beside the one that is wanted."""
        sums: list[list[Array]] = [[one.writes for one in each.empty()] for each in meetings]
        counts = [0] * len(meetings)
        with ExitStack() as stack:
            modules = dict(self._model.named_modules())
            for index, meeting in enumerate(meetings):
                for owner, reads in self._readers(meeting):

                    def look(
                        module: Any, given: Any, place: int = index, reads: Any = reads
                    ) -> None:
                        axis = -len(getattr(module, "kernel_size", ())) - 1
                        seen = _seen(given[0], axis, meetings[place], reads, sums[place])
                        counts[place] += seen

                    hook = modules[owner].register_forward_pre_hook(look)
                    stack.callback(hook.remove)
            stack.enter_context(torch.no_grad())
            for pairs in self._pairs:
                self._model(*pairs.inputs.positional, **pairs.inputs.named)
        told = [
            [_beside(one / max(count, 1)) for one in each]
            for each, count in zip(sums, counts, strict=True)
        ]
        return told, {}

    measured = moments

    def element(self, meeting: Meeting, moments: Sequence[Moments], stretch: float) -> Element:
        """The element that makes the moments of activations one, whatever the stretch."""
        del stretch
        each = np.stack([_whitening(one.below) for one in moments])
        return Element(matrix=each) if meeting.mixes else Element(factors=each)


def _seen(
    given: Any, features: int, meeting: Meeting, reads: list[list[Place]], sums: list[Array]
) -> int:
    """Add what reaches a reader to the sums of each space, and tell of how many places."""
    rows = given.detach().double().movedim(features, 0).reshape(given.shape[features], -1)
    for total, several in zip(sums, reads, strict=True):
        for place in several:
            size, width = place.positions.shape
            flat = torch.as_tensor(place.positions.reshape(-1), device=rows.device)
            inside = rows.index_select(0, flat).reshape(size, -1)
            moment = inside @ inside.T if meeting.mixes else inside.square().sum(1)
            total[...] += moment.cpu().numpy() / width
    return int(rows.shape[1])


def _beside(moment: Array) -> Moments:
    """A moment beside the one that is wanted: one, where there is anything at all."""
    if moment.ndim == 1:
        alive = moment > _NONE * max(moment.max(initial=0.0), 0.0)
        return Moments(alive.astype(float), moment)
    values, vectors = np.linalg.eigh(moment)
    alive = values > _NONE * max(values[-1], 0.0)
    return Moments((vectors * alive) @ vectors.T, moment)


def _whitening(moment: Array) -> Array:
    """The inverse root; one where there is nothing."""
    if moment.ndim == 1:
        alive = moment > _NONE * max(moment.max(initial=0.0), 0.0)
        return np.where(alive, 1.0 / np.sqrt(np.where(alive, moment, 1.0)), 1.0)
    values, vectors = np.linalg.eigh(moment)
    if not values[-1] > 0:
        return np.eye(len(moment))
    roots = 1.0 / np.sqrt(np.maximum(values, _FAINT * values[-1]))
    white: Array = (vectors * roots) @ vectors.T
    return white
