"""`probe`: the numbers of hooks by hand, to the bit; proofs that speak; a model left as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import methexis as mx
from methexis.errors import MethexisError
from methexis.probes import list_layers, patterns, probe

torch = pytest.importorskip("torch")
nn = torch.nn
NUM, BATCH = 23, 5


def convolutions() -> Any:
    """Positions in images, a batch norm with running means, dropout, a module that overwrites."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(4, 3),
    ).eval()


class Encoder(nn.Module):  # type: ignore[name-defined,misc]
    """A small transformer with masks, as encoders of texts are."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        one = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **options)
        self.blocks = nn.ModuleList([one, nn.Linear(8, 8), nn.Tanh()])

    def forward(self, input_ids: Any, attention_mask: Any = None) -> dict[str, Any]:
        x = self.embed(input_ids)
        padding = None if attention_mask is None else attention_mask == 0
        x = self.blocks[0](x, src_key_padding_mask=padding)
        x = self.blocks[2](self.blocks[1](x))
        return {"states": x, "first": x[:, 0]}


def texts(count: int = NUM, batch: int = BATCH, seed: int = 0) -> list[dict[str, Any]]:
    """Batches of tokens of unequal lengths, padded to the longest of each batch."""
    generator = np.random.default_rng(seed)
    found = []
    for start in range(0, count, batch):
        lengths = generator.integers(2, 9, size=min(batch, count - start))
        ids = np.zeros((len(lengths), lengths.max()), np.int64)
        mask = np.zeros_like(ids)
        for row, length in enumerate(lengths):
            ids[row, :length] = generator.integers(1, 30, size=length)
            mask[row, :length] = 1
        found.append({"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)})
    return found


def encoder() -> Any:
    torch.manual_seed(1)
    return Encoder().eval()


def images() -> Any:
    return torch.randn(NUM, 1, 8, 8, generator=torch.Generator().manual_seed(2))


def by_hand(model: Any, names: list[str], batches: Any, pool: Callable[..., Any]) -> dict[str, Any]:
    """Hooks as they are written by hand: copied at once, pooled afterwards."""
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for batch in batches:
        kept: dict[str, Any] = {}

        def keep(name: str, kept: dict[str, Any] = kept) -> Any:
            return lambda _m, _i, out: kept.__setitem__(name, out.detach().clone())

        handles = [
            dict(model.named_modules())[name].register_forward_hook(keep(name)) for name in names
        ]
        with torch.no_grad():
            model(**batch) if isinstance(batch, dict) else model(batch)
        for handle in handles:
            handle.remove()
        for name in names:
            parts[name].append(pool(kept[name], batch).numpy())
    return {name: np.concatenate(rows) for name, rows in parts.items()}


def masked_mean(states: Any, batch: Any) -> Any:
    mask = batch["attention_mask"][..., None]
    return (states * mask).sum(1) / mask.sum(1)


def last_real(states: Any, batch: Any) -> Any:
    ends = batch["attention_mask"].sum(1) - 1
    return states[torch.arange(len(states)), ends]


def largest(states: Any, batch: Any) -> Any:
    return states.masked_fill(batch["attention_mask"][..., None] == 0, -torch.inf).amax(1)


# the same numbers


@pytest.mark.parametrize(
    ("pool", "hand"),
    [
        ("mean", masked_mean),
        ("first", lambda states, _: states[:, 0]),
        ("last", last_real),
        ("max", largest),
    ],
)
def test_tokens_are_pooled_as_by_hand(tmp_path: Path, pool: str, hand: Any) -> None:
    model, names = encoder(), ["embed", "blocks.0", "blocks.1", "blocks.2"]
    found = probe(model, texts(), "embed, blocks.*", pool=pool, out=tmp_path / "a.zarr")
    assert found.names == names
    expected = by_hand(model, names, texts(), hand)
    for layer in found:
        assert np.array_equal(layer.array, expected[layer.name]), layer.name  # to the bit
        assert isinstance(layer.array, np.memmap)


def test_images_are_pooled_as_by_hand(tmp_path: Path) -> None:
    model, names = convolutions(), ["0", "1", "2", "4", "6"]
    found = probe(model, images().split(BATCH), "**", out=tmp_path / "a.zarr")
    expected = by_hand(
        model, names, images().split(BATCH), lambda x, _: x.mean((2, 3)) if x.ndim == 4 else x
    )
    assert set(names) < set(found.names)
    for name in names:
        layer = next(one for one in found if one.name == name)
        assert np.array_equal(layer.array, expected[name]), name


def test_what_a_module_behind_overwrites_was_taken_before(tmp_path: Path) -> None:
    """`ReLU(inplace=True)` writes into the output of the batch norm: who keeps it is late."""
    model = convolutions()
    found = probe(model, images(), "1", pool="flatten", out=tmp_path / "a.zarr")
    with torch.no_grad():
        right = model[1](model[0](images()))
    assert (right < 0).any()  # which the module behind makes zero
    assert np.allclose(found.layers[0].array, right.flatten(1).numpy(), atol=1e-6)


def test_each_position_is_a_layer(tmp_path: Path) -> None:
    model = encoder()
    found = probe(model, texts(), "embed", pool="each", tokens=2, out=tmp_path / "a.zarr")
    assert found.names == ["embed/0", "embed/1"]
    expected = by_hand(model, ["embed"], texts(), lambda states, _: states[:, 1])
    assert np.array_equal(found.layers[1].array, expected["embed"])
    with pytest.raises(MethexisError, match=r"expected at least 6 tokens in every sample, got"):
        probe(model, texts(), "embed", pool="each", tokens=6, out=tmp_path / "b.zarr")


def test_padding_before_the_tokens(tmp_path: Path) -> None:
    """Embeddings alone do not see positions, so that padding before is as padding behind."""
    model = nn.ModuleDict({"embed": nn.Embedding(30, 4)})
    model.forward = lambda input_ids, attention_mask: model["embed"](input_ids)
    behind = texts()
    before = []
    for batch in behind:
        rows = zip(batch["input_ids"], batch["attention_mask"].sum(1), strict=True)
        shifts = [ids.roll(-int(length)) for ids, length in rows]
        masks = [mask.flip(0) for mask in batch["attention_mask"]]
        before.append({"input_ids": torch.stack(shifts), "attention_mask": torch.stack(masks)})
    for pool in ("mean", "first", "last", "max"):
        one = probe(model, behind, "embed", pool=pool, out=tmp_path / f"a-{pool}.zarr")
        other = probe(model, before, "embed", pool=pool, out=tmp_path / f"b-{pool}.zarr")
        # sums in another order
        assert np.allclose(one.layers[0].array, other.layers[0].array, rtol=1e-5, atol=1e-6), pool


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_other_types(tmp_path: Path, dtype: str) -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh()).to(getattr(torch, dtype))
    x = np.random.default_rng(0).normal(size=(9, 6))
    found = probe(model, x, out=tmp_path / "a.zarr", pool="flatten")
    with torch.no_grad():
        right = model[0](torch.tensor(x).to(getattr(torch, dtype)))
    assert found.layers[0].given == dtype
    assert np.array_equal(np.asarray(found.layers[0].array, np.float64), right.double().numpy())


# what is taken, in which order


def test_layers_without_a_pattern_are_the_members_of_outermost_lists(tmp_path: Path) -> None:
    assert probe(encoder(), texts(), out=tmp_path / "a.zarr").names == [
        "blocks.0",
        "blocks.1",
        "blocks.2",
    ]


def test_outputs_with_several_arrays_and_several_calls(tmp_path: Path) -> None:
    class Shared(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.act = nn.Linear(4, 4), nn.Tanh()
            self.gru = nn.GRU(4, 3, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.gru(self.act(self.linear(self.act(x))))

    x = torch.randn(11, 5, 4)
    found = probe(Shared(), x, "act, gru", out=tmp_path / "a.zarr")
    assert found.names == ["act#0", "act#1", "gru[0]", "gru[1]"]
    assert np.allclose(found.layers[0].array, torch.tanh(x).mean(1), atol=1e-6)
    # the last state lies along another axis than the others: (layers, samples, features)
    assert found.layers[3].shape == (11, 3)


def test_the_axis_of_samples_is_found_wherever_it_is(tmp_path: Path) -> None:
    class Sequences(nn.Module):  # type: ignore[name-defined,misc]
        """Batch first for who calls it, and second within, as transformers used to be."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.TransformerEncoderLayer(4, 1, 8)

        def forward(self, x: Any) -> Any:
            return self.inner(x.transpose(0, 1)).transpose(0, 1)

    x = torch.randn(7, 5, 4)
    model = Sequences().eval()
    found = probe(model, x, "inner, output", out=tmp_path / "a.zarr")
    assert np.array_equal(found.layers[0].array, found.layers[1].array)
    listed = {one.name: one for one in list_layers(model, x)}
    assert listed["inner"].shape == (5, None, 4)
    assert listed["inner"].positions == (0,)


