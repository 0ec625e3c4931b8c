"""PyTorch's .pt with nothing but tensors in it, read by the loader that runs no code of the file.

`torch.load` with ``weights_only=True`` builds tensors and plain containers and refuses the rest.
What it gives is a tensor, or containers of some at any depth, named by their keys and places.
Tensors are mapped from the file where it is of the present format, an archive.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from methexis.errors import MethexisError
from methexis.representations.readers.guarding import fitting, guarded, place, regular
from methexis.representations.representation import Stored, Unread

#: Whether PyTorch is installed: pip install 'methexis[torch]'.
INSTALLED = find_spec("torch") is not None

if INSTALLED:
    import torch

_EXPECTED = "a whole file of tensors"
_CODE = (
    "expected tensors and nothing else, got objects that only code could make again; save them by "
    "torch.save({name: tensor, …}, path), or by safetensors.torch.save_file"
)
#: The deepest container that is looked into.
_DEEPEST = 32


def read_torch(path: Path) -> list[Stored | Unread]:
    """The tensors of a file that `torch.save` wrote; those that hold no real numbers are left out.

    Raises
    ------
    MethexisError
        If the file is damaged, holds anything but tensors, or PyTorch is not installed.
    """
    where = place(path)
    regular(path)
    if not INSTALLED:
        raise MethexisError(
            f"{where}: expected PyTorch to read its files, got none; pip install 'methexis[torch]'"
        )
    with guarded(where, _EXPECTED):
        archive = zipfile.is_zipfile(path)
        if archive:
            with zipfile.ZipFile(path) as inside:
                names = inside.namelist()
            if any(name.endswith("/constants.pkl") for name in names):
                raise MethexisError(f"{where}: expected tensors, got a TorchScript model")
        try:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=archive or None)
        except pickle.UnpicklingError as error:
            if re.search("unsupported (global|class)", str(error), re.IGNORECASE):
                raise MethexisError(f"{where}: {_CODE}") from None
            raise
        return list(_tensors("", content))


def _tensors(name: str, content: Any, depth: int = 0) -> Iterator[Stored | Unread]:
    """Tensors in containers, by keys and places joined with slashes."""
    if isinstance(content, torch.Tensor):
        yield _tensor(name, content)
    elif isinstance(content, Mapping | list | tuple) and depth < _DEEPEST:
        items = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in items:
            yield from _tensors(f"{name}/{key}" if name else str(key), value, depth + 1)
    else:
        yield Unread(name, f"expected a tensor, got {type(content).__name__}")


def _tensor(name: str, tensor: Any) -> Stored | Unread:
    shape, given = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
    if tensor.layout is not torch.strided or tensor.is_quantized:
        return Unread(name, f"expected a full tensor of numbers, got a {tensor.layout} one")
    if tensor.is_complex() or tensor.dtype is torch.bool or given.startswith("float8"):
        return Unread(name, f"expected real numbers, got {given}")
    if 0 in shape:
        return Unread(name, f"expected at least one sample and one feature, got shape {shape}")
    fitting(shape, max(tensor.element_size(), 4))
    if tensor.dtype is torch.bfloat16:
        wide = tensor.detach().to(torch.float32)
        return Stored(name, wide.numpy(), given, ("bfloat16, widened to float32",))
    return Stored(name, tensor.detach().numpy(), given)
