"""Drawing of an RDM as shades: darker is less alike."""

from __future__ import annotations

from collections.abc import Sequence

from methexis import plots
from methexis.core.checks import Array
from methexis.text import shown

#: Most samples of which each is named, most signs of a name, and most cells that are shapes.
_MOST_NAMED, _MOST_SIGNS, _MOST_DRAWN = 24, 12, 2500


def heat_map(
    matrix: Array, kind: str, labels: Sequence[str] | None, title: str = "sample"
) -> plots.HeatMap:
    """The dissimilarities of all pairs; the scale begins at the least of them, or at zero."""
    n = len(matrix)
    names = [str(k) for k in range(n)] if labels is None else [short_label(name) for name in labels]
    every = max(1, -(-n // _MOST_NAMED))
    ticks = tuple(range(0, n, every))
    words = tuple(names[k] for k in ticks)
    turned = 90 if max(map(len, words)) > 2 else 0
    low, high = min(0.0, float(matrix.min())), float(matrix.max())
    return plots.HeatMap(
        matrix,
        rows=plots.Axis(title, ticks=ticks, names=words),
        columns=plots.Axis(title, ticks=ticks, names=words, turned=turned),
        low=low,
        high=high if high > low else low + 1.0,
        gaps=0.6 if n <= _MOST_NAMED else 0.0,
        bar=f"dissimilarity ({kind})",
        pixels=n * n > _MOST_DRAWN,
    )


def short_label(name: str) -> str:
    """A label in a picture: of printable signs, and not too long."""
    name = shown(name)
    return name if len(name) <= _MOST_SIGNS else f"{name[: _MOST_SIGNS - 1]}…"
