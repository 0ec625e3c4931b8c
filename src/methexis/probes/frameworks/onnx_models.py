"""Models of ONNX: inner values of the graph become outputs of one session, all in one pass.

A session gives only what its graph declares as outputs. So the graph is read, what is asked for is
added to its outputs, and a session is made of that; the file stays as it is. Optimisations of the
session that would merge a node whose output is asked for are thereby off for that node, and its
numbers those of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from methexis.core.checks import location
from methexis.errors import MethexisError
from methexis.probes.batches import Batch, plain
from methexis.probes.frameworks.models import Output, Run, Take, Told
from methexis.probes.frameworks.optional import is_tensor, onnx, onnxruntime, require
from methexis.text import brief, sentence

#: Types of the runtime as NumPy has them.
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
_FIRST = {"Conv", "BatchNormalization", "MaxPool", "AveragePool", "InstanceNormalization"}
_LAST = {"LayerNormalization", "Gather"}


def is_onnx(model: Any) -> bool:
    """Whether something is a model of ONNX: a path, a graph or a session."""
    if isinstance(model, str | PathLike):
        return Path(model).suffix.lower() == ".onnx"
    return type(model).__module__.split(".")[0] in {"onnx", "onnxruntime"}


class OnnxModel(Told):
    """A graph, with the names of all values that nodes of it compute."""

    def __init__(self, model: Any, name: str = "") -> None:
        for package in ("onnx", "onnxruntime"):
            require(package, "model")
        content, self._path = _content(model)
        try:
            self._graph = onnx.load_model_from_string(content)
        except Exception as error:
            raise MethexisError(
                f"model: expected a whole ONNX file, got a damaged one ({sentence(error)})"
            ) from None
        self._print = blake2b(content, digest_size=16).hexdigest()
        named = self._path.stem if self._path else self._graph.graph.name or "onnx"
        super().__init__(name or named)
        self._types = {
            output: node.op_type
            for node in self._graph.graph.node
            if node.op_type != "Constant"
            for output in node.output
            if output
        }
        self._outputs = [one.name for one in self._graph.graph.output]

    @property
    def kind(self) -> str:
        """The framework, with its version."""
        return f"onnxruntime {onnxruntime.__version__}"

    def layers(self) -> Mapping[str, str]:
        """Names of all values that nodes compute, with the operator of each."""
        return self._types

    def usual(self) -> list[str]:
        """The outputs of the graph."""
        return [name for name in self._types if name in self._outputs]

    def channels_first(self, layer: str) -> bool | None:
        """Whether a node's operator puts channels before positions."""
        kind = self._types[layer]
        return True if kind in _FIRST else False if kind in _LAST else None

    def takes(self) -> list[str] | None:
        """Names of the inputs of the graph."""
        held = {one.name for one in self._graph.graph.initializer}
        return [one.name for one in self._graph.graph.input if one.name not in held]

    def fingerprint(self) -> str:
        """A fingerprint of the file."""
        return self._print

    @contextmanager
    def held(self, layers: Sequence[str]) -> Iterator[Run]:
        """A session that gives the asked values.

        Raises
        ------
        MethexisError
            If the runtime cannot make one, or does not take the inputs.
        """
        session = self._session(layers)
        inputs = {one.name: one for one in session.get_inputs()}

        def run(batch: Batch, take: Take) -> None:
            feed = _feed(batch, inputs)
            try:
                values = session.run(list(layers), feed)
            except Exception as error:
                shapes = ", ".join(f"{key} {value.shape}" for key, value in feed.items())
                raise MethexisError(
                    f"model: expected a pass over inputs {shapes}, got {type(error).__name__}: "
                    f"{sentence(error)}"
                ) from error
            for name, value in zip(layers, values, strict=True):
                take(Output(name, 0, ""), value if isinstance(value, np.ndarray) else None)

        yield run

    def _session(self, layers: Sequence[str]) -> Any:
        """A session of a copy of the graph with more outputs."""
        asked = onnx.ModelProto()
        asked.CopyFrom(self._graph)
        for name in layers:
            if name not in self._outputs:
                asked.graph.output.append(onnx.ValueInfoProto(name=name))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(
                asked.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise MethexisError(
                f"model: expected a graph that the runtime takes, got: {sentence(error)}"
            ) from error


def _content(model: Any) -> tuple[bytes, Path | None]:
    """The bytes of a model, and where they lie."""
    if hasattr(model, "SerializeToString"):
        return model.SerializeToString(), None
    path = getattr(model, "_model_path", None) if not isinstance(model, str | PathLike) else model
    if not path:
        raise MethexisError(
            "model: expected a session that was made of a file, got one that does not say which; "
            "give the path of the file"
        )
    file = location("model", path, "the path of an .onnx file")
    try:
        return file.read_bytes(), file
    except OSError as error:
        raise MethexisError(
            f"model: expected an .onnx file at {brief(str(file))}, got: {error.strerror or error}"
        ) from None


def _feed(batch: Batch, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs by name, in the types that the graph declares."""
    given: dict[str, Any] = dict(batch.named)
    for name, value in zip(
        [one for one in inputs if one not in given], batch.positional, strict=False
    ):
        given[name] = value
    extra = [name for name in given if name not in inputs]
    missing = [name for name in inputs if name not in given]
    if extra or missing or len(given) != len(batch.inputs):
        raise MethexisError(
            f"batches: expected the inputs of the graph ({brief(', '.join(inputs))}), got "
            f"{brief(', '.join(map(str, batch.inputs)))}; give prepare, a function that makes them "
            "of a batch"
        )
    feed = {}
    for name, value in given.items():
        array = plain(value) if is_tensor(value) else np.asarray(value)
        wanted = _TYPES.get(inputs[name].type)
        feed[name] = array if wanted is None else array.astype(wanted, copy=False)
    return feed
