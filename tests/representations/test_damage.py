"""Damaged files of every format: layers or a sentence, never a raw error."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow")

from tests.representations import campaign
from tests.representations.damage import FORMATS, KINDS, damaged, outcome, victims

EDITS = st.lists(
    st.tuples(
        st.floats(0.0, 1.0, exclude_max=True), st.sampled_from(KINDS), st.integers(0, 2**16 - 1)
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("name", FORMATS)
def test_whole_files_are_read(name: str, tmp_path: Path) -> None:
    assert outcome(FORMATS[name].write(tmp_path)) == "same"


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=EDITS, which=st.integers(0, 100))
def test_a_damaged_file_is_refused_in_a_sentence_or_read(
    name: str, edits: list[tuple[float, str, int]], which: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about what they could not read
        path = FORMATS[name].write(Path(folder))
        files = victims(path)
        victim = files[which % len(files)]
        victim.write_bytes(damaged(victim.read_bytes(), edits))
        found = outcome(path)
    allowed = {"same", "part", "refused"}
    if not FORMATS[name].checked:  # a flipped bit cannot be seen where nothing vouches for it
        allowed.add("other numbers")
    assert found in allowed


def test_the_campaign_counts_every_file() -> None:
    counts, faults = campaign.campaign("npz", 20)
    assert sum(counts.values()) == 20
    assert not faults
