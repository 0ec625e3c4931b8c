"""Which pages the site has, and in which order its navigation shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Section:
    """A heading of the navigation, with its pages in order, as paths in docs or of the repository.

    The first page introduces the others; ``generated`` says that they are made when staging.
    """

    title: str
    pages: tuple[str, ...]
    generated: bool = False


def _decisions() -> tuple[str, ...]:
    folder = ROOT / "docs" / "decisions"
    return tuple(f"docs/decisions/{path.name}" for path in sorted(folder.glob("0*.md")))


SECTIONS = (
    Section("Start", ("docs/index.md", "docs/demo.md")),
    Section(
        "Tutorials",
        (
            "docs/tutorials/theory-in-your-run.ipynb",
            "docs/tutorials/comparing-representations.ipynb",
            "docs/tutorials/two-encoders.md",
            "docs/tutorials/translating.ipynb",
            "docs/tutorials/gauge.ipynb",
            "docs/tutorials/neuroscience.ipynb",
        ),
    ),
    Section(
        "Guides",
        (
            "docs/guides/training.md",
            "docs/guides/comparing.md",
            "docs/measures.md",
            "docs/probing.md",
            "docs/interfaces.md",
            "docs/canonical.md",
            "docs/guides/breaking.md",
            "docs/guides/sweeping.md",
            "docs/guides/neuroscience.md",
            "docs/digits.md",
            "docs/results.md",
        ),
    ),
    Section("Reference", ("reference/index.md",), generated=True),
    Section(
        "Theory", ("docs/theory.md", "docs/adaptive.md", "docs/explain.md", "docs/translation.md")
    ),
    Section(
        "Evidence",
        (
            "docs/numbers.md",
            "docs/evidence.md",
            "docs/breaking.md",
            "docs/irreversibility.md",
            "docs/measures-truth.md",
            "docs/calibration.md",
            "docs/calibration-discrete.md",
            "docs/search.md",
            "docs/closer.md",
            "docs/intervals.md",
            "docs/quick.md",
            "docs/explain-calibration.md",
            "docs/consequences.md",
            "docs/sweeps.md",
            "docs/benchmarks.md",
            "docs/measures-benchmarks.md",
            "docs/translation-benchmarks.md",
        ),
    ),
    Section("Decisions", ("docs/decisions/index.md",)),
    Section(
        "Project",
        ("ARCHITECTURE.md", "CONTRIBUTING.md", "docs/releasing.md", "CHANGELOG.md"),
    ),
)
#: Pages that stand in the navigation below another one.
BELOW = {"docs/decisions/index.md": _decisions()}

#: Titles in the navigation of pages whose own are short, because they are read on their page.
TITLES = {
    "docs/evidence.md": "As the learning rate goes to zero",
    "docs/calibration.md": "How often p is wrong",
    "docs/calibration-discrete.md": "How often p is wrong of discrete features",
    "docs/closer.md": "How often “closer” and “best layer” are wrong",
    "docs/intervals.md": "How often intervals hold",
    "reference/index.md": "Overview",
}


def pages() -> tuple[str, ...]:
    """All pages that are files of the repository, by their paths in it."""
    listed = [page for section in SECTIONS if not section.generated for page in section.pages]
    return (*listed, *(page for below in BELOW.values() for page in below))


def staged(page: str) -> str:
    """Where the site has a page of the repository: in the folder of its section, as Markdown.

    Examples
    --------
    >>> staged("docs/index.md"), staged("docs/tutorials/neuroscience.ipynb")
    ('index.md', 'tutorials/neuroscience.md')
    >>> staged("docs/search.md"), staged("ARCHITECTURE.md")
    ('evidence/search.md', 'project/architecture.md')
    """
    name = Path(page).with_suffix(".md").name.lower()
    (section,) = (
        section
        for section in SECTIONS
        if page in section.pages or any(page in BELOW.get(other, ()) for other in section.pages)
    )
    return name if section is SECTIONS[0] else f"{section.title.lower()}/{name}"
