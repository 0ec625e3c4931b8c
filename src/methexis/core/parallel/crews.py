"""Crews: who carries out tasks, behind the interface of `concurrent.futures`.

All that is asked of an executor is ``submit``, which returns a `concurrent.futures.Future`. The
crews here add what executors differ in: how many tasks to hand out at a time, what to do when
workers die, and how to end. In this process tasks run one after another; a pool of processes is
replaced when it breaks, because one worker that is killed breaks all of it; Dask replaces its
workers itself. Sweeps keep books on their tasks; what keeps none goes through `carried`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any, Protocol

from methexis.core.checks import integer, one_of, shown
from methexis.core.parallel.threads import available_cores
from methexis.errors import MethexisError
from methexis.text import sentence

EXECUTORS = ("serial", "processes", "dask")
#: Tasks that are handed out to an executor of which it is not known how many workers it has.
_AT_ONCE = 64
#: Seconds for which a scheduler may be silent.
_PATIENCE = 10
#: Seconds after which a worker of a cluster that was made here is taken for gone.
ABSENCE = 20.0
#: Seconds between two looks at workers, and for Ctrl-C, while tasks are in flight.
LOOK = 0.5
#: Times that a cluster is started which does not come up.
MOST_STARTS = 3
#: Times in a row that workers may be lost without a task that is done in between.
MOST_LOSSES = 6


class Crew(Protocol):
    """Who carries out tasks."""

    @property
    def at_once(self) -> int:
        """How many tasks to hand out before one of them is done."""
        ...

    @property
    def threads(self) -> int | None:
        """Threads of the engine within a task; None for all cores."""
        ...

    @property
    def here(self) -> bool:
        """Whether tasks run in this thread, so that they can show how far they are."""
        ...

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out one task."""
        ...

    def renew(self) -> None:
        """Replace what broke; called after workers were lost."""
        ...

    def watch(self) -> None:
        """Look after workers that are gone and do not come back; called every now and then."""
        ...

    def close(self, *, now: bool) -> None:
        """Let go of workers; at once, where tasks may be in flight."""
        ...


class Serial:
    """Tasks one after another, in the thread that submits them."""

    at_once, threads, here = 1, None, True

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Do the task, and return a future that is done."""
        future: Future[Any] = Future()
        future.set_result(work(*arguments))
        return future

    def renew(self) -> None:
        """Nothing breaks in this process."""

    def watch(self) -> None:
        """Nobody can be gone here."""

    def close(self, *, now: bool) -> None:
        """There is nothing to let go of."""


class Processes:
    """Tasks in processes of one thread each, that are spawned and not forked.

    Parameters
    ----------
    workers : int
        How many processes.
    """

    threads, here = 1, False

    def __init__(self, workers: int) -> None:
        self.at_once = 2 * workers  # nobody waits for the driver to hand out the next one
        self._workers = workers
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers, multiprocessing.get_context("spawn"), initializer=_begin_worker
        )

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand a task to the pool."""
        return self._pool.submit(work, *arguments)

    def renew(self) -> None:
        """Replace the pool: once it has lost a worker it takes nothing any more."""
        self.close(now=True)
        self._pool = self._new()

    def watch(self) -> None:
        """A pool tells by its futures."""

    def close(self, *, now: bool) -> None:
        """End the processes; those that are at a task are killed if it is to be now."""
        alive = list((getattr(self._pool, "_processes", None) or {}).values()) if now else []
        for process in alive:
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=now)


