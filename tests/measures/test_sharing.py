"""`compare_all` with an executor: the bits of this process, from files and from memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.parallel.crews import Processes
from methexis.core.parallel.threads import one_blas_thread
from methexis.errors import DegenerateWarning
from methexis.measures.kernels import grids
from methexis.measures.sharing import InFile, received, sent, shared


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Two models of three layers, a file each."""
    folder = tmp_path_factory.mktemp("layers")
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(80, 5))
    models: dict[str, dict[str, str]] = {}
    for model in ("a", "b"):
        for k, width in enumerate((7, 12, 4)):
            layer = shared @ rng.normal(size=(5, width)) + rng.normal(size=(80, width))
            np.save(folder / f"{model}{k}.npy", layer.astype(np.float32))
            models.setdefault(model, {})[f"h{k}"] = str(folder / f"{model}{k}.npy")
    return models


def in_memory(files: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    return {m: {k: np.load(path) for k, path in layers.items()} for m, layers in files.items()}


compare = one_blas_thread(mx.compare_all)
WAYS: list[dict[str, Any]] = [
    {"null": "none", "debiased": True},
    {"null": "none", "precision": "float64"},
    {"null": "auto", "num_permutations": 20},
    {"null": "permutation", "num_permutations": 20, "measure": "mutual_knn", "k": 4},
    {"null": "none", "measure": "procrustes"},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_executor_gives_the_same_bits(files: Any, way: dict[str, Any]) -> None:
    right = compare(in_memory(files), **way)
    with ThreadPoolExecutor(2) as pool:
        found = compare(files, executor=pool, **way)
    assert found.data.drop_attrs().identical(right.data.drop_attrs())
    assert found.data.attrs == right.data.attrs


def test_processes_give_the_same_bits(files: Any) -> None:
    """Of blocks, and of orders; in one pool, which takes seconds to start."""
    crew = Processes(2)
    try:
        for way in (*WAYS[:1], *WAYS[2:3]):
            right = compare(in_memory(files)["a"], in_memory(files)["b"], **way)
            found = compare(files["a"], files["b"], executor=crew, **way)
            assert found.data.equals(right.data)
    finally:
        crew.close(now=True)


@pytest.mark.parametrize("ways", [(0, 1), (1, 0)], ids=["gram", "cross"])
@pytest.mark.parametrize("same", [True, False])
def test_both_ways_of_linear_kernels(
    files: Any, ways: tuple[int, int], same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grids, "operations", lambda *_: ways)
    monkeypatch.setattr(grids, "HEIGHT", 40)
    monkeypatch.setattr(grids, "WIDTH", 32)
    given = (files["a"],) if same else (files["a"], files["b"])
    right = compare(*given, null="none")
    with ThreadPoolExecutor(2) as pool:
        found = compare(*given, null="none", executor=pool)
    assert np.array_equal(found.scores, right.scores)


def warns(_: Any) -> int:
    warnings.warn("the score is NaN", DegenerateWarning, stacklevel=2)
    return 1


def nothing() -> None: ...


def silent(done: int, total: int) -> None: ...


def test_what_a_worker_warns_of_is_heard_once() -> None:
    crew = Processes(1)
    try:
        with pytest.warns(DegenerateWarning) as heard:
            assert shared(crew, nothing, (), warns, [(), ()], silent) == [1, 1]
    finally:
        crew.close(now=True)
    assert [str(one.message) for one in heard] == ["the score is NaN"]


class Flaky:
    """An executor whose workers die at the parts whose turns are named."""

    def __init__(self, dies: Callable[[int], bool]) -> None:
        self.dies, self.turn = dies, 0

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.dies(self.turn):
            future.set_exception(BrokenExecutor("a process was killed"))
        else:
            future.set_result(work(*arguments))
        self.turn += 1
        return future


def test_a_worker_that_is_lost_changes_nothing(files: Any) -> None:
    way = WAYS[2]
    right = compare(files, **way)
    found = compare(files, executor=Flaky(lambda turn: turn % 2 == 0), **way)
    assert found.data.equals(right.data)
    with pytest.raises(mx.MethexisError, match="6 losses in a row with no task done"):
        compare(files, executor=Flaky(lambda turn: True), **way)


def test_what_a_part_refuses_is_raised(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise mx.MethexisError("cka: expected something else")

    for way in ("_gram_block", "_cross_row"):
        monkeypatch.setattr(grids, way, refused)
    with ThreadPoolExecutor(1) as pool, pytest.raises(mx.MethexisError, match="something else"):
        compare(files, null="none", executor=pool)


def test_arrays_in_files_are_sent_as_places(tmp_path: Path) -> None:
    whole = np.arange(60.0).reshape(12, 5)
    np.save(tmp_path / "x.npy", whole)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for array, right in (
        (mapped, whole),
        (np.asarray(mapped), whole),
        (mapped[3:7], whole[3:7]),
        (np.asarray(mapped)[2:][1:], whole[3:]),
        (mapped.T, whole.T),
    ):
        place = sent(array)
        assert isinstance(place, InFile)
        assert np.array_equal(received(place), right)
    for array in (whole, mapped[:, 1:3], np.asarray(mapped)[::2], mapped + 1.0, "x"):
        assert sent(array) is array


@pytest.mark.parametrize(
    ("executor", "words"),
    [(3, "^executor: expected serial"), ("threads", "^executor: expected one of 'serial'")],
)
def test_executors_that_cannot_be(files: Any, executor: Any, words: str) -> None:
    with pytest.raises(mx.MethexisError, match=words):
        compare(files, executor=executor)
