"""The way through a job: parts in order, cases along a dial, seeds, progress and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from methexis.errors import MethexisError
from methexis.progress import Progress, Report
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.registry import Registry
from methexis.scenarios.framework.results import JobResult
from methexis.scenarios.framework.runner import Job, Show, Step, along_dial, first_seed, lines
from methexis.scenarios.framework.scenario import Cell, Curve, Effort, Scenario


@dataclass(frozen=True)
class Product:
    """A case whose prediction is the product of problem and value, and twice that."""

    problem: int
    value: float

    @property
    def parts(self) -> dict[str | None, float]:
        return {"once": self.problem * self.value, "twice": 2 * self.problem * self.value}


FULL, QUICK = Effort((0.2, 0.1), 16, (0, 1)), Effort((0.2,), 4, (0,), values=(1.0,))
SCENARIO: Scenario[Product] = Scenario(
    name="product",
    title="Product",
    claim="It is the product.",
    dial=Dial("x", "factor", (1.0, 2.0, 3.0), scale="linear"),
    problems=("zero", "one"),
    curves=(
        Curve("all", Product, FULL, QUICK),
        Curve("part", Product, Effort((0.2,), 16, (0,), values=(1.0, 2.0)), QUICK),
    ),
    limit="Exact.",
    seed=100,
)


def test_a_full_run_goes_through_all_cells_in_order() -> None:
    steps: list[Step] = []

    def measure(case: Product, cell: Cell[Product], seed: int, show: Progress) -> tuple[Any, ...]:
        assert (case.problem, case.value) == (cell.problem, cell.value)
        show(Report(1, 2, 0.0))
        return cell.curve.name, cell.problem, cell.value, cell.effort.replicas, seed

    found, _ = along_dial(SCENARIO, measure, quick=False, seed=1000, show=steps.append)
    cells = [
        (c, p, x) for c, last in (("all", 3), ("part", 2)) for p in (0, 1) for x in range(last)
    ]
    assert found == [(c, p, x + 1.0, 16, 1000 + 10 * k) for k, (c, p, x) in enumerate(cells)]
    assert [(s.part, s.curve, s.done, s.total) for s in steps] == [
        ("product", c, k, 10) for k, (c, _, _) in enumerate(cells)
    ]
    assert steps[3].fraction == pytest.approx(0.35)
    assert not steps[-1].ended
    assert Step("product", "part", 9, 10, Report(2, 2, 0.0)).ended


def test_a_quick_run_measures_its_part_of_the_first_problem() -> None:
    cells, drawn = along_dial(SCENARIO, lambda _, cell, *__: cell, quick=True, seed=0, show=None)
    assert [(c.curve.name, c.problem, c.value, c.effort) for c in cells] == [
        ("all", 0, 1.0, QUICK),
        ("part", 0, 1.0, QUICK),
    ]
    assert {line.problem for line in drawn} == {0}


def test_lines_are_drawn_between_the_values_as_far_as_a_curve_goes() -> None:
    found = lines(SCENARIO, 2, SCENARIO.case)
    assert [(line.curve, line.problem, line.part) for line in found] == [
        (c, p, part) for c in ("all", "part") for p in (0, 1) for part in ("once", "twice")
    ]
    assert found[3].values == (1.0, 1.5, 2.0, 2.5, 3.0)
    assert found[3].predicted == (2.0, 3.0, 4.0, 5.0, 6.0)
    assert found[-1].values == (1.0, 1.5, 2.0)


def test_what_is_outside_a_scenario_is_refused() -> None:
    curve = SCENARIO.curves[0]
    with pytest.raises(MethexisError, match="product: expected a problem from 0 to 1, got 2"):
        SCENARIO.case(curve, 2, 1.0)
    bounded = Dial("x", "factor", (1.0, 2.0), least=0.0)
    with pytest.raises(MethexisError, match="factor: expected x >= 0, got -1"):
        bounded.check(-1.0)


def test_what_is_allowed_is_a_part_and_an_amount() -> None:
    assert FULL.allowed(5.0) == 0.0
    assert Effort((0.1,), 4, (0,), relative=0.1, absolute=0.02).allowed(0.5) == pytest.approx(0.07)


@dataclass(frozen=True)
class Judged:
    part: int
    agrees: bool = True

    def summary(self) -> dict[str, Any]:
        return {"part": self.part}


@dataclass(frozen=True, eq=False)
class Parts(JobResult[Judged]):
    """Parts of a job."""


@dataclass
class Measure:
    asked: list[tuple[int, bool, int]] = field(default_factory=list)

    def __call__(self, part: int, /, *, quick: bool, seed: int, show: Show | None) -> Judged:
        assert show is None
        self.asked.append((part, quick, seed))
        return Judged(10 * part, agrees=part != 2)


def test_a_job_goes_through_its_parts_in_order() -> None:
    measure, told = Measure(), []
    job = Job(measure, Parts)
    result = job((3, 1, 2), quick=True, seed=5, command="methexis x", finished=told.append)
    assert measure.asked == [(3, True, 5), (1, True, 5), (2, True, 5)]
    assert list(result.results) == told == [Judged(30), Judged(10), Judged(20, False)]
    assert not result.agrees
    assert job((3, 1)).agrees
    summary = result.summary()
    assert (summary["agrees"], summary["command"]) == (False, "methexis x")
    assert summary["scenarios"] == [{"part": 30}, {"part": 10}, {"part": 20}]
    assert result.seconds >= 0.0


def test_the_users_seed_leads_to_other_runs() -> None:
    assert first_seed(7, 0) == 7
    assert first_seed(7, 2) - first_seed(7, 1) == 10**6  # more than a scenario takes
    with pytest.raises(MethexisError, match="seed: expected"):
        first_seed(7, -1)


def test_a_registry_knows_its_entries_by_name() -> None:
    registry = Registry("scenario", [SCENARIO])
    assert registry.chosen("product") == registry.chosen("all") == [SCENARIO]
    with pytest.raises(
        MethexisError,
        match="scenario: expected one of product, all, got 'Produkt'; did you mean 'product'",
    ):
        registry.chosen("Produkt")
