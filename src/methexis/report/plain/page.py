"""`write_plain`: one short page of any result that has no longer one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from methexis import plots
from methexis.display import Displayed, Table, told
from methexis.plots.panel import Picture
from methexis.report.house.page import Page
from methexis.report.plain.kinds import KINDS, Kind
from methexis.version import __version__

#: Most rows of a table in a page; of more the first are shown, and how many there are.
_MOST_ROWS = 400
_PICTURE = "picture"


def write_plain(result: Any, path: str | Path) -> Path:
    """Write the sentence, the picture and the table of a result.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    kind = KINDS[type(result)]
    page = Page.at(path)
    picture = _picture_of(result)
    drawn = picture is not None and plots.has_numbers(picture)
    if picture is not None and drawn:
        page.draw([Picture(_PICTURE, picture, f"{kind.title}. {kind.caption}")])
    table = _table_of(result, kind)
    rows = [] if table is None else [list(row) for row in table[1]]
    return page.write(
        "plain.html.j2",
        title=kind.title,
        sentence=_ended(kind.sentence(result)),
        caption=kind.caption,
        nothing="" if picture is None or drawn else _nothing(picture),
        head=[] if table is None else list(table[0]),
        rows=[[_text(value) for value in row] for row in rows[:_MOST_ROWS]],
        numeric=[all(map(_is_number, column)) for column in zip(*rows, strict=True)],
        more=max(0, len(rows) - _MOST_ROWS),
        count=len(rows),
        notes=list(getattr(result, "notes", ())),
        facts=[(name.replace("_", " "), _text(value)) for name, value in _facts_of(result).items()],
        version=__version__,
    )


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


def _picture_of(result: Any) -> plots.Panel | plots.HeatMap | None:
    """The picture that `plot` draws; None where a result has none, or none of these numbers."""
    reason: str = getattr(result, "reason", "")
    if reason or not hasattr(result, "plot"):
        return None
    picture: plots.Panel | plots.HeatMap = result._picture()
    return picture


def _nothing(picture: plots.Panel | plots.HeatMap) -> str:
    what = picture.y.label if isinstance(picture, plots.Panel) else picture.bar
    return f"There is nothing to draw: no number of “{what}” is finite."


def _table_of(result: Any, kind: Kind) -> Table | None:
    if kind.table is not None:
        return kind.table(result)
    return result._table() if isinstance(result, Displayed) else None


def _facts_of(result: Any) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = (getattr(result, "_facts", None) and result._facts()) or {}
    return facts or result._asdict()  # of a named tuple


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _text(value: Any) -> str:
    """A value in a few words; a number that is not known is a dash."""
    text = told(value)
    return text if isinstance(value, str) else re.sub(r"\bnan\b", "–", text)
