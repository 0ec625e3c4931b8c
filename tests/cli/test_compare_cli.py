"""``methexis compare`` as a person meets it; in a process of its own where that matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

import methexis as mx
from methexis.measures import MEASURES
from tests.cli.test_cli import call, invoke


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(50, 4))
    np.save(tmp_path / "x.npy", shared @ rng.normal(size=(4, 5)))
    np.save(tmp_path / "y.npy", shared @ rng.normal(size=(4, 6)).astype(np.float32))
    np.save(tmp_path / "t.npy", np.load(tmp_path / "x.npy").T)
    for name in "ab":
        (tmp_path / "models" / name).mkdir(parents=True)
        np.save(tmp_path / "models" / name / "layer.npy", shared)
    np.save(tmp_path / "short.npy", rng.normal(size=(49, 6)))
    np.save(tmp_path / "nan.npy", np.where(np.arange(50)[:, None] == 7, np.nan, shared))
    between = np.linalg.norm(shared[:, None] - shared[None], axis=-1)
    np.save(tmp_path / "d.npy", between)
    np.save(tmp_path / "bent.npy", np.triu(between))
    text = np.repeat(shared[:, None], 3, axis=1) + rng.normal(size=(50, 3, 4))
    text[:, 2] *= np.arange(50)[:, None] % 2  # every other sample has two tokens
    np.save(tmp_path / "text.npy", text)
    np.save(tmp_path / "lengths.npy", 2 + np.arange(50) % 2)
    np.save(tmp_path / "huge.npy", shared * 1e200)
    np.save(tmp_path / "tiny.npy", shared * 1e-300)
    store = zarr.create_array(tmp_path / "cut.zarr", data=shared, chunks=(5, 2))
    for chunk in (path for path in (tmp_path / "cut.zarr" / "c").rglob("*") if path.is_file()):
        os.truncate(chunk, 5)
    del store
    (tmp_path / "m").mkdir()
    for k in (1, 2, 10):
        np.save(tmp_path / "m" / f"layer{k}.npy", shared @ rng.normal(size=(4, 3)))
    return tmp_path


def test_help_and_list() -> None:
    done = call("compare", "--help")
    assert done.returncode == 0
    assert "Example: methexis compare model-a/" in done.stdout
    listed = invoke("compare", "--list")
    assert [line.split(":")[0] for line in listed.stdout.splitlines()] == list(MEASURES)
    assert [
        one["name"] for one in json.loads(invoke("compare", "--list", "--json").stdout)
    ] == list(MEASURES)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "error: A: expected a file or folder of representations, got none"),
        (("gone.npy", "y.npy"), "error: gone.npy: no such file or folder; expected one"),
        (
            ("x.npy", "short.npy"),
            "error: short.npy: expected 50 rows, the same samples in the same",
        ),
        (("t.npy", "y.npy"), "as in t.npy, got 50; is A transposed?"),
        (("y.npy", "t.npy"), "as in y.npy, got 5; is B transposed?"),
        (("x.npy", "t.npy"), "as in x.npy, got 5; is A or B transposed?"),
        (
            ("models",),
            "got a, b; for its models: methexis compare models/a models/b",
        ),
        (
            ("x.npy", "y.npy", "-m", "mutual_knn:k=20:metric=euclidean"),
            "option: expected options separated by commas, such as k=20,metric=euclidean, got",
        ),
        (("x.npy", "nan.npy"), "nan in row 7, column 0"),
        (("x.npy",), "error: B: expected another file or folder, or more than one layer in x.npy"),
        (("x.npy", "y.npy", "-m", "ckaa"), "got 'ckaa'; did you mean 'cka'?"),
        (("x.npy", "y.npy", "-m", "cka:k=3"), "options of cka: expected"),
        (("x.npy", "y.npy", "-m", "cka", "--set", "kk=3"), "set: expected an option of cka"),
        (("x.npy", "y.npy", "-m", "cka:k"), "option: expected name=value, such as k=20, got 'k'"),
        (("x.npy", "y.npy", "-m", "cka", "-m", "cka"), "expected each once, got cka twice"),
        (("x.npy", "y.npy", "--preprocessing", "pca"), "preprocessing: expected one of 'none', "),
        (("x.npy", "y.npy", "--null", "gauss"), "null: expected one of 'auto'"),
        (("x.npy", "y.npy", "--alpha", "2"), "alpha: expected a finite number > 0 and < 1"),
        (("x.npy", "y.npy", "--seed", "-1"), "seed: expected an integer >= 0"),
        (("x.npy", "y.npy", "--rdm", "C"), "rdm: expected A, B or AB, got 'C'"),
        (("x.npy", "y.npy", "--rdm", "A"), "x.npy: expected dissimilarities (num_samples"),
        (("d.npy", "y.npy", "--rdm", "A", "-m", "cka"), "cka: expected features for d.npy"),
        (("d.npy", "m", "--rdm", "A", "-m", "cka"), "cka: expected features for d.npy"),
        (("bent.npy", "m", "--rdm", "A"), "bent.npy: expected a symmetric matrix"),
        (
            ("huge.npy", "y.npy", "-m", "hsic:kernel=linear"),
            "huge.npy: expected numbers of which the largest is between 1e-70",
        ),
        (
            ("x.npy", "tiny.npy", "-m", "procrustes_size"),
            "tiny.npy: expected numbers of which the largest",
        ),
        (("x.npy", "cut.zarr"), "cut.zarr: expected a whole zarr array, got a damaged one"),
        (("x.npy", "y.npy", "-m", "rsa", "--memory", "1 KiB"), "memory: expected at least"),
        (("x.npy", "y.npy", "--memory", "1 KiB"), "memory: expected at least"),
        (("x.npy", "y.npy", "--memory", "some"), "memory: expected bytes or words such as '2 GiB'"),
        (("x.npy", "y.npy", "--out", "x.npy"), "out: expected a folder, got the file x.npy"),
        (("x.npy", "y.npy", "--reference", "y.npy"), "reference: expected name=PATH, such as"),
        (("x.npy", "y.npy", "--reference", "r=gone"), "gone: no such file or folder; expected one"),
        (
            ("x.npy", "y.npy", "--reference", "untrained=short.npy"),
            "reference untrained: expected 50 rows, the same samples in the same order as in x.npy",
        ),
        (
            ("x.npy", "y.npy", "--reference", "untrained=m"),
            "reference untrained: expected the layers of B (it lacks 'y'), those of A",
        ),
        (("x.npy", "y.npy", "--repeat", "x.npy"), "repeats: expected at least 2 repetitions of A"),
        (
            ("x.npy", "y.npy", "--repeat", "x.npy", "--repeat", "short.npy"),
            "repetition 2: expected 50 rows, the same samples in the same order as in x.npy",
        ),
        (
            ("x.npy", "y.npy", "--repeat", "x.npy", "--repeat", "m/layer1.npy"),
            "repetition 2, layer 'x': expected features (50, ",
        ),
        (
            ("x.npy", "y.npy", "--repeat", "m", "--repeat", "x.npy"),
            "repetition 1: expected the layers of A (it lacks 'x'), got layer1, layer2",
        ),
        (
            ("d.npy", "x.npy", "--rdm", "A", "--repeat", "d.npy", "--repeat", "d.npy"),
            "repetition 1, layer 'd': expected features",
        ),
        (("x.npy", "y.npy", "--reference", "chance=y.npy"), "expected another name than 'chance'"),
        (
            ("d.npy", "x.npy", "--rdm", "A", "--reference", "random"),
            "reference random features: expected features in A, whose spectrum they have, got",
        ),
        (("text.npy", "y.npy", "--pool", "mean"), "text.npy: expected real tokens, got zero tail"),
        (
            ("text.npy", "y.npy", "--pool", "mean", "--mask", "A=short.npy"),
            "mask: expected 0 or 1, or True or False, for each token",
        ),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str, files: Path) -> None:
    before = sorted(os.listdir(files))
    done = invoke("compare", *words, cwd=files)
    assert done.returncode == 2
    assert expected in done.stderr
    told = done.stderr.splitlines()  # what will be done is told before; what is wrong, once
    assert sum(not line.startswith("... ") for line in told) == 1
    assert done.stdout == ""
    assert sorted(os.listdir(files)) == before


def test_a_unit_that_the_measure_does_not_see_changes_nothing(files: Path) -> None:
    np.save(files / "one.npy", np.load(files / "huge.npy") / 1e200)
    words = ("y.npy", "-m", "cka", "--null", "none", "--bootstrap", "0", "--json", "--out")
    scores = []
    for name in ("one.npy", "huge.npy", "tiny.npy"):
        done = invoke("compare", name, *words, f"o-{name}", cwd=files)
        assert done.returncode == 0, done.stderr
        scores.append(json.loads(done.stdout)["measures"][0]["score"][0][0])
    assert scores == pytest.approx([scores[0]] * 3, rel=1e-12)  # 1e200 is no power of two


def test_a_refused_run_takes_away_only_what_it_made(files: Path) -> None:
    (files / "mine").mkdir()
    for out in ("mine", "mine/new/deep"):
        done = invoke("compare", "x.npy", "short.npy", "--out", out, cwd=files)
        assert done.returncode == 2
        assert os.listdir(files / "mine") == []


def test_one_pair_is_what_compare_says(files: Path) -> None:
    words = ("x.npy", "y.npy", "-m", "cka:debiased=true", "--preprocessing", "prh", "--seed", "3")
    done = call("compare", *words, "--out", "o", "--json", cwd=files)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((files / "o" / "result.json").read_text())
    names = [".methexis.json", "figures", "report.html", "result.json"]
    assert sorted(os.listdir(files / "o")) == names
    x, y = np.load(files / "x.npy"), np.load(files / "y.npy")
    wanted = mx.compare(x, y, "cka", debiased=True, preprocessing="prh", seed=3)
    one = found["measures"][0]
    for name in ("score", "null_mean", "null_sd", "p", "effect", "z"):
        assert one[name] == [[getattr(wanted, name)]]
    assert one["ci"] == list(wanted.ci)
    assert found["command"] == "methexis compare " + " ".join(words)
    assert found["preprocessing"]["clip_quantile"] == 0.95
    assert [layer["dtype"] for layer in found["second"]["layers"]] == ["float64"]
    again = invoke("compare", *words, "--out", "o", cwd=files)
    assert again.returncode == 2
    assert "with results in it; give another --out, or --force" in again.stderr


def test_scores_are_read_against_references(files: Path) -> None:
    rng = np.random.default_rng(9)
    np.save(files / "twin.npy", rng.normal(size=(50, 6)))
    words = ("x.npy", "y.npy", "-m", "cka:debiased=true", "--reference", "untrained=twin.npy")
    done = invoke("compare", *words, "--reference", "random", "--out", "o", cwd=files)
    assert done.returncode == 0, done.stderr
    found = json.loads((files / "o" / "result.json").read_text())
    assert found["references"] == ["untrained", "random features"]
    levels = found["measures"][0]["answer"]["levels"]
    assert [one["name"] for one in levels["marks"]] == [
        "chance", "untrained", "random features", "ceiling",
    ]  # fmt: skip
    x, twin = np.load(files / "x.npy"), np.load(files / "twin.npy")
    wanted = mx.measures.cka(x, twin, debiased=True)
    assert levels["marks"][1]["score"] == pytest.approx(wanted)
    first = " ".join(done.stdout.split())
    assert first.startswith("Aligned more than untrained: debiased linear CKA 0.")
    assert found["conclusion"] in first


def test_repetitions_are_the_ceiling(files: Path) -> None:
    rng = np.random.default_rng(10)
    trials = np.load(files / "x.npy") + rng.normal(size=(4, 50, 5))
    words = ["compare", "mean.npy", "y.npy", "-m", "cka:debiased=true", "--out", "o"]
    for k, one in enumerate(trials):
        np.save(files / f"trial{k}.npy", one)
        words += ["--repeat", f"trial{k}.npy"]
    np.save(files / "mean.npy", trials.mean(axis=0))
    done = invoke(*words, cwd=files)
    assert done.returncode == 0, done.stderr
    result = json.loads((files / "o" / "result.json").read_text())
    ceiling = result["measures"][0]["answer"]["levels"]["marks"][-1]
    assert (result["num_repeats"], ceiling["name"]) == (4, "ceiling")
    x, y = np.load(files / "mean.npy"), np.load(files / "y.npy")
    wanted = mx.compare(x, y, "cka", debiased=True, repeats=trials).levels
    assert wanted is not None
    assert ceiling["score"] == pytest.approx(wanted.marks[-1].score)
    assert "halves of the repetitions" in (files / "o" / "report.html").read_text()


def test_a_mask_leaves_padding_out(files: Path) -> None:
    words = ("text.npy", "y.npy", "-m", "cka", "--pool", "mean")
    done = invoke("compare", *words, "--mask", "A=lengths.npy", "--out", "o", cwd=files)
    assert done.returncode == 0, done.stderr
    found = json.loads((files / "o" / "result.json").read_text())
    text, y = np.load(files / "text.npy"), np.load(files / "y.npy")
    kept = np.arange(50) % 2
    pooled = (text[:, :2].sum(axis=1) + text[:, 2] * kept[:, None]) / (2 + kept)[:, None]
    wanted = mx.measures.cka(pooled, y)
    assert found["measures"][0]["score"][0][0] == pytest.approx(wanted)
    assert found["first"]["layers"][0]["notes"] == ["pooled: mean, with a mask"]


def test_folders_are_layers_in_natural_order(files: Path) -> None:
    done = invoke("compare", "m", "y.npy", "-m", "cka", cwd=files)
    assert done.returncode == 0, done.stderr
    found = json.loads((files / "methexis-compare-m-y" / "result.json").read_text())
    assert [layer["name"] for layer in found["first"]["layers"]] == ["layer1", "layer2", "layer10"]
    x, y = np.load(files / "m" / "layer10.npy"), np.load(files / "y.npy")
    assert found["measures"][0]["score"][2][0] == pytest.approx(mx.measures.cka(x, y), rel=1e-12)
    assert "\x1b" not in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_model_beside_itself(files: Path) -> None:
    done = invoke("compare", "m", "-m", "cka", "--json", cwd=files)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["second"] is None
    score, p = (np.array(found["measures"][0][k], dtype=float) for k in ("score", "p"))
    assert np.allclose(np.diagonal(score), 1.0)
    assert np.isnan(np.diagonal(p)).all()
    assert np.isfinite(p[~np.eye(3, dtype=bool)]).all()


def test_dissimilarities_of_a_brain(files: Path) -> None:
    done = invoke("compare", "d.npy", "y.npy", "--rdm", "A", "--json", cwd=files)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rdm = mx.measures.RDM(np.load(files / "d.npy"))
    wanted = mx.compare(rdm, np.load(files / "y.npy"), "rsa")
    assert found["measures"][0]["measure"] == "rsa"
    assert found["measures"][0]["score"] == [[pytest.approx(wanted.score, rel=1e-12)]]
    assert found["first"]["layers"][0]["dissimilarities"] is True


def test_dissimilarities_beside_many_layers(files: Path) -> None:
    done = invoke("compare", "d.npy", "m", "--rdm", "A", "--json", cwd=files)
    assert done.returncode == 0, done.stderr
    one = json.loads(done.stdout)["measures"][0]
    rdm = mx.measures.RDM(np.load(files / "d.npy"))
    for place, layer in enumerate((1, 2, 10)):
        wanted = mx.compare(rdm, np.load(files / "m" / f"layer{layer}.npy"), "rsa")
        assert one["score"][0][place] == pytest.approx(wanted.score, rel=1e-12)
        assert one["p"][0][place] == pytest.approx(wanted.p, rel=1e-6)


#: The high-water mark of this program alone; that of `resource` knows what started it too.
_PEAK = """
import sys
from pathlib import Path
from methexis.cli import main
try:
    main()
