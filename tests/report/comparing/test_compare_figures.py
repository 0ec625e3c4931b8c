"""The pictures of `compare` are plain data."""

from __future__ import annotations

import pytest

from methexis.report.comparing.figures import figures
from methexis.scenarios.comparing import CompareResult
from tests.report.compare_results import compared
from tests.report.roundtrip import assert_plain

RESULTS = {
    "one pair": lambda: compared(1, 1),
    "neighbours": lambda: compared(
        1, 1, ("mutual_knn:k=4",), samples=160, num_permutations=19, num_bootstrap=20
    ),
    "one layer along many": lambda: compared(1, 6, ("cka",), noise=2),
    "a grid, and a distance": lambda: compared(3, 4, ("cka", "procrustes"), noise=2),
    "itself": lambda: compared(4, None, ("cka",), noise=1),
    "no null": lambda: compared(2, 2, ("cka",), null="none"),
    "very many": lambda: compared(52, 51, ("cka",), num_permutations=9),
}


@pytest.fixture(params=RESULTS)
def result(request: pytest.FixtureRequest) -> CompareResult:
    return RESULTS[request.param]()


def test_every_picture_survives_json(result: CompareResult) -> None:
    assert_plain(figures(result))
