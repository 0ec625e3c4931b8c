"""The benchmark of translation: its ways are what they are said to be, and it runs and is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import benchmarks.__main__ as command
from benchmarks.processes import printed
from benchmarks.transport import job, page, partners, rows, shuffled, ways
from benchmarks.transport.job import TransportSettings, kept_parts, run_transport
from benchmarks.transport.partners import OURS, Drawing
from benchmarks.transport.ways import latentis_ways, procrustes, relative, ridge
from methexis.core.linalg import random_orthogonal
from methexis.errors import MethexisError
from methexis.transport.held_out import placed
from tests.probes.real import MINILM


def silent(_: str) -> None:
    """What is told to nobody."""


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without latentis, whether it is installed or not."""
    monkeypatch.setattr(ways, "latentis_ways", dict)


def test_ways_find_a_rotation() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    y = x @ random_orthogonal(5, rng) + 3.0
    for way in (procrustes, relative):  # neither sees a rotation or a shift
        one, other = way(x[:40], y[:40], x[40:], y[40:])
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_ridge_regression_finds_what_no_rotation_does() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5))
    y = x @ rng.normal(size=(5, 5)) @ np.diag([10.0, 5.0, 1.0, 0.1, 0.1])
    by_ridge, by_rotation = (
        placed(*way(x[:200], y[:200], x[200:], y[200:])).first[0].mean()
        for way in (ridge, procrustes)
    )
    assert by_ridge == 1.0
    assert by_rotation < 0.9


@pytest.mark.usefixtures("alone")
def test_few_pairs() -> None:
    """With fewer pairs than dimensions ours finds more, since candidates are seen in their span."""
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(300, 40)) * np.arange(1, 41) ** -0.5
    x, y = (signal + 0.05 * rng.normal(size=signal.shape) for _ in range(2))
    drawing = Drawing(pairs=(24, 0), unseen=200, draws=1, seed=0)
    result = partners.partners(x, y @ random_orthogonal(40, rng), drawing, announce=silent)
    assert result.top1[OURS][24][0] > result.top1["procrustes"][24][0]
    assert list(result.chosen) == [24, 100]  # none stands for all that are not unseen
    assert all(0 < share <= 1 for draws in result.top1[OURS].values() for share in draws[0])
    with pytest.raises(MethexisError, match="expected at least 400 paired rows"):
        partners.partners(x, y, Drawing((200,), 200, 1, 0), announce=silent)


@pytest.mark.usefixtures("alone")
def test_unequal_widths_have_no_rotation_and_both_directions() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 8))
    y = x @ rng.normal(size=(8, 3)) + 0.01 * rng.normal(size=(300, 3))
    result = partners.partners(x, y, Drawing((100,), 100, 1, 0), announce=silent)
    assert "procrustes" not in result.top1
    there, back = result.top1["ridge"][100][0]
    assert there > 0.9
    assert back < there  # three features cannot tell eight


