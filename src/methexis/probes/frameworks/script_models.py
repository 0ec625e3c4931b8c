"""TorchScript: calls of modules inside a graph, made visible in a copy of it.

A script runs without Python, so that hooks on its modules never fire. Its graph says where it calls
them, though: ``prim::CallMethod`` on an attribute of ``self``. In a copy of the script every such
call is put between two operators of ours, which run in Python: one that says which attribute is
entered, one that is handed what came out. Those that are open at a time, joined by dots, are the
name of the module. The script itself is not touched.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from methexis.errors import MethexisError
from methexis.probes.frameworks.optional import torch
from methexis.probes.frameworks.torch_models import Pass, TorchModel
from methexis.text import sentence


class _Open:
    """Modules that are being run, and the pass that asks for what they give."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.wanted: frozenset[str] = frozenset()
        self.asking: Pass | None = None

    def enter(self, name: str) -> None:
        """A module is called."""
        self.names.append(name)

    def leave(self, output: Any) -> None:
        """The module that was entered last has given a tensor, or nothing."""
        name = ".".join(self.names)
        self.names.pop()
        if self.asking is not None and name in self.wanted:
            self.asking.give(name, output)

    def leave_several(self, outputs: list[Any]) -> None:
        """The module that was entered last has given a tuple with these tensors."""
        self.leave(tuple(outputs))

    def leave_nothing(self) -> None:
        """The module that was entered last has given what is no tensor."""
        self.leave(None)


_OPEN = _Open()


class ScriptModel(TorchModel):
    """A module of TorchScript, run as a copy that shows its modules."""

    @contextmanager
    def _attached(self, pass_: Pass, layers: Sequence[str]) -> Iterator[Any]:
        """The copy, whose modules hand what they give to a pass."""
        copy = self._copied()
        _OPEN.wanted, _OPEN.asking = frozenset(layers), pass_

        reset = getattr(copy, "reset_states", None)
        remark = "the script keeps a state between passes; its reset_states was called before each"
        if callable(reset) and remark not in self._remarks:
            self._remarks.append(remark)

        def running(*positional: Any, **named: Any) -> None:
            _OPEN.names.clear()  # a pass that failed may have left some open
            if callable(reset):
                reset()
            output = copy(*positional, **named)
            if self.whole in layers:
                pass_.give(self.whole, output)

        try:
            yield running
        finally:
            _OPEN.asking = None

    def _copied(self) -> Any:
        """A copy with our operators around every call of a module.

        Raises
        ------
        MethexisError
            If the script cannot be copied.
        """
        _operators()
        try:
            content = io.BytesIO()
            torch.jit.save(self.module, content)
            content.seek(0)
            copy = torch.jit.load(content, map_location=self._home()[0] or "cpu")
        except Exception as error:
            raise MethexisError(
                f"model: expected a script that can be saved, so that a copy shows its layers, "
                f"got: {sentence(error)}"
            ) from error
        known: set[str] = set()
        for module in copy.modules():
            kind = module._c._type().qualified_name()  # modules of one kind have one graph
            if kind in known:
                continue
            known.add(kind)
            for method in module._c._method_names():
                graph = module._c._get_method(method).graph
                _tapped(graph, graph, next(iter(graph.inputs())).debugName())
        return copy.eval()


@cache
def _operators() -> Any:
    """Our operators, known to the interpreter of scripts; the library that holds them must live."""
    library = torch.library.Library("methexis", "FRAGMENT")
    for name, schema in (
        ("enter", "enter(str name) -> ()"),
        ("leave", "leave(Tensor output) -> ()"),
        ("leave_several", "leave_several(Tensor[] outputs) -> ()"),
        ("leave_nothing", "leave_nothing() -> ()"),
    ):
        library.define(schema, alias_analysis="CONSERVATIVE")  # so that none is optimised away
        library.impl(name, getattr(_OPEN, name), "CompositeExplicitAutograd")
    return library


def _tapped(graph: Any, block: Any, self_name: str) -> None:
    """Put our operators around every call of a module in a block and in those within it."""
    for node in list(block.nodes()):
        for inner in node.blocks():
            _tapped(graph, inner, self_name)
        if node.kind() != "prim::CallMethod" or not node.s("name").startswith("forward"):
            continue
        path = _attribute(next(iter(node.inputs())), self_name)
        if not path:
            continue
        name = graph.create("prim::Constant", 1)
        name.s_("value", path)
        name.output().setType(torch._C.StringType.get())
        name.insertBefore(node)
        graph.create("methexis::enter", [name.output()], 0).insertBefore(node)
        _leaving(graph, node)


def _leaving(graph: Any, node: Any) -> None:
    """Behind a call: hand on the tensor that it gave, or those of a tuple."""
    given = node.output()
    if str(given.type()) == "Tensor":
        graph.create("methexis::leave", [given], 0).insertAfter(node)
        return
    if given.type().kind() != "TupleType":
        graph.create("methexis::leave_nothing", [], 0).insertAfter(node)
        return
    kinds = given.type().elements()
    parts = graph.create("prim::TupleUnpack", [given], len(kinds))
    for part, kind in zip(parts.outputs(), kinds, strict=True):
        part.setType(kind)
    tensors = [part for part in parts.outputs() if str(part.type()) == "Tensor"]
    together = graph.create("prim::ListConstruct", tensors, 1)
    together.output().setType(torch._C.ListType.ofTensors())
    parts.insertAfter(node)
    together.insertAfter(parts)
    graph.create("methexis::leave_several", [together.output()], 0).insertAfter(together)


def _attribute(value: Any, self_name: str) -> str:
    """Which attribute of a module a value is, by names; empty if it is none."""
    names: list[str] = []
    while value.debugName() != self_name:
        node = value.node()
        if node.kind() != "prim::GetAttr":
            return ""
        names.append(node.s("name"))
        value = next(iter(node.inputs()))
    return ".".join(reversed(names))
