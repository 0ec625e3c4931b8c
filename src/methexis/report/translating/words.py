"""Words and numbers of a translation, for the terminal and for the page alike."""

from __future__ import annotations

import math
from typing import Any

from methexis.transport.job import Translated
from methexis.transport.translation import Translation
from methexis.transport.unpaired.result import UnpairedTranslation
from methexis.transport.words import share
from methexis.transport.worth import Worth

TITLES = {
    "rotation": "a rotation",
    "scaled": "a rotation of whitened coordinates",
    "linear": "a linear map",
}

#: What an estimate without pairs is made from.
BASES = {
    "returns": "rows held out that are the nearest of their nearest",
    "replicas": "maps begun anew from a few directions",
    "halves": "maps of halves of the rows",
}


def rows(translation: Translation) -> list[dict[str, Any]]:
    """Rows of the table of the certificate: the translation, and its controls."""
    return [_row(name, one) for name, one in translation.certificate.rows()]


def _row(name: str, one: Worth) -> dict[str, Any]:
    return {
        "name": name,
        "main": name == "translation",
        "pairs": f"{one.pairs:,}",
        "candidates": f"{one.candidates:,}",
        "share": [share(value) for value in one.share],
        "share_ci": [interval(ends) for ends in one.share_ci],
        "top1": [share(value) for value in one.top1],
        "top1_ci": [interval(ends) for ends in one.top1_ci],
        "rank": [f"{value:,.4g}" for value in one.median_rank],
    }


def interval(ends: tuple[float, float]) -> str:
    """An interval of shares."""
    return f"{share(ends[0]).removesuffix(' %')} to {share(ends[1])}"


def predicted_by(translation: Translation) -> str:
    """The map of predictions, with its ridges."""
    return f"{TITLES[translation.map]}{_ridged(*translation.ridge)}"


def matched_by(translation: Translation) -> str:
    """The map of the common space, with its ridge."""
    ridge = translation.matching_ridge
    return f"{TITLES[translation.matching]}{_ridged(ridge, ridge)}"


def _ridged(one: float, other: float) -> str:
    if math.isinf(one):
        return ""
    if f"{one:.2g}" == f"{other:.2g}":
        return f", ridge {one:.2g}"
    return f", ridges {one:.2g} and {other:.2g}"


def verdict(translation: Translation) -> str:
    """What the translation is good for, in a word or two."""
    certificate = translation.certificate
    if certificate.predicts and certificate.matches:
        return "translate"
    if certificate.matches:
        return "match only"
    return "predict only" if certificate.predicts else "do not translate"


def support(translation: UnpairedTranslation) -> list[tuple[str, str]]:
    """What supports a translation without pairs: names and values."""
    certificate = translation.certificate
    one, other = translation.n
    return [
        ("found", "yes" if certificate.found else "no"),
        ("partners found", f"{share(certificate.top1)}, estimated"),
        ("among", f"{certificate.candidates:,} rows"),
        ("estimated from", BASES.get(certificate.basis, certificate.basis)),
        ("nearness", f"{certificate.nearness:.3f}"),
        ("map", TITLES[translation.map]),
        ("rows", f"{one:,} of A, {other:,} of B"),
    ]


def provenance(
    result: Translated[Any, Any], settings: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """What was translated, by which settings, where and when: rows of a table."""
    summary = result.summary()
    layers = [one.layers[0].source for one in (result.first, result.second)]
    return [
        ("command", summary["command"]),
        ("layers", " and ".join(layers)),
        *settings,
        ("version", summary["version"]),
        ("libraries", ", ".join(f"{k} {v}" for k, v in summary["libraries"].items())),
        ("machine", ", ".join(f"{k} {v}" for k, v in summary["machine"].items())),
        ("seconds", f"{result.seconds:.2f}"),
    ]
