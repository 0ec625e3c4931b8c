"""``methexis subjects`` as a person meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from methexis.measures import rdm
from tests.cli.test_cli import call, invoke
from tests.report.subjects_results import write

FILES = ("s1.npz", "s2.npz", "s3.npz", "s4.npz")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write(tmp_path)
    layer = np.load(tmp_path / "network" / "h1.npy")
    distances = np.linalg.norm(layer[:, None] - layer[None], axis=-1)
    np.save(tmp_path / "theory.npy", distances**2)
    np.save(tmp_path / "short.npy", layer[:9])
    return tmp_path


def test_help_has_an_example() -> None:
    done = invoke("subjects", "--help")
    assert done.returncode == 0
    assert "Example: methexis subjects subjects/*.npz --model my-network/" in done.stdout


def test_from_files_to_a_statement(files: Path) -> None:
    words = ("subjects", *FILES, "--model", "network", "--confidence", "0.9")
    done = invoke(*words, "--out", "o", cwd=files)
    assert done.returncode == 0, done.stderr
    names = [".methexis.json", "figures", "report.html", "result.json"]
    assert sorted(os.listdir(files / "o")) == names
    assert sorted(os.listdir(files / "o" / "figures")) == ["mds.pdf", "models.pdf", "rdm.pdf"]
    found = json.loads((files / "o" / "result.json").read_text())
    told = " ".join(done.stdout.split())
    assert told.startswith(found["conclusion"])
    assert found["conclusion"].startswith("Of 3 models, h1 explains the RDMs of 4 subjects best")
    assert "4 subjects, 12 conditions, 4 runs, 10 to 19 channels, crossnobis" in told
    assert max(map(len, done.stdout.splitlines())) <= 80
    again = invoke(*words, "--out", "o", cwd=files)
    assert again.returncode == 2
    assert "with results in it; give another --out, or --force" in again.stderr


def test_json_is_what_is_stored_with_the_command(files: Path) -> None:
    words = ("subjects", *FILES, "--model", "network", "--comparison", "spearman")
    done = call(*words, "--json", "--out=o", "--force", cwd=files)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((files / "o" / "result.json").read_text())
    assert found["command"] == "methexis " + " ".join(words)
    assert found["comparison"] == "spearman"
    assert found["group"]["p_pairs"][0][0] is None
    assert isinstance(found["group"]["means"][0], float)


def test_an_rdm_as_a_model_scores_as_its_features_do(files: Path) -> None:
    words = ("--model", "network", "--model-rdm", "theory.npy", "--json")
    done = invoke("subjects", *FILES, *words, cwd=files)
    assert done.returncode == 0, done.stderr
    group = json.loads(done.stdout)["group"]
    assert group["names"] == ["network/h1", "network/h2", "network/h3", "theory.npy/theory"]
    assert group["scores"][3] == pytest.approx(group["scores"][0], abs=1e-12)
    assert group["p_pairs"][0][3] == 1.0


def test_plain_distances_beside_crossnobis_are_a_note(files: Path) -> None:
    words = ("--model", "network", "--dissimilarity", "euclidean")
    done = invoke("subjects", *FILES, *words, cwd=files)
    assert done.returncode == 0, done.stderr
    assert "note: rdms[0] holds squared distances (crossnobis)" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "SUBJECT: expected a file per subject, got none"),
        (FILES, "model: expected --model PATH or --model-rdm PATH, got none"),
        ((*FILES[:2], "--model", "network"), "subjects: expected at least 3 files, one per subjec"),
        ((*FILES[:1], "--model", "network"), "got 1; of one subject, methexis compare --rdm A"),
        (
            (*FILES, "--model", "gone"),
            "gone: no such file or folder",
        ),
        (
            (*FILES, "gone.npz", "--model", "network"),
            "gone.npz: no such file or folder",
        ),
        (
            (*FILES, "--model", "short.npy"),
            "models['short']: expected the 12 conditions of the sub",
        ),
        ((*FILES, "--model", "theory.npy"), "got dissimilarities of 12 samples"),
        ((*FILES, "--model-rdm", "short.npy"), "short.npy: expected dissimilarities (num_samples,"),
        (
            (*FILES, "theory.npy", "--model", "network"),
            "theory.npy: expected raw runs as in s1.npz",
        ),
        ((*FILES, "--model", "network", "--comparison", "rho"), "comparison: expected one of"),
        ((*FILES, "--model", "network", "--dissimilarity", "l1"), "dissimilarity: expected one of"),
        ((*FILES, "--model", "network", "--shrinkage", "oas"), "shrinkage: expected one of"),
        (
            (*FILES, "--model", "network", "--confidence", "2"),
            "confidence: expected a finite numbe",
        ),
        ((*FILES, "--model", "network", "--layers", "x*"), "in a layer named like 'x*', got h1"),
        ((*FILES, "--model", "network", "--out", "s1.npz"), "out: expected a folder, got the file"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str, files: Path) -> None:
    before = sorted(os.listdir(files))
    done = invoke("subjects", *words, cwd=files)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert sorted(os.listdir(files)) == before


def test_what_compare_is_told_of_an_rdm(files: Path) -> None:
    """Without --rdm it is refused, with how to pass it; squared beside plain it has a note."""
    plane = np.random.default_rng(0).normal(size=(12, 2))
    np.save(files / "plane.npy", plane)
    np.save(files / "squared.npy", rdm(plane + 0.05, "squared").matrix)
    done = invoke("compare", "squared.npy", "plane.npy", cwd=files)
    assert done.returncode == 2
    assert "got dissimilarities of 12 samples" in done.stderr
    assert "by --rdm" in done.stderr
    words = ("compare", "squared.npy", "plane.npy", "--rdm", "A", "--out", "o")
    assert invoke(*words, cwd=files).returncode == 0
    found = json.loads((files / "o" / "result.json").read_text())
    notes = found["measures"][0]["notes"]
    assert len([note for note in notes if "looks like squared distances" in note]) == 1


#: What is obeyed somewhere: by terminals, markup, pages, mathematics in figures.
HOSTILE = ("\x1b[2J\x1b[31mPASS", "<script>alert(1)</script>", r"$\frac$", "[red]x[/red]", "a\nb")


def test_names_are_text_wherever_they_are_shown(files: Path) -> None:
    """Of conditions and of layers, in the terminal, the page and its figures, and JSON."""
    for path in FILES:
        with np.load(files / path) as stored:
            arrays = dict(stored)
        conditions = arrays["conditions"].astype("U40")
        for k, name in enumerate(HOSTILE):
            conditions[arrays["conditions"] == f"c{k:02}"] = name
        np.savez(files / path, **(arrays | {"conditions": conditions}))
    rng = np.random.default_rng(0)
    save_file({name: rng.normal(size=(12, 4)) for name in HOSTILE}, files / "net.safetensors")
    done = invoke("subjects", *FILES, "--model", "net.safetensors", "--out", "o", cwd=files)
    assert done.returncode == 0, done.stderr
    assert all(sign.isprintable() or sign == "\n" for sign in done.stdout)
    page = (files / "o" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "\x1b" not in page
    found = json.loads((files / "o" / "result.json").read_text())
    assert set(HOSTILE) <= set(found["conditions"])


VALUES = st.sampled_from(["", " ", "-1", "nan", "1e400", "**", "\x1b[31m", "ünï", "a" * 5000, "x"])
OPTIONS = st.sampled_from(
    ["--comparison", "--dissimilarity", "--shrinkage", "--confidence", "--layers", "--model"]
)


@given(options=st.lists(st.tuples(OPTIONS, VALUES), min_size=1, max_size=3))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_arguments(options: list[tuple[str, str]], files: Path) -> None:
    words = [word for option in options for word in option]
    done = invoke("subjects", *FILES, *words, "--model", "network", "--out", "s1.npz", cwd=files)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
