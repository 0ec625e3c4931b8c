"""What may be compared: features, or an RDM in their place, checked as a pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import array_api_compat

from methexis.measures.inputs.features import Features, beside, features, pair, together
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
    first, second = of_one_library([first, second])
    together(first, second)
    return first, second


def of_one_library(given: Sequence[Representation]) -> list[Representation]:
    """All where the first lives that is not NumPy's, if there is one."""
    home = next((one for one in given if not array_api_compat.is_numpy_array(one.array)), None)
    if home is None:
        return list(given)
    return [
        one.beside(home.array)
        if isinstance(one, RDM) and one.xp is not home.xp
        else one
        if isinstance(one, RDM)
        else beside(one, home.array)
        for one in given
    ]


def _checked(name: str, value: Any, precision: str, scaled: bool) -> Representation:
    if isinstance(value, RDM):
        return value.called(name, precision=precision, scaled=scaled)
    return features(name, value, precision=precision, scaled=scaled)
