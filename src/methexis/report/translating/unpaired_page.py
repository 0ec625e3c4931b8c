"""`write_unpaired_report`: maps that were learnt without pairs, and what supports them."""

from __future__ import annotations

from pathlib import Path

from methexis.plots.panel import Picture
from methexis.report.house.page import Page
from methexis.report.translating import words
from methexis.transport.job_unpaired import UnpairedResult
from methexis.transport.words import share


def write_unpaired_report(result: UnpairedResult, path: str | Path) -> Path:
    """Write the report of `run_translate_unpaired`.

    Parameters
    ----------
    result : UnpairedResult
        What was found.
    path : path
        Where to, as `write_report` takes it.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    alt = "Images of A among rows of B, in the two directions in which these vary most"
    page.draw([Picture("overlay", result.overlay._picture(), alt)])
    translation = result.translation
    certificate = translation.certificate
    a, b = translation.names
    return page.write(
        "translate_unpaired.html.j2",
        heading=f"{a} and {b}, translated without pairs",
        names=translation.names,
        conclusion=result.conclusion,
        found=certificate.found,
        top1=share(certificate.top1),
        candidates=f"{certificate.candidates:,}",
        basis=words.BASES.get(certificate.basis, certificate.basis),
        rows=[f"{count:,}" for count in translation.n],
        shared=result.settings.shared,
        support=words.support(translation),
        map=words.TITLES[translation.map],
        notes=result.notes,
        provenance=words.provenance(result, _settings(result)),
    )


def _settings(result: UnpairedResult) -> list[tuple[str, str]]:
    settings = result.settings
    return [
        ("rows", " and ".join(f"{count:,}" for count in result.translation.n)),
        ("map", settings.map),
        ("the same samples", "yes, in unknown orders" if settings.shared else "not known"),
        ("known pair", "none" if settings.pair is None else f"{settings.pair}"),
        ("preprocessing", settings.preprocessing),
        ("seed", str(settings.seed)),
    ]
