"""Gradients of single samples, many at once where the model allows it.

The entropy is the mean squared gradient of *one sample* (docs/theory.md 1.7), so each gradient here
is that of a loss over a batch of one. `torch.func` computes many together; where a model cannot be
run so, because its control flow asks for numbers or an operation has no rule, and wherever its
answer is not that of plain back-propagation, they are computed one after another.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.errors import MethexisError
from methexis.probes.batches import Batch, batch_of, is_array
from methexis.probes.frameworks.optional import is_script, is_tensor, torch
from methexis.text import sentence

#: Numbers of gradients that are held at once.
_MOST_NUMBERS = 2**25
#: Relative difference between both ways of computing that is rounding.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Pairs:
    """One batch of inputs with its targets.

    Attributes
    ----------
    inputs : Batch
    targets : Batch, optional
        None where no loss asks for them.
    kind : str
        What the targets were: ``"array"``, ``"tuple"`` or ``"dict"``.
    """

    inputs: Batch
    targets: Batch | None
    kind: str


def pairs_of(given: Any, *, targets: bool, dtype: Any, device: Any) -> list[Pairs]:
    """All batches, with floating-point numbers as the model computes.

    Raises
    ------
    MethexisError
        If there are none, or one is no batch, no pair, or of unequal numbers of samples.
    """
    pairs = []
    for place, one in enumerate(_batches(given)):
        where = f"batches[{place}]"
        if not targets:
            pairs.append(Pairs(placed(batch_of(one, where=where), dtype, device), None, ""))
            continue
        if not isinstance(one, tuple | list) or len(one) != 2:
            raise MethexisError(
                f"{where}: expected a pair (inputs, targets), as the loss needs both, got "
                f"{type(one).__name__}" + (f" of {len(one)}" if hasattr(one, "__len__") else "")
            )
        inputs = placed(batch_of(one[0], where=f"{where}, inputs"), dtype, device)
        wanted = placed(batch_of(one[1], where=f"{where}, targets"), dtype, device)
        if inputs.size != wanted.size:
            raise MethexisError(
                f"{where}: expected as many targets as samples, got {wanted.size} for {inputs.size}"
            )
        kinds = {"dict": dict, "tuple": tuple | list}
        kind = next((name for name, one_of in kinds.items() if isinstance(one[1], one_of)), "array")
        pairs.append(Pairs(inputs, wanted, kind))
    if not pairs:
        raise MethexisError("batches: expected at least one batch, got none")
    return pairs


def _batches(given: Any) -> list[Any]:
    """Batches one by one: an array, a dict or a tuple is one, anything else several."""
    if isinstance(given, dict | tuple) or is_array(given):
        return [given]
    try:
        return list(given)
    except MethexisError:
        raise
    except Exception as error:  # whatever a loader of somebody's raises
        raise MethexisError(
            f"batches: expected a batch or several, got {type(given).__name__}: {sentence(error)}"
        ) from None


def placed(batch: Batch, dtype: Any, device: Any = None) -> Batch:
    """The same as tensors where a model is, floating-point ones in its type."""

    def moved(value: Any) -> Any:
        if not is_array(value):
            return value
        if not is_tensor(value):
            value = torch.from_numpy(np.require(value, requirements=["C", "W"]))
        tensor = value
        return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype)

    return Batch({key: moved(one) for key, one in batch.inputs.items()}, batch.size)


class Gradients:
    """Per-sample gradients of a model that is changed meanwhile.

    Attributes
    ----------
    model : module
        In its present state whenever gradients are asked for.
    together : bool
        Whether many samples are computed at once.
    """

    def __init__(
        self, model: Any, loss: Callable[..., Any], pairs: Sequence[Pairs], names: Sequence[str]
    ) -> None:
        self.model = model
        self._loss = loss
        self._pairs = pairs
        self._numbers = sum(one.numel() for _, one in self._taken(names))
        self.together = self._agree(list(names))

    @property
    def num_samples(self) -> int:
        """How many samples there are in all batches."""
        return sum(one.inputs.size for one in self._pairs)

    def chunks(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Gradients with samples along the first axis, by parameter, a part at a time."""
        taken = dict(self._taken(names))
        size = sum(one.numel() for one in taken.values())
        most = max(1, _MOST_NUMBERS // max(size, 1))
        for pairs in self._pairs:
            for start in range(0, pairs.inputs.size, most):
                rows = range(start, min(start + most, pairs.inputs.size))
                yield (self._many if self.together else self._each)(taken, pairs, rows)

    def _taken(self, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
        wanted = set(names)
        for name, one in self.model.state_dict(keep_vars=True).items():
            if name in wanted:
                yield name, one

    def _many(self, taken: dict[str, Any], pairs: Pairs, rows: range) -> dict[str, Any]:
        """All at once, by `torch.func`."""
        inputs, targets = pairs.inputs.taken(rows), _targets(pairs, rows)
        arrays = {key: one for key, one in inputs.inputs.items() if is_array(one)}
        rest = {key: one for key, one in inputs.inputs.items() if not is_array(one)}

        def of_one(held: dict[str, Any], given: dict[Any, Any], wanted: Any) -> Any:
            alone = {key: value[None] for key, value in given.items()} | rest
            one = Batch({key: alone[key] for key in inputs.inputs}, 1)
            output = torch.func.functional_call(self.model, held, one.positional, one.named)
            return self._number(output, _alone(wanted))

        held = {name: one.detach() for name, one in taken.items()}
        many = torch.func.vmap(torch.func.grad(of_one), in_dims=(None, 0, 0))
        math = torch.nn.attention.SDPBackend.MATH  # the fused kernels have no rule
        with torch.nn.attention.sdpa_kernel(math), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of operations that are slow so
            gradients: dict[str, Any] = many(held, arrays, targets)
        return {name: one.detach() for name, one in gradients.items()}

    def _each(self, taken: dict[str, Any], pairs: Pairs, rows: range) -> dict[str, Any]:
        """One after another, by plain back-propagation."""
        made: dict[str, list[Any]] = {name: [] for name in taken}
        reset = getattr(self.model, "reset_states", None)
        for row in rows:
            if callable(reset):
                reset()
            one = pairs.inputs.taken([row])
            with torch.enable_grad():
                output = self.model(*one.positional, **one.named)
                number = self._number(output, _targets(pairs, range(row, row + 1)))
                gradients = torch.autograd.grad(number, list(taken.values()), allow_unused=True)
            for (name, held), gradient in zip(taken.items(), gradients, strict=True):
                none = torch.zeros_like(held)
                made[name].append((none if gradient is None else gradient).detach())
        return {name: torch.stack(several) for name, several in made.items()}

    def _number(self, output: Any, targets: Any) -> Any:
        try:
            number = self._loss(output, targets)
        except Exception as error:
            raise MethexisError(
                "loss: expected a function of (outputs, targets) of a batch of one sample, got "
                f"{type(error).__name__}: {sentence(error)}"
            ) from error
        if not is_tensor(number) or number.numel() != 1:
            told = f"shape {tuple(number.shape)}" if is_tensor(number) else type(number).__name__
            raise MethexisError(f"loss: expected one number of a sample, got {told}")
        return number.reshape(())

    def _agree(self, names: list[str]) -> bool:
        """Whether many at once can be computed, and are what they are one by one."""
        taken = dict(self._taken(names))
        rows = range(min(2, self._pairs[0].inputs.size))
        plain = self._each(taken, self._pairs[0], rows)  # whose errors are the user's
        if not all(bool(torch.isfinite(one).all()) for one in plain.values()):
            raise MethexisError("loss: expected finite gradients, got NaN or infinity in the first")
        if is_script(self.model):
            return False
        try:
            fast = self._many(taken, self._pairs[0], rows)
        except Exception:  # whatever torch.func raises on what it cannot run
            return False
        scale = max(float(one.abs().max()) for one in plain.values()) or 1.0
        off = max(float((fast[name] - one).abs().max()) for name, one in plain.items())
        return off <= _ROUNDING * scale


def _targets(pairs: Pairs, rows: range) -> Any:
    """Targets of some samples, in the form in which they were given."""
    assert pairs.targets is not None
    taken = pairs.targets.taken(rows)
    if pairs.kind == "array":
        return taken.inputs[0]
    return taken.named if pairs.kind == "dict" else taken.positional


def _alone(wanted: Any) -> Any:
    """One target as a batch of one."""
    if isinstance(wanted, dict):
        return {key: one[None] for key, one in wanted.items()}
    if isinstance(wanted, tuple):
        return tuple(one[None] for one in wanted)
    return wanted[None]
