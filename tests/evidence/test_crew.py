"""Who carries an experiment out does not change what comes of it."""

from __future__ import annotations

import argparse

from evidence.crew import add_options, share_out
from evidence.explain import one_draw


def draws(*words: str) -> list[dict[str, object]]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    parts = [("rotated", "few", number, 1) for number in range(2)]
    return [
        {name: value for name, value in one.items() if name != "seconds"}
        for one in share_out(parser.parse_args(words), one_draw, parts)
    ]


def test_processes_draw_what_this_process_draws() -> None:
    here = draws()
    assert here[0] != here[1]
    assert draws("--executor", "processes", "--workers", "1") == here
