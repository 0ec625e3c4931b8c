"""What ``methexis canonicalize`` does, from words to a file of weights."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from methexis.errors import MethexisError
from methexis.files import put_file
from methexis.probes.canonical.canonicalizing import Progress, canonicalize
from methexis.probes.canonical.result import Canonical
from methexis.probes.commands import Asked, source_of
from methexis.probes.frameworks.loading import loaded
from methexis.probes.frameworks.optional import is_module, require
from methexis.text import brief

#: What can be balanced without a loss.
WITHOUT_LOSS = ("norm", "activations")


def run_canonicalize(
    asked: Asked, out: Path, *, by: str, sweeps: int, progress: Progress | None = None
) -> Canonical:
    """Open a model and data, balance, and write all arrays of the new model to a new file.

    Raises
    ------
    MethexisError
        If there is something at the place of the file, the model is none of PyTorch's, or for the
        reasons of `canonicalize`.
    """
    if out.exists() or out.is_symlink():
        raise MethexisError(
            f"out: expected a new file, got {brief(str(out))}, where there is something; nothing "
            "is written over"
        )
    if out.suffix != ".safetensors":
        raise MethexisError(
            f"out: expected a name that ends in .safetensors, got {brief(out.name)}"
        )
    if by not in WITHOUT_LOSS:
        raise MethexisError(
            f"by: expected {' or '.join(WITHOUT_LOSS)}, got {brief(by)}; gradients need a loss, "
            "which mx.canonicalize takes"
        )
    require("torch", f"MODEL {asked.model}")
    held = loaded(asked.model, asked.tokenizer)
    if not is_module(held.given):
        raise MethexisError(
            f"MODEL: expected a model of PyTorch, whose weights can be changed, got {asked.model}"
        )
    batches = [one.named or one.positional for one in source_of(asked, held)]
    made = canonicalize(
        held.given.eval(), None, batches, by=by, sweeps=sweeps, seed=asked.seed, progress=progress
    )
    save = resolve_name("safetensors.torch:save_file")
    arrays = _arrays(made.model)
    put_file(out, lambda path: save(arrays, path))
    return made


def _arrays(model: Any) -> dict[str, Any]:
    """All arrays by name, each with memory of its own, tied ones too, as the format asks."""
    return {name: one.detach().contiguous().clone() for name, one in model.state_dict().items()}