class Given:
    """An executor of the caller, which the caller closes."""

    threads, here = 1, False

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        workers = getattr(executor, "_max_workers", None)
        self.at_once = 2 * workers if isinstance(workers, int) and workers > 0 else _AT_ONCE

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand a task to the executor."""
        future = self._executor.submit(work, *arguments)
        if not isinstance(future, Future):
            raise MethexisError(
                "executor: expected submit to return a concurrent.futures.Future, got "
                f"{shown(future)}"
            )
        return future

    def renew(self) -> None:
        """What the caller made the caller replaces."""

    def watch(self) -> None:
        """The caller looks after what the caller made."""

    def close(self, *, now: bool) -> None:
        """The caller closes what the caller made."""


class Dask:
    """Workers of Dask: of a scheduler that runs somewhere, or of a cluster in this machine.

    Parameters
    ----------
    scheduler : str, optional
        Its address; a cluster of processes in this machine is made without one.
    workers : int
        Processes of that cluster.

    Raises
    ------
    MethexisError
        If Dask is not installed, or the scheduler does not answer.
    """

    threads, here = 1, False

    def __init__(self, scheduler: str | None, workers: int) -> None:
        if find_spec("distributed") is None:
            raise MethexisError(
                "executor: expected distributed, got none; pip install 'methexis[cluster]'"
            )
        self._cluster: Any = None
        # Since when workers are gone, and which of them others stand for.
        self._gone: dict[Any, float] = {}
        self._replaced: set[Any] = set()
        if scheduler is None:
            self._cluster = _local_cluster(workers)
        where = self._cluster if scheduler is None else scheduler
        try:
            if scheduler is not None:
                _require_answer(scheduler)
            self._client = resolve_name("distributed:Client")(
                where, timeout=_PATIENCE, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise MethexisError(
                f"scheduler: expected one that answers within {_PATIENCE} s at {shown(scheduler)}, "
                f"got: {sentence(error)}"
            ) from None
        self._executor = self._client.get_executor(pure=False, retries=0)

    @property
    def at_once(self) -> int:
        """Two tasks for each thread that there is now; workers may come and go."""
        with suppress(Exception):  # a scheduler that is gone is noticed by `submit`
            threads: dict[str, int] = self._client.nthreads()
            return max(2 * sum(threads.values()), 4)
        return 4

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand a task to the scheduler."""
        future: Future[Any] = self._executor.submit(work, *arguments)
        return future

    def renew(self) -> None:
        """Dask replaces workers itself."""

    def watch(self) -> None:
        """Bring back workers of a cluster that was made here.

        Dask starts a worker again that dies; not one that dies while it starts, and none that takes
        longer than its ``lost-worker-timeout``, which a busy machine does.
        """
        if self._cluster is None:
            return
        now, workers = time.monotonic(), self._cluster.workers
        for name in list(self._cluster.worker_spec):
            worker = workers.get(name)
            if name in self._replaced or (worker is not None and worker.is_alive()):
                self._gone.pop(name, None)
            elif now - self._gone.setdefault(name, now) > ABSENCE:
                del self._gone[name]
                wanted = len(self._cluster.worker_spec)
                if worker is not None:  # it stays in the books, so another one comes beside it
                    self._replaced.add(name)
                    wanted += 1
                self._cluster.scale(wanted)

    def close(self, *, now: bool) -> None:
        """Leave the scheduler, and end a cluster that was made here."""
        with suppress(Exception):
            self._executor.shutdown(wait=not now)
        with suppress(Exception):
            self._client.close(timeout=_PATIENCE)
        if self._cluster is not None:
            with suppress(Exception):
                self._cluster.close(timeout=_PATIENCE)


def _local_cluster(workers: int) -> Any:
    """A cluster of Dask in this machine: processes of one thread each.

    All of it fails to start where one worker is killed while it starts, so that is tried again.
    """
    make = resolve_name("distributed:LocalCluster")
    for tries_left in reversed(range(MOST_STARTS)):
        try:
            return make(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            )
        except Exception as error:  # of whatever type: a process that did not start
            if not tries_left:
                raise MethexisError(
                    f"executor: expected {workers} processes of Dask in this machine, got: "
                    f"{sentence(error)}"
                ) from None
    raise AssertionError("there is at least one start")


def _require_answer(scheduler: str) -> None:
    """See that something listens at an address, because a client of Dask keeps on trying."""
    protocol, _, place = scheduler.rpartition("://")
    host, _, port = place.rpartition(":")
    if protocol not in {"", "tcp", "tls"}:
        return
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError("no port in the address")
    socket.create_connection((host.strip("[]") or "localhost", int(port)), _PATIENCE).close()


