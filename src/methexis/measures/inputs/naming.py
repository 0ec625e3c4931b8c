"""Many representations with names: what `compare_all` is given, made into one list.

Files are opened in a layer above this one. What `methexis.representations.load` returns is known
here by its form: a model has ``layers``, each with its name, its array, and whether that holds
dissimilarities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import getattr_static
from typing import Any, Protocol, TypeGuard

from methexis.core.outside.foreign import type_name
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Typed
from methexis.measures.inputs.rdm import RDM


class Layer(Protocol):
    """A representation as a file holds it."""

    @property
    def name(self) -> str:
        """The name of the layer."""

    @property
    def array(self) -> Any:
        """The features, ``(num_samples, num_features)``."""

    @property
    def given(self) -> str:
        """The type that the file had for its numbers."""

    @property
    def dissimilarities(self) -> bool:
        """Whether the array holds dissimilarities of all pairs of samples in place of features."""


@dataclass(frozen=True, eq=False)
class Named:
    """One representation with its names.

    Attributes
    ----------
    model, layer : str
        Names of model and layer; the model is empty where there is one level only.
    array : array (num_samples, num_features)
        The array as it was given.
    """

    model: str
    layer: str
    array: Any

    @property
    def label(self) -> str:
        """The names of model and layer, as in ``"resnet/conv1"``."""
        return f"{self.model}/{self.layer}" if self.model else self.layer


def named(name: str, given: Any) -> list[Named]:
    """Representations in order, from a list, a dict by name, or a dict of those by model.

    Parameters
    ----------
    name : str
        What messages call it.
    given : mapping or sequence
        Arrays by name, or in a list (named "0", "1", …); or such mappings and lists by model. The
        layers that a file was read as are such a list, with names of their own.

    Raises
    ------
    MethexisError
        If there is none, or two have one name.

    Examples
    --------
    >>> layers = named("reps", {"net": {"h1": [[1.0]], "h2": [[2.0]]}})
    >>> [representation.label for representation in layers]
    ['net/h1', 'net/h2']
    """
    representations = []
    for key, value in _items(name, given):
        if _is_group(value):
            representations += [
                Named(key, layer, unwrapped(array))
                for layer, array in _items(f"{name}[{key!r}]", value)
            ]
        else:
            representations.append(Named("", key, unwrapped(value)))
    labels = [one.label for one in representations]
    for label in labels:
        if labels.count(label) > 1:
            raise MethexisError(f"{name}: expected different names, got {label!r} twice")
    return representations


def unwrapped(given: Any) -> Any:
    """What is compared of a layer that was read from a file; all else as it is."""
    if not _is_layer(given):
        return given
    if given.dissimilarities:
        return RDM(given.array, name=given.name)
    same = type_name(given.array.dtype) == given.given
    return given.array if same else Typed(given.array, given.given)


def single(name: str, given: Any) -> Any:
    """What is compared of a layer, or of a model that has one layer.

    Raises
    ------
    MethexisError
        If it has several.
    """
    layers = _layers(given)
    if layers is None:
        return unwrapped(given)
    if len(layers) != 1:
        names = ", ".join(layer.name for layer in layers)
        raise MethexisError(
            f"{name}: expected one layer, got {len(layers)} ({names}); take one of its layers, or "
            "compare_all for all pairs"
        )
    return unwrapped(layers[0])


def _layers(given: Any) -> Sequence[Layer] | None:
    """The layers of a model that was read from a file; None for all else."""
    layers = getattr(given, "layers", None)
    known = isinstance(layers, list | tuple) and all(_is_layer(one) for one in layers)
    return layers if known and layers else None


def _is_layer(given: Any) -> TypeGuard[Layer]:
    """Whether this has the form of a layer; its array is not asked for, which would read it."""
    named = all(hasattr(given, part) for part in ("name", "given", "dissimilarities"))
    return named and getattr_static(given, "array", None) is not None


def _items(name: str, given: Any) -> list[tuple[str, Any]]:
    layers = _layers(given)
    if layers is not None:
        items = [(layer.name, layer) for layer in layers]
    elif isinstance(given, Mapping):
        items = [(str(key), value) for key, value in given.items()]
    elif isinstance(given, Sequence) and not isinstance(given, str):
        items = [(str(k), value) for k, value in enumerate(given)]
    else:
        raise MethexisError(
            f"{name}: expected representations by name or in a list, got {type(given).__name__}"
        )
    if not items:
        raise MethexisError(f"{name}: expected at least one representation, got none")
    return items


def _is_group(value: Any) -> bool:
    """Whether this is a model with layers, not an array or the nested lists of one."""
    if isinstance(value, Mapping) or _layers(value) is not None:
        return True
    listed = isinstance(value, list | tuple) and len(value) > 0
    return listed and (hasattr(value[0], "shape") or _is_layer(value[0]))
