"""`Overlay`: images of one side among rows of the other, along leading directions."""

from __future__ import annotations

import numpy as np

from methexis.transport.overlay import Overlay
from tests.report.translate_results import translated_unpaired


def test_coordinates_are_those_of_a_plain_eigenvalue_problem() -> None:
    result = translated_unpaired("nothing alike")
    x, y = (model.layers[0].array for model in (result.first, result.second))
    rows = result.translation.common(y=y)
    _, vectors = np.linalg.eigh(rows.T @ rows)
    leading = vectors[:, :-3:-1]
    for given, drawn in ((result.translation.common(x), "images"), (rows, "rows")):
        plain = np.abs(given @ leading)  # signs of directions are nobody's
        shown = np.abs(getattr(result.overlay, drawn))
        assert shown.shape == (len(given), 2)
        np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(plain, axis=0), atol=1e-10)


def test_images_of_partners_lie_on_their_rows() -> None:
    """Both sides are one set of points, and with nothing in common they are not."""
    farthest = {}
    for kind in ("the same", "nothing alike"):
        overlay = translated_unpaired(kind).overlay
        apart = np.linalg.norm(overlay.images[:, None] - overlay.rows, axis=2).min(axis=1)
        farthest[kind] = apart.max() / np.linalg.norm(overlay.rows, axis=1).max()
    assert farthest["the same"] < 1e-3
    assert farthest["nothing alike"] > 0.05


def test_of_many_rows_some_are_drawn_by_the_seed() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.exponential(size=(700, 40)), rng.exponential(size=(600, 36))
    translation = translated_unpaired("nothing alike").translation
    one, again, other = (Overlay.of(translation, x, y, seed) for seed in (0, 0, 1))
    assert one.images.shape == one.rows.shape == (500, 2)
    np.testing.assert_array_equal(one.images, again.images)
    assert not np.array_equal(one.images, other.images)
