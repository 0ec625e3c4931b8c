"""The pictures of `verify` are plain data."""

from __future__ import annotations

from methexis.report.verify.figures import figures
from tests.report import results
from tests.report.roundtrip import assert_plain
from tests.report.verify.test_verify_report import FIGURES, WAYS


def test_every_picture_survives_json() -> None:
    assert_plain(figures(results.small(three_ways=True)), set(FIGURES) | set(WAYS))


def test_lost_replicas_do_not_matter() -> None:
    assert_plain(figures(results.with_a_lost_replica()), set(FIGURES))
