"""The driver of a sweep: it hands out what is missing, and writes down what becomes of it.

An exception that a future raises is the executor's: the worker died, or could not be reached. Such
a task waits again, and nothing is counted against it; what a task itself raises comes back as an
outcome, and counts. Where workers die over and over and nothing is done in between, something is
wrong that no patience helps, and the driver says so and ends.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from methexis.core.parallel.crews import LOOK, MOST_LOSSES, Crew, lost_over_and_over
from methexis.errors import MethexisError
from methexis.progress import Progress, Report
from methexis.sweeps.cutting import Task
from methexis.sweeps.folder import Folder
from methexis.sweeps.journal import Journal, TaskState, read_states, waiting_again
from methexis.sweeps.working import Order, Outcome, carry_out, read_mark
from methexis.text import sentence


@dataclass(frozen=True)
class Course:
    """What a driver is to do.

    Attributes
    ----------
    tasks : sequence of Task
        All tasks of the sweep.
    folder : Folder
        Where it lies.
    maker : mapping
        What its bits depend on besides the specification.
    tries : int
        How often a task may raise before it is lost.
    """

    tasks: Sequence[Task]
    folder: Folder
    maker: Mapping[str, str]
    tries: int


class Driver:
    """One driver at work; to be run under the lock of the sweep.

    Parameters
    ----------
    course : Course
        What it is to do.
    crew : Crew
        Who carries out tasks.
    show : Progress
        Told how far all workers are together, in steps of networks.
    """

    def __init__(self, course: Course, crew: Crew, show: Progress) -> None:
        self.course, self.crew, self.show = course, crew, show
        self.states: dict[str, TaskState] = {}
        self._journal = Journal(course.folder.journal)
        self._work = sum(task.work for task in course.tasks)
        self._done_work, self._worst = 0, math.nan
        self._losses = 0
        self._flying: dict[Future[Any], Task] = {}

    def run(self) -> dict[str, TaskState]:
        """Do all that is missing; what became of each task.

        Raises
        ------
        MethexisError
            If the disk is full, workers are of another kind, or die over and over.
        KeyboardInterrupt
            On Ctrl-C; what is done is written down.
        """
        try:
            waiting = deque(self._missing())
            self._tell()
            with self._closing():
                while waiting or self._flying:
                    self._hand_out(waiting)
                    self.crew.watch()
                    finished, _ = wait(self._flying, timeout=LOOK, return_when=FIRST_COMPLETED)
                    self._collect(finished, waiting)
        finally:
            self._journal.close()
        return self.states

    def _missing(self) -> Iterator[Task]:
        """Tasks to be done; what has a mark is written down as done."""
        known = read_states(self.course.folder.journal)
        for task in self.course.tasks:
            state = known.get(task.name, TaskState())
            mark = None
            if state.state != "lost":
                mark = read_mark(self.course.folder, task, self.course.maker)
            if mark is not None:
                self._done_work += task.work
                if state.state != "done":
                    state = TaskState(
                        "done", state.tries, "", state.interrupted, float(mark.header["seconds"])
                    )
                    self._journal.write(task.name, state)
            elif state.state in {"done", "running"}:
                why = "its driver ended" if state.state == "running" else "its store is gone"
                state = waiting_again(state, why)
            self.states[task.name] = state
            if state.state == "waiting":
                yield task

    def _hand_out(self, waiting: deque[Task]) -> None:
        room = self.crew.at_once
        while waiting and len(self._flying) < room:
            task = waiting[0]
            self._put(task, TaskState(
                "running", self.states[task.name].tries, "", self.states[task.name].interrupted
            ), through=False)  # fmt: skip
            order = Order(task, self.course.folder, self.course.maker, self.crew.threads)
            try:
                future = self.crew.submit(carry_out, order, *self._partly(task))
            except MethexisError:
                raise
            except Exception as error:
                self._lost(task, error)
                self._settle([error])
                return
            waiting.popleft()
            self._flying[future] = task

    def _partly(self, task: Task) -> list[Progress]:
        """What a task in this thread tells of itself, as a part of the whole."""
        if not self.crew.here:
            return []
        before, networks = self._done_work, task.work // task.config["training"]["steps"]

        def show(report: Report) -> None:
            at = before + report.step * networks
            if at < self._work:  # the end is told once, when all is done
                self.show(Report(at, self._work, report.worst_pair))

        return [show]

    def _collect(self, finished: Collection[Future[Any]], waiting: deque[Task]) -> None:
        lost = [error for one in finished if (error := self._take(one, waiting)) is not None]
        if lost:
            self._settle(lost)
            # A pool that broke has lost all that it was given: these are the same loss.
            for future in [one for one in self._flying if one.done()]:
                self._take(future, waiting)

    def _take(self, future: Future[Any], waiting: deque[Task]) -> BaseException | None:
        """Write down what became of a task; the error, if its worker was lost."""
        task = self._flying.pop(future)
        try:
            outcome = future.result(timeout=0)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._lost(task, error)
            waiting.appendleft(task)
            return error
        self._settled(task, outcome, waiting)
        return None

    def _settled(self, task: Task, outcome: Outcome, waiting: deque[Task]) -> None:
        before = self.states[task.name]
        if outcome.kind == "done":
            self._losses = 0
            self._done_work += task.work
            self._worst = outcome.worst
            self._put(task, TaskState(
                "done", before.tries, "", before.interrupted, round(outcome.seconds, 3)
            ))  # fmt: skip
            self._tell()
        elif outcome.kind == "raised":
            self._losses = 0
            tries = before.tries + 1
            again = tries < self.course.tries
            state = "waiting" if again else "lost"
            self._put(task, TaskState(state, tries, outcome.reason, before.interrupted))
            if again:
                waiting.append(task)
        elif outcome.kind == "busy":
            self._put(task, waiting_again(before, outcome.reason))
            waiting.append(task)
            self._settle([MethexisError(outcome.reason)], renew=False)
        else:
            self._put(task, waiting_again(before, outcome.reason))
            raise MethexisError(outcome.reason)

    def _lost(self, task: Task, error: BaseException) -> None:
        reason = f"worker lost: {type(error).__name__}, {sentence(error)}"
        self._put(task, waiting_again(self.states[task.name], reason))

    def _settle(self, lost: Sequence[BaseException], *, renew: bool = True) -> None:
        """Replace what broke; give up where nothing is done between one loss and the next."""
        self._losses += 1
        if self._losses >= MOST_LOSSES:
            raise lost_over_and_over(self._losses, lost[-1])
        if renew:
            self.crew.renew()

    def _put(self, task: Task, state: TaskState, *, through: bool = True) -> None:
        self.states[task.name] = state
        self._journal.write(task.name, state, through=through)

    def _tell(self) -> None:
        self.show(Report(self._done_work, self._work, self._worst))

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Let go of the crew: at once where something is wrong."""
        try:
            yield
        except BaseException:
            self.crew.close(now=True)
            raise
        self.crew.close(now=False)
