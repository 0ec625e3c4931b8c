"""TorchScript: layers inside a graph give what the modules gave that it was made of."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.probes import list_layers, probe

torch = pytest.importorskip("torch")
nn = torch.nn


class Block(nn.Module):  # type: ignore[name-defined,misc]
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.act = nn.Linear(4, 4), nn.Tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.linear(x))


class Pairs(nn.Module):  # type: ignore[name-defined,misc]
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, 2.0 * x


class Model(nn.Module):  # type: ignore[name-defined,misc]
    """Two blocks of one class, one of them called twice; a list; a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Block(), Block()
        self.pairs = Pairs()
        self.blocks = nn.ModuleList([nn.Linear(4, 3), nn.ReLU()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.second(self.first(self.first(x)))
        if bool(y.sum() > 1e9):
            y = self.second(y)
        for block in self.blocks:
            y = block(y)
        return self.pairs(y)[1]


X = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))


def made() -> Any:
    torch.manual_seed(0)
    return Model().eval()


def scripted(kind: str) -> Any:
    """As it is read from a file."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a branch, tracing warns; of being old, scripting
        script = torch.jit.script(made()) if kind == "script" else torch.jit.trace(made(), X[:3])
        torch.jit.save(script, content)
        content.seek(0)
        return torch.jit.load(content)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["script", "trace"])
def test_layers_are_those_of_the_modules(tmp_path: Path, kind: str) -> None:
    right = probe(made(), X, "**", out=tmp_path / "a.zarr")
    script = scripted(kind)
    graph = str(script.graph)
    found = probe(script, X, "**", out=tmp_path / "b.zarr")
    assert str(script.graph) == graph
    layers = {one.name: one.array for one in found}
    modules = {one.name: one.array for one in right}
    if kind == "trace":  # which keeps of a tuple what is used
        modules["pairs"] = modules.pop("pairs[1]")
        del modules["pairs[0]"]
    assert layers.keys() == modules.keys(), found.left_out
    assert {"first#0", "first#1", "first.linear#1", "second.act", "blocks.1"} < layers.keys()
    for name, rows in layers.items():
        assert np.allclose(rows, modules[name], atol=1e-6), name  # other kernels may be taken


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_lists_and_fresh_weights(tmp_path: Path) -> None:
    script = scripted("script")
    assert [one.name for one in list_layers(script, X, None)] == ["blocks.0", "blocks.1"]
    with pytest.raises(MethexisError, match="got TorchScript, which keeps no initialiser"):
        probe(script, X, out=tmp_path / "a.zarr", untrained=tmp_path / "b.zarr")


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_pass_that_fails(tmp_path: Path) -> None:
    script = scripted("script")
    with pytest.raises(
        MethexisError, match=r"^model: expected a forward pass over inputs 0 \(2, 3\)"
    ):
        probe(script, X[:, :3], "**", out=tmp_path / "a.zarr")
    assert "first#0" in probe(script, X, "**", out=tmp_path / "a.zarr").names