def test_data_sets_and_arrays_and_batches_are_the_same(tmp_path: Path) -> None:
    model, x = convolutions(), images()
    loader = torch.utils.data.DataLoader(x, batch_size=BATCH)
    data = torch.utils.data.TensorDataset(x)
    given = {
        "batches": x.split(BATCH),
        "generator": (one for one in x.split(BATCH)),
        "array": x.numpy(),
        "loader": loader,
        "tuples": [(one,) for one in x.split(BATCH)],
        "data set": data,
    }
    first = None
    for name, batches in given.items():
        found = probe(model, batches, "6", batch_size=BATCH, out=tmp_path / f"{name}.zarr")
        first = found if first is None else first
        assert np.array_equal(found.layers[0].array, first.layers[0].array), name
        assert found.about["data"] == first.about["data"], name


def test_prepare_makes_inputs_of_batches(tmp_path: Path) -> None:
    labelled = [(one, torch.zeros(len(one))) for one in images().split(BATCH)]
    with pytest.raises(MethexisError, match=r"give prepare, such as prepare=lambda batch: batch"):
        probe(convolutions(), labelled, "6", out=tmp_path / "a.zarr")
    found = probe(
        convolutions(), labelled, "6", prepare=lambda batch: batch[0], out=tmp_path / "a.zarr"
    )
    assert found.num_samples == NUM


