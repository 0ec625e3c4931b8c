"""Records make the round trip through JSON, and verdicts follow from points."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evidence import breaking, reverse
from methexis.scenarios.breaking.measure import Point as BreakPoint
from methexis.scenarios.framework.judging import FALSE_ALARM, Verdict
from methexis.scenarios.framework.points import EnsembleReading, Line, Point
from methexis.scenarios.framework.records import from_json, to_json
from methexis.scenarios.framework.statistics import half_width, normal_score
from methexis.scenarios.irreversibility.records import Point as ReversePoint


@dataclass(frozen=True)
class Inner:
    pair: tuple[str, int]
    note: str | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...]
    table: dict[str, list[float]]
    missing: float | None


def test_nested_records_come_back() -> None:
    record = Outer(Inner(("a", 1)), (Inner(("b", 2), "note"), Inner(("c", 3))), {"x": [0.5]}, None)
    told = to_json(record)
    assert told["inner"] == {"pair": ["a", 1]}  # an optional attribute without a value is left out
    assert told["many"][0] == {"pair": ["b", 2], "note": "note"}
    assert told["missing"] is None  # but one that must be given is told
    assert from_json(Outer, json.loads(json.dumps(told))) == record
    assert from_json(Inner, {"pair": ["a", 1], "unknown": 0}) == Inner(("a", 1))


def test_arrays_become_lists() -> None:
    assert to_json({"x": np.eye(2), "y": np.float64(2.0)}) == {
        "x": [[1.0, 0.0], [0.0, 1.0]],
        "y": 2.0,
    }
    reading = EnsembleReading(
        small=0.1, lr=0.1, steps=1, replicas=2, seed=0, value=np.ones(2), error=np.zeros(2)
    )
    assert to_json(reading)["value"] == [1.0, 1.0]


def test_what_json_does_not_know_is_null() -> None:
    told = to_json({"x": np.array([1.0, np.nan]), "y": (float("inf"), 2), "z": np.float64("nan")})
    assert told == {"x": [1.0, None], "y": [None, 2], "z": None}


@pytest.mark.parametrize(
    ("folder", "kind"), [(breaking.FOLDER, BreakPoint), (reverse.FOLDER, ReversePoint)]
)
def test_committed_points_and_lines_come_back_unchanged(folder: Path, kind: type) -> None:
    paths = sorted(folder.glob("*.json"))
    assert paths
    for path in paths:
        (scenario,) = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
        for record, told in ((kind, scenario["points"]), (Line, scenario["lines"])):
            assert to_json([from_json(record, one) for one in told]) == told


@pytest.mark.parametrize("module", [breaking, reverse])
def test_committed_results_are_summed_up_as_they_were(module: Any) -> None:
    for path in sorted(module.FOLDER.glob("*.json")):
        summary, result = module.read(path.stem)
        (told,) = summary["scenarios"]
        again = json.loads(json.dumps(result.summary()))
        assert again.keys() == told.keys()
        assert {**again, "curves": None} == {**told, "curves": None}
        for new, old in zip(again["curves"], told["curves"], strict=True):
            assert new.keys() == old.keys()


def point(deviation: float) -> Point:
    return Point(
        predicted=0.0, measured=deviation, error=1.0, half=2.0, allowed=0.0, deviation=deviation
    )


def test_a_point_is_compared_by_its_degrees_of_freedom() -> None:
    found = Point.compared(predicted=1.0, measured=1.5, error=0.1, dof=15, allowed=0.2)
    assert found.gap == 0.5
    assert found.half == half_width(0.1, replicas=16)
    assert found.deviation == pytest.approx(normal_score(3.0, 15), rel=1e-12)  # (0.5 - 0.2)/0.1
    inside = Point.compared(predicted=1.0, measured=1.1, error=0.1, dof=15, allowed=0.2)
    assert inside.deviation == 0.0


def test_a_verdict_needs_both_tests() -> None:
    good = Verdict("good", (point(1.0), point(-1.0)))
    assert good.agrees
    assert (good.chi2, good.dof, good.outliers) == (2.0, 2, ())
    # Among forty points one at 5 σ is too much, though χ² of all is not.
    one_bad = Verdict("one bad", (*(point(0.5) for _ in range(39)), point(5.0)))
    assert one_bad.p_value > FALSE_ALARM > one_bad.largest_p
    assert not one_bad.agrees
    assert one_bad.outliers == (point(5.0),)
    # And many at 2.5 σ are, though none of them is.
    all_bad = Verdict("all bad", tuple(point(2.5) for _ in range(10)))
    assert all_bad.largest_p > FALSE_ALARM > all_bad.p_value
    assert not all_bad.agrees
