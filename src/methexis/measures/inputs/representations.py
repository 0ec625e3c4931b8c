"""What may be compared: features, or an RDM in their place, checked as a pair."""

from __future__ import annotations

from typing import Any, TypeAlias

from methexis.measures.inputs.features import Features, features, pair, together
from methexis.measures.inputs.joining import joined
from methexis.measures.inputs.naming import single
from methexis.measures.inputs.rdm import RDM, same_samples

Representation: TypeAlias = Features | RDM


def both(
    x: Any,
    y: Any,
    *,
    precision: str = "float64",
    scaled: bool = False,
    names: tuple[str, str] = ("X", "Y"),
) -> tuple[Representation, Representation]:
    """Check two representations of the same samples, of which either may be an RDM.

    An RDM beside features goes to the library and the device where these live. A layer that was
    read from a file, and a file with one, count as what they hold. If ``scaled``, numbers that are
    out of range may be multiplied by a power of two. Messages call them by `names`.

    Raises
    ------
    MethexisError
        If either is refused or has several layers, they are not of as many samples, or two RDMs
        have other labels.
    """
    x, y = joined(x, y)
    x, y = (single(name, given) for name, given in zip(names, (x, y), strict=True))
    if not isinstance(x, RDM) and not isinstance(y, RDM):
        return pair(x, y, precision=precision, scaled=scaled, names=names)
    first, second = (
        _checked(name, given, precision, scaled) for name, given in zip(names, (x, y), strict=True)
    )
    if isinstance(first, RDM) and isinstance(second, RDM):
        same_samples(first, second)
    elif isinstance(first, RDM):
        first = first.beside(second.array)
    elif isinstance(second, RDM):
        second = second.beside(first.array)
    together(first, second)
    return first, second


def _checked(name: str, value: Any, precision: str, scaled: bool) -> Representation:
    if isinstance(value, RDM):
        return value.called(name, precision=precision, scaled=scaled)
    return features(name, value, precision=precision, scaled=scaled)
