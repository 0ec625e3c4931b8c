"""Watching a model while it runs: each operation, with the tensors that it was given.

Operations are seen where PyTorch hands them out, below Python's control flow, autograd and
TorchScript, after it took compound ones apart: a linear layer is a product of matrices, an LSTM its
gates, attention two products and a softmax. So a few rules know every architecture, and what was
not run on the batch is not spoken of. Kernels that hide such parts are switched off meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces.labels import ALIKE, STILL
from methexis.probes.interfaces.rotary import Rotaries
from methexis.probes.interfaces.rules import RULES
from methexis.probes.interfaces.rules.call import Call, tensors_in, unknown
from methexis.probes.interfaces.spaces import Spaces
from methexis.probes.interfaces.tensors import Axes, Labelled, fixed, fresh

#: What makes arrays anew, and which is zero or one number everywhere.
_MADE = ("zeros", "zeros_like", "new_zeros", "full", "full_like", "new_full", "ones", "ones_like",
         "new_ones", "scalar_tensor", "zero", "fill")  # fmt: skip
#: What only asks for a number or a shape, or of whose result nothing can be learned.
_ASKS = ("_local_scalar_dense", "equal", "sym_size", "is_same_size", "_assert_async", "empty",
         "empty_like", "new_empty", "empty_strided", "new_empty_strided", "arange")  # fmt: skip


class Watcher:
    """Labels of all tensors that a run has seen.

    Attributes
    ----------
    spaces : Spaces
    axes : Axes
    """

    def __init__(self, held: dict[str, Any], known: Rotaries | None = None) -> None:
        #: Those of this run, and those that an earlier run has found.
        self.rotaries, self._known_rotaries = Rotaries(), known or Rotaries()
        self._place = 0
        #: Some of it was computed in single precision.
        self.narrowed = False
        self.spaces = Spaces()
        self.axes = Axes(self.spaces)
        self.parameters = {name: fresh(one.shape, self.spaces) for name, one in held.items()}
        self._labels: dict[int, Labelled] = {}
        self._alive: list[Any] = []
        self._memory: dict[tuple[Any, ...], str] = {}
        #: By place in memory, arrays that are zero everywhere, and so in any coordinates.
        self._zeros: dict[int, tuple[Any, Labelled]] = {}
        self.used: set[str] = set()
        self.modules: list[str] = []
        self._names: dict[int, str] = {}
        for name, one in held.items():
            self._names[id(one)] = name
            self._memory[_place(one)] = name

    def known(self, tensor: Any) -> Labelled:
        """The labels of a tensor; what comes from nowhere is given from outside."""
        if tensor.numel() and tensor.untyped_storage().data_ptr() in self._zeros:
            return fresh(tensor.shape, self.spaces)
        labels = self._labels.get(id(tensor))
        if labels is not None:
            return labels
        name = self._names.get(id(tensor)) or self._memory.get(_place(tensor))
        if name is not None:
            self.used.add(name)
            return self.parameters[name]
        return fixed(tensor.shape)

    def learn(self, tensor: Any, labels: Labelled) -> None:
        """Keep the labels of a tensor."""
        assert tuple(tensor.shape) == labels.shape, (tuple(tensor.shape), labels.shape)
        self._labels[id(tensor)] = labels
        self._alive.append(tensor)

    def saw(self, name: str, args: Any, kwargs: dict[str, Any], before: Any, result: Any) -> None:
        """Apply the rule of one operation that was carried out."""
        results = tensors_in(result)
        self._place += 1
        self.narrowed |= any(str(one.dtype) == "torch.float32" for one in results)
        plain = name.rstrip("_") if name not in RULES else name
        where = self.modules[-1] if self.modules else ""
        if not results or plain in _ASKS:
            return
        if plain in _MADE:
            self._made(results, plain)
            return
        call = Call(plain, args, kwargs, result, self.axes, self.known, where)
        self.rotaries.saw(self._place, plain, args, result)
        labels = self._turned(call) or self._ruled(call)
        for one, made in zip(results, labels, strict=False):
            if made is None:
                continue
            if before is not None and id(one) in before and self._written(one, made):
                continue
            if before is not None and id(one) in before:
                self.axes_same(before[id(one)], made, call.why)
            self.learn(one, made)

    def _turned(self, call: Call) -> list[Labelled | None] | None:
        """The labels of a rotary embedding as a whole, which an earlier run has found."""
        if self._place in self._known_rotaries.inside:
            source = Labelled((), [])
            for one in call.tensors():
                known = self.known(one)
                if not known.still or known.places_in is not None:
                    source = known.places_in or known
            return [
                Labelled(tuple(one.shape), fixed(one.shape).labels, places_in=source)
                for one in tensors_in(call.result)
            ]
        kind = self._known_rotaries.ends.get(self._place)
        whole = self.rotaries.start(self._place, call.tensors())
        if kind is None or whole is None:
            return None
        labels = call.of(whole)
        last = len(labels.shape) - 1
        self.axes.limit(labels, kind, f"planes are turned by {call.where}", [last])
        return [labels]

    def _written(self, tensor: Any, made: Labelled) -> bool:
        """Whether zeros were written into, which then are in the coordinates of what came."""
        zeros = self._zeros.pop(tensor.untyped_storage().data_ptr(), None)
        if zeros is None:
            return False
        if zeros[0] is tensor:
            self.learn(tensor, made)
            return True
        for one in (zeros[1], made):
            self.axes.limit(one, STILL, "parts of an array are written one by one")
        self.learn(tensor, made)
        return True

    def _ruled(self, call: Call) -> list[Labelled | None]:
        given = call.tensors()
        if all(self.known(one).still and self.known(one).places_in is None for one in given):
            return [fixed(one.shape) for one in tensors_in(call.result)]
        rule = RULES.get(call.name, unknown)
        made = rule(call)
        return [made] if isinstance(made, Labelled) else list(made)

    def axes_same(self, one: Labelled, other: Labelled, why: str) -> None:
        """Say of a tensor that was written into that it is in the coordinates it was in."""
        for a, b in zip(one.labels, other.labels, strict=True):
            self.axes.same(a, b, why)

    def _made(self, results: list[Any], name: str) -> None:
        for one in results:
            labels = fresh(one.shape, self.spaces)
            if one.numel() and not bool((one == 0).all()):
                self.axes.limit(labels, ALIKE, f"a number everywhere by {name}")
            else:
                self._zeros[one.untyped_storage().data_ptr()] = (one, labels)
            self.learn(one, labels)

    def leave(self) -> None:
        """A module has ended."""
        self.modules.pop()

    def gives(self, tensors: list[Any]) -> None:
        """Say that tensors are what the model gives, which must not change."""
        for one in tensors:
            self.axes.limit(self.known(one), STILL, "it is what the model gives")


def _place(tensor: Any) -> tuple[Any, ...]:
    return (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype)


@contextmanager
def watching(watcher: Watcher, module: Any) -> Iterator[None]:
    """Show a watcher all operations that are carried out meanwhile."""

    class Mode(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[misc, name-defined]
        """Hands operations on, and shows them."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            schema = func._schema
            name = schema.name.rpartition("::")[2]
            before = None
            if schema.is_mutable:
                before = {id(one): watcher.known(one) for one in tensors_in(args[:1])}
            result = func(*args, **kwargs)
            watcher.saw(name, args, kwargs, before, result)
            return result

    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        (kernels, *_) = torch.backends.mkldnn.set_flags(_enabled=False)
        stack.callback(torch.backends.mkldnn.set_flags, _enabled=kernels)
        stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        for remove in _named(watcher, module):
            stack.callback(remove)
        stack.enter_context(Mode())
        yield


def _named(watcher: Watcher, module: Any) -> Iterator[Callable[[], None]]:
    """Have the watcher know which module is running, where modules tell."""
    if isinstance(module, torch.jit.ScriptModule):
        return
    for name, one in module.named_modules():
        before = one.register_forward_pre_hook(
            lambda _m, _i, name=name: watcher.modules.append(name)
        )
        after = one.register_forward_hook(lambda _m, _i, _o: watcher.leave())
        yield before.remove
        yield after.remove