def make_crew(executor: Any, workers: int | None, scheduler: str | None) -> Crew:
    """The crew for what a caller names or hands over.

    Raises
    ------
    MethexisError
        If it is nothing that runs tasks, or options do not go together.
    """
    if executor is None:
        executor = "dask" if scheduler is not None else "serial"
    if not isinstance(executor, str) and callable(getattr(executor, "submit", None)):
        if isinstance(executor, type):
            raise MethexisError(f"executor: expected one that was made, got the class {executor}")
        return Given(executor)
    if not isinstance(executor, str):
        raise MethexisError(
            f"executor: expected {', '.join(EXECUTORS)} or anything with submit, got "
            f"{shown(executor)}"
        )
    one_of("executor", executor, EXECUTORS)
    count = (
        available_cores() if workers is None else integer("workers", workers, least=1, most=4096)
    )
    if scheduler is not None and executor != "dask":
        raise MethexisError(f"scheduler: expected executor 'dask' with it, got {executor!r}")
    if executor == "dask":
        if scheduler is not None and not isinstance(scheduler, str):
            raise MethexisError(f"scheduler: expected an address, got {shown(scheduler)}")
        return Dask(scheduler, count)
    if executor == "processes":
        return Processes(count)
    if workers is not None and count != 1:
        raise MethexisError(
            f"workers: expected executor 'processes' or 'dask' with them, got {executor!r}"
        )
    return Serial()


def carried(
    crew: Crew,
    work: Callable[..., Any],
    orders: Sequence[tuple[Any, ...]],
    progress: Callable[[int, int], None],
) -> list[Any]:
    """What a function gives for each of the orders, in their order, whoever is at them.

    A worker that is lost counts against no order, as in a sweep.

    Parameters
    ----------
    crew : Crew
        Who carries them out.
    work : function
        Of a module, so that workers find it.
    orders : sequence of tuples
        Arguments of each call.
    progress : function of (done, all)
        Told after each.

    Raises
    ------
    MethexisError
        If workers die over and over.
    Exception
        What the function raises.
    """
    waiting = deque(enumerate(orders))
    flying: dict[Future[Any], tuple[int, tuple[Any, ...]]] = {}
    results: dict[int, Any] = {}
    losses = 0
    while waiting or flying:
        lost: Exception | None = None
        while waiting and len(flying) < crew.at_once and lost is None:
            try:
                flying[crew.submit(_tried, work, *waiting[0][1])] = waiting[0]
                waiting.popleft()
            except MethexisError:
                raise
            except Exception as error:  # of an executor that broke
                lost = error
        crew.watch()
        for future in wait(flying, timeout=LOOK, return_when=FIRST_COMPLETED).done:
            place, order = flying.pop(future)
            try:
                value, raised = future.result()
            except Exception as error:  # the executor's: what the work raises comes as a value
                lost = error
                waiting.appendleft((place, order))
                continue
            if raised is not None:
                raise raised
            results[place], losses = value, 0
            progress(len(results), len(orders))
        if lost is not None:
            losses += 1
            if losses >= MOST_LOSSES:
                raise lost_over_and_over(losses, lost)
            for future, asked in list(flying.items()):  # a pool that broke has lost all of them
                if future.done() and future.exception() is not None:
                    waiting.appendleft(asked)
                    del flying[future]
            crew.renew()
    return [results[place] for place in range(len(orders))]


def lost_over_and_over(losses: int, last: BaseException) -> MethexisError:
    """The error that says that workers do not stay."""
    return MethexisError(
        f"workers: expected some that stay, got {losses} losses in a row with no task done "
        f"({sentence(last)}); nothing is lost, the same command goes on. In a script, call it "
        "under: if __name__ == '__main__'"
    )


def _tried(work: Callable[..., Any], *order: Any) -> tuple[Any, Exception | None]:
    """A result, or what the work raised."""
    try:
        return work(*order), None
    except Exception as error:
        return None, error


def _begin_worker() -> None:
    """Leave Ctrl-C to the driver, and end when the driver is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
