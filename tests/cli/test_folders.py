"""The folder that --out names: whose it is, who is at it, and what a failed report leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import methexis as mx
from methexis.cli.folders import bare, fill, prepared, short
from methexis.cli.sides import default_folder
from methexis.files import read_result

SUMMARY = json.dumps({"command": "methexis compare", "version": "0", "seed": 0})


def report(folder: Path) -> None:
    (folder / "figures").mkdir()
    (folder / "figures" / "a.pdf").write_text("a")
    (folder / "report.html").write_text("page")


def test_results_need_force_and_keep_what_is_not_of_them(tmp_path: Path) -> None:
    out = tmp_path / "below" / "out"
    with prepared(out, force=False):
        fill(out, SUMMARY, report)
    (out / "thesis.tex").write_text("mine")
    (out / "figures" / "paper.pdf").write_text("mine")
    with pytest.raises(mx.MethexisError, match="--force to replace"), prepared(out, force=False):
        pytest.fail("let in")
    with prepared(out, force=True):
        fill(out, SUMMARY, report)
    assert (out / "thesis.tex").read_text() == "mine"
    assert (out / "figures" / "paper.pdf").read_text() == "mine"
    assert read_result(out)["seed"] == 0


def test_results_of_earlier_versions_are_replaced(tmp_path: Path) -> None:
    """They kept no list: what is of the same name goes, and the rest stays."""
    report(tmp_path)
    (tmp_path / "result.json").write_text(SUMMARY)
    (tmp_path / "notes").write_text("mine")
    with prepared(tmp_path, force=True):
        fill(tmp_path, SUMMARY, report)
    assert (tmp_path / "notes").read_text() == "mine"
    assert read_result(tmp_path)["seed"] == 0
    (tmp_path / "figures" / "b.pdf").write_text("mine")
    with (
        prepared(tmp_path, force=True),
        pytest.raises(mx.MethexisError, match="got another file"),
    ):
        fill(tmp_path, SUMMARY, lambda f: [report(f), (f / "figures" / "b.pdf").write_text("b")])
    assert (tmp_path / "figures" / "b.pdf").read_text() == "mine"


@pytest.mark.parametrize("names", [["x"], [".partial/a"], ["report.html"], ["result.json"]])
@pytest.mark.parametrize("force", [False, True])
def test_folders_of_others_are_refused(tmp_path: Path, names: list[str], force: bool) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("[]")
    with pytest.raises(mx.MethexisError, match="new or empty"), prepared(tmp_path, force=force):
        pytest.fail("let in")
    assert [(tmp_path / name).read_text() for name in names] == ["[]"]


def test_one_command_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with prepared(out, force=False):
        again = prepared(out, force=True)
        with pytest.raises(mx.MethexisError, match="expected to be alone at"), again:
            pytest.fail("let in")
        fill(out, SUMMARY, report)
    assert (out / "result.json").exists()


def test_a_report_that_fails_costs_no_result(tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        report(folder)
        raise ValueError("a name that the figure cannot show")

    out = tmp_path / "out"
    with pytest.raises(ValueError, match="cannot show"), prepared(out, force=False):
        fill(out, SUMMARY, broken)
    assert sorted(os.listdir(out)) == [".methexis.json", "result.json"]
    assert read_result(out)["seed"] == 0


def test_a_folder_that_was_made_goes_with_the_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), prepared(tmp_path / "a" / "b", force=False):
        raise KeyError
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("llama-2.7b", "llama-2.7b"),
        ("llama-2.7b.npz", "llama-2.7b"),
        ("model.ZARR", "model"),
        (".npy", ".npy"),
        ("v1.0", "v1.0"),
    ],
)
def test_only_endings_of_ours_are_left_out(name: str, expected: str) -> None:
    assert bare(name) == expected


NAMES = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=()), min_size=1, max_size=300
)


@given(NAMES, NAMES)
def test_names_of_folders_can_be_made_and_tell_apart(first: str, second: str) -> None:
    """Whatever files are called: control characters, bytes that are no text, any length."""
    found = [short(name) for name in (first, second)]
    assert (found[0] == found[1]) == (first == second)
    for name in found:
        assert name.isprintable()
        assert len(name.encode()) <= 110  # so that verb and two of them stay below 255


def test_the_default_names_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_folder("a/llama-2.7b", "b/llama-2.13b").name == (
        "methexis-compare-llama-2.7b-llama-2.13b"
    )
    assert default_folder("a/x.npy", "b/x.npy").name == "methexis-compare-a-x-b-x"
    long = ["m" * 240 + end for end in "AB"]
    one, other = default_folder(long[0], "x"), default_folder(long[1], "x")
    assert one != other
    one.mkdir()
