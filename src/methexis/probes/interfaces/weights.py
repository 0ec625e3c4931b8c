"""A model's arrays by name, copies of it, and what it gives for a batch."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from methexis.errors import MethexisError
from methexis.probes.batches import Batch, batch_of
from methexis.probes.frameworks.optional import is_module, is_script, is_tensor, require, torch
from methexis.probes.frameworks.torch_models import TorchModel, tensors_of
from methexis.text import brief, sentence


def admitted(model: Any) -> Any:
    """A module whose interfaces can be asked for.

    Raises
    ------
    MethexisError
        If it is none, is in training mode, has weights that are no numbers, or none at all.
    """
    require("torch", "interfaces")
    if not is_module(model):
        raise MethexisError(
            f"model: expected a torch.nn.Module or a TorchScript module, got {type(model).__name__}"
        )
    model = TorchModel(model).module
    training = sum(one.training for one in model.modules())
    if training:
        raise MethexisError(
            f"model: expected a model in evaluation mode, in which its function is one, got "
            f"training mode in {training} of its modules; call model.eval() first"
        )
    held = arrays(model)
    for name, one in held.items():
        if not bool(torch.isfinite(one).all()):
            raise MethexisError(
                f"model: expected finite weights, got NaN or infinity in {brief(name)}"
            )
    if not any(True for _ in model.parameters()):
        raise MethexisError("model: expected a model with parameters, got one without")
    return model


def arrays(model: Any) -> dict[str, Any]:
    """All floating-point arrays that are saved with a model, tied ones once, by name."""
    known: set[int] = set()
    named = {}
    for name, one in model.state_dict(keep_vars=True).items():
        if is_tensor(one) and one.is_floating_point() and one.ndim and id(one) not in known:
            known.add(id(one))
            named[name] = one
    return named


def copied(model: Any) -> Any:
    """A copy of a model, with none of its memory.

    Raises
    ------
    MethexisError
        If it cannot be copied.
    """
    try:
        if not is_script(model):
            return copy.deepcopy(model)
        content = io.BytesIO()
        with warnings.catch_warnings():  # of a way to copy it there is no other
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.jit.save(model, content)
            content.seek(0)
            return torch.jit.load(content)
    except Exception as error:
        raise MethexisError(
            f"model: expected a model that can be copied, so that it is not changed itself, got "
            f"{type(error).__name__}: {sentence(error)}"
        ) from error


def computing(model: Any) -> tuple[Any, str]:
    """A copy that computes at least in single precision, and what was done for that."""
    twin = copied(model)
    half = [one for one in arrays(twin).values() if one.dtype in (torch.float16, torch.bfloat16)]
    if not half:
        return twin, ""
    kind = str(half[0].dtype).removeprefix("torch.")
    return twin.float(), (
        f"the model is in half precision ({kind}); it was run "
        "in single precision, and what apply gives is rounded as the model is"
    )


def inputs(given: Any, single: bool) -> Batch:
    """A batch, from what a user gave; where a copy computes in single precision, so are inputs."""
    batch = batch_of(given)
    if not single:
        return batch

    def widened(value: Any) -> Any:
        halved = is_tensor(value) and value.dtype in (torch.float16, torch.bfloat16)
        return value.float() if halved else value

    return replace(batch, inputs={key: widened(value) for key, value in batch.inputs.items()})


def outputs(model: Any, batch: Batch) -> list[Any]:
    """All floating-point tensors that a model gives for a batch.

    A script that keeps a state between passes begins afresh and runs twice, because only its second
    pass reads what its first wrote.

    Raises
    ------
    MethexisError
        If there are none.
    """
    opened = TorchModel(model)
    reset = getattr(model, "reset_states", None)
    if callable(reset):
        reset()
    passes = [opened.given(batch) for _ in range(2 if callable(reset) else 1)]
    given = passes[-1]
    tensors = [one for _, one in tensors_of(passes) if one.is_floating_point()]
    if not tensors:
        raise MethexisError(
            f"model: expected an output with floating-point tensors, got {type(given).__name__}"
        )
    return tensors


@contextmanager
def restored(model: Any, names: list[str]) -> Iterator[None]:
    """A model some of whose arrays are written into meanwhile, and are as they were afterwards."""
    held = arrays(model)
    before = {name: held[name].detach().clone() for name in names}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, one in before.items():
                held[name].copy_(one)


def change(before: list[Any], after: list[Any]) -> float:
    """The largest change of outputs, relative to the largest of each."""
    worst = 0.0
    doubles = ([tensor.double() for tensor in both] for both in (before, after))
    for one, other in zip(*doubles, strict=True):
        finite = torch.isfinite(one)
        if not bool((finite == torch.isfinite(other)).all()):
            return float("inf")
        if not bool(finite.any()):
            continue
        top = float(one[finite].abs().max()) or 1.0
        worst = max(worst, float((one - other)[finite].abs().max()) / top)
    return worst
