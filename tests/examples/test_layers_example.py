"""The example that writes layers as files: they are there, and can be compared."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from methexis.representations import load


def test_layers_are_written_and_compared(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    layers = importlib.import_module("examples.layers")
    layers.main([str(tmp_path), "--epochs", "1"])
    wide, deep = (load(tmp_path / name) for name in ("wide", "deep"))
    assert wide.names == ["h1", "h2", "h3", "noise"]
    assert deep.names == ["h1", "h2", "h3", "h4"]
    assert wide.num_samples == deep.num_samples
    untrained = load(tmp_path / "deep-untrained")
    assert untrained.names == deep.names
    first = np.abs(untrained.layers[0].array - deep.layers[0].array).max()
    assert first > 1e-3  # one epoch has moved it
