"""One self-contained page: figures collected as inline SVG and as PDF, text from a template."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from methexis.core.checks import MethexisError, location
from methexis.files import fill, locked, settle
from methexis.plots.panel import Picture
from methexis.plots.style import house_style
from methexis.report.house import numbers
from methexis.report.house.saving import PDF_CREATOR, inline_svg, pdf
from methexis.text import shown


class Page:
    """Collects the figures of a report and writes it: page and PDFs together, or nothing.

    A page of ours that is there already is replaced with its PDFs; files of others are not.

    Parameters
    ----------
    target : path
        The HTML file.
    figures : path
        Folder of the PDFs, beside it.

    Raises
    ------
    MethexisError
        If something is in the way, or the folder cannot be made.
    """

    def __init__(self, target: Path, figures: Path) -> None:
        self.target, self._figures = target, figures.name
        self._svg: dict[str, Markup] = {}
        self._pdf: dict[str, bytes] = {}
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                pass
        except OSError as error:
            raise _unwritable(target, error) from None
        if target.exists() and not _is_page(target):
            raise MethexisError(
                f"report: expected a new file or a report to replace, got {target}, which is none"
            )

    @classmethod
    def at(cls, path: str | Path) -> Page:
        """The page at an HTML file, with its PDFs beside it; or ``report.html`` in a folder.

        The PDFs of ``name.html`` go to ``name-figures``, those of a folder to ``figures``.

        Raises
        ------
        MethexisError
            If something is in the way, or the folder cannot be made.
        """
        target = location("write_report", path)
        if target.suffix.lower() in (".html", ".htm") and not target.is_dir():
            return cls(target, target.with_name(f"{target.stem}-figures"))
        return cls(target / "report.html", target / "figures")

    def draw(self, pictures: Iterable[Picture]) -> None:
        """Draw pictures; a template finds each by its name."""
        with house_style(), warnings.catch_warnings():
            # A name in a script that the font lacks is boxes in a figure, and whole in the tables.
            warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
            for picture in pictures:
                figure = picture.plot.draw()
                self._svg[picture.name] = Markup(inline_svg(figure, picture.name, picture.alt))
                self._pdf[picture.name] = pdf(figure)

    def write(self, template: str, **context: Any) -> Path:
        """Render ``template`` with the figures as ``svg``, and write all of it or nothing.

        Raises
        ------
        MethexisError
            If it cannot be written.
        """
        text = (
            _environment()
            .get_template(template)
            .render(svg=self._svg, pdfs=self._figures, **context)
        )

        def into(folder: Path) -> None:
            (folder / self.target.name).write_text(text, encoding="utf-8")
            (folder / self._figures).mkdir()
            for name, content in self._pdf.items():
                (folder / self._figures / f"{name}.pdf").write_bytes(content)

        try:
            with self._alone():
                fill(
                    self.target.parent,
                    into,
                    last=self.target.name,
                    what="report",
                    replaceable=self._replaceable(),
                )
        except OSError as error:
            raise _unwritable(self.target, error) from None
        return self.target

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with locked(self.target, "report"):
            settle(self.target.parent, self.target.name)
            yield

    def _replaceable(self) -> Callable[[str], bool]:
        """Which files are of an earlier page of ours: it, what it shows, and our other PDFs."""
        ours = _is_page(self.target)
        shown = set(_SHOWN.findall(self.target.read_bytes())) if ours else set()

        def replaceable(name: str) -> bool:
            if name == self.target.name:
                return ours
            path = self.target.parent / name
            return path.stem.encode() in shown or _CREATED in path.read_bytes()

        return replaceable


#: What every page of ours says, of this version and of earlier ones; and the names of its figures.
_WRITTEN = b"Written by Methexis."
_SHOWN = re.compile(rb'aria-labelledby="([^"]+)-title"')
_CREATED = f"/Creator ({PDF_CREATOR})".encode()


def _is_page(path: Path) -> bool:
    return path.is_file() and _WRITTEN in path.read_bytes()


def _unwritable(target: Path, error: OSError) -> MethexisError:
    return MethexisError(f"report: expected to write {target}, got: {error.strerror or error}")


def _finalized(value: Any) -> Any:
    """Text as it goes into a page: escaped as HTML later, without signs that are none of print."""
    return shown(value, lines=True) if type(value) is str else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("methexis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "alignment": numbers.alignment,
        "number": numbers.number,
        "count": numbers.count,
        "deviation": numbers.deviation,
        "seconds": numbers.seconds,
        "words": numbers.words,
        "typeset": numbers.typeset,
    }
    return environment
