"""A page and its PDFs: all of it or nothing, over a page of ours and over nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, Environment
from matplotlib.figure import Figure

import methexis as mx
from methexis.plots.panel import Picture
from methexis.report.house.page import Page


class Line:
    """A plot that is drawn quickly."""

    def draw(self) -> Figure:
        made = Figure(figsize=(1, 1))
        made.subplots().plot([0, 1])
        return made


def written(folder: Path, *names: str) -> Path:
    page = Page(folder / "r.html", folder / "r-figures")
    for name in names:
        page.draw([Picture(name, Line(), "A line")])
    return page.write("tests.html.j2")


@pytest.fixture(autouse=True)
def _template(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page with nothing but its figures, which ends like all of ours."""
    text = "{% for one in svg.values() %}{{ one }}{% endfor %}Written by Methexis. In {{ pdfs }}/."
    environment = Environment(loader=DictLoader({"tests.html.j2": text}), autoescape=True)
    monkeypatch.setattr("methexis.report.house.page._environment", lambda: environment)


def test_all_templates_say_who_wrote_them() -> None:
    templates = Path(mx.__file__).parent / "report" / "templates"
    assert "Written by Methexis." in (templates / "base.html.j2").read_text(encoding="utf-8")
    for name in ("run", "cells", "compare", "verify", "break", "sharpen", "reverse"):
        text = (templates / f"{name}.html.j2").read_text(encoding="utf-8")
        assert '{% extends "base.html.j2" %}' in text


def test_a_page_of_ours_is_replaced_with_its_figures(tmp_path: Path) -> None:
    written(tmp_path, "a", "b")
    (tmp_path / "r-figures" / "paper.pdf").write_bytes(b"mine")
    written(tmp_path, "a")
    assert sorted(os.listdir(tmp_path)) == ["r-figures", "r.html"]
    assert sorted(os.listdir(tmp_path / "r-figures")) == ["a.pdf", "b.pdf", "paper.pdf"]
    with pytest.raises(mx.MethexisError, match=r"where .*paper\.pdf goes, got another file"):
        written(tmp_path, "paper")
    assert (tmp_path / "r-figures" / "paper.pdf").read_bytes() == b"mine"
    (tmp_path / "r-figures" / "a.pdf").write_bytes(b"of an earlier version")  # named in the page
    written(tmp_path, "a")
    (tmp_path / "r.html").unlink()
    written(tmp_path, "a")  # says in itself who made it


def test_a_page_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("my thesis")
    with pytest.raises(mx.MethexisError, match="expected a new file or a report to replace"):
        written(tmp_path, "a")
    assert os.listdir(tmp_path) == ["r.html"]


def test_a_full_disk_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "a")
    before = (tmp_path / "r.html").read_text()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(mx.MethexisError, match=r"expected to write .*No space left on device"):
        written(tmp_path, "a", "b")
    assert (tmp_path / "r.html").read_text() == before
    assert sorted(os.listdir(tmp_path)) == ["r-figures", "r.html"]
    assert os.listdir(tmp_path / "r-figures") == ["a.pdf"]