def test_a_sample_is_drawn_with_a_seed(tmp_path: Path) -> None:
    x = images()
    found = probe(convolutions(), x, "6", sample=10, seed=3, out=tmp_path / "a.zarr")
    whole = probe(convolutions(), x, "6", out=tmp_path / "b.zarr")
    rows = np.sort(np.random.default_rng(3).permutation(NUM)[:10])
    assert np.allclose(found.layers[0].array, whole.layers[0].array[rows], atol=1e-6)
    assert "10 of 23 samples" in found.about["notes"][0]


# the model is left as it was found


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was_found(tmp_path: Path, fails: bool) -> None:
    class Counting(nn.Module):  # type: ignore[name-defined,misc]
        """Writes into a buffer, and fails in its third pass of the data if asked to."""

        def __init__(self) -> None:
            super().__init__()
            self.linear, self.drop = nn.Linear(3, 3), nn.Dropout()
            self.register_buffer("passes", torch.zeros(()))

        def forward(self, x: Any) -> Any:
            self.passes += 1
            if fails and len(x) == 2:
                raise RuntimeError("no such luck")
            random.random()
            np.random.rand()  # noqa: NPY002
            torch.rand(1)
            return self.drop(self.linear(x))

    model = Counting()
    model.drop.eval()
    model.linear.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batches = [torch.randn(5, 3), torch.randn(2, 3)]
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    if fails:
        with pytest.raises(MethexisError, match=r"got RuntimeError: no such luck"):
            probe(model, batches, "linear", out=tmp_path / "a.zarr")
        assert not (tmp_path / "a.zarr").exists()
    else:
        found = probe(model, batches, "linear", out=tmp_path / "a.zarr")
        assert "was in training mode (2 of its modules)" in found.about["notes"][0]
    assert [one.training for one in model.modules()] == [True, True, False]
    assert not any(one._forward_hooks for one in model.modules())
    assert [one.requires_grad for one in model.parameters()] == [False, False]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.is_grad_enabled()
    assert states[0] == random.getstate()
    assert states[1] == np.random.get_state()[1].tolist()  # noqa: NPY002
    assert torch.equal(states[2], torch.get_rng_state())


# the store


