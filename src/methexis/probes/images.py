"""A folder of images as samples. The one place that imports Pillow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.probes.batches import DIGEST
from methexis.probes.frameworks.optional import is_tensor, require, torch
from methexis.representations.opening import natural
from methexis.text import brief, sentence

#: Whether Pillow is installed: pip install pillow.
INSTALLED = find_spec("PIL") is not None

if INSTALLED:
    from PIL import Image

#: Endings of files that are taken for images.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
#: Mean and spread of the channels of ImageNet's photographs, in units of full brightness.
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ImageFolder:
    """Images of a folder in natural order, made into what a model takes, a batch at a time.

    Parameters
    ----------
    folder : path
    transform : function, optional
        From an image of Pillow to an array or a tensor. By default RGB, the shorter side brought to
        8/7 of ``size`` and the middle square of it taken, in units of ImageNet's mean and spread.
    size : int
        Side in pixels.
    """

    #: What names the samples: fingerprints of the files.
    kind = "image files"

    def __init__(
        self, folder: Path, transform: Callable[[Any], Any] | None = None, size: int = 224
    ) -> None:
        require("PIL", f"{folder}")
        self._files = sorted(
            (p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()),
            key=lambda path: natural(path.name),
        )
        if not self._files:
            raise MethexisError(
                f"DATA: expected a folder with images ({', '.join(SUFFIXES)}), got none in {folder}"
            )
        self._transform, self._size = transform, size

    def __len__(self) -> int:
        """Number of images in the folder."""
        return len(self._files)

    @property
    def note(self) -> str:
        """What is done to images, in words."""
        if self._transform is not None:
            return "images made into inputs by the transform that came with the model"
        return (
            f"images: RGB, shorter side {self._size * 8 // 7}, middle {self._size} x {self._size}, "
            "less ImageNet's mean, over its spread; see that the model was trained so"
        )

    def gathered(self, rows: Sequence[int]) -> tuple[Any, NDArray[np.uint8]]:
        """A batch of images, and fingerprints of their files."""
        made, prints = [], np.empty((len(rows), DIGEST), dtype=np.uint8)
        for k, row in enumerate(rows):
            path = self._files[row]
            content = path.read_bytes()
            prints[k] = np.frombuffer(blake2b(content, digest_size=DIGEST).digest(), np.uint8)
            try:
                with Image.open(path) as image:
                    rgb = image.convert("RGB")
            except Exception as error:
                raise MethexisError(
                    f"{brief(str(path))}: expected a whole image, got a damaged one "
                    f"({sentence(error)})"
                ) from None
            made.append(self._plain(rgb) if self._transform is None else self._transform(rgb))
        return (torch.stack(made) if is_tensor(made[0]) else np.stack(made)), prints

    def _plain(self, image: Any) -> NDArray[np.float32]:
        wide, high = image.size
        side = self._size * 8 // 7
        scale = side / min(wide, high)
        shape = (max(side, round(wide * scale)), max(side, round(high * scale)))
        image = image.resize(shape, Image.Resampling.BICUBIC)
        left, top = (shape[0] - self._size) // 2, (shape[1] - self._size) // 2
        image = image.crop((left, top, left + self._size, top + self._size))
        pixels = np.asarray(image, dtype=np.float32) / np.float32(255.0)
        scaled = (pixels - np.array(_MEAN, np.float32)) / np.array(_SPREAD, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))
