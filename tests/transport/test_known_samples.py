"""Jobs of translation where files know their samples, as those of `methexis probe` do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import methexis as mx
from methexis.measures.inputs.joining import SampleNames
from methexis.representations import Representations
from methexis.transport import (
    TranslateSettings,
    UnpairedSettings,
    run_translate,
    run_translate_unpaired,
)
from tests.report.translate_results import clustered, models


def knowing(model: Representations, names: NDArray[np.int64], kind: str) -> Representations:
    """The model with a name for each of its samples."""
    keys = np.array([list(int(name).to_bytes(4, "big")) for name in names], dtype=np.uint8)
    layer = replace(model.layers[0], samples=SampleNames(kind, keys))
    return replace(model, layers=(layer,))


def known(kind: str = "inputs") -> tuple[Representations, Representations]:
    """Both sides of 300 and 250 of 400 samples, in unlike orders, with names."""
    rng = np.random.default_rng(0)
    rows, other = clustered(400, 12), rng.normal(size=(12, 9))
    first, second = rng.permutation(400)[:300], rng.permutation(400)[:250]
    left, right = models(rows[first], rows[second] @ other)
    return knowing(left, first, "inputs"), knowing(right, second, kind)


def test_samples_that_are_known_are_paired_whatever_their_number() -> None:
    left, right = known()
    result = run_translate(left, right, TranslateSettings())
    samples = [{key.tobytes() for key in side.layers[0].samples.keys} for side in (left, right)]
    assert result.translation.n == len(samples[0] & samples[1])
    worth = result.translation.certificate.worth
    assert worth.share[0] > 0.99  # of nine directions by twelve; back three are lost
    assert worth.mean_top1 > 0.9


def test_samples_that_are_known_by_unlike_things_are_as_unknown() -> None:
    left, right = known("lines of text")
    with pytest.raises(mx.MethexisError, match=r"expected 300 rows, .*--unpaired"):
        run_translate(left, right, TranslateSettings())


@pytest.mark.parametrize("kind", ["inputs", "lines of text"])
def test_known_pairs_are_pointed_out_where_none_is_asked_for(kind: str) -> None:
    left, right = known(kind)
    result = run_translate_unpaired(left, right, UnpairedSettings())
    said = [note for note in result.notes if "are known to be the same" in note]
    assert len(said) == (kind == "inputs")
