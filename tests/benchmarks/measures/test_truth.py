"""The benchmark against planted truth: what it must find of measures that are well understood."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.measures import truth
from benchmarks.measures.truth import Truth, everything, run_truth
from benchmarks.measures.truth_text import markdown, truth_figure, truth_table
from methexis.measures import MEASURES


@pytest.fixture(scope="module")
def result() -> Truth:
    names = ("cka", "cca", "gram_cosine", "procrustes_size")
    chosen = [MEASURES[name]() for name in names]
    return run_truth([*chosen, MEASURES["cka"](debiased=True)], quick=True)


def test_cka_orders_every_cause_as_the_truth_does(result: Truth) -> None:
    cka = result.measures[0]
    for cause in cka.causes:
        if cause.cause not in {"nothing", "offset"}:
            assert cause.follows == pytest.approx(1.0)
            assert 0.0 < cause.seen_at < 0.1


def test_cca_is_nearly_blind_to_what_is_invertible(result: Truth) -> None:
    """A gauge is an invertible map of the features; only the background tells it from nothing."""
    cka, cca = result.measures[:2]
    gauge, noise = (next(c for c in cca.causes if c.cause == n) for n in ("gauge", "noise"))
    seen = next(c for c in cka.causes if c.cause == "gauge").seen_at
    assert math.isnan(gauge.seen_at) or gauge.seen_at > 5 * seen
    assert noise.seen_at < 0.3


def test_controls_move_only_what_they_may(result: Truth) -> None:
    cka, _, gram, size, debiased = result.measures
    moved = {m.name: {c.cause: abs(c.moved) for c in m.causes} for m in (cka, gram, size)}
    assert moved["cka"]["nothing"] < 1e-3
    assert moved["cka"]["offset"] < 1e-3
    assert moved["gram_cosine"]["offset"] > 5  # not centred
    assert moved["procrustes_size"]["nothing"] > 5  # sees scale
    assert {c.cause: c.moved for c in debiased.causes}["offset"] < 1e-3


def test_bias_of_cka_falls_with_samples_and_debiasing(result: Truth) -> None:
    cka, debiased = result.measures[0], result.measures[-1]
    biases = [s.bias_unrelated for s in cka.sizes]
    assert biases[0] > 3 * biases[1] > 0.0
    # One draw has a deviation of about .008, the mean of 4 of .004, of which 2.5 are allowed.
    assert abs(debiased.sizes[1].bias_unrelated) < 0.01 < 0.3 * biases[1]


def test_the_result_is_plain_data_and_can_be_drawn(result: Truth) -> None:
    plain = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert len(plain["measures"]) == 5
    head, rows = truth_table(result)
    text = markdown(head, rows)
    assert text.count("\n") == len(rows) + 1
    assert {row.count("|") for row in text.splitlines()} == {len(head) + 1}
    assert truth_figure(result).axes


def test_all_measures_take_part() -> None:
    names = {m.name for m in everything()}
    assert names == set(MEASURES) - {"soft_matching"}


def test_workers_change_nothing() -> None:
    chosen = [MEASURES["cka"]()]
    one, two = (run_truth(chosen, quick=True, workers=w) for w in (1, 2))
    # As text: NaN is not equal to itself.
    assert str(one.measures[0].causes) == str(two.measures[0].causes)


@pytest.mark.parametrize(("only", "message"), [("speed", "only: expected packages or truth")])
def test_the_command_names_its_parts(only: str, message: str) -> None:
    done = CliRunner().invoke(app, ["measures", "--only", only])
    assert done.exit_code != 0
    assert message in done.output


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one measure; all of them are what takes long."""
    monkeypatch.setattr(truth, "everything", lambda: [MEASURES["cka"](debiased=True)])
    words = ["--quick", "--threads", "1", "--only", "truth", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["measures", *words])
    assert done.exit_code == 0, done.output
    assert "debiased linear CKA" in done.output
    data = json.loads((tmp_path / "out" / "truth.json").read_text(encoding="utf-8"))
    assert data["quick"]


@pytest.mark.long
def test_every_measure_can_be_scored() -> None:
    found = run_truth(quick=True, workers=None).measures
    assert [one.title for one in found] == [measure.title for measure in everything()]
    for one in found:
        assert all(math.isfinite(score) for cause in one.causes for score in cause.mean)
