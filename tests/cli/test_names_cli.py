"""Names of files and layers are text, from the file to terminal, page, figure and JSON."""

from __future__ import annotations

import html
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from methexis import report
from methexis.text import shown
from tests.cli.test_cli import invoke

#: What is obeyed somewhere: by mathtext, terminals, pages, rich's markup, templates.
NAMES = (
    "cost_$5_to_$10", "$$", r"$\frac$", "fn$body$1", "\x1b[2J\x1b[31mPASS", "\x9b31m", "a\rb",
    "a\nb", "\u202eevil", "\x07", "<script>alert(1)</script>", "</svg>", "&amp;",
    "[red]x[/red]", "[/]", "{{ 7 * 7 }}", "%s%n", "層", "é", "x" * 3000, "'\"",
)  # fmt: skip
OPTIONS = ("-m", "cka", "--permutations", "19", "--bootstrap", "0", "--out", "o")


def features(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(24, 4))


def safe(text: str) -> bool:
    return all(sign.isprintable() or sign.isspace() for sign in text.replace("\r", "\x1b"))


@pytest.mark.parametrize("beside", [False, True], ids=["grid", "list"])
def test_names_of_layers_are_shown_as_they_are(beside: bool, tmp_path: Path) -> None:
    save_file({name: features(k) for k, name in enumerate(NAMES)}, tmp_path / "a.safetensors")
    np.save(tmp_path / "b.npy", features(99))
    done = invoke(
        "compare", "a.safetensors", *(["b.npy"] if beside else []), *OPTIONS, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert safe(done.stdout)
    found = json.loads((tmp_path / "o" / "result.json").read_text(encoding="utf-8"))
    page = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert safe(page)
    assert "<script>alert" not in page
    layers = [layer["name"] for layer in found["first"]["layers"]]
    assert sorted(layers) == sorted(map(shown, NAMES))
    for name in NAMES:
        assert html.escape(shown(name), quote=False) in page.replace("&#39;", "'").replace(
            "&#34;", '"'
        )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_file_names_that_are_no_text(tmp_path: Path) -> None:
    model = tmp_path / os.fsdecode(b"m\xff\x1b[2J")
    model.mkdir()
    for k, name in enumerate((b"\xff\xfe.npy", b"ok.npy", b"\x1b]0;title\x07.npy", b"bad\xff.txt")):
        with open(os.fsencode(model) + b"/" + name, "wb") as file:
            np.save(file, features(k))
    done = invoke("compare", str(model), *OPTIONS[:-2], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert safe(done.stdout)
    assert r"m\xff\x1b[2J" in done.stdout
    [folder] = tmp_path.glob("methexis-compare-*")
    text = (folder / "result.json").read_text(encoding="utf-8")
    json.loads(text)
    assert "\\udc" not in text
    assert r"\\xff\\xfe" in text
    assert safe((folder / "report.html").read_text(encoding="utf-8"))
    gone = invoke("compare", os.fsdecode(b"\xff\x1b[2J.npy"), *OPTIONS, cwd=tmp_path)
    assert gone.returncode == 2
    assert safe(gone.stderr)


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=features(0), y=features(1), mask=features(0) > 0)
    done = invoke("compare", "a.npz", *OPTIONS, cwd=tmp_path)
    assert "left out: a.npz:mask (expected real numbers, got dtype bool)" in done.stdout
    found = json.loads((tmp_path / "o" / "result.json").read_text(encoding="utf-8"))
    assert found["first"]["left_out"] == ["a.npz:mask (expected real numbers, got dtype bool)"]
    assert "got dtype bool" in (tmp_path / "o" / "report.html").read_text(encoding="utf-8")


def test_numbers_outlive_a_figure_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise TypeError("a font\nis missing")

    np.save(tmp_path / "a.npy", features(0))
    np.save(tmp_path / "b.npy", features(1))
    monkeypatch.setattr(report, "write_compare_report", fails)
    done = invoke("compare", "a.npy", "b.npy", *OPTIONS, cwd=tmp_path)
    assert done.returncode == 2
    assert "expected to draw it, got TypeError (a font is missing); all numbers are in" in (
        done.stderr
    )
    found = json.loads((tmp_path / "o" / "result.json").read_text(encoding="utf-8"))
    assert found["first"]["path"] == "a.npy"
