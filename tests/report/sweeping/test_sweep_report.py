"""Page and terminal of `sweep`: the statement, the phase diagram with its edge, what was lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from methexis.report import print_sweep, write_report, write_sweep_report
from methexis.sweeps.journal import TaskState
from methexis.sweeps.results import edge
from tests.sweeps.small import do, spec


@pytest.fixture(scope="module")
def across(tmp_path_factory: pytest.TempPathFactory) -> mx.Sweep:
    """Learning rates on both sides of the edge, where descent is exact."""
    training = {"steps": 200, "sampling": "full", "replicas": 2, "record": [0]}
    axes = {"students.width": [3], "source.noise": [0.5, 1.0], "optimiser.lr": [0.02, 0.1, 2.0]}
    folder = tmp_path_factory.mktemp("across")
    return do(folder / "edge.sweep", spec(training=training, axes=axes))


def test_the_edge_is_that_of_the_platonic_minimum(across: mx.Sweep) -> None:
    """Beside the closed form, which is tested against brute force."""
    ratio = edge.stability(across)
    for j, noise in enumerate((0.5, 1.0)):
        teacher = mx.Teacher.random(dim_x=2, dim_y=2, noise=noise, seed=0)
        sharpness = mx.theory.platonic(teacher, mx.EDLN((3, 3))).sharpness
        for k, lr in enumerate((0.02, 0.1, 2.0)):
            assert float(ratio[0, j, k]) == pytest.approx(lr * sharpness / 2, rel=1e-9)


def test_beyond_the_edge_networks_are_lost_and_far_below_none_is(across: mx.Sweep) -> None:
    lost = (across.data["diverged_step"] >= 0).mean("replica")
    ratio = edge.stability(across)
    assert float(ratio[0, 0, 0]) < 0.5
    assert float(ratio[0, 0, 2]) > 5.0
    assert float(lost.isel(lr=0).max()) == 0.0
    assert float(lost.isel(lr=2).min()) == 1.0


def test_where_a_ratio_passes_one() -> None:
    columns, rows = edge.crossing(np.array([[0.25, 4.0, 16.0], [0.5, 0.6, 0.7], [0.1, 0.5, 4.0]]))
    assert columns == pytest.approx([0.5, 1.0 + 1.0 / 3.0])
    assert rows.tolist() == [0, 2]


def test_the_page_has_the_statement_and_the_pictures(across: mx.Sweep, tmp_path: Path) -> None:
    text = write_report(across, tmp_path).read_text(encoding="utf-8")
    assert across.sentence in text
    assert "6 cells in 2 tasks, all done. 4 of 12 networks diverged or collapsed." in text
    assert "Broken line: predicted edge: η λ = 2 at the Platonic minimum." in text
    assert "src=" not in text
    names = {"worst_pair.pdf", "loss.pdf", "entropy_ratio.pdf", "lost.pdf"}
    assert {p.name for p in (tmp_path / "figures").iterdir()} == names
    assert across.spec.digest() in text


def test_why_there_is_no_edge_is_said(tmp_path: Path) -> None:
    adam = spec(optimiser={"name": "Adam"}, students=[{"width": 2, "depth": 3}],
                axes={"optimiser.lr": [0.01, 0.02]})  # fmt: skip
    done = do(tmp_path / "adam.sweep", adam)
    text = write_sweep_report(done, tmp_path / "page").read_text(encoding="utf-8")
    assert "theory knows the edge of SGD alone, and not of Adam" in edge.no_edge(done)
    assert text.count("<svg") >= 2


def test_the_terminal_tells_what_was_lost(
    across: mx.Sweep, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    states = dict(across.states)
    states[across.tasks[1].name] = TaskState("lost", 2, "ValueError: \x1b[2J <b>", 3)
    broken = replace(across, states=states)
    print_sweep(broken)
    shown = capsys.readouterr().out
    told = " ".join(shown.split())
    assert told.startswith("6 cells in 2 tasks: 1 done, 1 lost.")
    assert "3 times a worker was lost, which counts against no task" in told
    assert "task 1 raised 2 times: ValueError: \\x1b[2J <b>" in told
    assert "\x1b[2J" not in shown
    text = write_sweep_report(broken, tmp_path).read_text(encoding="utf-8")
    assert "ValueError: \\x1b[2J &lt;b&gt;" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantity": "worst"}, "did you mean 'worst_pair'"),
        ({"over": ["lr", "lr"]}, "one or two different axes"),
        ({"over": ["with"]}, "expected axes among width, noise, lr, got 'with'"),
        ({"over": 3}, "^over: expected"),
    ],
)
def test_what_cannot_be_drawn(across: mx.Sweep, options: dict[str, object], words: str) -> None:
    with pytest.raises(mx.MethexisError, match=words):
        across.plot(**options)  # type: ignore[arg-type]
