"""Text from outside is shown as text: printable, on one line, nothing hidden."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from methexis.text import brief, json_text, sentence, shown, suggestion

ANY = st.text(st.characters(codec=None) | st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]))


@given(ANY)
def test_what_is_shown_is_printable_and_one_line(text: str) -> None:
    found = shown(text)
    assert all(sign.isprintable() or sign.isspace() for sign in found)
    assert len(found.splitlines()) <= 1
    assert shown(found) == found
    found.encode("utf-8")  # no lone surrogate


@pytest.mark.parametrize("text", ["cost_$5", "<b>", "层 1", "naïve", "30\u202f000", "a\\b"])
def test_print_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_what_a_terminal_obeys_is_written_out() -> None:
    assert shown("\x1b[2J\r\x07") == r"\x1b[2J\r\x07"
    assert shown("\u202egnp.exe\u2066") == r"\u202egnp.exe\u2066"
    assert shown("\x9b31m") == r"\x9b31m"  # an escape sequence in one sign
    assert shown("a\nb\t\x1b", lines=True) == "a\nb\t\\x1b"


@given(st.binary(min_size=1, max_size=20))
def test_names_of_any_bytes_are_shown(name: bytes) -> None:
    shown(os.fsdecode(name)).encode("utf-8")


def test_bytes_that_are_no_text_are_shown_as_bytes() -> None:
    assert shown(os.fsdecode(b"\xff\xfe.npy")) == r"\xff\xfe.npy"


@given(st.text(max_size=2000))
def test_names_in_messages_are_of_bearable_length(text: str) -> None:
    assert len(brief(text)) <= 200
    assert len(brief("\x1b" * 500)) <= 200


def test_an_exception_is_one_line() -> None:
    assert sentence(ValueError("first\n second\x1b[2J.")) == r"first second\x1b[2J"
    assert sentence(KeyError()) == "KeyError"


@given(st.recursive(st.none() | st.floats() | ANY, lambda s: st.lists(s) | st.dictionaries(ANY, s)))
def test_json_is_valid_for_every_reader(data: object) -> None:
    text = json_text(data)
    json.loads(text, parse_constant=pytest.fail).__repr__().encode("utf-8")


def test_a_name_that_is_near_is_suggested_and_no_other() -> None:
    names = ["cka", "mutual_knn", "procrustes_size"]
    assert suggestion("ckaa", names) == "; did you mean 'cka'?"
    assert suggestion("mutual_nn", names) == "; did you mean 'mutual_knn'?"
    assert suggestion("KNN", names) == "; did you mean 'mutual_knn'?"
    assert [suggestion(name, names) for name in ("zzqq", "", "\x1b")] == ["", "", ""]
