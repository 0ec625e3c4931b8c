"""One self-contained page: figures collected as inline SVG and as PDF, text from a template."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from methexis.core.checks import MethexisError
from methexis.plots.panel import Picture
from methexis.plots.style import house_style
from methexis.report.house import numbers
from methexis.report.house.saving import inline_svg, save_pdf
from methexis.text import shown


class Page:
    """Collects the figures of a report and writes it.

    Parameters
    ----------
    target : path
        The HTML file.
    figures : path
        Folder of the PDFs.

    Raises
    ------
    MethexisError
        If the folders cannot be made.
    """

    def __init__(self, target: Path, figures: Path) -> None:
        self.target, self._folder = target, figures
        self._svg: dict[str, Markup] = {}
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            figures.mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritable(target, error) from None

    def draw(self, pictures: Iterable[Picture]) -> None:
        """Draw pictures; a template finds each by its name."""
        with house_style(), warnings.catch_warnings():
            # A name in a script that the font lacks is boxes in a figure, and whole in the tables.
            warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
            for picture in pictures:
                figure = picture.plot.draw()
                self._svg[picture.name] = Markup(inline_svg(figure, picture.name, picture.alt))
                try:
                    save_pdf(figure, self._folder / f"{picture.name}.pdf")
                except OSError as error:
                    raise _unwritable(self.target, error) from None

    def write(self, template: str, **context: Any) -> Path:
        """Render ``template`` with the figures as ``svg``, and write the page whole or not at all.

        Raises
        ------
        MethexisError
            If it cannot be written.
        """
        text = (
            _environment()
            .get_template(template)
            .render(svg=self._svg, pdfs=self._folder.name, **context)
        )
        partial = self.target.with_name(self.target.name + ".partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise _unwritable(self.target, error) from None
        return self.target


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
        "seconds": numbers.seconds,
        "words": numbers.words,
        "typeset": numbers.typeset,
    }
    return environment
