"""`sweep` and `open_sweep`: one call from a specification to a sweep on disk, done or gone on with.

A sweep is known by its specification and by what its bits depend on (`folder.made_with`). The same
call goes on where it was and does only what is missing. A call with another specification, or under
another version, is refused unless it says ``again``; what of the old tasks is still the same under
the same version is then kept, and all else is done anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from methexis.core.checks import boolean, integer, location, shown
from methexis.core.parallel.crews import make_crew
from methexis.errors import MethexisError
from methexis.files import is_staging, locked
from methexis.progress import Progress, choose
from methexis.sweeps.cutting import Task, cut, require_buildable
from methexis.sweeps.design.axes import Cells
from methexis.sweeps.design.spec import Spec, read_spec, stored_spec
from methexis.sweeps.driving import Course, Driver
from methexis.sweeps.folder import SUFFIX, Folder, differing, made_with, read_head, write_head
from methexis.sweeps.journal import Journal, TaskState, read_states
from methexis.sweeps.results.result import Sweep
from methexis.sweeps.table import assembled, read_table, tasks_fingerprint, write_table
from methexis.sweeps.working import read_mark

#: How often a task may raise before it is lost.
TRIES = 2


def sweep(
    spec: Any,
    out: str | Path | None = None,
    *,
    executor: Any = None,
    workers: int | None = None,
    scheduler: str | None = None,
    tries: int = TRIES,
    again: bool = False,
    progress: Progress | str | bool | None = "auto",
) -> Sweep:
    """Train a design of students, sources and optimisers, task by task, and keep all of it.

    Parameters
    ----------
    spec : path or mapping
        What to do: a file in TOML, or the same as a mapping (docs/guides/sweeping.md).
    out : path, optional
        Folder of the sweep; ``NAME.sweep`` by default. Where it holds this very sweep, the sweep
        goes on.
    executor : {"serial", "processes", "dask"} or object with ``submit``, optional
        Who trains: this process, one task after another, by default; ``workers`` processes of one
        thread each; workers of Dask; or any executor of `concurrent.futures`, whose workers see the
        same folder. The bits of the results do not depend on it.
    workers : int, optional
        How many processes; as many as there are cores by default.
    scheduler : str, optional
        Address of a scheduler of Dask.
    tries : int
        How often a task may raise before it is lost. A worker that dies never counts.
    again : bool
        Go on also if the specification, or what the bits depend on, is another one than that with
        which the folder began.
    progress : "auto", bool or function
        As of `train`; steps are those of all networks, done by all workers together.

    Returns
    -------
    Sweep
        With all tasks done or lost; ``sweep.lost`` has the reasons.

    Raises
    ------
    MethexisError
        On a specification that cannot be (with line and key), a folder of another sweep, another
        driver at the same sweep, a scheduler that does not answer, a full disk, or workers that die
        over and over. What is done is kept.
    KeyboardInterrupt
        On Ctrl-C; the same call goes on.

    Examples
    --------
    >>> import tempfile
    >>> spec = {
    ...     "source": {"dim_x": 2, "dim_y": 2},
    ...     "students": [{"depth": 3}],
    ...     "training": {"steps": 20, "replicas": 2},
    ...     "axes": {"optimiser.lr": [0.01, 0.02], "students.width": [2, 3, 4]},
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = sweep(spec, f"{folder}/small.sweep", progress=None)
    ...     len(done.tasks), dict(done.data["loss"].sizes)
    (3, {'lr': 2, 'width': 3, 'replica': 2, 'student': 1})
    """
    read = read_spec(spec)
    tries = integer("tries", tries, least=1, most=1000)
    again = boolean("again", again)
    show = choose(progress)
    default = Path(f"{_file_name(read.name)}{SUFFIX}")
    folder = Folder((default if out is None else location("out", out, "a folder")).absolute())
    cells, tasks = cut(read)
    require_buildable(read, tasks)
    crew = make_crew(executor, workers, scheduler)
    try:
        with ExitStack() as stack:
            stack.callback(crew.close, now=True)
            stack.enter_context(locked(folder.root, "sweep"))
            maker = _begin(folder, read, again=again)
            states = Driver(Course(tasks, folder, maker, tries), crew, show).run()
            result = Sweep(folder.root, read, cells, tuple(tasks), states, maker)
            _finish(result)
            return result
    except OSError as error:
        raise MethexisError(
            f"sweep: expected to write {folder.root}, got: {error.strerror or error}; nothing is "
            "lost, the same command goes on"
        ) from None


def open_sweep(path: str | Path) -> Sweep:
    """Open a sweep, finished or not; while a driver is at it, as it is now.

    Raises
    ------
    MethexisError
        If there is none at ``path``, or it has a newer format.
    """
    root = location("path", path, "the folder of a sweep").absolute()
    head = read_head(root)
    spec, cells, tasks = _stored(root, head)
    known = read_states(Folder(root).journal)
    states = {task.name: known.get(task.name, TaskState()) for task in tasks}
    return Sweep(root, spec, cells, tuple(tasks), states, head["made_with"])


def retry(path: str | Path, tasks: Iterable[int] | None = None) -> list[int]:
    """Let lost tasks wait again, with their tries counted from zero; which these are.

    Parameters
    ----------
    path : path
        The folder of a sweep.
    tasks : iterable of int, optional
        Their numbers; all that are lost by default.

    Raises
    ------
    MethexisError
        If there is no such sweep or task, or a driver is at it.
    """
    opened = open_sweep(path)
    wanted = set(opened.lost if tasks is None else tasks)
    for number in wanted:
        if number not in opened.lost:
            raise MethexisError(
                f"tasks: expected numbers of lost tasks, {sorted(opened.lost) or 'none'}, got "
                f"{shown(number)}"
            )
    with locked(opened.path, "sweep"):
        journal = Journal(Folder(opened.path).journal)
        try:
            for task in opened.tasks:
                if task.number in wanted:
                    state = replace(opened.states[task.name], state="waiting", tries=0)
                    journal.write(task.name, state)
        finally:
            journal.close()
    return sorted(wanted)


def _stored(root: Path, head: dict[str, Any]) -> tuple[Spec, Cells, list[Task]]:
    try:
        spec = stored_spec(head["spec"])
        return spec, *cut(spec)
    except (MethexisError, LookupError, TypeError, AttributeError) as error:
        raise MethexisError(
            f"sweep: expected the folder of a sweep of this version at {root}, got a specification "
            f"that it does not know ({error})"
        ) from None


def _begin(folder: Folder, spec: Spec, *, again: bool) -> dict[str, str]:
    """Make the folder, or see that it is of this sweep; on what its bits depend."""
    ours = made_with()
    if not folder.head.exists():
        _require_room(folder.root)
    if folder.head.exists():
        head = read_head(folder.root)
        other = head["digest"] != spec.digest()
        changed = differing(head["made_with"], ours)
        if not other and not changed:
            return ours
        if not again:
            what = "another specification" if other else f"what was made with {changed}"
            raise MethexisError(
                f"out: expected the sweep with which {folder.root} began, got {what}; give another "
                "folder, or again=True (--force) to keep what is the same and do the rest anew"
            )
    write_head(folder, {"spec": spec.plain(), "digest": spec.digest(), "made_with": ours})
    return ours


def _require_room(root: Path) -> None:
    """See that a sweep may begin in a folder: there is none, or nothing in it."""
    if not root.exists():
        return
    if not root.is_dir() or not all(is_staging(one.name) for one in root.iterdir()):
        raise MethexisError(
            f"out: expected a new or empty folder, or one of a sweep, got {root}; give another"
        )


def _finish(done: Sweep) -> None:
    """Write the table of a sweep of which all is done, unless it is there."""
    folder, of = Folder(done.path), tasks_fingerprint(done.tasks, done.made_with)
    if not done.done or read_table(folder, of) is not None:
        return
    marks = [read_mark(folder, task, done.made_with) for task in done.tasks]
    write_table(folder, assembled(done.spec, done.cells, done.tasks, marks), of)


def _file_name(name: str) -> str:
    """A name that can be one of a folder."""
    plain = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name)
    return plain.strip(".")[:100] or "sweep"
