"""Small models of every family, with all gains and statistics away from where they begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F


class RootMeanSquare(nn.Module):
    """A norm written out, as models of language have it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(size) + 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


def turned(x: torch.Tensor, angles: torch.Tensor, how: str) -> torch.Tensor:
    """Rotary embedding in the three ways in which it is written."""
    cos, sin = angles.cos(), angles.sin()
    half = x.shape[-1] // 2
    if how == "halves":
        other = torch.cat((-x[..., half:], x[..., :half]), -1)
        return x * torch.cat((cos, cos), -1) + other * torch.cat((sin, sin), -1)
    if how == "neighbours":
        other = torch.stack((-x[..., 1::2], x[..., ::2]), -1).flatten(-2)
        return x * cos.repeat_interleave(2, -1) + other * sin.repeat_interleave(2, -1)
    numbers = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(numbers * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


class Attention(nn.Module):
    """Causal attention with queries in groups and rotary embedding, if any."""

    def __init__(self, size: int, heads: int, groups: int, rotary: str) -> None:
        super().__init__()
        self.heads, self.groups, self.width, self.rotary = heads, groups, size // heads, rotary
        self.q = nn.Linear(size, size, bias=False)
        self.k = nn.Linear(size, groups * self.width, bias=False)
        self.v = nn.Linear(size, groups * self.width, bias=False)
        self.o = nn.Linear(size, size, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shape = (*x.shape[:2], -1, self.width)
        q, k, v = (one(x).view(shape).transpose(1, 2) for one in (self.q, self.k, self.v))
        if self.rotary:
            speeds = 0.1 ** (torch.arange(self.width // 2, dtype=x.dtype) / self.width)
            angles = torch.arange(x.shape[1], dtype=x.dtype)[:, None] * speeds
            q, k = (turned(one, angles, self.rotary) for one in (q, k))
        k, v = (one.repeat_interleave(self.heads // self.groups, 1) for one in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a gated layer, each behind a norm."""

    def __init__(self, size: int, heads: int, groups: int, hidden: int, rotary: str) -> None:
        super().__init__()
        self.norm, self.norm_2 = RootMeanSquare(size), nn.RMSNorm(size)
        nn.init.uniform_(self.norm_2.weight, 0.5, 1.5)
        self.attention = Attention(size, heads, groups, rotary)
        self.gate = nn.Linear(size, hidden, bias=False)
        self.up = nn.Linear(size, hidden, bias=False)
        self.down = nn.Linear(hidden, size, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm(x))
        y = self.norm_2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Language(nn.Module):
    """A small model of language, as Llama is built."""

    def __init__(
        self, *, rotary: str = "halves", size: int = 16, heads: int = 4, groups: int = 2,
        hidden: int = 24, depth: int = 2, tied: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed = nn.Embedding(11, size)
        self.blocks = nn.ModuleList(
            Block(size, heads, groups, hidden, rotary) for _ in range(depth)
        )
        self.norm = RootMeanSquare(size)
        self.head = nn.Linear(size, 11, bias=False)
        if tied:
            self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Recurrent(nn.Module):
    """A recurrent net of two layers, read at its last place."""

    def __init__(self, kind: Any, layers: int = 2) -> None:
        super().__init__()
        self.recurrent = kind(4, 5, layers, batch_first=True)
        self.head = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.recurrent(x)[0][:, -1])


class LowRank(nn.Module):
    """LoRA beside a layer, as a module and as a sum of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 7)
        self.a, self.b = nn.Linear(5, 3, bias=False), nn.Linear(3, 7, bias=False)
        self.second = nn.Linear(7, 4)
        self.c, self.d = nn.Parameter(torch.randn(2, 7)), nn.Parameter(torch.randn(4, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x) + 2.0 * self.b(self.a(x)))
        return F.linear(x, self.second.weight + 0.5 * self.d @ self.c, self.second.bias)


def perceptron() -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 9)),
        *(nn.Linear(9, 5), nn.GELU(), nn.Linear(5, 3)),
    )


def convolutions() -> nn.Module:
    return moved_statistics(
        nn.Sequential(
            *(nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 6, 3, groups=6), nn.SiLU(), nn.Conv2d(6, 4, 1), nn.AvgPool2d(2)),
            *(nn.Flatten(), nn.Dropout(), nn.Linear(4, 3)),
        )
    )


def moved_statistics(model: nn.Module) -> nn.Module:
    """Batch norms as they are after training."""
    for one in model.modules():
        if isinstance(one, nn.BatchNorm2d):
            nn.init.uniform_(one.weight, 0.5, 1.5)
            nn.init.normal_(one.bias)
            nn.init.normal_(one.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(one.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return model


def transformer(before: bool) -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=before)
    last = nn.LayerNorm(8) if before else None
    encoder = nn.TransformerEncoder(layer, 2, norm=last, enable_nested_tensor=False)
    model = nn.Sequential(nn.Linear(6, 8), encoder, nn.Linear(8, 3))
    for one in model.modules():
        if isinstance(one, nn.LayerNorm):
            nn.init.uniform_(one.weight, 0.5, 1.5)
            nn.init.normal_(one.bias)
    return model


class Case(NamedTuple):
    """A model, what goes in, and which groups are expected, by name of the interface."""

    make: Callable[[], nn.Module]
    batch: tuple[int, ...] | int
    groups: dict[str, tuple[str, int, int]]


ATTENTION = {
    f"blocks.{k}.{one}": value
    for k in range(2)
    for one, value in {
        "attention.v → blocks.{k}.attention.o": ("linear", 4, 2),
        "attention.q → blocks.{k}.attention.o": ("permutation", 2, 1),
        "attention.q → blocks.{k}.attention.o (2)": ("permutation", 2, 1),
        "gate → blocks.{k}.down": ("permutation and scale", 24, 1),
        "norm → blocks.{k}.attention.v": ("scale", 16, 1),
        "norm_2 → blocks.{k}.up": ("scale", 16, 1),
    }.items()
}
ATTENTION = {name.replace("{k}", name[7]): value for name, value in ATTENTION.items()}


def language(planes: str) -> dict[str, tuple[str, int, int]]:
    meeting = {f"blocks.{k}.attention.q → blocks.{k}.attention.k": (planes, 4, 2) for k in range(2)}
    stream = {"embed → head": ("rotation", 16, 1), "norm → head": ("scale", 16, 1)}
    return ATTENTION | meeting | stream


CASES: dict[str, Case] = {
    "perceptron": Case(perceptron, (5, 6), {
        "0 → 2": ("permutation and positive scale", 8, 1), "2 → 4": ("permutation and sign", 7, 1),
        "4 → 5": ("linear", 9, 1), "5 → 7": ("permutation", 5, 1),
    }),
    "convolutions": Case(convolutions, (3, 2, 12, 12), {
        "0 → 6": ("permutation", 6, 1), "0 → 1": ("scale", 6, 1), "1 → 4": ("positive scale", 6, 1),
        "6 → 10": ("linear", 4, 1),
    }),
    "lstm": Case(lambda: Recurrent(nn.LSTM), (3, 4, 4), {
        "recurrent": ("permutation and sign", 5, 1),
        "recurrent → head": ("permutation and sign", 5, 1),
    }),
    "gru": Case(lambda: Recurrent(nn.GRU), (3, 4, 4), {
        "recurrent": ("permutation and sign", 5, 1),
        "recurrent → head": ("permutation and sign", 5, 1),
    }),
    "lora": Case(LowRank, (6, 5), {
        "c → second": ("permutation and positive scale", 7, 1), "a → b": ("linear", 3, 1),
        "c → d": ("linear", 2, 1),
    }),
    "rotary in halves": Case(Language, 0, language("scaled rotation of planes of halves")),
    "rotary of neighbours": Case(
        lambda: Language(rotary="neighbours"), 0,
        language("scaled rotation of planes of neighbours"),
    ),
    "rotary in complex numbers": Case(
        lambda: Language(rotary="complex"), 0, language("scaled rotation of planes of neighbours")
    ),
    "no rotary": Case(lambda: Language(rotary=""), 0, language("linear")),
}  # fmt: skip


def made(name: str, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, torch.Tensor]:
    """A model in evaluation mode and a batch."""
    torch.manual_seed(0)
    case = CASES[name]
    model = case.make().to(dtype).eval()
    if isinstance(case.batch, int):
        return model, torch.randint(0, 11, (4, 5))
    return model, torch.randn(case.batch, dtype=dtype)
