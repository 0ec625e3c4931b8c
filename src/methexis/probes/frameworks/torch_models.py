"""Modules of PyTorch: hooks that are always removed, a mode and a random state that come back.

A hook sees an output while the pass goes on, and takes what it needs at once: a module behind it
may write into the same memory (``ReLU(inplace=True)`` does), so that what is only kept until the
end of the pass is no longer what the layer gave. Nothing of a model changes for good: training mode
of every module, buffers, the states of the random generators and the hooks are as before, whether
the pass ends or fails; that no parameter was written is seen by PyTorch's own counter of writes.
"""

from __future__ import annotations

import inspect
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import numpy as np

from methexis.core.outside.foreign import type_name
from methexis.errors import MethexisError
from methexis.probes.batches import Batch
from methexis.probes.frameworks.models import Output, Run, Take, Told
from methexis.probes.frameworks.optional import is_tensor, torch
from methexis.text import brief, sentence

#: Types, by name, whose outputs have channels first or last.
_FIRST = ("Conv", "BatchNorm", "InstanceNorm", "GroupNorm", "MaxPool", "AvgPool", "AdaptiveAvgPool")
_LAST = ("Linear", "LayerNorm", "Embedding", "LSTM", "GRU", "MultiheadAttention")
#: Containers whose members are a model's blocks.
_LISTS = ("ModuleList", "Sequential")
#: What the model itself is called among its layers.
WHOLE = "output"


class TorchModel(Told):
    """A module, with names of all modules within it.

    Attributes
    ----------
    module : torch.nn.Module
    whole : str
        What the model itself is called among its layers.
    """

    whole = WHOLE

    def __init__(self, module: Any, name: str = "") -> None:
        original = getattr(module, "_orig_mod", None)
        module = module if original is None else original
        super().__init__(name or type(module).__name__)
        if original is not None:
            self._remarks.append(
                "the model was compiled, which hides its layers; its eager module was probed"
            )
        self.module = module
        self._modules = {one or WHOLE: module for one, module in module.named_modules()}
        _refuse_lazy(module)

    @property
    def kind(self) -> str:
        """The framework, with its version."""
        return f"torch {torch.__version__}"

    def layers(self) -> Mapping[str, str]:
        """Names of all modules with their classes; the model itself comes last, as its output."""
        named = {name: _type(module) for name, module in self._modules.items() if name != WHOLE}
        return named | {WHOLE: _type(self.module)}

    def usual(self) -> list[str]:
        """Members of the outermost lists of modules; without such the direct children."""
        outer: list[str] = []
        lists = [n for n, m in self._modules.items() if _type(m) in _LISTS and list(m.children())]
        for name in lists:
            inside = any(one == WHOLE or name.startswith(f"{one}.") for one in outer)
            if not inside:
                outer.append(name)
        members = [
            f"{name}.{child}" if name != WHOLE else child
            for name in outer
            for child, _ in self._modules[name].named_children()
        ]
        return members or [name for name, _ in self.module.named_children()] or [WHOLE]

    def channels_first(self, layer: str) -> bool | None:
        """Whether a module's class puts channels before positions."""
        kind = _type(self._modules[layer])
        if kind.startswith(_FIRST):
            return True
        return False if kind.startswith(_LAST) else None

    def takes(self) -> list[str] | None:
        """Names of the arguments of its forward pass; None where it takes any."""
        try:
            parameters = inspect.signature(self.module.forward).parameters.values()
        except (TypeError, ValueError):
            return None
        if any(one.kind in {one.VAR_POSITIONAL, one.VAR_KEYWORD} for one in parameters):
            return None
        return [one.name for one in parameters]

    def fingerprint(self) -> str:
        """A fingerprint of parameters and buffers, by names, types, shapes and numbers."""
        whole = blake2b(digest_size=16)
        for name, value in sorted(self.module.state_dict().items()):
            whole.update(f"{name}:".encode())
            if not is_tensor(value):
                whole.update(repr(value).encode())
                continue
            flat = value.detach().cpu().contiguous()
            whole.update(f"{type_name(flat.dtype)}{tuple(flat.shape)};".encode())
            if flat.numel():
                whole.update(flat.reshape(-1).view(torch.uint8).numpy().data)
        return whole.hexdigest()

    @contextmanager
    def held(self, layers: Sequence[str]) -> Iterator[Run]:
        """Hooks on some modules, in evaluation mode, without gradients.

        Raises
        ------
        MethexisError
            If a forward pass fails, or writes into parameters.
        """
        training = {name: one.training for name, one in self._modules.items()}
        count = sum(training.values())
        if count and not any("training mode" in one for one in self._remarks):
            self._remarks.append(
                f"the model was in training mode ({count} of its modules); it was probed in "
                "evaluation mode, without dropout and with the running means of its batch norms, "
                "and is in training mode again"
            )
        buffers = [(one, one.detach().clone()) for one in self.module.buffers()]
        written = [(name, one, one._version) for name, one in self.module.named_parameters()]
        pass_ = Pass()
        with _random_states():
            try:
                self.module.eval()
                with self._attached(pass_, layers) as running:

                    def run(batch: Batch, take: Take) -> None:
                        pass_.begin(take)
                        with torch.no_grad():
                            self._forward(running, batch)

                    yield run
            finally:
                for name, one in self._modules.items():
                    one.training = training[name]
                with torch.no_grad():
                    for buffer, before in buffers:
                        if not torch.equal(buffer, before):
                            buffer.copy_(before)
        for name, parameter, version in written:
            if parameter._version != version:
                raise MethexisError(
                    f"model: expected a forward pass that leaves parameters alone, got one that "
                    f"wrote into {brief(name)}"
                )

    @contextmanager
    def _attached(self, pass_: Pass, layers: Sequence[str]) -> Iterator[Any]:
        """What is run, with hooks on some modules for the time being."""
        handles: list[Any] = []
        try:
            for name in layers:
                handles.append(self._modules[name].register_forward_hook(pass_.hook(name)))
            yield self.module
        finally:
            for handle in handles:
                handle.remove()

    def given(self, batch: Batch) -> Any:
        """What the model gives for a batch, as it is called and in the mode that it is in."""
        with torch.no_grad():
            return self._forward(self.module, batch)

    def _forward(self, running: Any, batch: Batch) -> Any:
        device, dtype = self._home()
        positional = [_moved(value, device, dtype) for value in batch.positional]
        named = {key: _moved(value, device, dtype) for key, value in batch.named.items()}
        self._bind(positional, named)
        try:
            return running(*positional, **named)
        except (MethexisError, KeyboardInterrupt):
            raise
        except Exception as error:
            given = [(str(key), value) for key, value in batch.inputs.items()]
            shapes = ", ".join(f"{key} {tuple(getattr(v, 'shape', ()))}" for key, v in given)
            raise MethexisError(
                f"model: expected a forward pass over inputs {shapes}, got {type(error).__name__}: "
                f"{sentence(error)}"
            ) from error

    def _home(self) -> tuple[Any, Any]:
        """Where the model lives, and in which type it computes."""
        first = next(
            (
                one
                for one in (*self.module.parameters(), *self.module.buffers())
                if one.is_floating_point()
            ),
            None,
        )
        return (None, None) if first is None else (first.device, first.dtype)

    def _bind(self, positional: list[Any], named: dict[str, Any]) -> None:
        """See that the inputs are those that the model takes, where its signature says."""
        try:
            signature = inspect.signature(self.module.forward)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(*positional, **named)
        except TypeError as error:
            takes = ", ".join(name for name in signature.parameters if name != "self")
            given = [*(f"input {i}" for i in range(len(positional))), *named]
            raise MethexisError(
                f"batches: expected the inputs that the model takes ({brief(takes)}), got "
                f"{', '.join(given)} ({sentence(error)}); give prepare, such as "
                "prepare=lambda batch: batch[0]"
            ) from None


