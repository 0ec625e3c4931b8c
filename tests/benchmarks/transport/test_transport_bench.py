"""The benchmark of translation: its peers are what they are said to be, and it runs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.transport.job import OURS, TransportSettings, run_transport
from benchmarks.transport.peers import procrustes, relative
from benchmarks.transport.text import print_transport
from methexis.core.linalg import random_orthogonal
from methexis.errors import MethexisError


def test_peers_find_a_rotation() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    y = x @ random_orthogonal(5, rng) + 3.0
    for way in (procrustes, relative):  # neither sees a rotation or a shift
        one, other = way(x[:40], y[:40], x[40:], y[40:])
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_few_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    """With fewer pairs than dimensions ours finds more, since candidates are seen in their span."""
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(300, 40)) * np.arange(1, 41) ** -0.5
    x, y = (signal + 0.05 * rng.normal(size=signal.shape) for _ in range(2))
    settings = TransportSettings(pairs=(24,), unseen=200)
    result = run_transport(x, y @ random_orthogonal(40, rng), settings, announce=lambda _: None)
    assert result.top1[OURS][24][0] > result.top1["procrustes"][24][0]
    print_transport(result)
    assert "procrustes" in capsys.readouterr().out
    with pytest.raises(MethexisError, match="expected at least 400 paired rows"):
        run_transport(x, y, TransportSettings((200,), 200), announce=lambda _: None)