@pytest.mark.parametrize(
    "couple",
    [shuffled.by_assignment, pytest.param(shuffled.by_transport, marks=pytest.mark.long)],
)
def test_couplings_find_a_permutation(couple: Any) -> None:
    """Of a turned copy, with similarities that differ; and not of what is unrelated."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6)) * np.arange(1, 7)
    place = rng.permutation(60)
    one, same = x @ x.T / 50, x[place] @ x[place].T / 50
    noise = rng.normal(size=(60, 6))
    assert np.mean(couple(one, same) == np.argsort(place)) == 1.0
    assert np.mean(couple(one, noise @ noise.T) == np.arange(60)) < 0.2


@pytest.mark.long
def test_shuffled_texts_are_counted_against_the_truth() -> None:
    rng = np.random.default_rng(0)
    x = rng.exponential(size=(400, 8)) * np.arange(2, 10)
    outcomes = shuffled.shuffled(
        x, x, texts=(200,), of_others=(100,), unseen=100, draws=1, seed=0, announce=silent
    )
    assert [(one.way, one.texts) for one in outcomes] == [
        ("Gromov-Wasserstein", 100),
        ("Gromov-Wasserstein, entropic", 100),
        ("FAQ", 100),
        ("translate_unpaired", 200),
    ]
    for one in outcomes[:3]:
        assert one.given is not None
        assert (one.given > 0.9) == (one.unseen == 1.0)  # a rotation of right pairs is right
    with pytest.raises(MethexisError, match="expected at least 500 rows"):
        shuffled.shuffled(
            x, x, texts=(400,), of_others=(), unseen=100, draws=1, seed=0, announce=silent
        )


def made_up() -> dict[str, Any]:
    """A result with all parts."""
    pairs = {
        "unseen": 9,
        "top1": {
            OURS: {"64": [[0.5, 0.4], [0.7, 0.6], [0.6, 0.5]]},
            "ridge": {"64": [[0.2, 0.1]] * 3},
        },
        "seconds": {OURS: {"64": [1.0, 3.0, 2.0]}, "ridge": {"64": [0.5]}},
        "chosen": {"64": [["linear", "rotation"], ["linear", "linear"], ["linear", "rotation"]]},
    }
    draws = [
        {"way": shuffled.OURS, "texts": 1000, "given": 0.9, "unseen": 0.8, "seconds": 2.0,
         "found": True, "refused": ""},
        {"way": shuffled.OURS, "texts": 1000, "given": None, "unseen": None, "seconds": 4.0,
         "found": False, "refused": "A: no"},
        {"way": "FAQ", "texts": 1000, "given": 0.1, "unseen": 0.1, "seconds": 9.0,
         "found": None, "refused": ""},
    ]  # fmt: skip
    gauge = [
        {"model": "minilm", "dtype": kind, "parameters": 2000, "inside": 0.5, "unused": 0.4,
         "accounted": 1.0,
         "groups": {"linear": {"interfaces": 2, "spaces": 24, "dimension": 4000}},
         "change": 1e-14, "control": 0.1, "proved": True, "seconds": 3.0}
        for kind in ("float64", "float32")
    ]  # fmt: skip
    about = {
        "machine": {"processor": "P", "cores": 2, "architecture": "a", "system": "S", "load": 0.5},
        "versions": {"methexis": "0"},
        "settings": {"unseen": 9, "seeds": 3},
    }
    outcomes = {"pairs": pairs, "vectors": pairs, "shuffled": draws, "gauge": gauge}
    return {name: about | {"outcome": outcomes[name]} for name in job.PARTS}


def test_pages() -> None:
    text = page.page(made_up())
    assert "| `translate` | 0.600 (0.500 … 0.700) |" in text
    assert "| `translate` | 0.500 (0.400 … 0.600) |" in text  # back
    assert "| draws in which `translate` finds most | 3 of 3 |" in text
    assert "64 pairs: linear 1, rotation 2." in text
    assert "| `translate` | 2 |" in text
    assert "| `translate_unpaired` | 1,000 | 0.900 | 0.800 | 1 of 2 | 3 |" in text
    assert "| FAQ | 1,000 | 0.100 | 0.100 |  | 9 |" in text
    shares = "50.00% | 40.00% | 100.00%"
    assert f"| minilm | float64 | 2,000 | 2 | {shares} | 1.0e-14 | 1.0e-01 | 3 |" in text
    assert text.count("| minilm | linear | 2 | 24 | 4,000 |") == 1
    assert "S; load before the run 0.5. methexis 0." in text
    summary = page.summary(made_up()).splitlines()[2:]
    assert summary[0] == "| `l6` to `l3`, 64 pairs | 0.600 | ridge 0.200 |"
    assert summary[2] == "| `glove` to `l6`, 64 pairs | 0.500 | ridge 0.100 |"
    assert summary[3] == "| `l6` to `l3`, 1,000 shuffled texts | 0.400 | FAQ 0.100 |"
    short = page.short_table(made_up())
    assert short.splitlines()[0] == "| pairs | `translate` | ridge |"
    assert "| 64 | 0.600 (0.500 … 0.700) | 0.200 |" in short


def test_parts_that_are_not_run_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = made_up(), {"gauge": {"outcome": []}}
    assert kept_parts(one, other) == one | other
    assert list(kept_parts(other, {"pairs": one["pairs"]})) == ["pairs", "gauge"]
    monkeypatch.setattr(command, "run_transport", lambda *_, **__: {"gauge": one["gauge"]})
    path = tmp_path / "transport.json"
    path.write_text(json.dumps({"pairs": one["pairs"]}))
    words = ["transport", "--only", "gauge", "--out", str(tmp_path)]
    done = CliRunner().invoke(command.app, words)
    assert done.exit_code == 0
    assert "Gauges of real models" in done.stdout
    assert json.loads(path.read_text()) == {"pairs": one["pairs"], "gauge": one["gauge"]}
    assert json.loads(CliRunner().invoke(command.app, [*words, "--json"]).stdout).keys() == {
        "gauge"
    }


@pytest.mark.usefixtures("alone")
def test_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for is run, of rows that are made once."""
    rng = np.random.default_rng(0)
    signal = rng.exponential(size=(300, 12))

    def made(script: Path, *words: Any) -> Any:
        if script == rows.ENCODED:
            np.savez(words[0], l6=signal, l3=signal[:, ::-1], glove=signal[:, :3])
            return 300
        return made_up()["gauge"]["outcome"][0] | {"model": words[0], "dtype": words[1]}

    monkeypatch.setattr(rows, "printed", made)
    monkeypatch.setattr(job, "printed", made)
    monkeypatch.setattr(rows, "KEPT", tmp_path)
    settings = TransportSettings(
        samples=300, pairs=(64,), unseen=100, draws=1, texts=(150,), of_others=()
    )
    told: list[str] = []
    result = run_transport(settings, announce=told.append)
    assert list(result) == list(job.PARTS)
    assert list(result["vectors"]["outcome"]["chosen"]) == [64, 200]
    assert [one["model"] for one in result["gauge"]["outcome"]].count("minilm") == 2
    assert result["pairs"]["versions"].keys() >= {"methexis", "numpy", "scikit-learn"}
    assert sum("glosses" in one for one in told) == 1
    again: list[str] = []
    run_transport(replace(settings, only=("pairs",)), announce=again.append)
    assert not any("glosses" in one for one in again)
    json.dumps(result)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--pairs", "3"], "pairs: expected an integer >= 20"),
        (["--draws", "0"], "draws: expected an integer >= 1"),
        (["--texts", "9"], "texts: expected an integer >= 100"),
        (["--only", "gpt"], "only: expected one of"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], told: str) -> None:
    done = CliRunner().invoke(command.app, ["transport", *words])
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_script_that_fails_says_why(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("import sys\nsys.exit('no model')\n")
    with pytest.raises(MethexisError, match="broken: expected a result, got: no model; is build"):
        printed(script)
    script.write_text("import json, sys\nprint('words')\nprint(json.dumps(sys.argv[1:]))\n")
    assert printed(script, 1, "b") == ["1", "b"]


@pytest.mark.long
def test_translators_of_latentis() -> None:
    """Its rotation finds a rotation of features of one variance, and least squares any map."""
    theirs = latentis_ways()
    if not theirs:
        pytest.skip("needs build/transport, which make bench-transport installs")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6))
    for y, right in (
        (x @ random_orthogonal(6, rng), set(theirs)),
        (x @ rng.normal(size=(6, 4)), {"latentis linear"}),
    ):
        shares = {
            name: placed(*way(x[:200], y[:200], x[200:], y[200:])).first[0].mean()
            for name, way in theirs.items()
        }
        for name in right:
            assert shares[name] == 1.0


@pytest.mark.long
@pytest.mark.skipif(not MINILM.is_dir(), reason="needs make real")
def test_scripts_of_real_models(tmp_path: Path) -> None:
    kept = printed(rows.ENCODED, tmp_path / "rows.npz", 100, 32)
    with np.load(tmp_path / "rows.npz") as content:
        assert {name: content[name].shape for name in content} == {
            "l6": (kept, 384),
            "l3": (kept, 384),
            "glove": (kept, 50),
        }
        l6, l3 = (content[name].astype(float) for name in ("l6", "l3"))
    own = placed(*relative(l6[:50], l3[:50], l6[50:], l3[50:])).first.mean()
    assert own > 0.9  # both encoders know the texts, in the same order
    model = printed(job.GAUGE, "silero 5.1.2", "float32", 1)
    assert model["proved"]
    assert model["change"] < 1e-5 < model["control"]
    assert model["inside"] <= model["accounted"] <= 1.0
