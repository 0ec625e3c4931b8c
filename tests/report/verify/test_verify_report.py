"""The page of `verify`: complete, self-contained, and true to the result."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from methexis.core.checks import MethexisError
from methexis.report import write_verify_report
from methexis.report.house import numbers
from methexis.report.verify.page import command
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.verify import Verdict, VerifyResult, VerifySettings
from tests.report import results

SECTIONS = [
    "verdict", "numbers", "headline", "checks", "setting", "step-1", "step-2", "step-3", "step-4",
    "matrices", "more", "charges", "spectra", "sharpness", "choice", "facts", "command", "words",
]  # fmt: skip
FIGURES = [
    "worst_pair", "worst_pair_narrow", "cloud_a", "cloud_b", "cloud_turned", "cloud_control",
    "minima_alignment", "minima_entropy", "entropy_ratio", "equipartition", "loss",
    "distance_to_one", "matrix_before", "matrix_after", "matrix_control", "charge_norms",
    "charge_changes", "spectrum_A", "spectrum_B", "sharpness", "hessian_trace",
]  # fmt: skip
WAYS = ["ways", "ways_narrow", "ways_distance"]
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Reader(HTMLParser):
    """Collects ids, references and text; fails on tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: set[str] = set()
        self.text: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self._open.append(tag)
        self._attributes(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._attributes(attrs)

    def _attributes(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "srcset", "data", "aria-labelledby"):
                self.references.append(f"#{value}" if name == "aria-labelledby" else value or "")
            self.references += re.findall(r"url\(([^)]*)\)", value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in ("td", "th", "tr", "p", "b", "div", "span", "h2"):
            self.text.append(" ")

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self._open):
            self.text.append(data)


def read(path: Path) -> tuple[str, Reader, str]:
    page = path.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert not reader._open
    return page, reader, re.sub(r"[ \n]+", " ", "".join(reader.text))


CASES = {
    "easy": results.small,
    "deep": lambda: results.small(easy=False),
    "anisotropic": lambda: results.small(noise="anisotropic"),
    "shuffle": lambda: results.small(sampling="shuffle"),
    "three ways": lambda: results.small(three_ways=True),
    "lost": results.with_a_lost_replica,
    "unprojected": results.without_projections,
}


#: Pages with a section that the others lack; those have other numbers in the same sections.
EVERY_TIME = {"deep", "three ways", "lost", "unprojected"}


made = cache(lambda name: CASES[name]())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Pages of the cases, each written once: that takes seconds, and all tests read the same."""
    return cache(
        lambda name: write_verify_report(made(name), tmp_path_factory.mktemp("page") / "new" / name)
    )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in EVERY_TIME else pytest.mark.long) for name in CASES
    ],
)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def case(name: str) -> VerifyResult:
    return made(name)


def test_the_page_is_complete_and_loads_nothing(
    name: str, case: VerifyResult, written: Callable[[str], Path]
) -> None:
    path = written(name)
    assert path.parts[-3:] == ("new", name, "report.html")
    page, reader, text = read(path)
    assert set(SECTIONS) <= set(reader.ids)
    assert ("three-ways" in reader.ids) == bool(case.ways)
    assert len(set(reader.ids)) == len(reader.ids)
    assert not {"script", "iframe", "object", "embed", "img", "video", "base"} & reader.tags
    assert "http:" not in page
    assert "https:" not in page
    assert "@import" not in page
    assert "@font-face" not in page
    for reference in reader.references:  # within the page, and to something that is there
        assert reference == "data:," or reference[1:] in reader.ids, reference
    assert len(page.encode()) < 2_000_000
    for word in ("nan", "None", "Undefined", "inf"):
        shown = text.split("All numbers, in full precision")[0]
        assert not re.search(rf"\b{word}\b", shown), word
    drawn = {p.stem for p in (path.parent / "figures").glob("*.pdf")}
    assert drawn == set(FIGURES) | (set(WAYS) if case.ways else set())
    for pdf in (path.parent / "figures").iterdir():
        content = pdf.read_bytes()
        assert content.startswith(b"%PDF-")
        assert len(content) > 3000
    assert {p.name for p in path.parent.iterdir()} == {"report.html", "figures"}


def test_the_numbers_are_those_of_the_result(
    name: str, case: VerifyResult, written: Callable[[str], Path]
) -> None:
    _, _, text = read(written(name))
    ends = case.summary()["worst_pair"]
    raw, control = case.worst("raw"), case.worst("control")
    for value in (np.median(raw), raw.min(), np.median(control), *ends.values()):
        assert numbers.alignment(value) in text
    for value in case.mean_kernel_to_theory:
        assert numbers.alignment(value) in text
    for law in case.minima:
        assert numbers.number(float(np.median(law.pairs))) in text
    for way in case.ways:
        assert all(numbers.alignment(value) in text for value in way.final.values())
    for solution in case.solutions:
        assert numbers.number(solution.sharpness, 4) in text
        assert numbers.number(solution.hessian_trace, 4) in text
        assert numbers.number(solution.entropy, 4) in text
    for check in case.verdict.checks:
        assert numbers.typeset(check.found) in text
        assert numbers.typeset(check.expected) in text
    assert f"{'PASS' if case.verdict.passed else 'FAIL'} " in text
    assert numbers.typeset(case.verdict.why) in text
    assert numbers.count(case.schedule.steps) in text
    assert command(case.settings) in text
    assert case.run.provenance["fingerprint"] in text
    raw_text = text.split("All numbers, in full precision (JSON)")[1]
    start = raw_text.index("{")
    found, _ = json.JSONDecoder().raw_decode(raw_text[start:])
    assert found["worst_pair"] == ends  # JSON keeps every digit, and null for None
    assert found["passed"] == case.verdict.passed


def test_equal_results_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (write_verify_report(results.small(), tmp_path / n) for n in "ab")
    assert first.read_bytes() == second.read_bytes()
    for name in FIGURES:
        pdfs = [(p.parent / "figures" / f"{name}.pdf").read_bytes() for p in (first, second)]
        assert pdfs[0] == pdfs[1]


def test_a_lost_replica_is_named_with_its_step_and_left_out(
    written: Callable[[str], Path],
) -> None:
    _, _, text = read(written("lost"))
    row = f"{results.LOST_REPLICA} diverged {numbers.count(results.LOST_STEP)}"
    assert row in text
    assert "median of 2 replicas" in text
    _, _, text = read(written("easy"))
    assert "diverged" not in text.split("Words and symbols")[0]


@pytest.mark.long
def test_what_theory_predicts_is_said_for_each_choice(written: Callable[[str], Path]) -> None:
    ids = {}
    for name in ("easy", "anisotropic", "shuffle"):
        _, reader, _ = read(written(name))
        ids[name] = set(reader.ids) & {"offset", "turn"}
    assert ids == {"easy": set(), "anisotropic": {"offset"}, "shuffle": {"turn"}}


def test_text_from_outside_is_escaped(tmp_path: Path) -> None:
    bad = "<script>alert('x & y')</script>"
    verdict = Verdict((Check(bad, bad, bad, False),))
    page, reader, text = read(
        write_verify_report(replace(results.small(), verdict=verdict), tmp_path)
    )
    assert "script" not in reader.tags
    assert "<script" not in page
    assert bad in text


def test_a_passing_verdict(tmp_path: Path) -> None:
    verdict = Verdict((Check("all", "1", ">= 1", True),))
    _, _, text = read(write_verify_report(replace(results.small(), verdict=verdict), tmp_path))
    assert "✓ PASS" in text
    assert "FAIL" not in text


def test_the_command_repeats_the_settings() -> None:
    settings = VerifySettings(
        noise="anisotropic",
        sampling="replace",
        loss="whitened",
        three_ways=False,
        replicas=4,
        batch=2,
        lr=0.01,
    )
    assert command(settings) == (
        "methexis verify --noise anisotropic --sampling replace --loss whitened --no-three-ways "
        "--seed 0 --replicas 4 --batch 2 --lr 0.01"
    )


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MethexisError, match="report: expected to write"):
        write_verify_report(results.small(), tmp_path / "file")
