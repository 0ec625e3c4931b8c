"""The folder that --out names: seen to be ours and writable before a job, filled at its end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from methexis.errors import MethexisError

#: What is written last, and tells that a folder holds results.
RESULT = "result.json"
_STAGED = ".partial"


def prepare(out: Path, *, force: bool, leftovers: Callable[[str], bool] = lambda _: False) -> None:
    """Make the folder, and see that it is new, empty or ours, and writable.

    Parameters
    ----------
    out : Path
        The folder.
    force : bool
        Whether results in it may be replaced.
    leftovers : function
        Which names an interrupted run of ours leaves.

    Raises
    ------
    MethexisError
        If there is something in the way.
    OSError
        If it cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise MethexisError(f"out: expected a folder, got the file {out}")
    if (out / _STAGED).is_dir():  # a run was killed while it filled the folder
        shutil.rmtree(out / _STAGED)
        leftovers = _any
    ours = (out / RESULT).exists()
    if ours and not force:
        raise MethexisError(
            f"out: expected a new folder, got {out} with results in it; give another --out, or "
            "--force to replace them"
        )
    if not ours and out.exists():
        found = sorted(p.name for p in out.iterdir())
        strangers = [name for name in found if not leftovers(name)]
        if strangers:
            raise MethexisError(
                f"out: expected a new or empty folder, got {out} with {strangers[0]} in it; give "
                "another --out"
            )
    out.mkdir(parents=True, exist_ok=True)
    probe = out / _STAGED
    probe.mkdir()  # an OSError now rather than after the run
    probe.rmdir()


@contextmanager
def prepared(out: Path, *, force: bool) -> Iterator[None]:
    """`prepare`, for what runs inside; a folder that it made goes if the run ends with an error.

    Only folders that are empty go, so that nothing is lost that a run has written.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        prepare(out, force=force)
        yield
    except BaseException:
        with suppress(OSError):  # not empty, or never made
            for folder in made:
                folder.rmdir()
        raise


def _any(name: str) -> bool:
    del name
    return True


def fill(out: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a folder beside the place, then move all of it in, the result last."""
    staged = out / _STAGED
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    try:
        write(staged)
        names = sorted((p.name for p in staged.iterdir()), key=lambda n: n == RESULT)
        (out / RESULT).unlink(missing_ok=True)  # no new data under an old verdict
        for name in names:
            target = out / name
            if target.is_dir():
                shutil.rmtree(target)
            (staged / name).replace(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
