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

RNG = np.random.default_rng(0)
#: Samples of both sides, by number.
FIRST, SECOND = RNG.permutation(400)[:300], RNG.permutation(400)[:250]


def knowing(model: Representations, names: NDArray[np.int64], kind: str) -> Representations:
    """The model with a name for each of its samples."""
    keys = np.array([list(int(name).to_bytes(4, "big")) for name in names], dtype=np.uint8)
    layer = replace(model.layers[0], samples=SampleNames(kind, keys))
    return replace(model, layers=(layer,))


def known(kind: str = "inputs") -> tuple[Representations, Representations]:
    """Both sides of 300 and 250 of 400 samples, in unlike orders, with names."""
    rows = clustered(400, 12)
    left, right = models(rows[FIRST], rows[SECOND] @ RNG.normal(size=(12, 9)))
    return knowing(left, FIRST, "inputs"), knowing(right, SECOND, kind)


def test_samples_that_are_known_are_paired_whatever_their_number() -> None:
    left, right = known()
    result = run_translate(left, right, TranslateSettings())
    assert result.translation.n == len(set(FIRST) & set(SECOND))
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
