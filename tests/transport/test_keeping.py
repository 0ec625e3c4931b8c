"""A translation without pairs on disk, and one of a version that knew pairs alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from tests.report.translate_results import translated, translated_unpaired


def about_of(path: Path) -> dict[str, Any]:
    with np.load(path) as content:
        return dict(json.loads(bytes(content["about"]).decode()))


def rewritten(path: Path, about: dict[str, Any]) -> Path:
    """The same file with other words in it."""
    with np.load(path) as content:
        arrays = {name: content[name] for name in content.files}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("kind", ["the same", "nothing alike"])
def test_without_pairs_it_is_opened_as_it_was(kind: str, tmp_path: Path) -> None:
    result = translated_unpaired(kind)
    translation = result.translation
    x, y = (model.layers[0].array for model in (result.first, result.second))
    path = translation.save(tmp_path / "maps")
    again = mx.open_translation(path)
    assert isinstance(again, mx.UnpairedTranslation)
    assert again.as_dict() == translation.as_dict()
    assert again.certificate == translation.certificate
    assert str(again) == str(translation)
    for one, other in (
        (again.forward(x), translation.forward(x)),
        (again.backward(y), translation.backward(y)),
        (again.match(x, y).cosines, translation.match(x, y).cosines),
    ):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(mx.MethexisError, match="path: expected a new file"):
        translation.save(path)


def test_a_file_that_names_no_kind_is_of_pairs(tmp_path: Path) -> None:
    translation = translated().translation
    path = translation.save(tmp_path / "maps")
    about = about_of(path)
    assert about.pop("kind") == "Translation"
    again = mx.open_translation(rewritten(path, about))
    assert isinstance(again, mx.Translation)
    assert again.as_dict() == translation.as_dict()


@pytest.mark.parametrize(
    "change", [{"kind": "Guess"}, {"kind": ["Translation"]}, {"n": 4}, {"certificate": {"top": 1}}]
)
def test_what_was_changed_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    path = translated_unpaired().translation.save(tmp_path / "maps")
    rewritten(path, about_of(path) | change)
    with pytest.raises(mx.MethexisError, match="of which a part is missing or changed"):
        mx.open_translation(path)
