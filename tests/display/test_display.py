"""Every public noun and result shows itself: in a line, as a table, and where it can on axes.

What a line and a table may be was fixed before any was looked at: a line of at most 100 signs, all
of them printable; a part of a page that is well-formed, holds no script, no colour that only a
light or only a dark notebook can bear, and at most 20,000 signs.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

import methexis as mx
from methexis.display import told
from methexis.scenarios.comparing import CompareResult
from methexis.scenarios.framework.results import JobResult
from tests.display import walk
from tests.display.specimens import (
    STUDENT,
    TEACHER,
    X,
    Y,
    canonical,
    classes,
    comparison,
    curve,
    explained,
    grid,
    interfaces,
    path,
    predicted,
    read_against,
    run,
    scales,
    search,
    specimens,
    translated,
)  # fmt: skip

MOST_SIGNS, MOST_OF_A_PAGE = 100, 20_000
HOSTILE = "<script>alert('1')</script>&\x1b[2J\n$\\frac$"
NAMES = sorted({value.__name__ for value in classes().values()})


@pytest.fixture(autouse=True)
def on_no_screen() -> Iterator[None]:
    with mpl.rc_context({"backend": "agg", "figure.max_open_warning": 0}):
        yield
        pyplot.close("all")


def page(value: Any) -> str:
    text: str = value._repr_html_()
    ElementTree.fromstring(text)  # raises where it is not well-formed
    return text


def test_there_is_a_specimen_of_every_class() -> None:
    missing = set(NAMES) - specimens().keys()
    assert not missing, f"tests/display/specimens.py: add {sorted(missing)}"


@pytest.mark.parametrize("name", NAMES)
def test_its_line_is_short(name: str) -> None:
    text = repr(specimens()[name])
    assert text.startswith(f"{name}(")
    assert text.endswith(")")
    assert len(text) <= MOST_SIGNS
    assert text.isprintable()
    assert " at 0x" not in text


@pytest.mark.parametrize("name", NAMES)
def test_its_table_is_sound(name: str) -> None:
    text = page(specimens()[name])
    assert name in text
    assert len(text) <= MOST_OF_A_PAGE
    assert text.isprintable()
    for part in ElementTree.fromstring(text).iter():
        assert part.tag in {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}
        assert set(part.keys()) <= {"class", "style", "scope"}, part.keys()
        style = part.get("style", "")
        colours = re.findall(r"(?:color|background|border-bottom)[^;]*", style)
        assert set(colours) <= {"color:inherit", "border-bottom:1px solid rgba(128,128,128,.35)"}


def spoilt(value: Any) -> Any:
    """A copy in which every text is hostile."""
    found = copy.copy(value)
    for field in dataclasses.fields(value):
        here = getattr(value, field.name)
        if isinstance(here, str):
            object.__setattr__(found, field.name, HOSTILE)
        elif isinstance(here, tuple) and here and all(isinstance(one, str) for one in here):
            object.__setattr__(found, field.name, (HOSTILE,) * len(here))
    return found


def with_text() -> Iterator[Any]:
    """Specimens that have any text of their own."""
    for value in specimens().values():
        if dataclasses.is_dataclass(value) and not isinstance(value, JobResult | CompareResult):
            fields = dataclasses.fields(value)
            if any(isinstance(getattr(value, field.name), str) for field in fields):
                yield value


def test_hostile_text_is_shown_as_text() -> None:
    shown = set()
    for value in map(spoilt, with_text()):
        text, line = page(value), repr(value)
        assert "<script" not in text
        assert "\x1b" not in text + line
        assert "\n" not in text + line
        assert len(line) <= MOST_SIGNS
        shown |= {type(value).__name__} if "&lt;script&gt;" in text else set()
    # Else the walk would prove nothing.
    assert shown >= {"Comparison", "Representation", "Representations", "RDM", "GroupComparison"}


def hostile_grid() -> mx.Grid:
    return mx.compare_all({HOSTILE: X, "b": Y}, {HOSTILE: Y, "d": X}, measure="cka", null="none")


def test_hostile_layers_are_shown_as_text() -> None:
    text, line = page(hostile_grid()), repr(hostile_grid())
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text + line
    axes = hostile_grid().plot()
    axes.figure.canvas.draw()  # a name that were read as mathematics would raise here


def test_a_table_is_cut_and_says_so() -> None:
    many = mx.compare_all([X + k for k in range(20)], measure="cka", null="none")
    text = page(many)
    assert "… and 8 rows more" in text
    assert text.count("<tr>") < 40
    assert len(text) <= MOST_OF_A_PAGE


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((3, 4)), "3×4"),
        (np.float64(0.5), "0.5"),
        (np.array(2.0), "2"),
        ([np.zeros((2, 3)), np.zeros((1, 2))], "(2×3, 1×2)"),
        (list(range(100)), "(0, 1, 2, 3, 4, 5, … 100 in all)"),
        (-0.0, "0"),
        (True, "True"),
        (1e-16, "1e-16"),
        ({"k": 10, "metric": "cosine"}, "k=10, metric=cosine"),
    ],
)
def test_values_are_told_in_a_few_words(value: object, text: str) -> None:
    assert told(value) == text


def test_printed_results_are_as_they_were() -> None:
    """``print`` shows a result in words; the line is for the prompt."""
    assert str(comparison()).startswith("cka ")
    assert "most aligned: " in str(grid())
    assert str(curve()).splitlines()[0].split()[0] == "n"


def test_a_line_costs_no_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    """A debugger shows values at every step; the rank of a teacher is an SVD."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a line computes")

    made = specimens()  # which does compute
    for name in ("svd", "eigh", "qr", "inv", "solve"):
        monkeypatch.setattr(np.linalg, name, refuse)
    for value in made.values():
        repr(value)


