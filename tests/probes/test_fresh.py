"""Untrained twins: the same architecture, weights that its parts draw, one store naming both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.probes import probe
from methexis.probes.frameworks.fresh import fresh
from methexis.representations import load

torch = pytest.importorskip("torch")
nn = torch.nn

X = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))


def model() -> Any:
    torch.manual_seed(0)
    found = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
    with torch.no_grad():
        for one in found.parameters():
            one.add_(1.0)  # as training would
        found[1].running_mean.add_(2.0)
    return found.eval()


def test_all_weights_are_drawn_anew_by_the_seed() -> None:
    trained, before = model(), torch.get_rng_state()
    weights = {name: value.clone() for name, value in trained.state_dict().items()}
    one, same, other = (fresh(trained, seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in trained.state_dict().items():
        assert torch.equal(value, weights[name])
    for name, value in one.named_parameters():
        assert not torch.equal(value, weights[name]), name
        assert torch.equal(value, dict(same.named_parameters())[name])
    assert not torch.equal(one[0].weight, other[0].weight)
    assert torch.equal(one[1].running_mean, torch.zeros(5))
    torch.manual_seed(3)
    assert torch.equal(one[0].weight, nn.Linear(6, 5).weight)  # by the initialiser of its part


def test_a_weight_that_nobody_draws_is_refused() -> None:
    class Scaled(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.scale = nn.Linear(6, 2), nn.Parameter(torch.ones(2))

        def forward(self, x: Any) -> Any:
            return self.scale * self.linear(x)

    with pytest.raises(MethexisError, match=r"got scale, which no reset_parameters draws"):
        fresh(Scaled(), 0)


def test_the_first_store_names_the_second(tmp_path: Path) -> None:
    found = probe(model(), X, out=tmp_path / "a.zarr", untrained=tmp_path / "u.zarr", seed=3)
    twin = load(tmp_path / "u.zarr")
    assert found.about["untrained"]["store"] == "u.zarr"
    assert found.about["untrained"]["seed"] == 3
    assert found.about["untrained"]["fingerprint"] == twin.about["model"]["fingerprint"]
    assert found.about["untrained"]["fingerprint"] != found.about["model"]["fingerprint"]
    assert twin.about["data"] == found.about["data"]
    with torch.no_grad():
        right = fresh(model(), 3).eval()[0](X)
    assert np.allclose(twin.layers[0].array, right.numpy(), atol=1e-6)


def test_a_twin_that_is_there_already_is_taken(tmp_path: Path) -> None:
    probe(model(), X, out=tmp_path / "a.zarr", untrained=tmp_path / "u.zarr")
    before = (tmp_path / "u.zarr" / "zarr.json").stat().st_mtime_ns
    probe(model(), X, out=tmp_path / "b.zarr", untrained=tmp_path / "u.zarr")
    assert (tmp_path / "u.zarr" / "zarr.json").stat().st_mtime_ns == before


def test_a_twin_of_other_samples_or_layers_is_refused(tmp_path: Path) -> None:
    probe(model(), X, out=tmp_path / "a.zarr", untrained=tmp_path / "u.zarr")
    with pytest.raises(
        MethexisError, match=r"^untrained: expected the store at .* of the same data"
    ):
        probe(model(), X + 1, out=tmp_path / "b.zarr", untrained=tmp_path / "u.zarr")
    with pytest.raises(
        MethexisError, match=r"^untrained: expected the store at .* the same layers"
    ):
        probe(model(), X, "0", out=tmp_path / "c.zarr", untrained=tmp_path / "u.zarr")
    assert not (tmp_path / "b.zarr").exists()
    assert not (tmp_path / "c.zarr").exists()


def test_batches_that_can_be_gone_through_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MethexisError, match=r"expected batches that can be gone through twice"):
        probe(model(), iter(X.split(5)), out=tmp_path / "a.zarr", untrained=tmp_path / "u.zarr")
