"""Source, students and views of a run: the same after it was saved and opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import methexis as mx

TEACHER = mx.Teacher.random(4, 3, condition_x=3.0, law_x="laplace", law_noise="uniform", seed=1)
EYE = np.eye(3)
STUDENTS: list[mx.EDLN | mx.MLP] = [
    mx.EDLN.random(TEACHER, (5, 2), seed=3),
    mx.EDLN((4,)),
    mx.EDLN((3,), view=mx.View(private_cov=[[2.0, 0.5], [0.5, 1.0]], label_matrix=2.0 * EYE)),
    mx.MLP((3, 3), activation="tanh"),
    mx.MLP((2,), activation="identity", bias=False, view=mx.View(np.ones((2, 4)) + np.eye(2, 4))),
]
SOURCES = {"teacher": TEACHER, "samples": TEACHER.samples(30, seed=2)}


def parts(value: object) -> dict[str, object]:
    """All that a specification is made of, arrays as bytes."""
    found: dict[str, object] = {"type": type(value).__name__}
    for name, part in vars(value).items():
        if isinstance(part, np.ndarray):
            found[name] = (part.shape, part.dtype.str, part.tobytes())
        elif isinstance(part, mx.View):
            found[name] = parts(part)
        else:
            found[name] = part
    return found


def fields(source: mx.Teacher | mx.Samples) -> dict[str, object]:
    names = ("x", "y") if isinstance(source, mx.Samples) else (
        "weight", "cov_x", "cov_noise", "law_x", "law_noise"
    )  # fmt: skip
    found = parts(source)
    return {name: found[name] for name in ("type", *names)}


@pytest.mark.parametrize("kind", SOURCES)
def test_they_come_back_bit_for_bit(kind: str, tmp_path: Path) -> None:
    source = SOURCES[kind]
    students = STUDENTS if kind == "teacher" else [s for s in STUDENTS if not s.view.num_private]
    run = mx.train(students, source, mx.SGD(lr=1e-3), steps=2, progress=None, measure=())
    opened = mx.open_run(run.save(tmp_path / "run"))
    for one in (run, opened):
        assert fields(one.source) == fields(source)
        assert [parts(s) for s in one.students] == [parts(s) for s in students]
    assert opened.tree.identical(run.tree)
    again = mx.train(
        opened.students, opened.source, mx.SGD(lr=1e-3), steps=2, progress=None, measure=()
    )
    assert again.provenance["fingerprint"] == run.provenance["fingerprint"]


def test_a_run_can_be_saved_without_its_source(tmp_path: Path) -> None:
    run = mx.train(STUDENTS[0], TEACHER, mx.SGD(lr=1e-3), steps=2, progress=None)
    bare = mx.open_run(run.save(tmp_path / "run", source=False))
    assert run.source.dim_x == 4  # the run itself keeps it
    with pytest.raises(mx.MethexisError, match="source: expected a run that holds its source"):
        _ = bare.source
    assert parts(bare.students[0]) == parts(STUDENTS[0])
    assert not list((tmp_path / "run").rglob("source*"))
    assert bare.data.identical(run.data)


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    run = mx.train(STUDENTS[0], TEACHER, mx.SGD(lr=1e-3), steps=2, progress=None)
    path = run.save(tmp_path / "run")
    chunks = [p for p in (path / "source").rglob("*") if "c" in p.parts[-3:] and p.is_file()]
    assert chunks
    for chunk in chunks:
        content = bytearray(chunk.read_bytes())
        content[-1] ^= 1
        chunk.write_bytes(bytes(content))
        with pytest.raises(mx.MethexisError, match="is not as it was written"):
            mx.open_run(path)
        content[-1] ^= 1
        chunk.write_bytes(bytes(content))


@pytest.mark.parametrize("dim", ["x", "label", "weight", "row"])
def test_cells_may_be_called_like_its_parts(dim: str, tmp_path: Path) -> None:
    lr = xr.DataArray([1e-3, 2e-3], coords={dim: [1, 2]})
    run = mx.train(STUDENTS[0], TEACHER, mx.SGD(lr=lr), steps=2, progress=None)
    opened = mx.open_run(run.save(tmp_path / "run"))
    assert fields(opened.cell(**{dim: 2}).source) == fields(TEACHER)


@pytest.mark.parametrize("dim", ["source", "source_row", "student_0", "given_embed_in"])
def test_cells_are_not_called_as_they_are(dim: str) -> None:
    with pytest.raises(mx.MethexisError, match="expected another name for a dimension"):
        mx.train(STUDENTS[0], TEACHER, mx.SGD(lr=xr.DataArray([1e-3, 2e-3], dims=dim)), steps=2)
