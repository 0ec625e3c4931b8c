"""What a job found is written before it is drawn: a figure that fails takes no number with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from methexis.cli.folders import RESULT
from methexis.errors import MethexisError
from methexis.text import json_text, sentence, shown


def numbers_first(
    folder: Path, summary: Callable[[], dict[str, Any]], draw: Callable[[], object]
) -> Exception | None:
    """Write the numbers, then the report; what keeps the report from being drawn is given back.

    Parameters
    ----------
    folder : Path
        Where ``result.json`` goes.
    summary : function
        Gives what goes in; asked again after the report, for the time that it took.
    draw : function
        Writes the report.

    Raises
    ------
    OSError, MethexisError
        If something cannot be written: then there is no room for the numbers either.
    """
    (folder / RESULT).write_text(json_text(summary()) + "\n", encoding="utf-8")
    try:
        draw()
    except (OSError, MethexisError):
        raise
    except Exception as error:
        return error
    (folder / RESULT).write_text(json_text(summary()) + "\n", encoding="utf-8")
    return None


def told(failed: Exception | None, folder: Path) -> None:
    """Say that there is no report, once the numbers are where they belong.

    Raises
    ------
    MethexisError
        If drawing failed.
    """
    if failed is not None:
        raise MethexisError(
            f"report: expected to draw it, got {type(failed).__name__} ({sentence(failed)}); all "
            f"numbers are in {shown(str(folder / RESULT))}"
        ) from failed
