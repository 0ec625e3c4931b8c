"""The walk over everything public that shows itself, as a table.

``python -m tests.display.walk`` prints for each class the length of its line, the size of its part
of a page, whether `plot` draws it, or why not, and whether it becomes a table of pandas or a page.
`tests/display/test_display.py` asserts what is printed here.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

from methexis.measures import Measure
from methexis.report import writing
from methexis.report.plain.kinds import KINDS
from methexis.training.optimisers import UpdateRule
from tests.display.specimens import classes, specimens

_PAGE = "several pictures, on its page"
_PARTS = "a few numbers"
_SETTINGS = "settings"
_GIVEN = "what goes in, not what comes out"
#: Why a class has no picture of its own.
NOT_DRAWN = {
    **dict.fromkeys(
        ("BreakResult", "CaseResult", "CompareResult", "ReverseResult", "ReverseScenarioResult",
         "ScenarioResult", "SharpenResult", "SubjectsResult", "VerifyResult"), _PAGE,
    ),
    **dict.fromkeys(
        ("Between", "Calibrated", "LayerAlignment", "Level", "NoiseCeiling", "NullMoments",
         "PowerLaw", "Relaxation", "Streamed", "UnpairedCertificate",
         "UnpairedTranslation"), _PARTS,
    ),
    **dict.fromkeys(
        ("CompareSettings", "Plan", "Preprocessing", "SubjectsSettings", "VerifySettings", "Asked",
         "GradientFlow"), _SETTINGS,
    ),
    **dict.fromkeys(
        ("EDLN", "LayerList", "LayerOutput", "MLP", "PlantedPair", "Problem", "Representation",
         "Representations", "Samples", "SecondMoments", "Teacher", "View"), _GIVEN,
    ),
    "Element": "an element of a group, which has no axis of its own",
    "Interface": _PARTS,
    "Turned": _PARTS,
    "AdaptiveMinimum": "weights, which have no axis of their own",
    "AxisAlignment": _PARTS,
    "FixedPoint": "weights, which have no axis of their own",
    "PlatonicSolution": "weights, which have no axis of their own",
}  # fmt: skip


def why_not_drawn(value: Any) -> str:
    """Why a specimen has no picture; empty where it has one."""
    if hasattr(value, "plot"):
        return ""
    if isinstance(value, Measure | UpdateRule):
        return _SETTINGS
    return NOT_DRAWN.get(type(value).__name__, "")


def rows() -> list[tuple[str, ...]]:
    """A row of the table for each public class."""
    made = []
    for name, kind in sorted(classes().items()):
        value = specimens()[kind.__name__]
        picture = "–"
        if hasattr(value, "plot"):
            axes = value.plot()
            shades = getattr(value._picture(), "bar", "") if hasattr(value, "_picture") else ""
            picture = f"{axes.get_ylabel()} / {axes.get_xlabel()}"
            picture += f" / {shades}" if shades else ""
            pyplot.close("all")
        written = type(value) in {*KINDS, *writing.WRITERS}
        made.append((
            name, str(len(repr(value))), str(len(value._repr_html_())),
            picture if picture != "–" else f"({why_not_drawn(value)})",
            "yes" if hasattr(value, "to_dataframe") else "", "yes" if written else "",
        ))  # fmt: skip
    return made


def main() -> None:
    """Print the table."""
    with mpl.rc_context({"backend": "agg"}):
        body = rows()
    head = ("class", "line", "html", "axes of its picture, or why none", "frame", "page")
    print("| " + " | ".join(head) + " |")
    print("|---|--:|--:|---|---|---|")
    for row in body:
        print("| " + " | ".join(" ".join(cell.split()) for cell in row) + " |")
    drawn = sum(not row[3].startswith("(") for row in body)
    print(f"\n{len(body)} classes, {drawn} drawn")


if __name__ == "__main__":
    main()
