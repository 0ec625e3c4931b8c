r"""Text from outside, such as names of files and layers: shown as text, whatever it holds.

A name in a file of others can hold what a terminal obeys (escape sequences, carriage returns), what
turns a line around (marks of direction), or bytes that are no text at all, which Python keeps as
lone surrogates and no page, figure or JSON can hold. `shown` writes all of that as what it is,
``\x1b``, so that nothing is obeyed and nothing is hidden; every other sign stays.
"""

from __future__ import annotations

import difflib
import json
import math
import unicodedata
from collections.abc import Sequence
from typing import Any

#: Most signs of a name in a message.
_MOST = 200


def shown(text: str, *, lines: bool = False) -> str:
    r"""Text with every sign that is not printable written as its escape.

    Line ends are such signs: what is shown stays on its line, unless ``lines`` are ours. Bytes of a
    file name that are no UTF-8, which Python keeps as surrogates, are written as bytes.

    Examples
    --------
    >>> print(shown("\x1b[2J layer\n"), shown("cost_$5 <b>"), shown("\udcff.npy"))
    \x1b[2J layer\n cost_$5 <b> \xff.npy
    """
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(sign if _is_text(sign) or sign in kept else _escaped(sign) for sign in text)


def brief(text: str) -> str:
    """Text for a message: the middle of what is very long is left out.

    Examples
    --------
    >>> len(brief("x" * 5000))
    200
    """
    text = shown(text)
    if len(text) <= _MOST:
        return text
    return text[: _MOST // 2] + "…" + text[len(text) - _MOST // 2 + 1 :]


def suggestion(name: str, names: Sequence[str]) -> str:
    """The end of a message about an unknown name: the known one that was meant, if one is near.

    Near is a name that contains the other, or that has most of its letters in the same order.

    Examples
    --------
    >>> suggestion("mutual_nn", ["cka", "mutual_knn"]), suggestion("zzqq", ["cka", "mutual_knn"])
    ("; did you mean 'mutual_knn'?", '')
    """
    lowered = name.lower()
    near = difflib.get_close_matches(lowered, names, n=1)
    near = near or [known for known in names if lowered and lowered in known.lower()]
    return f"; did you mean {near[0]!r}?" if near else ""


def sentence(error: BaseException) -> str:
    r"""What an exception says, on one line and of bearable length; its kind where it says nothing.

    Examples
    --------
    >>> sentence(ValueError("first line\n second"))
    'first line second'
    """
    words = brief(" ".join(str(error).split())).rstrip(".")
    return words or type(error).__name__


def json_text(data: Any, *, indent: int | None = 1) -> str:
    r"""Plain data as JSON that every reader accepts: without lone surrogates, null for NaN.

    Examples
    --------
    >>> json_text({"p": float("nan"), "layer": "\udcff"}, indent=None)
    '{"p": null, "layer": "\\\\xff"}'
    """
    return json.dumps(_plain(data), indent=indent, allow_nan=False)


def _is_text(sign: str) -> bool:
    """Whether a sign is print or a space of any width, of which Python prints one alone."""
    return sign.isprintable() or unicodedata.category(sign) == "Zs"


def _plain(data: Any) -> Any:
    if isinstance(data, str):
        lone = any("\ud800" <= sign <= "\udfff" for sign in data)
        return "".join(map(_unpaired, data)) if lone else data
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {_plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data


def _unpaired(sign: str) -> str:
    return _escaped(sign) if "\ud800" <= sign <= "\udfff" else sign


def _escaped(sign: str) -> str:
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode("ascii")
