"""Graphs of ONNX: inner values are what NumPy makes of the weights, and the file stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.probes import list_layers, probe

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
helper = onnx.helper

_RNG = np.random.default_rng(0)
W1, W2 = (_RNG.normal(size=shape).astype(np.float32) for shape in ((4, 6), (6, 3)))
EMBED = _RNG.normal(size=(9, 4)).astype(np.float32)
X = _RNG.normal(size=(11, 4)).astype(np.float32)


def written(path: Path, nodes: list[Any], inputs: list[Any], weights: dict[str, Any]) -> Path:
    graph = helper.make_graph(
        nodes,
        "small",
        inputs,
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, path)
    return path


def perceptron(path: Path) -> Path:
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["/block.0/MatMul_output_0"]),
        helper.make_node("Relu", ["/block.0/MatMul_output_0"], ["h"]),
        helper.make_node("MatMul", ["h", "w2"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 4])
    return written(path / "small.onnx", nodes, [x], {"w1": W1, "w2": W2})


def of_tokens(path: Path) -> Path:
    nodes = [
        helper.make_node("Gather", ["embed", "input_ids"], ["states"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["mask"], ["count"]),
        helper.make_node("Tanh", ["states"], ["y"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["n", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    return written(path / "tokens.onnx", nodes, inputs, {"embed": EMBED})


def tokens() -> list[dict[str, Any]]:
    found = []
    for length in (3, 5):
        ids = _RNG.integers(1, 9, size=(4, length))
        mask = np.ones_like(ids)
        mask[0, 2:] = 0
        found.append({"input_ids": ids * mask, "attention_mask": mask})
    return found


@pytest.mark.parametrize("given", ["path", "word", "graph", "session"])
def test_inner_values_are_those_of_the_weights(tmp_path: Path, given: str) -> None:
    path = perceptron(tmp_path)
    before = path.read_bytes()
    model: Any = {
        "path": lambda: path,
        "word": lambda: str(path),
        "graph": lambda: onnx.load(path),
        "session": lambda: onnxruntime.InferenceSession(str(path)),
    }[given]()
    found = probe(model, X, "**", batch_size=4, out=tmp_path / "a.zarr")
    assert found.names == ["/block.0/MatMul_output_0", "h", "y"]
    hidden = X @ W1
    for layer, right in zip(found, (hidden, hidden.clip(0), hidden.clip(0) @ W2), strict=True):
        assert np.allclose(layer.array, right, atol=1e-5)  # sums of 4 and of 6 products
    assert path.read_bytes() == before
    assert found.about["model"]["kind"].startswith("onnxruntime")


def test_without_a_pattern_the_outputs_of_the_graph(tmp_path: Path) -> None:
    assert probe(perceptron(tmp_path), X, out=tmp_path / "a.zarr").names == ["y"]


def test_masks_and_integers(tmp_path: Path) -> None:
    path = of_tokens(tmp_path)
    listed = {one.name: one for one in list_layers(path, tokens())}
    assert listed["states"].positions == (1,)
    assert "whatever the number of samples" in listed["count"].refused
    given = tokens()
    found = probe(path, given, "states", out=tmp_path / "a.zarr")
    right = [
        (EMBED[b["input_ids"]] * b["attention_mask"][..., None]).sum(1)
        / b["attention_mask"].sum(1)[:, None]
        for b in given
    ]
    assert np.allclose(found.layers[0].array, np.concatenate(right), atol=1e-6)


def test_inputs_that_the_graph_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(MethexisError, match=r"expected the inputs of the graph \(input_ids, att"):
        probe(of_tokens(tmp_path), X, out=tmp_path / "a.zarr")
    with pytest.raises(MethexisError, match=r"^model: expected a pass over inputs x \(2, 3\)"):
        probe(perceptron(tmp_path), X[:, :3], out=tmp_path / "a.zarr")


def test_what_is_no_graph(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no graph at all")
    with pytest.raises(MethexisError, match=r"^model: expected a whole ONNX file, got"):
        probe(tmp_path / "a.onnx", X, out=tmp_path / "a.zarr")
    with pytest.raises(MethexisError, match=r"^model: expected an .onnx file at .*No such file"):
        probe(tmp_path / "b.onnx", X, out=tmp_path / "a.zarr")


def test_a_graph_has_no_initialiser(tmp_path: Path) -> None:
    with pytest.raises(MethexisError, match="got an ONNX graph, which has no initialiser"):
        probe(
            perceptron(tmp_path), X, out=tmp_path / "a.zarr", untrained=tmp_path / "untrained.zarr"
        )
