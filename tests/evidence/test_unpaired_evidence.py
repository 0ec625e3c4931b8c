"""The evidence about translation without pairs: what is drawn, what is counted, what is written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from evidence import unpaired
from evidence.unpaired import PILOT, RUNS, Asked
from methexis.core.linalg import random_orthogonal


@pytest.fixture
def embeddings(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    x = rng.exponential(size=(6000, 5))
    np.savez(tmp_path / "few.npz", x=x, y=x[:, ::-1])
    return tmp_path / "few.npz"


def test_runs_are_all_different_and_not_of_the_pilot() -> None:
    assert len(set(RUNS)) == len(RUNS)
    assert not {asked.seed for asked in RUNS} & {asked.seed for asked in PILOT}
    texts = [asked for asked in RUNS if asked.case in ("itself", "second", "encoders")]
    assert len([asked for asked in texts if asked.shared]) >= 40
    assert len([asked for asked in texts if not asked.shared]) >= 40
    assert len([asked for asked in RUNS if asked.case == "minima"]) == 10


def test_sides_hold_the_same_rows_only_where_they_are_shared(embeddings: Path) -> None:
    for shared in (True, False):
        drawn = unpaired.draw(Asked("itself", 400, 0.0, 1, shared), embeddings)
        turn = np.linalg.lstsq(drawn.unseen_x, drawn.unseen_y, rcond=None)[0]
        np.testing.assert_allclose(turn @ turn.T, np.eye(5), atol=1e-10)
        apart = np.abs((drawn.x @ turn)[:, None] - drawn.y[None]).max(axis=2)
        assert bool((apart.min(axis=1) < 1e-9).all()) == shared
        assert not np.allclose(drawn.x @ turn, drawn.y)
        among = np.abs(drawn.unseen_x[:, None, :2] - drawn.x[None, :, :2]).max(axis=2)
        assert among.min() > 0.0


def test_embeddings_are_asked_for() -> None:
    with pytest.raises(ValueError, match="expected --embeddings"):
        unpaired.draw(Asked("itself", 400, 0.0, 1), None)


def test_partners_are_counted_among_so_many() -> None:
    """With the right map all are found; with rows turned round only what chance finds."""
    rng = np.random.default_rng(2)
    x = rng.exponential(size=(600, 3))
    translation = mx.translate_unpaired(x[:300], x[300:], pair=(0, 0))
    unseen = rng.normal(size=(200, 3))
    there = translation.forward(unseen)
    drawn = unpaired.Drawn(x[:300], x[300:], unseen, there)
    assert unpaired.top1(translation, drawn, 100) == 1.0
    assert unpaired.of_map(translation, drawn, 100) > 0.95
    turned = unpaired.Drawn(x[:300], x[300:], unseen, there[::-1])
    assert unpaired.top1(translation, turned, 100) < 0.1


def test_rows_without_pairs_belong_to_two_truths() -> None:
    """Noise of one law on both sides: partners may share it or not, and no row says which."""
    rng = np.random.default_rng(1)
    seen, turn = rng.exponential(size=(1500, 12)), random_orthogonal(12, rng)
    x, other = seen + rng.normal(size=(2, *seen.shape))
    given, unseen = slice(900), slice(900, None)
    translation = mx.translate_unpaired(
        x[given], x[given] @ turn, map="rotation", shared=True, seed=1
    )
    whole = unpaired.Drawn(x[given], x[given] @ turn, x[unseen], x[unseen] @ turn)
    apart = unpaired.Drawn(x[given], x[given] @ turn, x[unseen], other[unseen] @ turn)
    assert unpaired.top1(translation, whole, 400) > 0.95
    assert unpaired.top1(translation, apart, 400) < 0.5
    assert unpaired.of_map(translation, apart, 400) > 0.9


def test_a_run_of_minima_is_told_whole_and_goes_on_where_it_stopped() -> None:
    outcome = unpaired.run(Asked("gaussian", 500, 0.0, 3), None)
    assert "Gaussian" in outcome.refused
    ended = [asdict(outcome)]
    assert len(unpaired.missing(ended)) == len(RUNS)
    ended.append({**ended[0], **RUNS[0]._asdict()})
    assert RUNS[0] not in unpaired.missing(ended)
    assert "refused" in unpaired.shown(ended)
    page = "a\n<!-- unpaired:begin -->\nstale words\n<!-- unpaired:end -->\nb\n"
    again = unpaired.rendered(page, ended)
    assert "stale words" not in again
    assert unpaired.rendered(again, ended) == again
    assert "| gaussian | others | 500 | 0 | 1 | 1 | 0 |" in again


def test_the_summary_counts_how_far_it_is_from_the_truth() -> None:
    one = asdict(unpaired.run(Asked("gaussian", 500, 0.0, 3), None))
    runs = [
        {**one, "refused": "", "top1": top1, "truth": truth, "found": top1 > 0.2}
        for top1, truth in ((0.5, 0.4), (0.3, 0.1))
    ]
    told = unpaired.summary(runs)
    assert "2 runs" in told
    assert "0.150, most above the truth 0.200" in told.replace("\n", " ")
    assert "below .2: 1." in told


def test_the_page_is_fresh() -> None:
    page = unpaired.PAGE.read_text(encoding="utf-8")
    assert page == unpaired.rendered(page, unpaired.stored())
