"""What ``methexis probe`` does, from words to a store: model, data, names of samples, probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import integer
from methexis.core.outside.npy import mapped
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.probes.batches import DIGEST, MASK
from methexis.probes.frameworks.fresh import fresh
from methexis.probes.frameworks.loading import Loaded, loaded
from methexis.probes.frameworks.opening import opened
from methexis.probes.images import ImageFolder
from methexis.probes.listing import LayerList, listed
from methexis.probes.probing import BATCH_SIZE, MOST_TOKENS, TOKENS, Job, probed, twin_then
from methexis.probes.reducing import require_pool
from methexis.probes.sources import Source
from methexis.probes.store import require_free
from methexis.probes.telling import Progress
from methexis.representations import Representations
from methexis.text import brief, sentence


@dataclass(frozen=True)
class Asked(Displayed):
    """What was typed, but for where results go.

    Attributes
    ----------
    model : str
        Folder, file or ``package.module:function``.
    data : path
        Text, ``.npy`` or folder of images.
    layers, pool, tokens, batch_size, sample, seed
        As of `probe`.
    ids : path, optional
        Text with a name per line for every sample.
    tokenizer : str, optional
        Folder with a tokenizer, of models that come without one.
    size, length : int, optional
        Side of images; most tokens of a text.
    """

    model: str
    data: Path
    layers: str | None = None
    pool: str = "mean"
    tokens: int = TOKENS
    batch_size: int = BATCH_SIZE
    sample: int | None = None
    seed: int = 0
    ids: Path | None = None
    tokenizer: str | None = None
    size: int | None = None
    length: int | None = None

    def __post_init__(self) -> None:
        require_pool(self.pool)
        integer("tokens", self.tokens, least=1, most=MOST_TOKENS)
        integer("batch", self.batch_size, least=1)
        integer("seed", self.seed, least=0)
        for name in ("sample", "size", "length"):
            value = getattr(self, name)
            if value is not None:
                integer(name, value, least=1)


def run_list(asked: Asked) -> LayerList:
    """Layers of a model with types and shapes, from the first samples."""
    held = loaded(asked.model, asked.tokenizer)
    return listed(held.model, source_of(asked, held), asked.layers or "**")


def run_probe(
    asked: Asked,
    out: Path,
    *,
    untrained: bool = False,
    force: bool = False,
    progress: Progress | str | bool | None = "auto",
) -> Representations:
    """Probe a model, and its untrained twin before it if asked for.

    Raises
    ------
    MethexisError
        If model or data cannot be opened, or for the reasons of `probe`.
    """
    require_free(out, force=force)
    held = loaded(asked.model, asked.tokenizer)
    job = Job(asked.layers, asked.pool, asked.tokens, force, progress)
    if not untrained:
        return probed(held.model, source_of(asked, held), out, job)
    twin = opened(fresh(held.given, asked.seed), f"{held.model.name}, untrained")
    beside = out.with_name(f"{out.stem}-untrained{out.suffix}")
    return twin_then(held.model, twin, lambda: source_of(asked, held), out, beside, job, asked.seed)


@dataclass
class Texts:
    """Lines of a text as samples, made into tokens a batch at a time."""

    lines: list[str]
    tokens: Any
    length: int | None
    takes: list[str] | None
    kind: str = field(default="lines of text", init=False)
    note: str = field(default="", init=False)

    def __len__(self) -> int:
        return len(self.lines)

    def gathered(self, rows: Sequence[int]) -> tuple[Any, NDArray[np.uint8]]:
        """A batch of inputs, and fingerprints of the lines."""
        texts = [self.lines[row] for row in rows]
        prints = [blake2b(text.encode(), digest_size=DIGEST).digest() for text in texts]
        names = np.frombuffer(b"".join(prints), np.uint8).reshape(-1, DIGEST)
        made = self.tokens(texts, self.length)
        if isinstance(made, dict) and self.takes is not None:
            made = {name: value for name, value in made.items() if name in self.takes}
        return made, names


def source_of(asked: Asked, held: Loaded) -> Source:
    """Batches of what was called DATA, as the model takes them."""
    names = None if asked.ids is None else _lines("ids", asked.ids)
    return Source(
        _data(asked, held),
        batch_size=asked.batch_size,
        prepare=None,
        mask=MASK,
        ids=names,
        kind="given names",
        sample=asked.sample,
        seed=asked.seed,
    )


def _data(asked: Asked, held: Loaded) -> Any:
    """The samples of DATA, as far as the model has what makes inputs of them."""
    path = asked.data
    if path.is_dir():
        return ImageFolder(path, held.transform, asked.size or 224)
    if path.suffix.lower() == ".npy":
        try:
            return mapped(path)
        except (OSError, ValueError) as error:
            raise MethexisError(
                f"DATA: expected a whole .npy file with an array of numbers, got "
                f"{brief(str(path))}: {sentence(error)}"
            ) from None
    lines = _lines("DATA", path)
    if held.tokenizer is None:
        raise MethexisError(
            f"DATA: expected data that {held.model.name} takes, got text and no tokenizer beside "
            "the model; give --tokenizer FOLDER, or a .npy of its inputs"
        )
    return Texts(lines, held.tokenizer, asked.length, held.model.takes())


def _lines(name: str, path: Path) -> list[str]:
    """Lines of a text that are not empty."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else sentence(error)
        raise MethexisError(
            f"{name}: expected a text file in UTF-8, got {brief(str(path))}: {why}"
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise MethexisError(f"{name}: expected lines of text, got none in {brief(str(path))}")
    return lines
