"""Report and terminal of `compare`: what was found is there, and what is not significant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methexis.measures.inference.drawing import shades
from methexis.plots import style
from methexis.report import print_compare, write_compare_report
from methexis.report.comparing import figures
from methexis.scenarios.comparing import CompareResult, CompareSettings, run_compare
from methexis.scenarios.comparing.answer import _where
from methexis.scenarios.comparing.wanted import measures_named
from tests.report.compare_results import compared, model

_LONG = "model.layers.{}.post_attention_layernorm"


def text_of(result: CompareResult, out: Path) -> str:
    return write_compare_report(result, out).read_text(encoding="utf-8")


def printed(result: CompareResult, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    print_compare(result, out)
    found = capsys.readouterr().out
    assert max(len(line) for line in found.splitlines()[:-1]) <= 80
    return found


def test_one_pair_has_all_of_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compared(1, 1)
    text = text_of(result, tmp_path)
    assert text.count("<svg") == 1
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"effects.pdf"}
    assert "src=" not in text  # nothing is loaded from elsewhere
    shown = printed(result, tmp_path, capsys)
    one = result.found[0].single
    assert one is not None
    for words in (f"{one.score:.3f}", f"{one.null_sd:.3f}", f"{one.effect:.3f}"):
        assert words in text
        assert words in shown
    for words in ("95% interval", "by chance", "above chance", "effect", "exact moments"):
        assert words in shown


def test_many_pairs_are_a_grid_with_what_is_not_significant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compared(3, 4, noise=2)
    weak = [~p.significant(0.05) for p in result.found]
    assert all(0 < w.sum() < w.size for w in weak)
    text = text_of(result, tmp_path)
    assert text.count("<svg") == 3  # the levels, and both grids
    assert "Struck out: not significant at 5 %" in text
    assert text.count('<tr class="weak">') == sum(w.sum() for w in weak) + sum(
        w[i, j] for p, w in zip(result.found, weak, strict=True) for i, j in enumerate(p.better())
    )
    shown = printed(result, tmp_path, capsys)
    assert shown.count("°") == sum(w.sum() for w in weak) + 2  # and the two legends
    assert "corrected for the search by the largest of all pairs in 999 permutations" in " ".join(
        shown.split()
    )


def test_a_model_beside_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = compared(4, None, noise=1)
    for pairs in result.found:
        assert np.isnan(np.diagonal(pairs.p)).all()  # of a layer beside itself nothing is asked
        assert all(i != j for i, j in enumerate(pairs.better()))
    assert "Layers of left beside each other" in text_of(result, tmp_path)
    assert "left" in printed(result, tmp_path, capsys)


@pytest.mark.parametrize("shape", [(1, 40), (40, 1)])
def test_one_layer_along_many(
    shape: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compared(*shape, names=("cka:debiased=true",))
    text = text_of(result, tmp_path)
    assert "Band: the chance level" in text
    assert "Ringed: the nearest" in text
    shown = printed(result, tmp_path, capsys)
    assert sum(line.startswith("  block") for line in shown.splitlines()) == 40


def test_a_grid_that_does_not_fit_names_the_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compared(2, 24, names=("cka:debiased=true",))
    shown = printed(result, tmp_path, capsys)
    best = result.found[0].better()
    rows = [line.split() for line in shown.splitlines() if line.strip().startswith("block")]
    assert [words[1] for words in rows] == [f"block{j}" for j in best]


@pytest.mark.parametrize("shape", [(16, 14), (3, 4), (1, 14)])
def test_long_names_are_told_apart_within_the_width(
    shape: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compared(
        *shape, names=("cka:debiased=true",), noise=2, pattern=_LONG, num_permutations=99
    )
    shown = printed(result, tmp_path, capsys)
    lines = shown.splitlines()
    assert shown.count(_LONG.replace("{}", "*")) == 1  # the rule, once
    assert "…" not in shown
    assert not any(line.strip() in {"°", "1°"} for line in lines)  # nothing is wrapped
    rows = [line.split() for line in lines if line[:2] == "  " and line[2:3].isdigit()]
    rows = [words for words in rows if words[1] not in {"of", "pairs"}]  # not the legend
    num_rows = shape[1] if shape[0] == 1 else shape[0]
    assert [words[0] for words in rows] == [str(i) for i in range(num_rows)]
    if shape[0] == 16:
        assert [words[1] for words in rows] == [str(j) for j in result.found[0].better()]


def test_tables_of_the_page_shorten_long_names(tmp_path: Path) -> None:
    text = text_of(compared(4, 3, ("cka",), pattern=_LONG, num_permutations=19), tmp_path)
    for i in range(4):
        assert f'<td title="{_LONG.format(i)}">{i}</td>' in text
        assert f"<tr><td>{_LONG.format(i)}</td><td>float64</td>" in text  # what was compared
    rule = _LONG.replace("{}", "*")
    assert f"Layers: {rule}.</caption>" in text
    assert ".pairs td:not(.n)" in text  # what is still long may be broken anywhere


def test_without_a_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = compared(2, 2, null="none")
    assert "0 of 0" not in text_of(result, tmp_path)
    assert "significant" not in printed(result, tmp_path, capsys)


def test_cells_and_frames_of_the_figure() -> None:
    result = compared(3, 4, noise=2)
    pairs = result.found[0]
    with style.house_style():
        drawn = figures.drawn(
            pairs,
            (result.first.names, result.second.names),
            result.answers[0],
            itself=False,
            alpha=0.05,
        )
        figure = shades(drawn).draw()
    axes = figure.axes[0]
    assert np.array_equal(np.ravel(axes.collections[0].get_array()), np.ravel(pairs.score))  # type: ignore[arg-type]
    assert len(axes.collections[1].get_paths()) == (~pairs.significant(0.05)).sum()
    framed, dotted = figures.marked(pairs, result.answers[0].in_row, 0.05)
    assert len(axes.patches) == len(framed) + len(dotted) >= 3  # in every row there is one
    assert axes.get_ylabel() == "layer of A"
    assert [one.get_text() for one in axes.get_yticklabels()] == result.first.names
    assert axes.collections[0].get_clim() == (0.0, 1.0)  # chance to identical, in every report
    assert figure.axes[1].get_xlabel() == "debiased linear CKA (range −1 … 1)"


def test_without_permutations_it_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compared(2, 3, ("cka",), num_permutations=0)
    assert "holm needs none" in text_of(result, tmp_path)
    assert "holm needs none" in printed(result, tmp_path, capsys)
    corrected = compared(2, 3, ("cka",), num_permutations=0, correction="holm")
    assert corrected.found[0].counted().all()
    assert "corrected by Holm's method" in printed(corrected, tmp_path, capsys)


def test_very_many_layers_stay_readable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cells become pixels, rows of the terminal the most aligned, tables fold."""
    result = compared(70, 60, ("cka",), num_permutations=19)
    write_compare_report(result, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(page) < 1_000_000
    assert "<summary>The most aligned layer for each of 70 layers</summary>" in page
    print_compare(result, tmp_path)
    shown = capsys.readouterr().out
    assert "the 20 most aligned of 70 layers; the report has all" in shown
    assert shown.count("\n  block") == 20


def test_without_a_null_it_says_so(tmp_path: Path) -> None:
    for columns in (1, 2):
        result = compared(1, columns, ("cka", "procrustes"), memory="30 KiB")
        write_compare_report(result, tmp_path / str(columns))
        page = (tmp_path / str(columns) / "report.html").read_text(encoding="utf-8")
        assert "omputed in one pass over the rows, because whole arrays would take" in page
        assert "no null: chance level, p, effect and interval are not known" in page
        assert "– ±" not in page
        assert "0 of 0 pairs" not in page


def test_the_dependence_on_the_number_of_samples_is_drawn_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compared(1, 1, ("mutual_knn:k=4",), samples=160, num_permutations=19)
    page = write_compare_report(result, tmp_path).read_text()
    assert (tmp_path / "figures" / "mutual_knn.pdf").exists()
    assert "depends on the number of samples" in page
    assert "at the fixed share k/n = .025 more samples would give" in page
    assert "means of 20 random subsets" in page
    assert result.summary()["measures"][0]["curve"]["num_subsets"] == 20
    print_compare(result, tmp_path)
    shown = capsys.readouterr().out
    assert "over samples  k = 4: " in shown
    assert "means of 20 subsets" in " ".join(shown.split())
    assert "50 halves" in shown


def against(names: tuple[str, ...] = ("cka:debiased=true",)) -> CompareResult:
    """A grid with an untrained twin of the second model, and random features."""
    settings = CompareSettings(tuple(measures_named(names)), num_permutations=99)
    twin = model("twin", 3, seed=2, noise=3)
    references: dict[str, Any] = {"untrained": twin, "random features": "random"}
    return run_compare(
        model("left", 2, seed=1), model("right", 3, seed=2), settings, references=references
    )


def test_the_first_sentence_concludes_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = against()
    said = result.conclusion
    assert said.startswith("Aligned more than untrained: debiased linear CKA 0.")
    page, shown = text_of(result, tmp_path), printed(result, tmp_path, capsys)
    assert page.index(f'<p class="lead">{said}</p>') < page.index("<h2>")
    assert " ".join(shown.split()).startswith(said)
    assert result.summary()["conclusion"] == said


def test_the_report_answers_in_this_order(tmp_path: Path) -> None:
    for result in (against(), compared(1, 1), compared(3, None)):
        page = text_of(result, tmp_path)
        asked = ["Are they aligned?", "How sure?", "What limits it?", "What next?", "How to read"]
        if not result.single:
            asked.insert(1, "Where?")
        places = [page.index(f"<h2>{one}") for one in asked]
        assert places == sorted(places)


def test_levels_are_marks_and_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = against()
    page, shown = text_of(result, tmp_path), printed(result, tmp_path, capsys)
    for name in ("chance", "untrained", "random features", "ceiling"):
        assert f"<td>{name} " in page
        assert f"\n  {name} " in shown
    plot = figures.effects(result.found, result.answers)
    assert plot is not None
    named = [getattr(mark, "name", "") for mark in plot.marks]
    assert {"untrained", "random features", "score"} <= set(named)


def test_what_may_be_the_best_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = against()
    answer = result.answers[0]
    assert answer.in_row.any(axis=1).all()  # in every row some layer is
    assert answer.in_set[answer.place]
    shown = printed(result, tmp_path, capsys)
    grid = "\n".join(line for line in shown.splitlines() if line.startswith("  block"))
    assert grid.count("*") + grid.count("~") == answer.in_row.sum()


def test_a_cause_is_told_once_with_all_its_layers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copies of rows in five layers of two measures: one note, after the results."""
    given = model("left", 5, seed=1)
    copied = [replace(one, held=one.array[np.arange(60) // 2]) for one in given]
    names = measures_named(("mutual_knn:k=4", "jaccard_knn:k=4"))
    settings = CompareSettings(tuple(names), num_permutations=19)
    result = run_compare(replace(given, layers=tuple(copied)), None, settings)
    assert sum(len(pairs.notes) for pairs in result.found) == 10
    shown = printed(result, tmp_path, capsys)
    assert shown.count("note: ") == 1
    assert "rows equal an earlier one" in shown
    assert "(likewise left/block1.npy, left/block2.npy, left/block3.npy and 1 more)" in " ".join(
        shown.split()
    )
    assert shown.index("note: ") > shown.index("pairs significant")
    assert text_of(result, tmp_path).count('<p class="note">') == 1


def test_the_most_aligned_pair_is_not_said_to_be_like_itself() -> None:
    """The largest score need not come first by effect: it may be any other that may be the best."""
    given, other = model("left", 4, seed=1), model("right", 4, seed=2)
    settings = CompareSettings(tuple(measures_named(("mutual_knn:k=4",))), num_permutations=19)
    found = run_compare(given, other, settings)
    order, names = found.answers[0].ranking, (given.names, other.names)
    assert order is not None
    assert len(order.members) > 1
    for one, two in order.members:
        place = names[0].index(one), names[1].index(two)
        told = _where(order, names, place, found.found[0])
        assert told.count(f"{one} with {two}") == 1
