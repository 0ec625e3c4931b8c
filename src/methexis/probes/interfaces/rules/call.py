"""One operation as it was carried out: its name, its arguments and results, their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from methexis.probes.frameworks.optional import is_tensor
from methexis.probes.interfaces.labels import STILL, Fixed
from methexis.probes.interfaces.tensors import Axes, Labelled, fixed


@dataclass
class Call:
    """An operation with what a rule may ask.

    Attributes
    ----------
    name : str
        Without namespace and overload, and without the underscore of what works in place.
    args, kwargs : any
        As it was called, by the operation's own names where they were named.
    result : any
        What it gave.
    axes : Axes
    known : function
        The labels of a tensor.
    where : str
        The module that was running.
    """

    name: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    result: Any
    axes: Axes
    known: Callable[[Any], Labelled]
    where: str

    @property
    def why(self) -> str:
        """The operation, as a reason."""
        return f"{self.name} in {self.where}" if self.where else self.name

    def arg(self, place: int, name: str, default: Any = None) -> Any:
        """An argument by place or name."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, default)

    def of(self, value: Any) -> Labelled:
        """The labels of an argument; what was put off about them is asked for now."""
        tensor = self.known(value)
        if tensor.square_of is not None:
            source = tensor.square_of
            tensor.labels = [
                self.axes.product(one, one, f"a square in {self.where}") for one in source.labels
            ]
            tensor.square_of = None
        if tensor.places_in is not None:
            self.axes.limit(tensor.places_in, STILL, f"places of its maxima are used by {self.why}")
            tensor.places_in = None
        return self.axes.tidy(tensor)

    def lifted(self, value: Any, rank: int) -> Labelled:
        """The labels of an argument that broadcasts with others of a rank."""
        tensor = self.of(value)
        while len(tensor.shape) < rank:
            tensor = self.axes.inserted(tensor, 0, 1, Fixed(1))
        return tensor

    def tensors(self) -> list[Any]:
        """All tensors among the arguments."""
        return [*tensors_in(self.args), *tensors_in(list(self.kwargs.values()))]


#: The labels of results, in their order.
Ruled: TypeAlias = "Labelled | Sequence[Labelled | None]"
#: From a call to the labels of its results.
Rule: TypeAlias = Callable[[Call], Ruled]


def tensors_in(value: Any) -> list[Any]:
    """All tensors of nested tuples and lists."""
    if is_tensor(value):
        return [value]
    if isinstance(value, list | tuple):
        return [one for inside in value for one in tensors_in(inside)]
    return []


def unknown(call: Call) -> list[Labelled | None]:
    """What is safe of any operation: nothing that it reads may change."""
    for one in call.tensors():
        call.axes.limit(call.of(one), STILL, f"no rule is known of {call.why}")
    return [fixed(one.shape) for one in tensors_in(call.result)]
