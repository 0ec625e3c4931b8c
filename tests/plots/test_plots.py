"""Marks, panels and heat maps: what is drawn is what their data say."""

from __future__ import annotations

import json
import pkgutil

import numpy as np
import pytest
from matplotlib.axes import Axes

from methexis import plots
from methexis.plots import style
from methexis.plots.curve import Curve, Dots, Joins
from methexis.plots.heat_map import HeatMap
from methexis.plots.interval import Band, Interval, Span
from methexis.plots.levels import Bars, Caption, Histogram, Level, Rungs
from methexis.plots.mark import Look, Mark, Plain
from methexis.plots.panel import Axis, Key, Legend, Panel, draw_all
from methexis.plots.plain import from_plain, to_plain
from methexis.plots.words import Words

X, Y = [1.0, 2.0, 4.0], [0.5, np.nan, 3.0]
MARKS = [
    Curve(X, Y, Look("#123456", width=2.0, dashes=(1, 2)), "curve", cased=True),
    Curve(X, np.ones((3, 4)), Look(marker="o", joined=False, inside="none")),
    Dots(X, Y, Look("#123456", size=9), "dots"),
    Dots(X, Y, Look(size=9, inside="none", width=1.0), shades=[0.0, 0.5, 1.0]),
    Joins([[0.0, 1.0]], [[1.0, 2.0]], Look("#123456")),
    Interval(X, Y, [0.1, 0.2, 0.3], Look(marker="o"), "interval", caps=2.5),
    Band(X, Y, [4.0, 5.0, 6.0], Look("#123456"), "band"),
    Span(-1.0, 1.0, Look("#123456", alpha=0.5)),
    Level(2.0, Look(dashes=(1, 2)), "level"),
    Level(2.0, upright=True),
    Rungs(Y, X, [2.0, 3.0, 5.0], Look("#123456")),
    Bars(X, [1.0, 2.0, 3.0], Look("#123456"), "bars"),
    Histogram.of([0.1, 0.2, 0.9], [0.0, 0.5, 1.0], Look("#123456"), "histogram"),
    Caption(1.0, "caption"),
    Words(X, [0.5, 1.0, 3.0], ("one", "two", "$3$")),
]


def axes_of(*marks: Mark, x: Axis = Axis(), y: Axis = Axis(), **rest: object) -> Axes:  # noqa: B008
    with style.house_style():
        return Panel(x, y, marks, **rest).draw().axes[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: type(mark).__name__)
def test_a_mark_survives_json(mark: Mark) -> None:
    plain = to_plain(mark)
    text = json.dumps(plain, allow_nan=False)
    assert to_plain(from_plain(json.loads(text))) == plain
    assert len(axes_of(mark).get_children()) > len(axes_of().get_children())


def test_every_kind_of_mark_is_here() -> None:
    def below(kind: type[Plain]) -> set[type[Plain]]:
        found = set(kind.__subclasses__())
        return found.union(*(below(one) for one in found))

    assert {module.name for module in pkgutil.iter_modules(plots.__path__)} >= {"plain", "curve"}
    assert {type(mark) for mark in MARKS} == below(Mark)


def test_infinite_values_survive_json() -> None:
    again = from_plain(json.loads(json.dumps(to_plain(Curve([0.0, 1.0], [np.inf, -np.inf])))))
    assert np.array_equal(again.y, [np.inf, -np.inf])


def test_a_histogram_counts_shares_of_a_hundred() -> None:
    found = Histogram.of([0.1, 0.2, 0.9, 2.0], [0.0, 0.5, 1.0], Look(), "")
    assert np.allclose(found.shares, [50.0, 25.0])  # what lies outside is in no bin
    axes = axes_of(found)
    assert axes.dataLim.y1 == 50.0


def test_limits_ticks_and_names() -> None:
    x = Axis("x", low=0.0, high=5.0, ticks=(1, 4), names=("one", "four"), turned=90)
    axes = axes_of(Curve(X, X), x=x, y=Axis("y", "log", 0.1, 100.0))
    assert axes.get_xlim() == (0.0, 5.0)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["one", "four"]
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


@pytest.mark.parametrize(("values", "scale"), [([1.0, 4.0], "linear"), ([1.0, 40.0], "log")])
def test_a_fitted_axis_is_logarithmic_where_values_spread(values: list[float], scale: str) -> None:
    axes = axes_of(Curve([1.0, 2.0], values), y=Axis(scale="fitted"))
    assert axes.get_yscale() == scale
    assert axes.get_ylim()[0] >= 0.0
    bounded = axes_of(Curve([1.0, 2.0], values), y=Axis(scale="fitted", high=3.0))
    assert bounded.get_ylim()[1] == 3.0


def test_legends() -> None:
    marks = (Curve(X, X, name="a"), Curve(X, X), Curve([], [], name="b"))

    def names(legend: Legend | None) -> list[str]:
        figure = axes_of(*marks, legend=legend).figure
        return [text.get_text() for one in figure.legends for text in one.get_texts()]

    assert names(Legend()) == ["a", "b"]
    assert names(Legend(order=("b", "a"))) == ["b", "a"]
    assert names(Legend(keys=(Key("c", Look("#123456")),))) == ["c"]
    assert names(None) == []


def test_panels_in_rows() -> None:
    panels = [Panel(Axis(), Axis(), (Curve(X, X),), title=str(k)) for k in range(4)]
    with style.house_style():
        figure = draw_all(panels, 3)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["0", "1", "2", "3"]


def test_a_heat_map() -> None:
    values = np.array([[0.0, 1.0], [np.nan, 0.5]])
    rows = columns = Axis("layer", ticks=(0, 1), names=("a", "b"))
    plot = HeatMap(
        values, rows, columns, texts=(("", "1"), ("2", "3")), framed=((0, 1),), struck=((1, 0),),
        crossed=True, bar="scale", bar_below=True,
    )  # fmt: skip
    plain = json.loads(json.dumps(to_plain(plot), allow_nan=False))
    for one in (plot, from_plain(plain)):
        with style.house_style():
            axes, bar = one.draw().axes
        assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
        assert axes.texts[0].get_color() == "white"  # on the darkest shade
        assert len(axes.patches) == 1
        assert axes.get_ylim() == (1.5, -0.5)  # the first row is at the top
        assert bar.get_xlabel() == "scale"


def test_a_heat_map_of_very_many_cells_is_pixels() -> None:
    plot = HeatMap(np.zeros((3, 3)), Axis(), Axis(), framed=((0, 1),), pixels=True)
    with style.house_style():
        (axes,) = plot.draw().axes
    assert axes.collections[0].get_rasterized()
    assert not axes.patches
    assert len(axes.lines) == 1
