"""How nouns and results show themselves: one short line, and a small table in a notebook.

A teacher is told by its sizes and not by its numbers, so whoever looks at a value at a prompt sees
what it is: ``Teacher(dim_x=8, dim_y=6)``. What is told of a thing are its *facts*, names with
values in the order of their weight. `Displayed` takes them from the fields of a dataclass; a class
whose fields are not what a reader asks for has a method ``_facts`` of its own, and one that has a
table worth seeing, such as the scores of a grid, a method ``_table``.

Nothing here computes anything that takes time: a debugger shows values by itself, at every step.
Names of layers and the like come from files of others, so all text is escaped, for the terminal and
for the page. The page's colours are those of the notebook, light or dark, and there is no script.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from html import escape
from itertools import islice
from typing import Any

from methexis.text import brief

#: Most signs of a line.
LINE = 100
#: Most members of a list that are named, and most rows and columns of a table.
_MOST_NAMED, _MOST_ROWS, _MOST_COLUMNS = 6, 12, 8
#: Most signs of one value in a line, and in a cell.
_VALUE, _CELL = 48, 200
_RULE = "1px solid rgba(128,128,128,.35)"
_BOX = "overflow-x:auto;color:inherit;font-variant-numeric:tabular-nums"
_SIDE = f"text-align:left;padding:.15em 1em .15em 0;border-bottom:{_RULE}"

#: Head and rows of a table.
Table = tuple[Sequence[str], Iterable[Sequence[Any]]]


class Displayed:
    """What shows itself in one line, and as a table where a notebook asks for it.

    A dataclass that inherits from it does not write a ``__repr__`` of its own, because it finds
    this one in its class.
    """

    def __init_subclass__(cls, **rest: Any) -> None:
        """Put the line into the class itself, where `dataclasses.dataclass` leaves it alone."""
        super().__init_subclass__(**rest)
        if "__repr__" not in vars(cls):
            cls.__repr__ = Displayed.__repr__  # type: ignore[method-assign]

    def _facts(self) -> Mapping[str, Any]:
        """What is told of it, the most telling first."""
        return facts_of_fields(self)

    def _table(self) -> Table | None:
        """Head and rows of a table that a notebook shows below the facts."""
        return None

    def __repr__(self) -> str:
        """Its class and its facts, as many of them as fit on a line."""
        return line(type(self).__name__, self._facts())

    def _repr_html_(self) -> str:
        """Its facts as a table, for a notebook."""
        return page_part(type(self).__name__, self._facts(), self._table())


def facts_of_fields(value: Any) -> dict[str, Any]:
    """Fields of a dataclass that differ from their defaults and tell something.

    None tells nothing, nor does a part without facts, such as a view that changes nothing. Where no
    field is left, the first one is told: a rule with nothing but defaults still says which it is.
    """
    told = {}
    known = fields(value) if is_dataclass(value) else ()
    for field in known:
        held = getattr(value, field.name)
        default = field.default
        if default is MISSING and field.default_factory is not MISSING:
            default = field.default_factory()
        if field.repr and held is not None and not _same(held, default):
            told[field.name] = held
    if not told and known:
        told[known[0].name] = getattr(value, known[0].name)
    return {name: held for name, held in told.items() if not _is_empty(held)}


def line(name: str, facts: Mapping[str, Any]) -> str:
    """Name and facts on one line; what would not fit becomes an ellipsis.

    Examples
    --------
    >>> line("Teacher", {"dim_x": 8, "noise": 0.123456, "law": "gaussian"})
    "Teacher(dim_x=8, noise=0.1235, law='gaussian')"
    >>> len(line("Teacher", {f"fact_{i}": i for i in range(50)})) <= LINE
    True
    """
    parts: list[str] = []
    room = LINE - len(name) - len("(, …)")
    for key, value in facts.items():
        part = f"{key}={_cut(told(value, quoted=True), _VALUE)}"
        if len(part) > room:
            parts.append("…")
            break
        parts.append(part)
        room -= len(part) + 2
    return f"{name}({', '.join(parts)})"


def page_part(name: str, facts: Mapping[str, Any], table: Table | None = None) -> str:
    """Name, facts and a table as a part of a page, all of their text escaped.

    Examples
    --------
    >>> "&lt;b&gt;" in page_part("Teacher", {"name": "<b>"})
    True
    """
    lines = "".join(
        f'<tr><th scope="row" style="{_SIDE}">{_text(key.replace("_", " "))}</th>'
        f'<td style="{_SIDE}">{_text(told(_alone(value)))}</td></tr>'
        for key, value in facts.items()
    )
    head = f'<div class="methexis" style="{_BOX}"><strong>{_text(name)}</strong>'
    below = "" if table is None else "".join(_rows(*table))
    return f'{head}<table style="color:inherit"><tbody>{lines}</tbody></table>{below}</div>'


def _rows(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A table of the first rows and columns, and how many are left out."""
    every = list(rows)
    wide = len(head) > _MOST_COLUMNS
    yield '<table style="color:inherit"><thead><tr>'
    for name in head[:_MOST_COLUMNS]:
        yield f'<th scope="col" style="{_SIDE}">{_text(name)}</th>'
    yield ("<th>…</th>" if wide else "") + "</tr></thead><tbody>"
    for row in every[:_MOST_ROWS]:
        cells = "".join(f'<td style="{_SIDE}">{_text(told(c))}</td>' for c in row[:_MOST_COLUMNS])
        yield f"<tr>{cells}{'<td>…</td>' if wide else ''}</tr>"
    yield "</tbody></table>"
    if len(every) > _MOST_ROWS:
        yield f"<div>… and {len(every) - _MOST_ROWS} rows more</div>"


