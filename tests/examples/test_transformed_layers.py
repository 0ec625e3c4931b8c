"""`python -m examples.transformed_layers` names what was done to a layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples import transformed_layers


@pytest.mark.parametrize("name", transformed_layers.MAPS)
def test_each_map_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(5)  # not that of the maps
    layer = rng.standard_normal((400, 16)) * np.arange(1, 17) ** -0.5
    np.save(tmp_path / "layer.npy", layer @ transformed_layers.turn(16, rng) + 3.0)
    transformed_layers.main([str(tmp_path / "layer.npy"), "--maps", name])
    assert capsys.readouterr().out.endswith("1 of 1 as they are\n")