finally:
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")), file=sys.stderr)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
def test_many_samples_are_read_in_one_pass(tmp_path: Path) -> None:
    """200,000 × 64 in float32, 51 MB each: blocks of rows beside the libraries, not the files."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200_000, 64)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x + rng.normal(size=x.shape).astype(np.float32))
    words = ("-m", "cka:debiased=true", "-m", "procrustes", "-m", "cca", "--memory", "1 GiB")
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, "compare", "x.npy", "y.npy", *words],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no null: chance level, p, effect and interval are not known" in " ".join(
        done.stdout.split()
    )
    found = json.loads((tmp_path / "methexis-compare-x-y" / "result.json").read_text())
    cka, procrustes, cca = found["measures"]
    # Equal parts of signal and noise: 1/2, 1/√2, 1/√2; √(64 / 200,000) = .02 apart at most.
    assert cka["score"][0][0] == pytest.approx(0.5, abs=0.02)
    for one in (procrustes, cca):
        assert one["score"][0][0] == pytest.approx(2**-0.5, abs=0.02)
        assert one["p"] == [[None]]
    assert cka["null"] == "moments"
    assert procrustes["null"] == "none"
    # 250 MB, of which 150 MB are Python and its libraries; a matrix over pairs would be 320 GB.
    assert int(done.stderr.split()[-1]) < 500_000


def test_a_folder_of_others_is_left_alone(files: Path) -> None:
    """Whatever its files are called; with ``--force`` too, which is for results of ours."""
    words = ("x.npy", "y.npy", "-m", "cka", "--out", "o")
    (files / "o" / "figures").mkdir(parents=True)
    (files / "o" / ".partial").mkdir()
    names = ("figures/effects.pdf", "report.html", ".partial/download.bin", "result.json")
    for name in names:
        (files / "o" / name).write_text("{}")
    for more in ((), ("--force",)):
        done = invoke("compare", *words, *more, cwd=files)
        assert done.returncode == 2
        assert "expected a new or empty folder" in done.stderr
    assert all((files / "o" / name).read_text() == "{}" for name in names)
    assert len(list((files / "o").rglob("*"))) == 6


def test_how_long_it_takes_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(300_000, 4)).astype(np.float32))
    words = ("a.npy", "b.npy", "-m", "mutual_knn", "--bootstrap", "0")
    # A background job of a shell is started with the signal ignored, and so is what it starts.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from methexis.cli import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "compare", *words],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            assert running.stderr is not None
            assert running.stderr.readline().startswith("... mutual kNN (k = 10, cosine): about ")
            running.send_signal(signal.SIGINT)
            assert running.wait(timeout=60) == 130
            assert "interrupted" in running.stderr.read()
        finally:
            running.kill()
    assert not (tmp_path / "methexis-compare-a-b" / "result.json").exists()