def specimen(name: str) -> Any:
    return specimens()[name]


DRAWN = {"Run": run, "Grid": grid, "Comparison": comparison, "SlowPath": path,
         "NeighbourCurve": curve, "NeighbourScales": scales, "SearchCurve": search,
         "Predicted": predicted, "Explanations": explained, "Translation": translated,
         "Interfaces": interfaces, "Canonical": canonical,
         "Explanation": lambda: explained().best(), **{name: partial(specimen, name)
         for name in ("RDM", "MDS", "ModelComparison", "GroupComparison", "Closer", "Ranking",
                      "Levels", "Schedule", "Sweep")}}  # fmt: skip


def test_what_can_be_drawn() -> None:
    drawn = {value.__name__ for value in classes().values() if hasattr(value, "plot")}
    assert drawn == DRAWN.keys(), "draw it in this file"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_drawn_has_a_reason(name: str) -> None:
    """So nobody forgets that a new result could be drawn."""
    assert (name in DRAWN) != bool(walk.why_not_drawn(specimens()[name]))


@pytest.mark.parametrize("name", DRAWN)
def test_axes_in_axes_out(name: str) -> None:
    figure, (left, right) = pyplot.subplots(1, 2)
    right.set_title(r"$\alpha$")
    axes = DRAWN[name]().plot(right)
    assert axes is right
    assert not left.has_data()
    assert axes.has_data()
    assert axes.title.get_parse_math()  # what is the user's stays so
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    figure.canvas.draw()


@pytest.mark.parametrize("name", DRAWN)
def test_new_axes_without_any(name: str) -> None:
    before = set(pyplot.get_fignums())
    axes = DRAWN[name]().plot()
    assert isinstance(axes, Axes)
    assert len(set(pyplot.get_fignums()) - before) == 1


@pytest.mark.parametrize("name", DRAWN)
def test_what_are_no_axes(name: str) -> None:
    _, several = pyplot.subplots(1, 2)
    with pytest.raises(mx.MethexisError, match="ax: expected axes of Matplotlib, got ndarray"):
        DRAWN[name]().plot(several)


ALWAYS_NUMBERS = {"Schedule"}  # a factor is finite at every step


def _lost(path: mx.theory.SlowPath) -> mx.theory.SlowPath:
    return dataclasses.replace(path, weights=[w * np.nan for w in path.weights])


