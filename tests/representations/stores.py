"""Stores of probed layers, written without a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from methexis.probes.store import Column, writing


def probed(out: Path, arrays: Mapping[str, Any]) -> Path:
    """A store with some layers, of samples with made up names."""
    columns = [
        Column(name, array.shape[1], array.dtype.name, {"given": array.dtype.name, "notes": []})
        for name, array in arrays.items()
    ]
    count = len(next(iter(arrays.values())))
    prints = np.arange(16 * count, dtype=np.uint8).reshape(count, 16)
    with writing(out, columns, {}, force=False) as store:
        store.passed(prints)
        store.append(list(arrays.values()), prints)
        store.finish({"names": "inputs", "model": {"name": "m"}, "left_out": []})
    return out