def test_any_reader_of_zarr_reads_it(tmp_path: Path) -> None:
    found = probe(encoder(), texts(), "**", out=tmp_path / "a.zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    for layer in found:
        node = next(n for n, v in group.arrays() if v.attrs["name"] == layer.name)
        assert np.array_equal(group[node][:], layer.array)
        assert np.array_equal(group[node][3:7], layer.array[3:7])
    assert group["samples"].shape == (NUM, 16)


def test_chunks_of_a_larger_store(tmp_path: Path) -> None:
    """More than one chunk, the last of them not full."""
    x = np.random.default_rng(0).normal(size=(700, 2)).astype(np.float32)
    model = nn.Sequential(nn.Linear(2, 1000))
    found = probe(model, x, batch_size=100, out=tmp_path / "a.zarr")
    node = zarr.open_array(tmp_path / "a.zarr" / "0", mode="r")
    assert node.chunks[0] < 700 < node.shards[0]
    assert np.array_equal(node[:], found.layers[0].array)
    assert np.array_equal(node[690:], found.layers[0].array[690:])


def test_what_a_store_says_of_itself(tmp_path: Path) -> None:
    model = encoder()
    about = probe(model, texts(), out=tmp_path / "a.zarr").about
    assert about["model"]["name"] == "Encoder"
    assert about["model"]["kind"].startswith("torch 2.")
    assert about["pool"] == "mean"
    assert about["names"] == "inputs"
    with torch.no_grad():
        model.blocks[1].bias[0] += 1e-3
    other = probe(model, texts(), out=tmp_path / "b.zarr").about
    assert other["data"] == about["data"]
    assert other["model"]["fingerprint"] != about["model"]["fingerprint"]


def test_batches_of_other_sizes_are_the_same_samples(tmp_path: Path) -> None:
    """Padding depends on the neighbours in a batch; the fingerprint of a sample does not."""
    whole = texts(batch=NUM)[0]
    lengths = whole["attention_mask"].sum(1)
    cut = []
    for start in range(0, NUM, 4):
        longest = int(lengths[start : start + 4].max())
        cut.append({key: value[start : start + 4, :longest] for key, value in whole.items()})
    one = probe(encoder(), [whole], "embed", out=tmp_path / "a.zarr")
    other = probe(encoder(), cut, "embed", out=tmp_path / "b.zarr")
    assert one.about["data"] == other.about["data"]


@pytest.mark.parametrize("what", ["a layer", "the root", "a lost file"])
def test_a_damaged_store_is_refused(tmp_path: Path, what: str) -> None:
    probe(convolutions(), images(), "6", out=tmp_path / "a.zarr")
    path = tmp_path / "a.zarr" / "6" / "c" / "0" / "0"
    if what == "a lost file":
        path.unlink()
    elif what == "a layer":
        content = bytearray(path.read_bytes())
        content[5] ^= 1
        path.write_bytes(content)
    else:
        root = tmp_path / "a.zarr" / "zarr.json"
        root.write_text(root.read_text().replace('"pool": "mean"', '"pool": "max"'))
    with pytest.raises(MethexisError, match=r"expected a whole store of probed layers, got"):
        mx.representations.load(tmp_path / "a.zarr")


# what is no model, and what is no weight


def test_what_is_no_model(tmp_path: Path) -> None:
    for model, told in (
        (3, "got int"),
        ("weights.bin", "other files are opened by the command"),
        (lambda x: x, "got function"),
    ):
        with pytest.raises(MethexisError, match=rf"^model: expected a torch.nn.Module.*{told}"):
            probe(model, images(), out=tmp_path / "a.zarr")


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MethexisError, match=r"got weight of a lazy module|lazy module"):
        probe(nn.LazyLinear(3), images().flatten(1), out=tmp_path / "a.zarr")
    with pytest.raises(MethexisError, match=r"on device meta, which has none"):
        probe(nn.Linear(64, 3, device="meta"), images().flatten(1), out=tmp_path / "a.zarr")


def test_a_pass_that_writes_into_weights_is_an_error(tmp_path: Path) -> None:
    class Learning(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(64, 3)

        def forward(self, x: Any) -> Any:
            self.linear.bias.mul_(1.0)
            return self.linear(x)

    with pytest.raises(MethexisError, match=r"got one that wrote into linear.bias"):
        probe(Learning(), images().flatten(1), out=tmp_path / "a.zarr")


def test_patterns() -> None:
    names = ["encoder", "encoder.0", "encoder.0.norm", "encoder.10", "head"]
    assert patterns.matching("encoder.*", names) == ["encoder.0", "encoder.10"]
    assert patterns.matching("encoder.?", names) == ["encoder.0"]
    assert patterns.matching("head, **.norm", names) == ["encoder.0.norm", "head"]
    with pytest.raises(MethexisError, match=r"nearest are encoder"):
        patterns.matching("encodr", names)
    with pytest.raises(MethexisError, match=r"expected a pattern of layer names"):
        patterns.matching("head,", names)


def test_progress_tells_samples_and_what_is_left(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    probe(
        convolutions(),
        images(),
        "6",
        batch_size=BATCH,
        out=tmp_path / "a.zarr",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [*((done, NUM) for done in (5, 10, 15, 20, 23)), (NUM, NUM)]
    loader = torch.utils.data.DataLoader(images(), batch_size=BATCH)
    told.clear()
    probe(
        convolutions(),
        loader,
        "6",
        out=tmp_path / "b.zarr",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[0] == (5, 25)  # five batches like the first; the last one is shorter
    assert told[-1] == (NUM, NUM)
