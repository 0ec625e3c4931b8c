"""Files of subjects: what is read of them is what the functions give; bad ones are one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from methexis.errors import MethexisError
from methexis.measures import compare_models, crossnobis, noise_covariance, residuals
from methexis.representations import load
from methexis.scenarios.subjects import SubjectsSettings, run_subjects
from methexis.scenarios.subjects.reading import read_subject
from tests.report.subjects_results import CONDITIONS, write


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path) as stored:
        return dict(stored)


def changed(path: Path, **changes: Any) -> None:
    """The same file with other arrays; None leaves one out."""
    kept = {k: v for k, v in (arrays(path) | changes).items() if v is not None}
    np.savez(path, **kept)


def test_the_job_is_what_the_functions_give(tmp_path: Path) -> None:
    paths, models = write(tmp_path, shuffled=True)
    result = run_subjects(paths, [load(models)], SubjectsSettings(confidence=0.9))
    rdms = []
    for path in paths:
        given = arrays(path)
        covariance, _ = noise_covariance(given["residuals"])
        made = crossnobis(given["measurements"], given["conditions"], given["runs"], covariance)
        rdms.append(made.arranged(CONDITIONS))
    layers = {f"h{k}": np.load(models / f"h{k}.npy") for k in (1, 2, 3)}
    wanted = compare_models(layers, rdms, dissimilarity="squared", confidence=0.9)
    assert result.group.scores.tolist() == wanted.scores.tolist()
    assert result.group.names == ("h1", "h2", "h3")
    assert result.conclusion == wanted.conclusion
    assert result.dissimilarity == "squared"
    assert result.limits == ()
    assert result.group_rdm.labels == tuple(CONDITIONS)


def test_numbers_are_ordered_by_size(tmp_path: Path) -> None:
    path = write(tmp_path, num_subjects=1)[0][0]
    numbers = np.tile([9, 10, 2, 1, 0, 5, 4, 3, 11, 6, 7, 8], 4)
    changed(path, conditions=numbers)
    assert read_subject(path, "none").rdm.labels == tuple(map(str, range(12)))


def test_noise_comes_from_residuals_else_from_repetitions_else_from_nowhere(tmp_path: Path) -> None:
    path = write(tmp_path, num_subjects=1)[0][0]
    assert read_subject(path, "ledoit_wolf").noise == "from residuals"
    given = arrays(path)
    runs = given["runs"] // 2  # two runs in which every condition was measured twice
    changed(path, residuals=None, runs=runs)
    subject = read_subject(path, "diagonal")
    assert subject.noise == "from repetitions within runs"
    left, freedom = residuals(given["measurements"], given["conditions"], runs)
    covariance, share = noise_covariance(left, "diagonal", degrees_of_freedom=freedom)
    wanted = crossnobis(given["measurements"], given["conditions"], runs, covariance)
    assert subject.rdm.matrix.tolist() == wanted.matrix.tolist()
    assert subject.share == share
    changed(path, runs=given["runs"])
    subject = read_subject(path, "ledoit_wolf")
    assert subject.noise.startswith("not weighed")
    plain = crossnobis(given["measurements"], given["conditions"], given["runs"])
    assert subject.rdm.matrix.tolist() == plain.matrix.tolist()


@pytest.mark.parametrize("suffix", [".mat", ".h5"])
def test_matlab_and_hdf5_hold_raw_runs_too(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path, num_subjects=1)[0][0]
    given = arrays(path)
    given["conditions"] = np.array([CONDITIONS.index(name) for name in given["conditions"]])
    other = path.with_suffix(suffix)
    if suffix == ".mat":
        savemat(other, given, oned_as="column")
    else:
        h5py = pytest.importorskip("h5py")
        with h5py.File(other, "w") as file:
            for name, array in given.items():
                file[name] = array
    wanted, subject = (read_subject(one, "ledoit_wolf") for one in (path, other))
    # MATLAB keeps columns together, so that sums are made in another order.
    assert subject.rdm.matrix == pytest.approx(wanted.rdm.matrix, abs=1e-11)
    assert subject.rdm.labels == tuple(map(str, range(12)))
    assert subject.num_runs == 4
    assert subject.share == pytest.approx(wanted.share, rel=1e-12)


def test_words_of_matlab_are_to_be_numbered(tmp_path: Path) -> None:
    path = write(tmp_path, num_subjects=1)[0][0]
    savemat(path.with_suffix(".mat"), arrays(path))
    with pytest.raises(MethexisError, match=r"s1\.mat: conditions: .*; number them, or give words"):
        read_subject(path.with_suffix(".mat"), "none")


def test_noise_that_is_not_weighed_is_a_limit(tmp_path: Path) -> None:
    paths, models = write(tmp_path)
    changed(paths[0], residuals=None)
    result = run_subjects(paths, [load(models)], SubjectsSettings())
    assert result.limits[0].startswith("noise between channels is not weighed in 1 of 4 subjects")
    assert result.summary()["subjects"][0]["shrinkage_share"] is None


def test_rdms_are_taken_as_they_are(tmp_path: Path) -> None:
    paths, models = write(tmp_path)
    matrices = [read_subject(path, "none").rdm.matrix for path in paths]
    given = []
    for k, matrix in enumerate(matrices):
        given.append(tmp_path / f"r{k}.npy")
        np.save(given[-1], np.sqrt(np.abs(matrix)))
    result = run_subjects(given, [load(models)], SubjectsSettings())
    assert result.dissimilarity == "euclidean"
    layers = [np.load(models / f"h{k}.npy") for k in (1, 2, 3)]
    wanted = compare_models(layers, np.sqrt(np.abs(matrices)))
    assert result.group.scores.tolist() == wanted.scores.tolist()


def test_models_of_several_files_have_both_names(tmp_path: Path) -> None:
    paths, models = write(tmp_path)
    np.save(tmp_path / "other.npy", np.random.default_rng(0).normal(size=(12, 3)))
    both = [load(models), load(tmp_path / "other.npy")]
    names = run_subjects(paths, both, SubjectsSettings()).group.names
    assert names == ("network/h1", "network/h2", "network/h3", "other.npy/other")
    with pytest.raises(MethexisError, match="models: expected models of different names"):
        run_subjects(paths, [both[1], both[1]], SubjectsSettings())


def _nan(path: Path) -> None:
    rows = arrays(path)["measurements"]
    rows[3, 2] = np.nan
    changed(path, measurements=rows)


def _without_last(path: Path) -> None:
    kept = arrays(path)["conditions"] != CONDITIONS[-1]
    given = arrays(path)
    changed(path, **{k: given[k][kept] for k in ("measurements", "conditions", "runs")})


def _renamed(path: Path) -> None:
    conditions = arrays(path)["conditions"]
    changed(path, conditions=np.where(conditions == "c03", "zz", conditions))


def _one_run(path: Path) -> None:
    changed(path, runs=np.zeros(48, int), residuals=None)


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "NaN": (_nan, "s4.npz: measurements: expected finite numbers"),
    "fewer conditions": (_without_last, "s4.npz: expected the 12 conditions of .*s1.npz, got 11"),
    "other conditions": (_renamed, "s4.npz: expected the conditions of .*s1.npz, got 'zz', which"),
    "one run": (_one_run, "s4.npz: partitions: expected at least 2, so that noise is not"),
    "no runs": (
        lambda p: changed(p, runs=None),
        "s4.npz: expected arrays measurements, cond.* runs",
    ),
    "few labels": (
        lambda p: changed(p, conditions=np.array(["a"] * 5)),
        "s4.npz: conditions: expected 48 labels, one per measurement, got 5",
    ),
    "table of labels": (
        lambda p: changed(p, runs=np.zeros((48, 2))),
        "s4.npz: runs: expected one label per measurement, got shape .48, 2.",
    ),
    "labels of NaN": (
        lambda p: changed(p, runs=np.full(48, np.nan)),
        "s4.npz: runs: expected labels that are numbers or words, got NaN",
    ),
    "labels of bytes": (
        lambda p: changed(p, conditions=np.array([b"a"] * 48)),
        "s4.npz:conditions: expected real numbers or words, got dtype",
    ),
    "objects": (
        lambda p: changed(p, conditions=np.array([None] * 48)),
        "s4.npz:conditions: expected real numbers or words, got dtype object",
    ),
    "words as measurements": (
        lambda p: changed(p, measurements=np.array([["a"] * 4] * 48)),
        "s4.npz: measurements: expected real numbers, got dtype",
    ),
    "flat residuals": (
        lambda p: changed(p, residuals=np.zeros(9)),
        "s4.npz: residuals: expected an array .num_measurements, num_channels.",
    ),
    "residuals of other channels": (
        lambda p: changed(p, residuals=np.random.default_rng(0).normal(size=(40, 3))),
        "s4.npz: covariance: expected",
    ),
    "an RDM": (
        lambda p: np.savez(p, rdm=1.0 - np.eye(12)),
        "s4.npz: expected raw runs as in .*s1.npz, got an RDM",
    ),
    "damaged": (lambda p: p.write_bytes(p.read_bytes()[:900]), "s4.npz: expected a whole .npz fil"),
    "gone": (lambda p: p.unlink(), "s4.npz: no such file or folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_subject_is_one_sentence_with_its_file(name: str, tmp_path: Path) -> None:
    paths, models = write(tmp_path)
    spoil, message = BAD[name]
    spoil(paths[-1])
    with pytest.raises(MethexisError, match=message) as caught:
        run_subjects(paths, [load(models)], SubjectsSettings())
    assert "\n" not in str(caught.value)


def test_words_of_a_cut_file_are_refused_at_every_byte(tmp_path: Path) -> None:
    """Each of some hundred lengths: a sentence that names the file, whatever the parser raises."""
    path = write(tmp_path, num_subjects=1)[0][0]
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(MethexisError, match=r"s1\.npz"):
            read_subject(path, "none")


def test_too_few_subjects_are_one_sentence(tmp_path: Path) -> None:
    paths, models = write(tmp_path)
    with pytest.raises(MethexisError, match="at least 3 files, one per subject, got 1; of one"):
        run_subjects(paths[:1], [load(models)], SubjectsSettings())
    with pytest.raises(MethexisError, match="models: expected at least one model, got none"):
        run_subjects(paths, [], SubjectsSettings())


def test_a_model_of_other_conditions_is_one_sentence(tmp_path: Path) -> None:
    paths, models = write(tmp_path)
    np.save(models / "h1.npy", np.ones((11, 3)))
    for k in (2, 3):
        (models / f"h{k}.npy").unlink()
    np.save(models / "h1.npy", np.random.default_rng(0).normal(size=(11, 3)))
    with pytest.raises(MethexisError, match=r"models.'h1'.: expected the 12 cond"):
        run_subjects(paths, [load(models)], SubjectsSettings())
