"""Many representations with names: what `compare_all` is given, made into one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from methexis.errors import MethexisError


@dataclass(frozen=True, eq=False)
class Named:
    """One representation.

    Attributes
    ----------
    model, layer : str
        Its names; the model is empty where there is one level only.
    array : array (num_samples, num_features)
        As it was given.
    """

    model: str
    layer: str
    array: Any

    @property
    def label(self) -> str:
        """Both names, as in ``"resnet/conv1"``."""
        return f"{self.model}/{self.layer}" if self.model else self.layer


def named(name: str, given: Any) -> list[Named]:
    """Representations in order, from a list, a dict by name, or a dict of those by model.

    Parameters
    ----------
    name : str
        What messages call it.
    given : mapping or sequence
        Arrays by name, or in a list (named "0", "1", …); or such mappings and lists by model.

    Raises
    ------
    MethexisError
        If there is none, or two have one name.

    Examples
    --------
    >>> found = named("reps", {"net": {"h1": [[1.0]], "h2": [[2.0]]}})
    >>> [representation.label for representation in found]
    ['net/h1', 'net/h2']
    """
    found = []
    for key, value in _items(name, given):
        if _is_group(value):
            found += [
                Named(key, layer, array) for layer, array in _items(f"{name}[{key!r}]", value)
            ]
        else:
            found.append(Named("", key, value))
    labels = [one.label for one in found]
    for label in labels:
        if labels.count(label) > 1:
            raise MethexisError(f"{name}: expected different names, got {label!r} twice")
    return found


def _items(name: str, given: Any) -> list[tuple[str, Any]]:
    if isinstance(given, Mapping):
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
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list | tuple) and len(value) > 0 and hasattr(value[0], "shape")
