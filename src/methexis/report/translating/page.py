"""`write_translate_report`: maps between two representations, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from methexis.plots.panel import Picture
from methexis.report.house.page import Page
from methexis.report.translating import words
from methexis.transport.job import TranslateResult


def write_translate_report(result: TranslateResult, path: str | Path) -> Path:
    """Write the report of `run_translate`.

    Parameters
    ----------
    result : TranslateResult
        What was found.
    path : path
        Where to, as `write_report` takes it.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    page.draw(figures(result))
    translation = result.translation
    a, b = translation.names
    rows = words.rows(translation)
    return page.write(
        "translate.html.j2",
        heading=f"{a} and {b}, translated",
        names=translation.names,
        conclusion=result.conclusion,
        verdict=words.verdict(translation),
        main=rows[0],
        rows=rows,
        predicted_by=words.predicted_by(translation),
        matched_by=words.matched_by(translation),
        has_identity=translation.certificate.identity is not None,
        notes=translation.notes,
        provenance=words.provenance(result, _settings(result)),
    )


def figures(result: TranslateResult) -> Iterator[Picture]:
    """What translation is worth against the number of pairs."""
    panel = result.translation.certificate._picture()
    yield Picture("pairs", panel, "What is predicted and found, against the number of pairs")


def _settings(result: TranslateResult) -> list[tuple[str, str]]:
    settings = result.settings
    return [
        ("pairs", f"{result.translation.n:,}"),
        ("map", settings.map),
        ("ridge", "chosen" if settings.ridge is None else f"{settings.ridge:g}"),
        ("preprocessing", settings.preprocessing),
        ("seed", str(settings.seed)),
    ]
