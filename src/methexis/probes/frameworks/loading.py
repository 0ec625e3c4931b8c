"""The command's MODEL: opened by the framework's own code, from local files, never unpickled.

A folder of Hugging Face is opened by `transformers` with the tokenizer or the image transform that
lies in it, and nothing is downloaded; TorchScript by ``torch.jit.load``; a name such as
``package.module:function`` is imported and called, which runs that code, as who names it knows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from methexis.errors import MethexisError
from methexis.probes.frameworks.models import Model
from methexis.probes.frameworks.opening import opened
from methexis.probes.frameworks.optional import is_module, require, torch, transformers
from methexis.text import brief, sentence

#: Endings of files of TorchScript; some are also those of pickled weights.
_SCRIPTS = (".jit", ".pt", ".pth", ".ts")


@dataclass(frozen=True)
class Loaded:
    """A model with what makes its inputs.

    Attributes
    ----------
    model : Model
    given : any
        The module or path that it was opened from.
    tokenizer : function, optional
        From a list of texts to named inputs, and the most tokens of a text.
    transform : function, optional
        From an image of Pillow to an input.
    """

    model: Model
    given: Any
    tokenizer: Callable[[list[str], int | None], Any] | None = None
    transform: Callable[[Any], Any] | None = None


def loaded(word: str, tokenizer: str | None = None) -> Loaded:
    """Open what the command calls MODEL.

    Parameters
    ----------
    word : str
        A folder, a file, or ``package.module:function``.
    tokenizer : str, optional
        A folder with a tokenizer, for models that come without one.

    Raises
    ------
    MethexisError
        If it is none of these, or cannot be opened.
    """
    path = Path(word)
    texts = None if tokenizer is None else _tokenizer(Path(tokenizer))
    if path.is_dir():
        return _folder(path, texts)
    if path.suffix.lower() == ".onnx":
        return Loaded(opened(path), path, texts)
    if path.suffix.lower() in _SCRIPTS and path.exists():
        module = _script(path)
        return Loaded(opened(module, path.stem), module, texts)
    if ":" in word and not path.exists():
        return _function(word, texts)
    if path.exists():
        raise MethexisError(
            f"MODEL: expected a folder of a Hugging Face model, TorchScript (.pt, .jit), .onnx or "
            f"package.module:function, got {brief(word)}"
        )
    raise MethexisError(
        f"MODEL: expected a folder, a file or package.module:function, got {brief(word)}, where "
        "there is nothing"
    )


def _folder(path: Path, texts: Any) -> Loaded:
    if not (path / "config.json").is_file():
        raise MethexisError(
            f"MODEL: expected a folder of a Hugging Face model, with config.json, got {path}"
        )
    require("transformers", f"MODEL {path}")
    require("torch", f"MODEL {path}")
    try:
        with _quiet():
            module = transformers.AutoModel.from_pretrained(str(path), local_files_only=True)
    except Exception as error:
        raise MethexisError(
            f"MODEL: expected a folder that transformers can open, got: {sentence(error)}"
        ) from error
    transform = None
    if (path / "preprocessor_config.json").is_file():
        transform = _image_transform(path)
    if texts is None and _has_tokenizer(path):
        texts = _tokenizer(path)
    return Loaded(opened(module, path.absolute().name), module, texts, transform)


def _has_tokenizer(path: Path) -> bool:
    names = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model")
    return any((path / name).is_file() for name in names)


def _tokenizer(path: Path) -> Callable[[list[str], int | None], Any]:
    require("transformers", f"tokenizer {path}")
    try:
        with _quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(path), local_files_only=True)
    except Exception as error:
        raise MethexisError(
            f"tokenizer: expected a folder with one that transformers can open, got {path}: "
            f"{sentence(error)}"
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # of models that were trained without padding

    def tokens(texts: list[str], length: int | None) -> Any:
        most = length or min(int(tokenizer.model_max_length), 512)
        kind = "pt" if "torch" in sys.modules else "np"
        return dict(
            tokenizer(texts, padding=True, truncation=True, max_length=most, return_tensors=kind)
        )

    return tokens


def _image_transform(path: Path) -> Callable[[Any], Any] | None:
    try:
        with _quiet():
            processor = transformers.AutoImageProcessor.from_pretrained(
                str(path), local_files_only=True, use_fast=False
            )
    except Exception as error:
        raise MethexisError(
            f"MODEL: expected the image transform of {path} to open, got: {sentence(error)}"
        ) from error
    return lambda image: processor(image, return_tensors="np")["pixel_values"][0]


def _script(path: Path) -> Any:
    require("torch", f"MODEL {path}")
    try:
        return torch.jit.load(str(path), map_location="cpu")
    except Exception as error:
        raise MethexisError(
            f"MODEL: expected TorchScript in {brief(str(path))}, got another kind of file "
            f"({sentence(error)}); weights alone are no model: give package.module:function that "
            "makes it and loads them"
        ) from None


def _function(word: str, texts: Any) -> Loaded:
    """A model that a function of the user's makes, alone or with what makes its inputs."""
    sys.path.insert(0, os.getcwd())  # as `python -m` has it
    try:
        made = resolve_name(word)()
    except MethexisError:
        raise
    except Exception as error:
        raise MethexisError(
            f"MODEL: expected a function without arguments that returns a model at {brief(word)}, "
            f"got {type(error).__name__}: {sentence(error)}"
        ) from error
    finally:
        sys.path.remove(os.getcwd())
    prepare = None
    if isinstance(made, tuple) and len(made) == 2 and callable(made[1]):
        made, prepare = made
    if not is_module(made) and not isinstance(made, str | Path):
        raise MethexisError(
            f"MODEL: expected {brief(word)} to return a model, or a model and a function that "
            f"makes its inputs, got {type(made).__name__}"
        )
    tokens = texts if prepare is None else lambda lines, _length: prepare(lines)
    return Loaded(opened(made, word.rpartition(":")[2]), made, tokens, prepare)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what transformers says of itself out of the results of a command."""
    known = transformers.utils.logging
    before = known.get_verbosity()
    known.set_verbosity_error()
    try:
        yield
    finally:
        known.set_verbosity(before)
