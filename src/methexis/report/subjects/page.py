"""`write_subjects_report`: which model explains the group, how well, and how well any could."""

from __future__ import annotations

from pathlib import Path

from methexis.report.house.page import Page
from methexis.report.subjects import words
from methexis.report.subjects.figures import figures
from methexis.scenarios.subjects.result import SubjectsResult


def write_subjects_report(result: SubjectsResult, path: str | Path) -> Path:
    """Write the report of `run_subjects`.

    Parameters
    ----------
    result : SubjectsResult
        What was found.
    path : path
        An HTML file, or a folder, as of `write_report`.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    pictures = list(figures(result))
    page.draw(pictures)
    summary = result.summary()
    return page.write(
        "subjects.html.j2",
        conclusion=result.conclusion,
        num_subjects=len(result.subjects),
        num_conditions=result.group.n,
        num_models=len(result.group.names),
        pictures=[picture.name for picture in pictures],
        models=words.models(result),
        pairs=words.pairs(result),
        subjects=words.subjects(result),
        ceiling=words.ceiling(result),
        order=words.order(result),
        limits=list(result.limits),
        confidence=f"{result.settings.confidence:.0%}",
        comparison=result.settings.comparison.replace("_", " "),
        dissimilarity=result.dissimilarity,
        seconds=result.seconds,
        provenance=[
            ("command", summary["command"]),
            ("comparison", summary["comparison"]),
            ("dissimilarity of models", summary["dissimilarity"]),
            ("shrinkage", summary["shrinkage"]),
            ("version", summary["version"]),
            ("libraries", ", ".join(f"{k} {v}" for k, v in summary["libraries"].items())),
            ("machine", ", ".join(f"{k} {v}" for k, v in summary["machine"].items())),
        ],
    )
