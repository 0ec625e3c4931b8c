"""The example of the digits runs, learns, and prints what the page about it shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples import digits

PAGE = Path(__file__).parents[2] / "docs" / "digits.md"


def test_it_learns_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    digits.main(["--epochs", "4", "--replicas", "2", "--seed", "1"])
    printed = capsys.readouterr().out
    table = np.array([[float(n) for n in line.split()] for line in printed.splitlines()[4:13]])
    steps, loss, accuracy, within, across = table.T
    assert steps[-1] == 4 * 1500 // 32
    # Chance is a tenth and a cross-entropy of ln 10; four epochs are enough for nine in ten.
    assert accuracy[0] < 0.3
    assert accuracy[-1] > 0.9
    assert loss[0] > 2.0
    assert loss[-1] < 0.4
    assert np.all((table[:, 2:] >= 0) & (table[:, 2:] <= 1))
    assert across[-1] > across[0]  # thousandths vary from run to run; this is a tenth
    assert within.shape == (9,)
    for line in printed.splitlines()[-2:]:
        assert float(line.split()[-2]) > 0.8


def test_the_page_shows_what_is_printed() -> None:
    """Its numbers are those of one machine; its lines are those of the program."""
    body = PAGE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    lines = body.splitlines()
    assert lines[3].split() == ["step", "loss", "accuracy", "within", "across"]
    assert len(lines) == 17
    assert float(lines[12].split()[1]) < 0.05


def test_the_data() -> None:
    train, test = digits.digits()
    assert (train.num_samples, test.num_samples) == (1500, 297)
    assert train.y.sum(axis=1).tolist() == [1.0] * 1500
    assert np.abs(train.x.mean(axis=0)).max() < 1e-14  # rounding
