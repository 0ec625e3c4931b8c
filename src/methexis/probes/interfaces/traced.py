"""A model whose run was watched: its spaces, its freedoms, and what acts on its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from methexis.core.parallel.caching import cached_property
from methexis.probes.batches import Batch
from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces import elements, weights
from methexis.probes.interfaces.acting import Action, Monomial, acted
from methexis.probes.interfaces.elements import Element
from methexis.probes.interfaces.freedoms import Fold, Freedom, Solved
from methexis.probes.interfaces.labels import STILL, Label, Limit, Space
from methexis.probes.interfaces.rotary import Rotaries
from methexis.probes.interfaces.watching import Watcher, watching


@dataclass
class Traced:
    """What is known of a model after one run.

    Attributes
    ----------
    model : module
        The user's own, which is never written into.
    twin : module
        A copy that computes.
    batch : Batch
    watcher : Watcher
    labels : dict of list of Label
        Of each axis of each array.
    solved : Solved
    before : list of tensor
        What the copy gives for the batch.
    note : str
        What was done so that it computes.
    """

    model: Any
    twin: Any
    batch: Batch
    watcher: Watcher
    labels: dict[str, list[Label]]
    solved: Solved
    before: list[Any]
    note: str

    @cached_property
    def spaces_of(self) -> dict[str, set[int]]:
        """The spaces of each array."""
        spaces = self.watcher.spaces
        return {
            name: {leaf.key for label in labels for leaf in spaces.leaves(label)}
            for name, labels in self.labels.items()
        }

    @cached_property
    def trained(self) -> dict[str, Any]:
        """The arrays that are parameters, not statistics or constants."""
        parameters = {id(one) for one in self.twin.parameters()}
        held = weights.arrays(self.twin)
        return {name: one for name, one in held.items() if id(one) in parameters}

    @property
    def dtype(self) -> str:
        """The type of the numbers in which the copy computes, the narrowest of them."""
        kinds = {str(one.dtype).removeprefix("torch.") for one in self.trained.values()}
        return "float64" if kinds == {"float64"} and not self.watcher.narrowed else "float32"

    def named(self, key: int) -> str:
        """The first array that has a space."""
        return next(name for name, keys in self.spaces_of.items() if key in keys)

    def profile(self, freedom: Freedom) -> tuple[Any, ...]:
        """By what freedoms of equal spaces, such as those of heads, are known to be alike."""
        if freedom.folds:
            return (min(freedom.spaces),)
        return (len(freedom.order), tuple(sorted(freedom.powers.values())))

    def touched(self, freedom: Freedom) -> list[str]:
        """Names of the arrays that a freedom acts on."""
        return [name for name, keys in self.spaces_of.items() if keys & freedom.spaces]

    def meets(self, freedom: Freedom) -> bool:
        """Whether at least two axes of arrays meet there, one of a parameter among them."""
        spaces = self.watcher.spaces
        count = sum(
            any(leaf.key in freedom.spaces for leaf in spaces.leaves(label))
            for labels in self.labels.values()
            for label in labels
        )
        return count > 1 and any(name in self.trained for name in self.touched(freedom))

    def act(
        self, model: Any, freedoms: Sequence[Freedom], element: Element, most: int | None = None
    ) -> None:
        """Write into a model what an element makes of its arrays, or of the first of them."""
        held = weights.arrays(model)
        names = list(dict.fromkeys(n for freedom in freedoms for n in self.touched(freedom)))[:most]
        made = {name: self._acted(held, name, freedoms, element) for name in names}
        with torch.no_grad():
            for name, array in made.items():  # after all were made, because folding reads gains
                held[name].copy_(array)

    def _acted(
        self, held: dict[str, Any], name: str, freedoms: Sequence[Freedom], element: Element
    ) -> Any:
        array = held[name].detach()
        number = array.double()
        for index, freedom in enumerate(freedoms):
            for fold in freedom.folds:
                number = acted(number, self.labels[name], self._folding(fold), self.watcher.spaces)
            action = elements.action_of(freedom, element, index, array.device)
            number = acted(number, self.labels[name], action, self.watcher.spaces)
        return number.to(array.dtype)

    def _folding(self, fold: Fold) -> Action:
        """What makes a gain one, and has a space beside it take up what it was."""
        name = self.named(fold.gain.key)
        gain = weights.arrays(self.twin)[name].detach().double()
        by = gain if fold.before else 1 / gain
        taken = 1 / by if fold.into.dual else by
        ours = self.labels[name][0]
        looked = self.watcher.spaces.look(ours)
        assert isinstance(looked, Space)
        one = gain if looked.dual else 1 / gain
        return {fold.gain.key: Monomial(None, one), fold.into.key: Monomial(None, taken)}

    def why_not(self, name: str) -> str:
        """Why no group acts on an array, axis by axis."""
        if name not in self.watcher.used:
            return "it was not used on this batch"
        told = []
        for axis, label in enumerate(self.labels[name]):
            leaves = self.watcher.spaces.leaves(label)
            if not leaves:
                words = f"{label.size} place" + ("s" if label.size > 1 else "")
            else:
                words = "; ".join(dict.fromkeys(self._reason(leaf) for leaf in leaves))
            told.append(f"axis {axis}: {words}")
        return ", ".join(told)

    def _reason(self, leaf: Space) -> str:
        solved = self.solved
        axis = next((a for a in solved.sharing if leaf.key in a), {leaf.key})
        for key in sorted(axis):
            if Limit.ORDER in solved.limits[key]:
                return solved.reasons[key, Limit.ORDER]
        return "its coordinates are told apart"


def traced(model: Any, given: Any) -> Traced:
    """Watch a model run on a batch, and solve for its freedoms."""
    model = weights.admitted(model)
    twin, note = weights.computing(model)
    batch = weights.inputs(given, single=bool(note))
    watcher = _watched(twin, batch, None)
    if watcher.rotaries.ends:
        watcher = _watched(twin, batch, watcher.rotaries)
    before = weights.outputs(twin, batch)
    spaces = watcher.spaces
    labels: dict[str, list[Label]] = {
        name: [array.flat[0] for array in one.labels] for name, one in watcher.parameters.items()
    }
    for name, one in labels.items():
        if name not in watcher.used:
            for label in one:
                spaces.limit(label, STILL, "it was not used on this batch")
    solved = Solved(spaces, labels)
    return Traced(model, twin, batch, watcher, labels, solved, before, note)


def _watched(twin: Any, batch: Batch, rotaries: Rotaries | None) -> Watcher:
    """One run that is watched, which may know of rotary embeddings from the one before."""
    watcher = Watcher(weights.arrays(twin), rotaries)
    with watching(watcher, twin):
        watcher.gives(weights.outputs(twin, batch))
    return watcher
