"""Interfaces of models of every family: which there are, and that each is proved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx

torch = pytest.importorskip("torch")

from tests.probes.interfaces import models  # noqa: E402  after torch is known to be there


def change(one: Any, other: Any, batch: Any) -> float:
    """The largest relative change, by a computation of our own."""
    with torch.no_grad():
        before, after = one(batch).double(), other(batch).double()
    return float((before - after).abs().max() / before.abs().max())


@pytest.mark.parametrize("name", models.CASES)
def test_groups_and_their_proofs(name: str) -> None:
    model, batch = models.made(name)
    known = mx.interfaces(model, batch)
    groups = {one.name: (one.group, one.size, one.count) for one in known}
    assert groups == models.CASES[name].groups
    assert known.change <= 1e-12
    assert known.proved
    for one in known:  # a pair changes its order at random, or not
        assert one.size == 2 or one.control > 1e6 * 1e-12, one.name


@pytest.mark.parametrize("name", models.CASES)
def test_in_single_precision(name: str) -> None:
    model, batch = models.made(name, torch.float32)
    known = mx.interfaces(model, batch)
    assert known.dtype == "float32"
    assert known.change <= 1e-5
    assert known.proved


@pytest.mark.parametrize("before", [True, False])
def test_transformers_of_torch(before: bool) -> None:
    """Behind a norm the stream rotates; a norm on the stream keeps its coordinates apart."""
    torch.manual_seed(1)
    model = models.transformer(before).double().eval()
    batch = torch.randn(3, 4, 6).double()
    known = mx.interfaces(model, batch)
    assert known.change <= 1e-12
    groups = {one.name: one.group for one in known}
    assert groups["0 → 2"] == ("rotation about ones" if before else "permutation and scale")
    assert groups["1.layers.0.linear1 → 1.layers.0.linear2"] == "permutation and positive scale"
    linear = [one for one in known if one.group == "linear"]
    assert [(one.size, one.count) for one in linear] == [(4, 2)] * 4  # QK and VO of two layers
    assert known["0 → 2"].folded == ((*known["0 → 2"].folded,) if before else ())
    assert len(known["0 → 2"].folded) == (5 if before else 0)


@pytest.mark.parametrize("name", ["perceptron", "rotary in halves", "convolutions"])
def test_what_apply_gives_is_the_same_function_of_other_inputs(name: str) -> None:
    """The proof is on the batch; the function is the same elsewhere too."""
    model, batch = models.made(name)
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    other = batch.flip(0).roll(1, -1) if batch.dtype == torch.int64 else 3.0 * batch.flip(0) + 1.0
    for one in mx.interfaces(model, batch):
        changed = one.random(seed=5)
        assert change(model, changed, other) <= 1e-12, one.name
        arrays = dict(changed.state_dict())
        moved = [key for key in kept if not torch.equal(kept[key], arrays[key])]
        assert moved or one.size == 2, one.name  # of two orders one is the old one
        assert set(moved) <= set(one.parameters)
    assert all(torch.equal(kept[key], value) for key, value in model.state_dict().items())


def test_apply_is_what_the_formula_says() -> None:
    model, batch = models.made("perceptron")
    known = mx.interfaces(model, batch)
    matrix = known["4 → 5"].element(seed=3).matrix
    assert matrix is not None
    changed = known["4 → 5"].apply(matrix)
    by_hand = matrix[0] @ model[4].weight.detach().numpy()
    assert np.allclose(changed[4].weight.detach().numpy(), by_hand, rtol=1e-13, atol=1e-13)
    back = model[5].weight.detach().numpy() @ np.linalg.inv(matrix[0])
    assert np.allclose(changed[5].weight.detach().numpy(), back, rtol=1e-13, atol=1e-13)


def test_what_is_not_in_the_group_changes_the_function() -> None:
    """By hand: a sign behind ReLU, a factor behind tanh, a mixture behind GELU."""
    model, batch = models.made("perceptron")
    for writer, reader, matrix in (
        (0, 2, -np.eye(8)),
        (2, 4, 2.0 * np.eye(7)),
        (5, 7, np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]),
    ):
        twin, _ = models.made("perceptron")
        by = torch.as_tensor(matrix)
        with torch.no_grad():
            twin[writer].weight.copy_(by @ model[writer].weight)
            twin[writer].bias.copy_(by @ model[writer].bias)
            twin[reader].weight.copy_(model[reader].weight @ torch.linalg.inv(by))
        assert change(model, twin, batch) > 1e-3


def test_tied_weights_keep_one_basis() -> None:
    """An embedding that also reads: gains cannot be folded, and so nothing rotates."""
    torch.manual_seed(0)
    model = models.Language(tied=True, rotary="").double().eval()
    tokens = torch.randint(0, 11, (4, 5))
    known = mx.interfaces(model, tokens)
    assert known.proved
    stream = [one for one in known if "embed.weight" in one.parameters]
    assert {one.group for one in stream} == {"permutation", "sign"}
    changed = stream[0].random()
    assert changed.head.weight is changed.embed.weight


def test_a_seed_makes_the_same_element() -> None:
    model, batch = models.made("lora")
    one = mx.interfaces(model, batch)["a → b"]
    first, again, other = (one.element(seed).matrix for seed in (0, 0, 1))
    assert first is not None
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