def nothing(name: str) -> Any:
    """A result in which there is no number."""
    value = DRAWN[name]()
    if name == "Run":
        tree = value.tree.copy()
        tree["diverged_step"] = tree["diverged_step"] * 0 + 1
        return mx.Run(tree)
    if name == "Grid":
        return mx.Grid(value.data.where(np.zeros(value.score.shape, bool)))
    if name == "Comparison":
        return dataclasses.replace(value, score=float("nan"))
    if name == "Predicted":
        return dataclasses.replace(value, paths=tuple(map(_lost, value.paths)))
    if name == "Explanation":
        unknown = [dataclasses.replace(one, share=float("nan")) for one in value.rungs]
        return dataclasses.replace(value, rungs=tuple(unknown))
    if name == "Translation":
        none = (float("nan"),) * 2
        known = value.certificate
        worths = {
            field: dataclasses.replace(getattr(known, field), share=none, top1=none)
            for field in ("worth", "shuffled")
        }
        empty = dataclasses.replace(known, **worths, identity=None, few=())
        return dataclasses.replace(value, certificate=empty)
    if name == "Canonical":
        return dataclasses.replace(value, interfaces=())
    if name == "Interfaces":
        return dataclasses.replace(value, all=())
    if name == "Explanations":
        return dataclasses.replace(value, pairs={})
    if name == "SlowPath":
        return _lost(value)
    if name == "RDM":
        empty = copy.copy(value)
        object.__setattr__(empty, "matrix", value.matrix * np.nan)
        return empty
    if name == "MDS":
        return dataclasses.replace(value, points=value.points * np.nan)
    if name == "GroupComparison":
        lost = (float("nan"),) * len(value.scores)
        return dataclasses.replace(value, scores=lost, ci=lost[:2])
    if name == "Closer":
        return dataclasses.replace(value, scores=(float("nan"),) * 2)
    if name == "Ranking":
        return dataclasses.replace(value, effects=value.effects * np.nan)
    if name == "Levels":
        unknown = [dataclasses.replace(one, score=float("nan")) for one in value.marks]
        return dataclasses.replace(value, marks=tuple(unknown))
    if name == "Sweep":
        return dataclasses.replace(value, made_with={})  # whose marks are of other versions
    if name == "ModelComparison":
        return dataclasses.replace(
            value, scores=value.scores * np.nan, intervals=value.intervals * np.nan
        )
    if name == "SearchCurve":
        drawn = ("scores", "chance", "needed", "followed")
        lost = {one: getattr(value, one) * np.nan for one in drawn}
        return dataclasses.replace(value, **lost)
    return dataclasses.replace(value, scores=value.scores * np.nan, chance=value.chance * np.nan)


@pytest.mark.parametrize("name", sorted(DRAWN.keys() - ALWAYS_NUMBERS))
def test_nothing_cannot_be_drawn(name: str) -> None:
    with pytest.raises(mx.MethexisError, match="expected numbers that can be drawn, got none"):
        nothing(name).plot()
    assert not pyplot.get_fignums()  # and leaves no empty figure


@pytest.mark.parametrize("quantity", ["loss", "entropy", "entropy_ratio", "hessian_trace"])
def test_other_quantities_of_a_run(quantity: str) -> None:
    axes = run().plot(quantity=quantity)
    names = axes.get_legend_handles_labels()[1]
    assert names == ["student 0", "student 1"]
    measured = np.median(run().data[quantity].values[:, :, 1], axis=-1)
    drawn = [line.get_ydata() for line in axes.get_lines() if line.get_label() == "student 1"]
    np.testing.assert_array_equal(drawn[0], measured)


def test_an_unknown_quantity() -> None:
    with pytest.raises(mx.MethexisError, match="quantity: expected"):
        run().plot(quantity="colour")
    with pytest.raises(mx.MethexisError, match="quantity: expected"):
        path().plot(quantity="loss")


def test_cells_are_told_apart() -> None:
    rates = xr.DataArray([0.01, 0.02], coords={"lr": [0.01, 0.02]})
    optimiser = mx.SGD(lr=rates)
    cells = mx.train([STUDENT] * 2, TEACHER, optimiser, steps=20, replicas=2, progress=None)
    axes = cells.plot()
    assert axes.get_legend_handles_labels()[1] == ["lr = 0.01", "lr = 0.02"]
    slow = cells.data["slow_time"].values
    last = [line.get_xdata()[-1] for line in axes.get_lines() if line.get_label()[0] == "l"]
    assert last == slow[-1].tolist()  # each over its own time


def test_a_path_over_a_run() -> None:
    """The prediction is drawn over the measurement, on the same axes."""
    axes = path().plot(run().plot())
    assert axes.get_legend_handles_labels()[1] == ["median over replicas", "predicted"]


def test_a_prediction_is_seen_in_a_dark_notebook() -> None:
    with pyplot.style.context("dark_background"):
        axes = path().plot()
        drawn = next(line for line in axes.get_lines() if line.get_label() == "predicted")
        assert min(to_rgb(drawn.get_color())) > 0.9
    assert max(to_rgb(path().plot().get_lines()[-1].get_color())) < 0.1


def test_a_path_knows_its_worst_pair() -> None:
    last = [w[-1] for w in path().weights]
    maps = [last[0], last[1] @ last[0]]
    expected = mx.geometry.gram_cosines(maps, TEACHER.cov_x).min()
    assert path().worst_pair()[-1] == pytest.approx(expected, rel=1e-12)  # products, reordered


def test_a_grid_as_a_table() -> None:
    table = grid().to_dataframe()
    assert len(table) == grid().score.size
    np.testing.assert_array_equal(table["score"], grid().score.ravel())
    assert {"layer_a", "layer_b", "p_corrected", "effect", "d_a"} <= set(table.columns)
    assert table["layer_b"].tolist() == ["c", "d"] * 2


