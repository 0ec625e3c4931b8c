"""Names of layers for tables: as they are where there is room, else what tells them apart.

Layers of real models have long names that differ by a number in the middle, which cutting would
take away first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: How layers are called that nothing shorter tells apart.
_NUMBERED = "numbered in their order"


def labels(names: Sequence[str], most: int) -> tuple[list[str], str]:
    """Different labels of at most so many signs, and the rule that gives the names back.

    Parameters
    ----------
    names : sequence of str
    most : int
        Signs in a label.

    Returns
    -------
    labels : list of str
        The names where they fit; else what tells them apart, trimmed at need; else numbers from 1.
    rule : str
        Empty where a label is its name, or shows it.

    Examples
    --------
    >>> labels(["enc.0.out", "enc.1.out"], 9)
    (['enc.0.out', 'enc.1.out'], '')
    >>> labels(["enc.0.out", "enc.1.out"], 8)
    (['0', '1'], 'enc.*.out')
    >>> labels(["embedding.in", "enc.block.10.out", "enc.block.11.out"], 8)
    (['1', '2', '3'], 'numbered in their order')
    """
    if max(map(len, names)) <= most:
        return list(names), ""
    short, rule = shortened(names)
    cut = [trimmed(name, most) for name in short]
    if len(set(cut)) == len(set(names)):
        return cut, rule
    return [str(place) for place in range(1, len(names) + 1)], _NUMBERED


def said(first: str, second: str, *, itself: bool) -> str:
    """The rules of both models in one phrase; empty where there are none.

    Examples
    --------
    >>> said("enc.*.out", "enc.*.out", itself=False)
    'layers: enc.*.out'
    >>> said("enc.*.out", "", itself=False)
    'layers of A: enc.*.out'
    """
    if itself or first == second:
        return f"layers: {first}" if first else ""
    both = [f"{side}: {rule}" for side, rule in (("A", first), ("B", second)) if rule]
    return "layers of " + "; of ".join(both)


def shortened(names: Sequence[str]) -> tuple[list[str], str]:
    """What tells names apart, and the rule that gives them back.

    Examples
    --------
    >>> shortened(["enc.0.out", "enc.1.out", "enc.10.out"])
    (['0', '1', '10'], 'enc.*.out')
    >>> shortened(["embed", "head"])
    (['embed', 'head'], '')
    """
    parts = [re.findall(r"\d+|[^\W\d_]+|[\W_]", name) for name in names]
    if len(set(names)) < 2:
        return list(names), ""
    shortest = min(len(p) for p in parts)
    head = 0
    while head < shortest and len({p[head] for p in parts}) == 1:
        head += 1
    tail = 0
    while tail < shortest - head and len({p[len(p) - 1 - tail] for p in parts}) == 1:
        tail += 1
    if any(len(p) - head - tail < 1 for p in parts):  # one name continues the others
        return list(names), ""
    first = parts[0]
    rule = "".join(first[:head]) + "*" + "".join(first[len(first) - tail :] if tail else [])
    return ["".join(p[head : len(p) - tail]) for p in parts], "" if rule == "*" else rule


def trimmed(name: str, most: int) -> str:
    """A name of at most so many signs, its middle left out.

    Examples
    --------
    >>> trimmed("encoder.block.11.mlp", 12)
    'encode…1.mlp'
    """
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return name[: most - 1 - tail] + "…" + (name[-tail:] if tail else "")
