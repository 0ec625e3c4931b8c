"""What is no model, no batch, or no element is refused in one sentence, and nothing is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.probes.interfaces import Element

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  after torch is known to be there


def model(dtype: Any = None) -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.Linear(4, 2))
    return nn.Sequential(*layers).to(dtype or torch.float64).eval()


X = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3)


def with_nan() -> nn.Module:
    made = model()
    with torch.no_grad():
        made[2].weight[0, 0] = float("nan")
    return made


class Failing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("of its own")


@pytest.mark.parametrize(
    ("given", "batch", "words"),
    [
        ("a path", X, "expected a torch.nn.Module or a TorchScript module, got str"),
        (model().train(), X, "got training mode in 5 of its modules; call model.eval() first"),
        (with_nan(), X, "expected finite weights, got NaN or infinity in 2.weight"),
        (nn.Sequential(nn.ReLU()).eval(), X, "expected a model with parameters, got one without"),
        (Failing().eval(), X, "RuntimeError: of its own"),
        (model(), torch.ones(2, 7, dtype=torch.float64), "over inputs 0 (2, 7)"),
        (model(), torch.ones(0, 3, dtype=torch.float64), "at least one sample"),
        (model(), "words", "batch: expected an array"),
    ],
)
def test_models_and_batches(given: Any, batch: Any, words: str) -> None:
    with pytest.raises(mx.MethexisError) as caught:
        mx.interfaces(given, batch)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_layer_that_is_no_interface() -> None:
    known = mx.interfaces(model(), X)
    assert [one.name for one in known.at("2")] == ["0 → 2", "2 → 3"]
    assert known.at("2.weight") == known.at("2")
    with pytest.raises(mx.MethexisError, match=r"3.bias, which is in none .*what the model gives"):
        known.at("3.bias")
    with pytest.raises(mx.MethexisError, match="a layer or a parameter of the model, got 7"):
        known.at("7")
    with pytest.raises(mx.MethexisError, match=r"such as 0 → 2, 2 → 3, got 9"):
        known["9"]
    with pytest.raises(mx.MethexisError, match="a place below 2, got 5"):
        known[5]


ORDER = np.arange(5)[None]


@pytest.mark.parametrize("order", [ORDER * 0, ORDER[0], ORDER + 0.5, "words"])
def test_an_order_names_each_coordinate_once(order: Any) -> None:
    with pytest.raises(mx.MethexisError, match=r"^order: expected "):
        Element(order=order)


@pytest.mark.parametrize(
    ("name", "element", "words"),
    [
        ("0 → 2", -np.eye(5), "expected factors of the group 'permutation and positive scale'"),
        ("0 → 2", np.ones((5, 5)), "coordinates here do not mix"),
        ("0 → 2", np.eye(4), r"matrices of shape (1, 5, 5), got shape (1, 4, 4)"),
        ("0 → 2", Element(matrix=np.eye(5)[None]), "got one of another kind"),
        ("0 → 2", Element(factors=np.full((1, 5), np.nan)), "expected finite factors"),
        ("2 → 3", np.ones((4, 4)), "expected invertible matrices, got a singular one"),
        ("2 → 3", Element(order=np.arange(4)[None]), "got one of another kind"),
        ("2 → 3", "words", "element of 2 → 3"),
    ],
)
def test_elements(name: str, element: Any, words: str) -> None:
    known = mx.interfaces(model(), X)[name]
    with pytest.raises(mx.MethexisError) as caught:
        known.apply(element)
    assert words in str(caught.value)


def test_half_precision_is_computed_in_single_and_given_back_as_it_came() -> None:
    half = model(torch.bfloat16)
    known = mx.interfaces(half, X.to(torch.bfloat16))
    assert known.dtype == "float32"
    assert known.change <= 1e-5
    assert "half precision (bfloat16); it was run in single precision" in known.notes[0]
    changed = known["2 → 3"].random()
    assert {one.dtype for one in changed.parameters()} == {torch.bfloat16}
    assert {one.dtype for one in half.parameters()} == {torch.bfloat16}


def test_the_model_is_as_it_was() -> None:
    given = model()
    kept = {name: value.clone() for name, value in given.state_dict().items()}
    state = torch.get_rng_state()
    known = mx.interfaces(given, X)
    known[0].random()
    assert all(torch.equal(kept[name], value) for name, value in given.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in given.modules())


def test_what_has_no_rule_leaves_no_freedom() -> None:
    class Sorted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 5), nn.Linear(5, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(torch.linalg.inv(self.a(x)[:, None] * torch.eye(5).double()).sum(1))

    torch.manual_seed(0)
    known = mx.interfaces(Sorted().double().eval(), X)
    assert len(known) == 0
    assert known.share == 0
    assert all(known.reasons.values())
    assert known.to_dataframe().shape[0] == 1
    with pytest.raises(mx.MethexisError, match="expected numbers that can be drawn"):
        known.plot()


def test_weights_that_only_read_zeros_are_no_interface() -> None:
    """One step of an LSTM from a state of zeros: nothing meets at what reads the state."""
    torch.manual_seed(0)
    cell = nn.LSTM(3, 4, batch_first=True).double().eval()
    known = mx.interfaces(cell, X[:, None])
    assert all(one.group != "linear" for one in known)