def told(value: Any, *, quoted: bool = False) -> str:
    """A value in a few words: numbers with four digits, arrays by their shape.

    Examples
    --------
    >>> told(0.123456), told((3, 4)), told(None), told({"k": 10}), told(float("nan"))
    ('0.1235', '(3, 4)', 'none', 'k=10', 'nan')
    """
    if value is None:
        return "none"
    if isinstance(value, str):
        return f"'{brief(value)}'" if quoted else brief(value)
    if isinstance(value, bool | int):
        return str(value)
    shape = getattr(value, "shape", None)
    if shape is not None and not isinstance(value, type | Displayed):
        return _array(value, shape)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Displayed):
        return repr(value)
    if isinstance(value, Mapping):
        return _listed((f"{brief(str(k))}={told(v)}" for k, v in value.items()), len(value))
    if isinstance(value, list | tuple | set | frozenset):
        inside = _listed((told(one, quoted=quoted) for one in value), len(value))
        return f"({inside},)" if len(value) == 1 and isinstance(value, tuple) else f"({inside})"
    if callable(value):
        return brief(str(getattr(value, "__name__", type(value).__name__)))
    return brief(" ".join(str(value).split())) if is_dataclass(value) else type(value).__name__


def _array(value: Any, shape: Any) -> str:
    """An array by its shape; one number by its value."""
    sizes = tuple(int(size) for size in shape)
    if not sizes:
        number = value.item() if hasattr(value, "item") else value
        return _number(number) if isinstance(number, float) else brief(str(number))
    return "×".join(map(str, sizes)) + (" values" if len(sizes) == 1 else "")


def _number(value: float) -> str:
    return f"{value:z.4g}" if math.isfinite(value) else str(float(value))


def _listed(members: Iterable[str], count: int) -> str:
    """The first members of a list, and how many there are if those are not all."""
    named = list(islice(members, _MOST_NAMED))
    if count > _MOST_NAMED:
        named.append(f"… {count} in all")
    return ", ".join(named)


def _alone(value: Any) -> Any:
    """The only sentence of several, such as a single note; all else as it is."""
    one = isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], str)
    return value[0] if one else value


def _same(value: Any, default: Any) -> bool:
    """Whether a field has its default; an array, which compares by element, has not."""
    if default is MISSING:
        return False
    try:
        return value is default or bool(value == default)
    except (TypeError, ValueError):
        return False


def _is_empty(value: Any) -> bool:
    """Whether a value tells nothing."""
    return value is None or (isinstance(value, Displayed) and not value._facts())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _text(text: str) -> str:
    return escape(_cut(brief(text), _CELL))
