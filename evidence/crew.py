"""Who carries experiments out: the executors of sweeps and of `mx.compare_all`.

Experiments that fall into parts, cases or draws, hand them to `share_out`. A part writes a file of
its own or returns what came of it, and draws from seeds of its own, so that results do not depend
on who was at it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from methexis.core.parallel.crews import EXECUTORS, carried, make_crew


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that name an executor; without them parts run one after another in this process."""
    parser.add_argument("--executor", choices=EXECUTORS, help="who carries parts out")
    parser.add_argument("--workers", type=int, metavar="N", help="processes; all cores by default")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a scheduler of Dask")


def share_out(
    given: argparse.Namespace, work: Callable[..., Any], parts: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """What a function of a module gives for each part, in their order.

    Parameters
    ----------
    given : argparse.Namespace
        With the options of `add_options`.
    work : function
        Of a module, so that workers find it.
    parts : sequence of tuples
        Arguments of each call.
    """
    crew = make_crew(given.executor, given.workers, given.scheduler)
    try:
        return carried(crew, work, parts, lambda *_: None)
    finally:
        crew.close(now=True)
