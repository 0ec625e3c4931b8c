"""The store: resumed to the same bits after a kill, refused if aught else is given, never half."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.files import files_below
from methexis.probes import probe, store
from methexis.probes.store import nodes
from methexis.representations import load

torch = pytest.importorskip("torch")
nn = torch.nn


def model(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def batches(count: int = 12, seed: int = 0) -> list[Any]:
    return list(torch.randn(4 * count, 6, generator=torch.Generator().manual_seed(seed)).split(4))


def content(path: Path) -> dict[str, bytes]:
    """All numbers of a store."""
    return {
        name: (path / name).read_bytes() for name in files_below(path) if "zarr.json" not in name
    }


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state after every batch, where the clock would wait."""
    monkeypatch.setattr(store, "_EVERY", 0.0)


class Enough(Exception):
    """Ends a job in the middle."""


def stopping(given: list[Any], after: int) -> Any:
    for place, batch in enumerate(given):
        if place == after:
            raise Enough
        yield batch


@pytest.mark.parametrize("after", [1, 2, 7, 12])
def test_what_was_interrupted_goes_on_to_the_same_bits(tmp_path: Path, after: int) -> None:
    probe(model(), batches(), out=tmp_path / "whole.zarr")
    out = tmp_path / "a.zarr"
    with pytest.raises(Enough):
        probe(model(), stopping([*batches(), None], after), out=out)
    assert not out.exists()
    with pytest.raises(MethexisError, match=r"no such file or folder"):
        load(out)
    runs = []
    counted = model()
    counted.register_forward_hook(lambda *_: runs.append(1))
    probe(counted, batches(), out=out)
    assert content(out) == content(tmp_path / "whole.zarr")
    proofs = 7
    assert len(runs) <= 12 - after + proofs
    assert not (tmp_path / "a.zarr.part").exists()


def test_rows_behind_the_last_state_are_cut_off(tmp_path: Path) -> None:
    """A kill may leave rows that no state counts, in some files and not in others."""
    out = tmp_path / "a.zarr"
    with pytest.raises(Enough):
        probe(model(), stopping(batches(), 5), out=out)
    with (tmp_path / "a.zarr.part" / "new" / "1" / "c" / "0" / "0").open("ab") as file:
        file.write(b"half a row")
    probe(model(), batches(), out=out)
    probe(model(), batches(), out=tmp_path / "whole.zarr")
    assert content(out) == content(tmp_path / "whole.zarr")


OTHERS = {
    "model": lambda out: probe(model(1), batches(), out=out),
    "layers": lambda out: probe(model(), batches(), "0", out=out),
    "names of samples": lambda out: probe(model(), batches(), ids=range(48), out=out),
    "batches": lambda out: probe(model(), batches(seed=1), out=out),
    "batches of another size": lambda out: probe(model(), torch.cat(batches()), out=out),
    "fewer batches": lambda out: probe(model(), batches(3), out=out),
}


@pytest.mark.parametrize("what", OTHERS)
def test_anything_else_does_not_go_on(tmp_path: Path, what: str) -> None:
    out = tmp_path / "a.zarr"
    with pytest.raises(Enough):
        probe(model(), stopping(batches(), 5), out=out)
    before = content(tmp_path / "a.zarr.part")
    with pytest.raises(MethexisError, match=r"with which the unfinished|the unfinished .* has"):
        OTHERS[what](out)
    assert content(tmp_path / "a.zarr.part") == before
    assert not out.exists()
    probe(model(), batches(), out=out)  # and the right one does


def test_force_begins_anew_and_replaces(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    with pytest.raises(Enough):
        probe(model(), stopping(batches(), 5), out=out)
    first = probe(model(1), batches(), out=out, force=True).about
    with pytest.raises(MethexisError, match=r"expected a new path, got existing"):
        probe(model(), batches(), out=out)
    second = probe(model(), batches(), out=out, force=True).about
    assert first["model"]["fingerprint"] != second["model"]["fingerprint"]


@pytest.mark.parametrize("what", ["a file", "a folder", "an unmarked part"])
def test_what_is_not_ours_stays(tmp_path: Path, what: str) -> None:
    out = tmp_path / "a.zarr"
    place = tmp_path / "a.zarr.part" if what == "an unmarked part" else out
    if what == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "mine").write_text("mine")
    with pytest.raises(MethexisError, match=r"^out: expected"):
        probe(model(), batches(), out=out, force=True)
    assert (place if what == "a file" else place / "mine").read_text() == "mine"


PROGRAM = """
import sys, torch
from pathlib import Path
from methexis.probes import probe, store
store._EVERY = 0.0
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
data = torch.randn(48, 6, generator=torch.Generator().manual_seed(0)).split(4)
def slow():
    for place, batch in enumerate(data):
        if place == 6:
            print("now", flush=True)
            sys.stdin.readline()
        yield batch
probe(model, slow(), out=Path(sys.argv[1]) / "a.zarr", progress=None)
"""


