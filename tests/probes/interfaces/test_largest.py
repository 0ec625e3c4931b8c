"""That no continuous freedom is missed: the rank of the map from parameters to outputs.

Directions in the space of all parameters along which no output changes are the null space of the
Jacobian over many inputs, found here by automatic differentiation, which knows no rule of ours. At
a generic point its dimension is that of the group. Biases are left out where a translation of them
would leave outputs alone, which is no change of coordinates.
"""

from __future__ import annotations

import numpy as np
import pytest

import methexis as mx

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  after torch is known to be there

from tests.probes.interfaces import models  # noqa: E402


class Statistics(nn.Module):
    """A batch norm in evaluation mode whose mean is a parameter, so that it has derivatives."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean, self.weight, self.bias = (
            nn.Parameter(torch.rand(channels) + 0.5) for _ in range(3)
        )
        self.register_buffer("spread", torch.rand(channels) + 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean, spread, weight, bias = (
            one[None, :, None, None] for one in (self.mean, self.spread, self.weight, self.bias)
        )
        return (x - mean) * torch.rsqrt(spread) * weight + bias


def nullity(model: nn.Module, batch: torch.Tensor) -> int:
    """Dimension of the directions that leave the outputs alone."""
    held = {name: one.detach() for name, one in model.named_parameters()}

    def outputs(arrays: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(model, arrays, (batch,)).flatten()

    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        jacobian = torch.func.jacrev(outputs)(held)
    width = sum(one.numel() for one in held.values())
    rows = torch.cat([one.flatten(1) for one in jacobian.values()], 1).numpy()
    assert rows.shape[0] > 1.2 * width  # more equations than unknowns
    sizes = np.linalg.svd(rows, compute_uv=False)
    # A gap of many orders of magnitude lies between what is rounding and what is not.
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    assert rank == width or sizes[rank] < 1e-4 * sizes[rank - 1]
    return width - rank


def test_a_perceptron() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(
        *(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 4, bias=False)),
        *(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 3)),
    ).double().eval()  # fmt: skip
    batch = 4 * torch.randn(200, 6, dtype=torch.float64)  # so that every unit is off somewhere
    known = mx.interfaces(model, batch)
    assert sum(one.dimension for one in known) == 8 + 16 == nullity(model, batch)


def test_convolutions_with_statistics() -> None:
    torch.manual_seed(3)
    model = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, bias=False), Statistics(4), nn.ReLU(), nn.Conv2d(4, 3, 3)),
        *(nn.ReLU(), nn.Conv2d(3, 2, 1, bias=False), nn.Flatten(), nn.Linear(8, 3)),
    ).double().eval()  # fmt: skip
    batch = 3 * torch.randn(150, 2, 6, 6, dtype=torch.float64)
    known = mx.interfaces(model, batch)
    # Between convolution and norm, before and behind ReLU, and any matrix of two channels.
    assert sum(one.dimension for one in known) == 4 + 4 + 3 + 4
    # Of mean and bias of a channel one is enough: a translation, which is none of ours.
    assert nullity(model, batch) == 4 + 4 + 3 + 4 + 4


@pytest.mark.parametrize("rotary", ["", "halves", "neighbours"])
def test_a_model_of_language(rotary: str) -> None:
    torch.manual_seed(2)
    model = models.Language(rotary=rotary, size=8, heads=2, groups=1, hidden=5, depth=1)
    model = model.double().eval()
    tokens = torch.randint(0, 11, (20, 5))
    known = mx.interfaces(model, tokens)
    dimension = {one.name: one.dimension for one in known}
    assert dimension["embed → head"] == 28
    assert dimension["blocks.0.attention.q → blocks.0.attention.k"] == (4 if rotary else 16)
    assert sum(dimension.values()) == nullity(model, tokens)


def test_low_rank_updates() -> None:
    """The first pair of a rank beside a full matrix has more: what the matrix takes up."""
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 6, bias=False)).double().eval()
    batch = torch.randn(30, 4, dtype=torch.float64)
    known = mx.interfaces(model, batch)
    assert sum(one.dimension for one in known) == 9 == nullity(model, batch)
