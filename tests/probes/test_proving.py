"""What the proofs must see: each layer here is wrong in one way, and is refused for that way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.probes import list_layers, probe

torch = pytest.importorskip("torch")
nn = torch.nn


class Layer(nn.Module):  # type: ignore[name-defined,misc]
    """A layer made of a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.seen = 0

    def forward(self, x: Any) -> Any:
        self.seen += 1
        return self.function(self, x)


class Model(nn.Module):  # type: ignore[name-defined,misc]
    """A good layer, and one to be proved."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.good, self.odd = nn.Linear(4, 4), Layer(function)

    def forward(self, x: Any) -> Any:
        y = self.good(x)
        self.odd(y)
        return y


X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randn(12, 6, 4, generator=torch.Generator().manual_seed(0))


def refused(function: Any, x: Any = X, pool: str = "mean") -> str:
    """Why the odd layer is refused; the good one is not."""
    found = {one.name: one for one in list_layers(Model(function), x)}
    assert not found["good"].refused
    return found["odd"].refused


WRONG = {
    "class token along the axis of samples": (
        lambda _, x: torch.cat([x.mean(0, keepdim=True), x]),
        "samples and something else share an axis",
    ),
    "samples sorted": (
        lambda _, x: x[x[:, 0].argsort()],
        "got one that does not when they are given in another order",
    ),
    "less the mean of the batch": (
        lambda _, x: x - x.mean(0),
        "depends on its neighbours in the batch",
    ),
    "batch norm without running means": (
        lambda _, x: nn.functional.batch_norm(x, None, None, training=True),
        "depends on its neighbours in the batch",
    ),
    "attention over the batch": (
        lambda _, x: torch.softmax(x @ x.T, 1) @ x,
        "depends on its neighbours in the batch",
    ),
    "similarities of samples": (lambda _, x: x @ x.T, "share an axis"),
    "dropout that is always on": (
        lambda _, x: nn.functional.dropout(x, 0.5, training=True),
        "it is random (dropout that knows no evaluation mode) or remembers",
    ),
    "memory": (lambda me, x: x + me.seen, "or remembers what was run before"),
    "sum over samples": (lambda _, x: x.sum(0), "whatever the number of samples"),
    "samples and features in one axis": (lambda _, x: x.flatten(), "share an axis"),
    "positions and samples in one axis": (lambda _, x: x.repeat(3, 1), "share an axis"),
    "nothing": (lambda _, x: None, "expected an array, got none"),
    "integers": (lambda _, x: x.argmax(1), "expected floating-point numbers, got int64"),
    "no features": (lambda _, x: x[:, :0], "got an empty output"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_layer_is_refused_for_its_reason(name: str) -> None:
    function, why = WRONG[name]
    told = refused(function)
    assert told
    assert why in told


RIGHT = {
    "samples last": (lambda _, x: x.T, X, (4, None)),
    "samples in the middle": (lambda _, x: x.permute(1, 0, 2), TOKENS, (6, None, 4)),
    "one number": (lambda _, x: x.sum(1), X, (None,)),
    "equal rows": (lambda _, x: torch.ones(len(x), 2), X, (None, 2)),
    "as many positions as samples": (lambda _, x: x[:, :3], TOKENS, (None, 3, 4)),
    "own attention": (lambda _, x: torch.softmax(x @ x.mT, 2) @ x, TOKENS, (None, 6, 4)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_layer_is_not_refused(name: str) -> None:
    function, x, shape = RIGHT[name]
    found = {one.name: one for one in list_layers(Model(function), x)}["odd"]
    assert not found.refused
    assert found.shape == shape


def test_what_is_refused_is_left_out_and_said(tmp_path: Path) -> None:
    found = probe(Model(WRONG["sum over samples"][0]), X, "*", out=tmp_path / "a.zarr")
    assert found.names == ["good", "output"]
    assert "odd (expected an axis of samples" in found.left_out[0]


def test_what_was_asked_for_by_name_is_an_error(tmp_path: Path) -> None:
    model = Model(WRONG["sum over samples"][0])
    with pytest.raises(MethexisError, match=r"^layer odd: expected an axis of samples, got shape"):
        probe(model, X, "good, odd", out=tmp_path / "a.zarr")
    with pytest.raises(MethexisError, match=r"^layer odd: expected an axis of samples, got shape"):
        probe(model, X, "od?", out=tmp_path / "a.zarr")  # nothing else is left
    assert not list(tmp_path.iterdir())


def test_a_hook_that_never_fires_is_said(tmp_path: Path) -> None:
    class Around(Model):
        def forward(self, x: Any) -> Any:
            return self.good(x)

    with pytest.raises(MethexisError, match=r"layer odd: expected to be called in a forward pass"):
        probe(Around(lambda _, x: x), X, "odd", out=tmp_path / "a.zarr")
    found = probe(Around(lambda _, x: x), X, "*", out=tmp_path / "a.zarr")
    assert "odd (expected to be called" in found.left_out[0]


def test_a_compiled_model_is_probed_before_it_was(tmp_path: Path) -> None:
    model = Model(lambda _, x: torch.tanh(x))
    compiled = torch.compile(model, backend="eager")
    found = probe(compiled, X, "odd", out=tmp_path / "a.zarr")
    assert "was compiled" in found.about["notes"][0]
    with torch.no_grad():
        assert np.array_equal(found.layers[0].array, torch.tanh(model.good(X)).numpy())


def test_calls_that_depend_on_the_data_are_refused() -> None:
    class Again(Model):
        """Calls a layer once more where the first sample is positive."""

        def forward(self, x: Any) -> Any:
            y = self.good(x)
            self.odd(y)
            if x[0, 0] > 0:
                self.odd(y)
            return y

    x = torch.tensor([[-1.0, 0, 0, 0], [1.0, 0, 0, 0], [-2.0, 0, 0, 0]])
    found = {one.name: one for one in list_layers(Again(lambda _, y: y), x, "good, odd")}
    assert not found["good"].refused
    assert any("as many calls" in one.refused for one in found.values())


def test_padding_that_enters_real_tokens_is_seen() -> None:
    """A mean over all tokens, padding and all, added to each."""

    class Leaky(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.mix = nn.Embedding(9, 4), Layer(lambda _, x: x + x.mean(1, True))

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.mix(self.embed(input_ids))

    ids = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [7, 8, 1, 0]])
    batch = {"input_ids": ids, "attention_mask": (ids > 0).long()}
    found = {one.name: one for one in list_layers(Leaky(), [batch])}
    assert not found["embed"].refused
    assert "do not depend on padding" in found["mix"].refused


def test_positions_that_cannot_be_found_are_asked_for(tmp_path: Path) -> None:
    """Images of one size only, and a layer whose type does not say where channels are."""

    class Fixed(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.odd, self.head = Layer(lambda _, x: x.view(-1, 2, 6, 6)), nn.Linear(72, 2)

        def forward(self, x: Any) -> Any:
            return self.head(self.odd(x).flatten(1))

    x = torch.randn(8, 2, 6, 6)
    with pytest.raises(MethexisError, match=r"say it by pool: spatial"):
        probe(Fixed(), x, "odd", out=tmp_path / "a.zarr")
    found = probe(Fixed(), x, "odd", pool="spatial", out=tmp_path / "a.zarr")
    assert np.array_equal(found.layers[0].array, x.mean((2, 3)).numpy())
    last = probe(Fixed(), x, "odd", pool="spatial_last", out=tmp_path / "b.zarr")
    assert np.array_equal(last.layers[0].array, x.mean((1, 2)).numpy())


def test_channels_before_and_behind_positions() -> None:
    """Where tokens lie is seen from what changes with their number, not from the order of axes."""
    behind = {one.name: one for one in list_layers(nn.Sequential(nn.Conv1d(4, 5, 1)), TOKENS.mT)}
    assert behind["0"].positions == (2,)
    before = {one.name: one for one in list_layers(nn.Sequential(nn.Linear(4, 5)), TOKENS)}
    assert before["0"].positions == (1,)


@pytest.mark.parametrize("count", [1, 2])
def test_batches_of_one_are_joined_to_prove(tmp_path: Path, count: int) -> None:
    model = Model(lambda _, x: x)
    found = probe(model, [X[k : k + 1] for k in range(count + 1)], "good", out=tmp_path / "a.zarr")
    with torch.no_grad():
        assert np.allclose(found.layers[0].array, model.good(X[: count + 1]).numpy(), atol=1e-6)


def test_one_sample_alone_proves_nothing(tmp_path: Path) -> None:
    for x in (X[:1], X[:1].repeat(5, 1)):
        with pytest.raises(MethexisError, match=r"expected at least 2 different samples"):
            probe(Model(lambda _, y: y), x, out=tmp_path / "a.zarr")


def test_another_number_of_calls_later_is_an_error(tmp_path: Path) -> None:
    class Later(Model):
        """Calls a layer twice where numbers are large, as no sample of the first batch is."""

        def forward(self, x: Any) -> Any:
            y = self.odd(self.good(x))
            return self.odd(y) if x.abs().max() > 100 else y

    data = [X[:6], 1000 * X[6:]]
    with pytest.raises(MethexisError, match=r"got more in the one that begins with sample 6"):
        probe(Later(lambda _, x: x), data, "odd", out=tmp_path / "a.zarr")
    with pytest.raises(MethexisError, match=r"got fewer in the one that begins with sample 6"):
        probe(Later(lambda _, x: x), data[::-1], "odd", out=tmp_path / "b.zarr")