def test_a_comparison_as_a_row() -> None:
    (row,) = comparison().to_dataframe().to_dict("records")
    assert row["score"] == comparison().score
    assert (row["ci_low"], row["ci_high"]) == comparison().ci
    assert (row["d_x"], row["d_y"]) == comparison().d
    assert row["options_kernel"] == "linear"


@pytest.mark.parametrize(
    ("per", "rows"), [("student", 3 * 2), ("layer", 3 * 4), ("pair", 3 * 16), ("replica", 3)]
)
def test_a_run_as_a_table(per: str, rows: int) -> None:
    table, data = run().to_dataframe(per), run().data
    assert len(table) == rows * data.sizes["step"]
    assert "slow_time" in table.columns
    if per == "replica":
        np.testing.assert_array_equal(table["worst_pair"], run().worst_pair().ravel())
    if per == "student":
        np.testing.assert_array_equal(table["loss"], data["loss"].values.ravel())


def test_rows_of_what() -> None:
    with pytest.raises(mx.MethexisError, match="per: expected"):
        run().to_dataframe("network")


def test_a_single_note_is_shown_as_a_sentence() -> None:
    """In a page there is room for it, and no reader takes a tuple for a sentence."""
    note = "a remark of nearly two hundred signs " * 5
    noted = dataclasses.replace(predicted(), notes=(note.strip(),))
    assert f">{note.strip()}</td>" in page(noted)
    two = dataclasses.replace(predicted(), notes=("one", "another"))
    assert ">(one, another)</td>" in page(two)


def test_a_fitted_tail_is_not_told_to_the_digit() -> None:
    """Below 1e-4 the size of such a p carries no information (`Comparison.p`)."""
    small = dataclasses.replace(comparison(), p=2.429e-10)
    assert "p='< 1e-4'" in repr(small)
    assert "e-10" not in page(small)
    assert "p=0.25" in repr(dataclasses.replace(comparison(), p=0.25))


@pytest.mark.parametrize("name", ["Closer", "Between", "Levels", "ModelComparison", "Explanation"])
def test_no_tiny_p_is_told_to_the_digit(name: str) -> None:
    value, tiny = specimens()[name], 2.345e-10
    if name == "Levels":
        value = dataclasses.replace(
            value, between=tuple(dataclasses.replace(one, p=tiny) for one in value.between)
        )
    elif name == "ModelComparison":
        value = dataclasses.replace(value, p_zero_corrected=value.p_zero_corrected * 0 + tiny)
    elif name == "Explanation":
        value = dataclasses.replace(
            value, rungs=tuple(dataclasses.replace(one, p=tiny) for one in value.rungs)
        )
    else:
        value = dataclasses.replace(value, p=tiny)
    assert "&lt; 1e-4" in page(value)
    assert "e-10" not in page(value) + repr(value)


def test_what_was_measured_in_part_is_drawn_through_what_there_is() -> None:
    """Costly quantities may be of some records and networks only; the others leave no gaps."""
    many = mx.train(
        [STUDENT] * 2, TEACHER, mx.SGD(lr=0.01), steps=3000, replicas=4, progress=None, measure=()
    )
    data = many.measure("sharpness", at=[0, 3000])
    assert np.isfinite(data["sharpness"]).all()
    with pytest.raises(mx.MethexisError, match="expected numbers that can be drawn"):
        many.plot(quantity="sharpness")
    tree = many.tree.copy()
    part = np.full(many.data["loss"].shape, np.nan)
    part[[0, -1], :2] = data["sharpness"].values[:, :2]
    attributes = {"measured_steps": [0, 3000], "measured_networks": [0, 1]}
    tree["sharpness"] = many.data["sharpness"].copy(data=part).assign_attrs(attributes)
    axes = mx.Run(tree).plot(quantity="sharpness")
    drawn = [line.get_ydata() for line in axes.get_lines() if line.get_label() == "student 0"]
    np.testing.assert_allclose(drawn[0], np.median(part[[0, -1], :2, 0], axis=1))


def test_levels_are_drawn_and_told() -> None:
    found = read_against()
    assert found.levels is not None
    axes = found.plot()
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == ["rows at random\n(± 2 sd)", "one", "ceiling", "as given"]
    heights = [line.get_ydata()[0] for line in axes.get_lines() if len(line.get_xdata()) == 1]
    marks = [one.score for one in found.levels.marks]
    assert heights == pytest.approx([*marks, found.score], rel=1e-12)
    (row,) = found.to_dataframe().to_dict("records")
    assert row["level_one"] == found.levels.named("one").score
    assert row["share"] == found.levels.headline.share
    assert "levels" not in row
    assert f"{row['level_one']:.4g}" in page(found)
