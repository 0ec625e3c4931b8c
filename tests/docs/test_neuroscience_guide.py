"""docs/guides/neuroscience.md: it runs, and every number in it is rsatoolbox's.

What rsatoolbox computes from the raw runs of the guide is stored in tests/data, for it is not
installed where the tests run: ``python -m tests.docs.neuroscience`` stores it anew, and a long test
holds what is stored to what rsatoolbox prints now. Beside it stand formulas that share no code with
either.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from methexis import measures
from tests.cli.test_cli import invoke
from tests.docs import guides, neuroscience
from tests.docs.neuroscience import METHODS, flat, peer_numbers, raw_runs, stored

#: Rounding: entries of RDMs are of order one, their sums have thousands of terms, and the condition
#: of the noise covariances is below 100.
CLOSE = 1e-10
#: Comparisons whose ceilings are other estimates: there RDMs of equal length in the whitened metric
#: are averaged, without which a model could beat the upper ceiling; rsatoolbox takes plain length.
OTHER_CEILINGS = {"whitened_cosine", "whitened_correlation"}
SUBJECTS = range(6)


@pytest.fixture(scope="module")
def guide() -> dict[str, Any]:
    results, values, report = guides.run(neuroscience.PAGE)
    assert results.attempted > 20
    assert results.failed == 0, report
    return values


@pytest.fixture(scope="module")
def peer() -> dict[str, Any]:
    return stored()


def close(ours: Any, theirs: Any) -> None:
    assert np.asarray(ours) == pytest.approx(np.asarray(theirs), abs=CLOSE, rel=CLOSE)


def test_noise_covariances_are_those_of_rsatoolbox(guide: Any, peer: Any) -> None:
    for shrinkage, name in (("ledoit_wolf", "covariances"), ("diagonal", "covariances_diagonal")):
        for (_, residuals), row in zip(guide["subjects"], peer[name], strict=True):
            close(measures.noise_covariance(residuals, shrinkage)[0][0], row)


def test_rdms_are_those_of_rsatoolbox(guide: Any, peer: Any) -> None:
    """It divides by the number of channels."""
    for rdm, (rows, _), theirs in zip(guide["rdms"], guide["subjects"], peer["rdms"], strict=True):
        close(rdm.condensed / rows.shape[1], theirs)


def test_the_mean_rdm_is_the_mean(guide: Any, peer: Any) -> None:
    channels = np.array([[rows.shape[1]] for rows, _ in guide["subjects"]])
    close(guide["group_rdm"].condensed, np.mean(channels * np.array(peer["rdms"]), axis=0))


@pytest.mark.parametrize("comparison", METHODS)
def test_the_group_is_that_of_rsatoolbox(guide: Any, peer: Any, comparison: str) -> None:
    """Scores, means, errors, intervals, p and ceilings.

    The p below the ceiling is a paired t test here; rsatoolbox takes its ceiling as known. So that
    p is SciPy's, of rsatoolbox's scores and ceilings of each subject.
    """
    theirs = peer["methods"][METHODS[comparison]]
    ours = measures.compare_models(
        guide["layers"], guide["rdms"], comparison, dissimilarity="squared"
    )
    order = [sorted(ours.names).index(name) for name in ours.names]  # the peer sorts names
    scores = np.array(theirs["scores"])[order]
    close(ours.scores, scores)
    close(ours.means, np.array(theirs["means"])[order])
    close(ours.errors, np.array(theirs["errors"])[order])
    close(ours.intervals, np.array(theirs["intervals"])[order])
    close(ours.p_zero, np.array(theirs["p_zero"])[order])
    pairs = np.array(theirs["p_pairs"])[np.ix_(order, order)]
    off = ~np.eye(len(order), dtype=bool)
    close(ours.p_pairs[off], pairs[off])
    if comparison in OTHER_CEILINGS:
        assert ours.ceiling.upper >= theirs["ceiling"][1]  # the best that there is
        return
    close([ours.ceiling.lower, ours.ceiling.upper], theirs["ceiling"])
    close(ours.ceiling.lower_by_subject, theirs["lower_by_subject"])
    below = stats.ttest_rel(
        scores, np.broadcast_to(theirs["lower_by_subject"], scores.shape), axis=1,
        alternative="less",
    )  # fmt: skip
    close(ours.p_ceiling, below.pvalue)


def test_what_the_guide_prints_is_what_was_compared(guide: Any, peer: Any) -> None:
    theirs = peer["methods"]["corr"]
    text = neuroscience.PAGE.read_text(encoding="utf-8")
    for name, mean in zip(sorted(guide["layers"]), theirs["means"], strict=True):
        line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        assert line.split()[1] == f"{mean:.4f}"
    low, high = theirs["ceiling"]
    assert f"{low:.4f} to {high:.4f}" in text
    assert "{:.2f} to {:.2f}".format(*theirs["ceiling"]) in text


def test_the_command_prints_what_the_guide_says(guide: Any) -> None:
    [(words, output)] = guides.commands(neuroscience.PAGE)
    done = invoke(*words[1:], cwd=guide["folder"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(output + "\n\nseconds: ")
    result = json.loads((guide["folder"] / "methexis-subjects" / "result.json").read_text())
    assert result["conclusion"] == guide["group"].conclusion
    order = [guide["group"].names.index(name) for name in result["group"]["names"]]
    close(result["group"]["scores"], guide["group"].scores[order])


def test_a_crossnobis_distance_by_hand(guide: Any) -> None:
    """Walther et al. 2016: products of differences of two runs, over all pairs of runs."""
    measurements, residuals = guide["subjects"][0]
    centred = residuals - residuals.mean(axis=0)
    m, d = centred.shape
    plain = centred.T @ centred / m
    target = np.eye(d) * np.trace(plain) / d
    far = np.sum((plain - target) ** 2)
    spread = np.mean([np.sum((np.outer(e, e) - plain) ** 2) for e in centred]) / m
    share = min(1.0, spread / far)  # Ledoit and Wolf 2004
    noise = ((1 - share) * plain + share * target) * m / (m - 1)
    runs = measurements.reshape(5, 16, d)
    weights = np.linalg.inv(noise)
    total = 0.0
    for p in range(5):
        for q in range(5):
            if p != q:
                total += (runs[p, 2] - runs[p, 7]) @ weights @ (runs[q, 2] - runs[q, 7])
    close(guide["rdms"][0].matrix[2, 7], total / 20)


def test_holm_by_hand(guide: Any) -> None:
    group = guide["group"]
    p = sorted((group.p_pairs[i, j], i, j) for i in range(3) for j in range(i))
    least = 0.0
    for k, (value, i, j) in enumerate(p):
        least = max(least, min(1.0, (3 - k) * value))
        assert group.p_pairs_corrected[i, j] == group.p_pairs_corrected[j, i] == least


@pytest.mark.long  # installs nothing, but needs `make check-long`, which does
def test_what_is_stored_is_what_rsatoolbox_prints(guide: Any, peer: Any) -> None:
    fresh = peer_numbers(raw_runs(guide))
    for subject in SUBJECTS:
        residuals = guide["subjects"][subject][1]
        close(measures.noise_covariance(residuals)[0], fresh["covariances"][subject])
        diagonal = measures.noise_covariance(residuals, "diagonal")[0]
        close(diagonal, fresh["covariances_diagonal"][subject])
    kept = neuroscience.kept(fresh)
    assert flat(kept).keys() == flat(peer).keys()
    for name, value in flat(peer).items():
        close(value, flat(kept)[name])