class Pass:
    """What the hooks of one forward pass share: who takes, and how often each was called."""

    def __init__(self) -> None:
        self._take: Take = lambda _output, _value: None
        self._calls: Counter[str] = Counter()

    def begin(self, take: Take) -> None:
        """Begin a new pass, in which nothing was called yet."""
        self._take = take
        self._calls.clear()

    def hook(self, name: str) -> Callable[[Any, Any, Any], None]:
        """A hook for one module."""

        def seen(_module: Any, _inputs: Any, output: Any) -> None:
            self.give(name, output)

        return seen

    def give(self, name: str, output: Any) -> None:
        """Hand on what a module gave, each tensor of it by itself."""
        call = self._calls[name]
        self._calls[name] += 1
        tensors = list(tensors_of(output))
        for part, tensor in tensors:
            alone = len(tensors) == 1
            self._take(Output(name, call, "" if alone else part), tensor.detach())
        if not tensors:
            self._take(Output(name, call, ""), None)


def tensors_of(output: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All tensors of an output, each with its place in tuples and dicts."""
    if is_tensor(output):
        yield path, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from tensors_of(value, f"{path}.{key}" if path else str(key))
    elif isinstance(output, tuple | list):
        for place, value in enumerate(output):
            yield from tensors_of(value, f"{path}.{place}" if path else str(place))


def _type(module: Any) -> str:
    """The class of a module, of a script the one that it was made of."""
    return str(getattr(module, "original_name", None) or type(module).__name__)


def _moved(value: Any, device: Any, dtype: Any) -> Any:
    """An input where the model lives; floating-point arrays of NumPy also in its type."""
    if isinstance(value, np.ndarray) and value.ndim:
        tensor = torch.from_numpy(np.ascontiguousarray(value))
        if tensor.is_floating_point() and dtype is not None:
            tensor = tensor.to(dtype)
        value = tensor
    return value.to(device) if is_tensor(value) and device is not None else value


def _refuse_lazy(module: Any) -> None:
    """See that all weights are there, with numbers."""
    lazy = getattr(torch.nn.parameter, "is_lazy", lambda _: False)
    for name, one in (*module.named_parameters(), *module.named_buffers()):
        if lazy(one):
            raise MethexisError(
                f"model: expected weights, got {brief(name)} of a lazy module, which has none yet; "
                "run the model once on a batch"
            )
        if one.is_meta:
            raise MethexisError(
                f"model: expected weights with numbers, got {brief(name)} on device meta, which "
                "has none; load its weights first"
            )


@contextmanager
def _random_states() -> Iterator[None]:
    """Leave every random generator as it was."""
    python, cpu = random.getstate(), torch.get_rng_state()
    legacy = np.random.get_state()  # noqa: NPY002  models of others may use it
    there = torch.cuda.is_available() and torch.cuda.is_initialized()
    devices = torch.cuda.get_rng_state_all() if there else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if devices:
            torch.cuda.set_rng_state_all(devices)
