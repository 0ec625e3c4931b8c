"""Options that commands which run a model have in common, word for word."""

from __future__ import annotations

from typing import Annotated

import typer

Batch = Annotated[int, typer.Option("--batch", help="Samples of a batch.")]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        help="Folder with a tokenizer of transformers, for models that come without one.",
        show_default=False,
    ),
]
