"""`canonicalize` on models of every family: balance, the same function, and sentences."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import methexis as mx

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  after torch is known to be there
from torch.nn import functional as F  # noqa: E402

from tests.probes.interfaces import models  # noqa: E402

FAMILIES = ["perceptron", "convolutions", "lora", "rotary in halves", "no rotary"]


def made(name: str, dtype: Any = None) -> tuple[nn.Module, tuple[Any, Any]]:
    """A model of a family with a batch that has as many samples as there are, and targets."""
    model, batch = models.made(name, dtype or torch.float64)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        shape = model(batch).shape
    return model, (batch, torch.randn(shape, generator=generator, dtype=torch.float64))


def plain() -> tuple[nn.Sequential, tuple[Any, Any]]:
    torch.manual_seed(0)
    layers = (nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.Linear(3, 5), nn.Linear(5, 3))
    x, y = torch.randn(40, 4).double(), torch.randn(40, 3).double()
    return nn.Sequential(*layers).double().eval(), (x, y)


def change(one: Any, other: Any, batch: Any) -> float:
    """The largest relative change of outputs, by a computation of our own."""
    with torch.no_grad():
        before, after = one(batch).double(), other(batch).double()
    return float((before - after).abs().max() / before.abs().max())


@pytest.mark.parametrize("by", ["entropy", "norm"])
@pytest.mark.parametrize("name", FAMILIES)
def test_balance_in_six_sweeps_with_the_function_as_it_was(name: str, by: str) -> None:
    model, (x, y) = made(name)
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    known = mx.canonicalize(model, F.mse_loss, (x, y), by=by)
    assert known.proved
    assert known.change <= 1e-12
    other = x.flip(0).roll(1, -1) if x.dtype == torch.int64 else 3.0 * x.flip(0) + 1.0
    assert change(model, known.model, x) <= 1e-12
    assert change(model, known.model, other) <= 1e-12  # where nothing was proved, too
    assert known.interfaces
    within = np.max([one.gaps for one in known.interfaces], axis=0)
    assert within[0] > 1e-2
    assert np.flatnonzero(within <= 1e-3)[0] <= 6
    assert known.balanced
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(known.totals))
    for key, value in model.state_dict().items():
        assert torch.equal(kept[key], value)
    if by == "entropy":  # and nothing is left to do
        assert known.entropy == pytest.approx((known.totals[0], known.totals[-1]), rel=1e-12)
        again = mx.canonicalize(known.model, F.mse_loss, (x, y))
        assert again.sweeps == 0


def test_a_balanced_model_has_equal_norms_and_moments() -> None:
    model, batch = plain()
    after = mx.canonicalize(model, None, batch[0], by="norm", tolerance=1e-14, sweeps=60).model
    one, two, three, four = (after[place] for place in (0, 2, 3, 4))
    with torch.no_grad():
        rows = (one.weight**2).sum(1) + one.bias**2
        torch.testing.assert_close(rows, (two.weight**2).sum(0), rtol=1e-5, atol=1e-9)
        written = two.weight @ two.weight.T + torch.outer(two.bias, two.bias)
        torch.testing.assert_close(written, three.weight.T @ three.weight, rtol=1e-5, atol=1e-6)
        written = three.weight @ three.weight.T + torch.outer(three.bias, three.bias)
        # five coordinates of which three are read: the others are only scaled down
        read = four.weight.T @ four.weight
        assert float((written - read).abs().max()) < 1e-3 * float(read.abs().max())


def test_activations_are_white_where_any_matrix_acts() -> None:
    model, (x, _) = plain()
    known = mx.canonicalize(model, None, x, by="activations")
    after = known.model
    assert known.sweeps == 1
    assert known.change <= 1e-12
    with torch.no_grad():
        units = after[1](after[0](x))
        alive = units.square().mean(0) > 0
        assert float((units.square().mean(0)[alive] - 1).abs().max()) < 1e-9
        inner = after[2](units)
        torch.testing.assert_close(inner.T @ inner / 40, torch.eye(3).double(), rtol=0, atol=1e-9)


def test_principal_axes_make_gauges_one() -> None:
    """Models that differ by a change of gauge come out the same, and nearest ones do not."""
    model, (x, _) = plain()
    other = model
    for place in range(len(mx.interfaces(model, x[:4]))):
        other = mx.interfaces(other, x[:4])[place].random(seed=3)
    assert change(model, other, x) <= 1e-12
    apart = {}
    for axes in ("nearest", "principal"):
        ends = [
            mx.canonicalize(one, None, x, by="norm", axes=axes, tolerance=1e-14, sweeps=60).model
            for one in (model, other)
        ]
        weights = [one[2].weight.detach() for one in ends]  # between interfaces of full rank
        apart[axes] = float((weights[0] - weights[1]).abs().max())
        assert change(model, ends[0], x) <= 1e-12
    assert apart["principal"] < 1e-4
    assert apart["nearest"] > 0.1


def test_a_layer_that_reads_what_it_writes() -> None:
    """One layer used twice, so that its entries are multiplied on both sides."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 2)

        def forward(self, x: Any) -> Any:
            h = torch.relu(self.a(x))
            for _ in range(2):
                h = torch.relu(self.b(h))
            return self.c(h)

    torch.manual_seed(0)
    model = Twice().double().eval()
    x, y = torch.randn(30, 3).double(), torch.randn(30, 2).double()
    known = mx.canonicalize(model, F.mse_loss, (x, y), tolerance=1e-8, sweeps=200)
    assert [one.name for one in known.interfaces] == ["a → c"]
    assert known.balanced
    assert known.change <= 1e-12
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(known.totals))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_narrow_types_are_given_back_as_they_came(dtype: Any) -> None:
    model, (x, y) = plain()
    model = model.to(dtype)
    known = mx.canonicalize(model, F.mse_loss, (x.to(dtype), y.to(dtype)))
    assert {one.dtype for one in known.model.parameters()} == {dtype}
    assert {one.dtype for one in model.parameters()} == {dtype}
    assert known.dtype == "float64"
    assert known.exact <= 1e-12
    assert known.change <= (1e-5 if dtype == torch.float32 else 0.1)
    assert known.proved
    half = dtype != torch.float32
    assert any("half precision" in note for note in known.notes) == half


