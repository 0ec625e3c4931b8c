"""The limit on BLAS threads: shared by those who overlap, and gone when the last has left."""

from __future__ import annotations

import os
import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from methexis.core.parallel.threads import at_once, one_blas_thread


def threads() -> set[int]:
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


def held(begun: threading.Event, end: threading.Event) -> None:
    @one_blas_thread
    def hold() -> None:
        begun.set()
        assert end.wait(60)

    hold()


@pytest.fixture(autouse=True)
def _two_threads() -> object:
    with threadpool_limits(limits=2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("BLAS has one thread here")
        yield


def test_it_is_put_back_after_one_and_after_an_error() -> None:
    @one_blas_thread
    def fails() -> None:
        assert threads() == {1}
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert threads() == {2}


@pytest.mark.parametrize("first_out", [0, 1])
def test_it_is_put_back_by_the_last_of_those_who_overlap(first_out: int) -> None:
    begun, end = ([threading.Event(), threading.Event()] for _ in range(2))
    running = [threading.Thread(target=held, args=pair) for pair in zip(begun, end, strict=True)]
    for thread, event in zip(running, begun, strict=True):
        thread.start()
        assert event.wait(60)
    end[first_out].set()
    running[first_out].join()
    assert threads() == {1}
    end[1 - first_out].set()
    running[1 - first_out].join()
    assert threads() == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which this system lacks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_counts_only_its_own_thread() -> None:
    begun, end = threading.Event(), threading.Event()
    other = threading.Thread(target=held, args=(begun, end))
    other.start()
    assert begun.wait(60)

    @one_blas_thread
    def inside() -> int:
        if (pid := os.fork()) == 0:
            os._exit(0 if threads() == {1} else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    if (pid := os.fork()) == 0:
        os._exit(0 if threads() == {2} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert inside() == 0
    end.set()
    other.join()


def test_items_are_taken_some_at_a_time_with_one_thread_each() -> None:
    both = threading.Barrier(2)  # passes if two are at it

    def work(item: int) -> int:
        assert threads() == {1}
        both.wait(60)
        return item * item

    assert at_once(work, range(6), 9) == [0, 1, 4, 9, 16, 25]
    assert threads() == {2}


def test_with_one_thread_items_are_taken_here_one_after_another() -> None:
    @one_blas_thread
    def outer() -> list[int]:
        return at_once(lambda item: item + threading.get_ident(), [0, 1], 2)

    here = threading.get_ident()
    assert outer() == [here, here + 1]
    assert at_once(abs, [], 2) == []
    with_most_of_one = at_once(lambda _: threading.get_ident(), [0, 1], 1)
    assert with_most_of_one == [here, here]


def test_an_error_of_one_item_comes_out_and_the_limit_goes() -> None:
    def fails(item: int) -> int:
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        at_once(fails, [1, 0, 1, 1], 2)
    assert threads() == {2}
