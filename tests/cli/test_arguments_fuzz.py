"""Arguments of every verb drawn at random: a result or one sentence, no traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.test_cli import invoke

NUMBERS = ["-1", "0", "1", "2", "19", "0.05", "1.5", "nan", "inf", "-inf", "1e400", "9" * 400, "x"]
WORDS = ["", " ", "none", "auto", "A", "AB", "*", "[", "**", "x\0y", "\x1b[31m", "ünï", "a" * 5000]
OPTIONS = {
    "--measure": [
        "cka", "mutual_knn:k=3", "mutual_knn:k=0", "mutual_knn:k=nan", "cka:", ":", "cka:kernel",
        "cka:bandwidth=1e400", "hsic:bandwidth=1e-320", "CKA", "gulp:ridge=-1", *WORDS,
    ],
    "--set": ["k=3", "k=", "=3", "k=1e400", "bandwidth=nan", *WORDS],
    "--preprocessing": ["prh", "prh_rows", *WORDS],
    "--pool": ["mean", "each", *WORDS],
    "--layers": ["x", "layer?", *WORDS],
    "--rdm": ["A", "B", "C", *WORDS],
    "--null": ["moments", "permutation", *WORDS],
    "--correction": ["max", "holm", *WORDS],
    "--permutations": NUMBERS,
    "--bootstrap": NUMBERS,
    "--alpha": NUMBERS,
    "--memory": ["1 GiB", "1 KiB", "-1 GiB", "1e400 GiB", "9" * 400 + " GiB", *NUMBERS, *WORDS],
    "--seed": NUMBERS,
    "--replica": NUMBERS,
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 3))
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", x @ rng.normal(size=(3, 4)))
    np.save(folder / "zero.npy", np.where(np.arange(12)[:, None] == 3, 0.0, x))
    np.save(folder / "words.npy", x.astype("U20"))
    np.save(folder / "big-endian.npy", x.astype(">f4"))
    np.save(folder / "huge.npy", x * 1e300)
    return folder


def choice(name: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.sampled_from(OPTIONS[name]).map(lambda value: (name, value))


@given(
    names=st.lists(
        st.sampled_from(["x.npy", "y.npy", "zero.npy", "words.npy", "big-endian.npy", "huge.npy"]),
        min_size=2,
        max_size=2,
    ),
    options=st.lists(st.sampled_from(list(OPTIONS)).flatmap(choice), max_size=3),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore::methexis.errors.DegenerateWarning")
def test_random_arguments(files: Path, names: list[str], options: list[tuple[str, str]]) -> None:
    words = [word for option in options for word in option]
    quick = [] if "--permutations" in words else ["--permutations", "19"]
    if "--bootstrap" not in words:
        quick += ["--bootstrap", "19"]
    done = invoke("compare", *names, *words, *quick, "--out", "out", "--force", cwd=files)
    assert done.returncode in {0, 1, 2}, done
    assert "Traceback" not in done.stderr
    if done.returncode == 2:
        last = done.stderr.strip().splitlines()
        assert last, "an error says what was wrong"


#: Verbs that train: their options, and what is refused before anything is trained.
TRAINED = {
    "verify": (
        ["--lr", "--batch", "--replicas", "--seed", "--noise", "--sampling", "--loss"],
        ["--steps", "0"],
    ),
    "break": (["--seed"], ["no such dial"]),
    "sharpen": (["--seed"], ["no such case"]),
    "reverse": (["--seed"], ["no such walk"]),
}
VALUES = st.sampled_from([*NUMBERS, *WORDS])


@st.composite
def refused_words(draw: st.DrawFn) -> list[str]:
    verb = draw(st.sampled_from(list(TRAINED)))
    options, refused = TRAINED[verb]
    drawn = draw(st.lists(st.tuples(st.sampled_from(options), VALUES), max_size=3))
    words = [word for option in drawn for word in option]
    stray = draw(st.lists(VALUES, max_size=1))
    return [verb, *stray, *words, *refused] if draw(st.booleans()) else [verb, *words, *refused]


@given(words=refused_words())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_arguments_of_what_trains(words: list[str], tmp_path: Path) -> None:
    done = invoke(*words, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
    assert not (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize("verb", TRAINED)
def test_what_is_refused_is_why(verb: str, tmp_path: Path) -> None:
    """Else the test above would prove nothing: a verb could refuse whatever it is given."""
    _, refused = TRAINED[verb]
    done = invoke(verb, *refused, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert ": expected" in done.stderr
    assert f"got {refused[-1]}" in done.stderr.replace("'", "")