def test_tied_weights_stay_tied() -> None:
    torch.manual_seed(0)
    model = models.Language(tied=True, rotary="").double().eval()
    tokens = torch.randint(0, 11, (6, 5))
    with torch.no_grad():
        target = torch.randn_like(model(tokens))
    known = mx.canonicalize(model, F.mse_loss, (tokens, target))
    assert known.model.head.weight is known.model.embed.weight
    assert known.change <= 1e-12
    assert known.balanced


def test_what_has_nothing_to_balance_says_so() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double().eval()
    known = mx.canonicalize(model, None, torch.randn(5, 3).double(), by="norm")
    assert known.left == {
        "0 → 2": "nothing to balance: its group, permutation and sign, leaves sizes of "
        "coordinates alone"
    }
    assert known.reasons == {"2.bias": "axis 0: it is what the model gives"}
    assert "No interface of the model has anything to balance" in known.sentence
    assert torch.equal(known.model[0].weight, model[0].weight)
    frame = known.to_dataframe()
    assert frame["reason"].tolist() == list(known.left.values())


def test_only_what_is_trained_counts() -> None:
    model, batch = plain()
    for one in model[0].parameters():
        one.requires_grad_(False)
    known = mx.canonicalize(model, F.mse_loss, batch)
    assert "only one side of it is trained" in known.left["0 → 2"]
    assert torch.equal(known.model[0].weight, model[0].weight)
    assert [one.requires_grad for one in known.model.parameters()] == [
        one.requires_grad for one in model.parameters()
    ]
    for one in model.parameters():
        one.requires_grad_(False)
    assert len(mx.canonicalize(model, F.mse_loss, batch).interfaces) == 3


def test_a_script_and_several_batches_of_named_inputs() -> None:
    model, (x, y) = plain()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of being old
        script = torch.jit.trace(model, x[:3])
    plainly = mx.canonicalize(model, F.mse_loss, (x, y))
    scripted = mx.canonicalize(script, F.mse_loss, [(x[:25], y[:25]), (x[25:], y[25:])])
    assert scripted.totals == pytest.approx(plainly.totals, rel=1e-9)
    assert scripted.change <= 1e-12
    named = [({"input": x[:25]}, y[:25]), ({"input": x[25:]}, {"one": y[25:]})]

    def loss(outputs: Any, wanted: Any) -> Any:
        return F.mse_loss(outputs, wanted["one"] if isinstance(wanted, dict) else wanted)

    known = mx.canonicalize(model, loss, named)
    assert known.totals == pytest.approx(plainly.totals, rel=1e-9)


def nan_model() -> nn.Sequential:
    model, _ = plain()
    with torch.no_grad():
        model[2].weight[0, 0] = float("nan")
    return model


MODEL, (X, Y) = plain()


@pytest.mark.parametrize(
    ("given", "loss", "batches", "settings", "words"),
    [
        (MODEL, None, X, {}, "loss: expected a function of (outputs, targets), because entropies"),
        (MODEL, "mse", (X, Y), {}, "loss: expected a function of (outputs, targets), got str"),
        (MODEL, F.mse_loss, X, {}, "batches[0]: expected a pair (inputs, targets)"),
        (MODEL, F.mse_loss, [], {}, "batches: expected at least one batch, got none"),
        (MODEL, F.mse_loss, (X, Y[:7]), {}, "expected as many targets as samples, got 7 for 40"),
        (MODEL, F.mse_loss, (X, Y), {"by": "hope"}, "by: expected"),
        (MODEL, F.mse_loss, (X, Y), {"axes": "x"}, "axes: expected"),
        (MODEL, None, X, {"by": "activations", "axes": "principal"}, "have no principal axes"),
        (MODEL, F.mse_loss, (X, Y), {"sweeps": 0}, "sweeps: expected"),
        (MODEL, F.mse_loss, (X, Y), {"tolerance": 0.0}, "tolerance: expected"),
        (MODEL, F.mse_loss, (X, Y), {"progress": 3}, "progress: expected a function"),
        (MODEL, lambda out, _: out, (X, Y), {}, "loss: expected one number of a sample, got shape"),
        (MODEL, lambda out, _: out.nothing, (X, Y), {}, "got AttributeError"),
        (MODEL, lambda out, _: (out * torch.inf).sum(), (X, Y), {}, "finite gradients, got NaN"),
        (nan_model(), F.mse_loss, (X, Y), {}, "expected finite weights, got NaN or infinity in 2."),
        (plain()[0].train(), F.mse_loss, (X, Y), {}, "call model.eval() first"),
        ("a path", F.mse_loss, (X, Y), {}, "expected a torch.nn.Module"),
    ],
)  # fmt: skip
def test_one_sentence(given: Any, loss: Any, batches: Any, settings: Any, words: str) -> None:
    with pytest.raises(mx.MethexisError) as caught:
        mx.canonicalize(given, loss, batches, **settings)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    known = mx.canonicalize(MODEL, F.mse_loss, (X, Y), progress=lambda *one: told.append(one))
    assert told[0] == ("sweeps", 0, 20)
    assert len(told) == known.sweeps + 1