def test_a_killed_process_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as job:  # type: ignore[call-overload]
        assert job.stdout.readline() == "now\n"
        os.kill(job.pid, signal.SIGKILL)
    assert not (tmp_path / "a.zarr").exists()
    assert (tmp_path / "a.zarr.part").exists()
    probe(model(), batches(), out=tmp_path / "a.zarr")
    probe(model(), batches(), out=tmp_path / "whole.zarr")
    assert content(tmp_path / "a.zarr") == content(tmp_path / "whole.zarr")


def test_a_full_disk_is_a_sentence_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = store._write_all

    def full(file: Any, rows: memoryview) -> None:
        calls.append(1)
        if len(calls) > 14:
            original(file, rows[: len(rows) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(file, rows)

    monkeypatch.setattr(store, "_write_all", full)
    with pytest.raises(
        MethexisError, match=r"got a full one; what was written waits in a.zarr.part"
    ):
        probe(model(), batches(), out=tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()
    monkeypatch.setattr(store, "_write_all", original)
    probe(model(), batches(), out=tmp_path / "a.zarr")
    probe(model(), batches(), out=tmp_path / "whole.zarr")
    assert content(tmp_path / "a.zarr") == content(tmp_path / "whole.zarr")


def test_an_activation_that_is_not_finite_names_layer_and_sample(tmp_path: Path) -> None:
    data = batches()
    data[3][2, 1] = float("inf")
    with pytest.raises(
        MethexisError,
        match=r"^layer 0: expected finite activations, got (inf|-inf|nan) in sample 14",
    ):
        probe(model(), data, out=tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_lengths_that_differ_between_batches(tmp_path: Path) -> None:
    ragged = [torch.randn(4, length, 6) for length in (3, 5)]
    one = nn.Sequential(nn.Linear(6, 2))
    assert probe(one, ragged, out=tmp_path / "a.zarr").layers[0].shape == (8, 2)
    with pytest.raises(
        MethexisError, match=r"expected 6 features in every batch, got 10 in the one"
    ):
        probe(one, ragged, pool="flatten", out=tmp_path / "b.zarr")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes in folders")
@pytest.mark.parametrize("name", ["0/c/0/0", "samples/zarr.json"])
def test_a_pipe_in_a_store_is_refused(tmp_path: Path, name: str) -> None:
    probe(model(), batches(), out=tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / name).unlink()
    os.mkfifo(tmp_path / "a.zarr" / name)
    with pytest.raises(MethexisError, match=r"got a damaged or truncated one \(a pipe in place of"):
        load(tmp_path / "a.zarr")


def test_names_of_folders() -> None:
    found = nodes(["a/b", "a.b", "A.B", "samples", "…", "x" * 300, "x" * 301, "a#0", "a[0]"])
    assert len({name.lower() for name in found}) == len(found)
    assert all(0 < len(name) < 140 and "/" not in name for name in found)


def test_ids_are_for_every_sample(tmp_path: Path) -> None:
    for ids in (range(47), range(49)):
        with pytest.raises(MethexisError, match=r"^ids: expected one for every sample, got"):
            probe(model(), batches(), ids=ids, out=tmp_path / f"{len(ids)}.zarr")
    with pytest.raises(MethexisError, match=r"^ids: expected different names"):
        probe(model(), batches(), ids=["a"] * 48, out=tmp_path / "a.zarr")
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".zarr"]


def test_arrays_are_mapped(tmp_path: Path) -> None:
    found = probe(model(), batches(), out=tmp_path / "a.zarr")
    assert all(isinstance(layer.array, np.memmap) for layer in found)


def test_memory_does_not_grow_with_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python and NumPy hold; kept rows would be 2 MB more. PyTorch's is in bench-probes.

    Both stores are longer than a mebibyte, the block in which files are read for their seal.
    """
    monkeypatch.setattr(store, "_EVERY", 5.0)
    one = nn.Sequential(nn.Linear(6, 64))

    def peak(count: int) -> int:
        given = (torch.randn(128, 6) for _ in range(count))
        tracemalloc.start()
        probe(one, given, out=tmp_path / f"{count}.zarr")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(20)
    few, many = peak(45), peak(110)
    assert many - few < 300_000


@pytest.mark.parametrize("where", ["seal", "sync_tree", "_move", "settled_in"])
def test_a_kill_at_the_end_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Before the store is at its place the same call ends it; afterwards it is there."""
    out, original = tmp_path / "a.zarr", getattr(store, where)

    def killed(*arguments: Any) -> None:
        if where == "settled_in":
            original(*arguments)
        raise Enough

    monkeypatch.setattr(store, where, killed)
    with pytest.raises(Enough):
        probe(model(), batches(), out=out)
    monkeypatch.setattr(store, where, original)
    if where == "settled_in":
        assert load(out).num_samples == 48
        probe(model(1), batches(), out=out, force=True)  # what is left beside it is in nobody's way
    else:
        assert not out.exists()
        runs: list[int] = []
        counted = model()
        counted.register_forward_hook(lambda *_: runs.append(1))
        probe(counted, batches(), out=out)
        assert len(runs) < 10  # those of the proof alone
        probe(model(), batches(), out=tmp_path / "whole.zarr")
        assert content(out) == content(tmp_path / "whole.zarr")
    assert not (tmp_path / "a.zarr.part").exists()
