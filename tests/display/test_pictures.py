"""Pictures of paired scores, of levels and of schedules show what their results say."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

import methexis as mx
from tests.display.specimens import X, Y, read_against


@pytest.fixture(autouse=True)
def on_no_screen() -> Iterator[None]:
    with mpl.rc_context({"backend": "agg", "figure.max_open_warning": 0}):
        yield
        pyplot.close("all")


def test_two_intervals_overlap_unless_one_is_closer() -> None:
    """The picture says what p says: they touch where the interval of the difference touches 0."""
    same = mx.closer(X, Y, X[:, :2], debiased=True)
    apart = mx.closer(X, Y, X + 0.01 * Y[:, :1])
    for answer, separate in ((same, False), (apart, True)):
        assert (answer.nearer is not None) == separate
        (container,) = answer.plot().containers
        (bars,) = container[2]
        spans = sorted(tuple(segment[:, 1]) for segment in bars.get_segments())
        assert (spans[0][1] < spans[1][0]) == separate
        half = (answer.ci[1] - answer.ci[0]) / 4.0
        assert spans[0][1] - spans[0][0] == pytest.approx(2.0 * half, rel=1e-12)
        assert [t.get_text() for t in answer.plot().get_xticklabels()] == ["B", "C"]
        assert answer.plot().get_ylabel() == "debiased linear CKA"


def test_a_ranking_is_drawn_in_order() -> None:
    noise = np.random.default_rng(5).normal(size=(3, *X.shape))
    layers = {f"h{k}": X + size * noise[k] for k, size in enumerate((2.0, 0.1, 0.4))}
    ranking = mx.measures.nearest(X, layers)
    axes = ranking.plot()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["h1", "h2", "h0"]
    drawn = dict(zip(axes.get_legend_handles_labels()[1], axes.containers, strict=True))
    full = drawn["may be the most aligned"][0]
    assert full.get_ydata().tolist() == sorted(ranking.effects[ranking.in_set])[::-1]
    hollow = drawn["is not the most aligned"][0]
    assert len(hollow.get_xdata()) == 3 - ranking.in_set.sum() > 0
    assert hollow.get_markerfacecolor() == "white"


def test_of_many_pairs_the_first_are_drawn() -> None:
    many = {f"encoder.layer.{k}.output": X + 0.1 * k for k in range(30)}
    axes = mx.measures.nearest(Y, many).plot()
    assert len(axes.get_xticks()) == 24
    assert "first 24 of 30" in axes.get_xlabel()
    assert "encoder.layer.*.output" in axes.get_xlabel()


def test_levels_have_one_axis() -> None:
    compared = read_against()
    assert compared.levels is not None
    axes = compared.levels.plot()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["chance", "one", "ceiling"]
    heights = {h for bars in axes.containers for h in bars[0].get_ydata()}
    assert heights == {one.score for one in compared.levels.marks}
    (line,) = [line for line in axes.get_lines() if line.get_label() == "the score that is read"]
    # From the share of the way and both of its ends, each of order one.
    assert line.get_ydata()[0] == pytest.approx(compared.score, abs=1e-12)


def test_a_schedule_is_drawn_over_the_run() -> None:
    (line,) = mx.schedules.cosine(final=0.2).plot().get_lines()
    assert line.get_ydata()[[0, -1]].tolist() == pytest.approx([1.0, 0.2])
    assert line.get_xdata()[[0, -1]].tolist() == [0.0, 1.0]
