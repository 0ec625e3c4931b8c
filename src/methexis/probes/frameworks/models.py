"""What a model is to this room: names of what it computes, a pass that hands it out, a fingerprint.

`torch_models`, `script_models` and `onnx_models` fulfil it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeAlias

from methexis.probes.batches import Batch


class Output(NamedTuple):
    """One array that a layer gives in a forward pass.

    Attributes
    ----------
    layer : str
        Name of the module, or of the output in the graph.
    call : int
        Which of its calls within the pass.
    part : str
        Which of several arrays of that call; empty where there is one.
    """

    layer: str
    call: int
    part: str


#: Takes what a layer gave, while the pass goes on.
Take: TypeAlias = Callable[[Output, Any], None]
#: One forward pass over a batch.
Run: TypeAlias = Callable[[Batch, Take], None]


class Told:
    """What every model tells of itself in one way: its name, and remarks gathered on the way."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._remarks: list[str] = []

    @property
    def name(self) -> str:
        """What the model is called in a store."""
        return self._name

    def remarks(self) -> list[str]:
        """What was found or done that a reader should know."""
        return list(self._remarks)


class Model(Protocol):
    """A model of any framework."""

    @property
    def kind(self) -> str:
        """The framework, with its version."""

    @property
    def name(self) -> str:
        """What the model is called in a store."""

    def layers(self) -> Mapping[str, str]:
        """Names of all layers with their types, in the order of the model."""

    def usual(self) -> list[str]:
        """Layers that are taken where none are asked for."""

    def channels_first(self, layer: str) -> bool | None:
        """Whether a layer's type puts channels before positions; None where it does not say."""

    def takes(self) -> list[str] | None:
        """Names of the inputs; None where the model does not say."""

    def fingerprint(self) -> str:
        """A fingerprint of all weights, by names, types, shapes and numbers."""

    def held(self, layers: Sequence[str]) -> AbstractContextManager[Run]:
        """The model made ready to hand out layers; afterwards it is as it was found.

        What was changed meanwhile, such as the mode of evaluation, is told by `remarks`.
        """

    def remarks(self) -> list[str]:
        """What was found or done that a reader should know, a sentence each."""
