"""Which measures are wanted, from the words of a command line: ``mutual_knn:k=20``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from methexis.core.checks import sequence, shown
from methexis.errors import MethexisError
from methexis.measures import MEASURES, Invariance, Measure
from methexis.measures.measure import invariant
from methexis.measures.registry import chosen

#: What is measured where nothing is named: a global and a local measure, both with a chance level
#: near zero whatever the numbers of samples and features.
DEFAULT_MEASURES = ("cka:debiased=true", "mutual_knn")

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    "none": None,
}


def measures_named(names: Sequence[str], settings: Sequence[str] = ()) -> list[Measure[Any]]:
    """Measures from words like ``cka`` or ``mutual_knn:k=20``.

    Parameters
    ----------
    names : sequence of str
        Names, each with its options behind a colon, separated by commas.
    settings : sequence of str
        Options ``name=value`` for every measure that has them.

    Raises
    ------
    MethexisError
        If there is no such measure or option, or a measure is named twice.

    Examples
    --------
    >>> measures_named(["cka:debiased=true"])[0].options()["debiased"]
    True
    """
    names, settings = _words("names", names), _words("settings", settings)
    shared = dict(_option(word) for word in settings)
    unused = set(shared)
    measures: list[Measure[Any]] = []
    for word in names:
        name, _, own = word.partition(":")
        given = dict(_option(part) for part in own.split(",")) if own else {}
        entry = MEASURES.get(name)
        known = set(entry.option_names()) if entry else set()
        unused -= known
        fitting = {option: value for option, value in shared.items() if option in known}
        measure = chosen(name, fitting | given)
        if measure in measures:
            raise MethexisError(f"measure: expected each once, got {word} twice")
        measures.append(measure)
    if unused:
        option = min(unused)
        raise MethexisError(
            f"set: expected an option of {' or '.join(names)}, got {option!r}; methexis compare "
            "--list names them"
        )
    return measures


def listed_measures() -> list[dict[str, Any]]:
    """Every measure in plain data: name, title, range, invariances, options with defaults."""
    return [
        {
            "name": one.name,
            "title": one.title,
            "range": list(one.range),
            "aligned": one.aligned,
            "distance": one.distance,
            "tier": one.tier,
            "invariances": widest(one),
            "options": one.options(),
            "reference": one.reference,
        }
        for one in (entry() for entry in MEASURES.values())
    ]


def widest(measure: Measure[Any]) -> list[str]:
    """Groups under which scores do not change, without those that others contain.

    Examples
    --------
    >>> widest(MEASURES["cka"]())
    ['orthogonal', 'scale', 'translation']
    """
    groups = measure.invariances
    contained = {part for group in groups for part in invariant(group) - {group}}
    return [str(group) for group in Invariance if group in groups - contained]


def _words(name: str, given: Any) -> list[str]:
    words = sequence(name, given, "words")
    for word in words:
        if not isinstance(word, str):
            raise MethexisError(f"{name}: expected a sequence of words, got {shown(word)} in it")
    return words


def _option(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if ":" in text:
        raise MethexisError(
            f"option: expected options separated by commas, such as k=20,metric=euclidean, "
            f"got {word!r}"
        )
    if not (name.strip() and equals and text.strip()):
        raise MethexisError(f"option: expected name=value, such as k=20, got {word!r}")
    return name.strip().replace("-", "_"), _value(text.strip())


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
