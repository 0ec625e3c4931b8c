"""The notebooks of docs/tutorials: executed, tidied, and compared with how they are committed.

``python -m tests.docs.notebooks`` executes all of them and writes what they print and draw into
them, as `make docs` does; names of notebooks behind it execute these alone. The source of a
tutorial is its notebook: edit it in Jupyter or as text, then run this.

What would change from one time to the next is not kept: the bars of progress, which tell a speed,
versions, and times of cells. The kernel knows nothing of the settings of whoever runs it.
"""

from __future__ import annotations

import base64
import io
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from matplotlib.image import imread
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.ipynb"))
#: A reader's machine runs the newest Python; nothing here depends on it.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_CONFIG = """
c = get_config()
c.InlineBackend.figure_formats = {"png"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Software": None}}
"""
#: Colours of a picture.
COLOURS = 192
#: The row of a run's table that says how long it took.
_TIMING = re.compile(r"<tr><th[^>]*>wall time s</th><td[^>]*>[^<]*</td></tr>")
_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-+−]?\d+)?")
#: Blocks per side into which pictures are averaged to be compared; what share of them have to
#: agree, and how far, of a range of 1. A line that is a pixel off, by another version's font,
#: changes its blocks of some 15 pixels by .02 at most; a curve that is missing runs through a share
#: of 1/32 of them or more, and changes each by .05 and more.
BLOCKS, MOST, APART = 32, 0.98, 0.03


def executed(page: Path, *, seconds: int = 280) -> Any:
    """A notebook with what its cells give now, tidied.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises what it is not tagged to raise.
    """
    notebook = nbformat.read(page, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        run(notebook, Path(folder), seconds)
    return tidied(notebook)


def run(notebook: Any, folder: Path, seconds: int = 280) -> None:
    """Execute a notebook in place, by this Python, in an empty folder with settings of our own."""
    (folder / "profile_default").mkdir()
    (folder / "profile_default" / "ipython_kernel_config.py").write_text(_CONFIG)
    (folder / "work").mkdir()
    paths = (str(ROOT / "src"), os.environ.get("PYTHONPATH"))
    environment = os.environ | {
        "IPYTHONDIR": str(folder),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a remark of the debugger about Python itself
    }
    specs = KernelSpecManager(kernel_dirs=[])  # the kernel of this Python, whatever is installed
    client = NotebookClient(
        notebook,
        timeout=seconds,
        record_timing=False,
        resources={"metadata": {"path": str(folder / "work")}},
    )
    # Set afterwards, so that the client ends what it did not begin; files of the folder are the
    # wires, so that no port is open.
    client.km = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=specs,
        transport="ipc",
        connection_file=str(folder / "kernel.json"),
    )
    client.execute(env=environment)


def tidied(notebook: Any) -> Any:
    """The same notebook without what changes from one time to the next."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for place, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{place}"
        cell.metadata = {k: v for k, v in cell.metadata.items() if k == "tags"}
        if cell.cell_type == "code":
            cell.outputs = list(_tidied(cell.outputs))
    nbformat.validate(notebook)
    return notebook


def _tidied(outputs: list[Any]) -> Iterator[Any]:
    """Outputs of a cell: text of one stream in one piece, pictures alone, no bar of progress."""
    written: Any = None
    for one in outputs:
        data = one.get("data", {})
        if "text/html" in data:
            data["text/html"] = _TIMING.sub("", data["text/html"])
        if "<progress" in data.get("text/html", ""):
            continue
        if "image/png" in data:
            data.pop("text/plain", None)
            data["image/png"] = _small(data["image/png"])
        one.pop("transient", None)
        if one.output_type == "stream" and written is not None and written.name == one.name:
            written.text += one.text
            continue
        written = one if one.output_type == "stream" else None
        yield one


def _small(picture: str) -> str:
    """A picture in few colours, which takes a third of the room: lines on white need no more."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        if image.mode == "P":
            return picture
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def differences(committed: Any, now: Any) -> list[str]:
    """In what two executions of one notebook differ, a line for each cell.

    Numbers may differ by one in the last digit that is shown, because another processor rounds
    otherwise; all else that is text is the same to the sign. Pictures look alike from afar.
    """
    told = []
    if [cell.source for cell in committed.cells] != [cell.source for cell in now.cells]:
        return ["the cells are others"]
    for place, (old, new) in enumerate(zip(committed.cells, now.cells, strict=True)):
        before, after = list(shown(old)), list(shown(new))
        kinds = [kind for kind, _ in before], [kind for kind, _ in after]
        if kinds[0] != kinds[1]:
            told.append(f"cell {place}: gave {kinds[0]}, gives {kinds[1]}")
            continue
        for (kind, one), (_, other) in zip(before, after, strict=True):
            same = alike(one, other) if kind == "image/png" else same_text(one, other)
            if not same:
                words = "another picture" if kind == "image/png" else f"{one!r}, now {other!r}"
                told.append(f"cell {place}, {kind}: {words}")
    return told


def shown(cell: Any) -> Iterator[tuple[str, str]]:
    """Kind and content of all that stands below a cell."""
    for one in cell.get("outputs", ()):
        if one.output_type == "stream":
            yield one.name, one.text
        elif one.output_type == "error":
            yield "error", f"{one.ename}: {one.evalue}"
        else:
            yield from sorted(one.data.items())


def same_text(one: str, other: str) -> bool:
    """Whether two texts are the same, numbers up to one in the last digit of the first.

    Examples
    --------
    >>> same_text("p 0.012", "p 0.013"), same_text("p 0.012", "p 0.014"), same_text("4 a", "5 a")
    (True, False, False)
    """
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return all(_same_number(*pair) for pair in pairs)


def _same_number(one: str, other: str) -> bool:
    one, other = (text.replace("−", "-") for text in (one, other))
    digits, _, exponent = one.partition("e")
    if "." not in digits and not exponent:  # a count
        return one == other
    unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    return abs(float(one) - float(other)) <= 1.0001 * unit


def alike(one: str, other: str) -> bool:
    """Whether two pictures, as notebooks hold them, have the same light in all of their blocks."""
    blocks = [_blocks(picture) for picture in (one, other)]
    return bool(np.quantile(np.abs(blocks[0] - blocks[1]), MOST) <= APART)


def _blocks(picture: str) -> Any:
    """Mean lightness of each block of a picture."""
    pixels = imread(io.BytesIO(base64.b64decode(picture)))[..., :3].mean(axis=-1)
    places = [np.linspace(0, size, BLOCKS + 1).astype(int) for size in pixels.shape]
    sums = np.add.reduceat(np.add.reduceat(pixels, places[0][:-1], 0), places[1][:-1], 1)
    return sums / np.outer(*(np.diff(edges) for edges in places))


def main() -> None:
    """Execute notebooks and write them."""
    named = {Path(name).stem for name in sys.argv[1:]}
    unknown = named - {page.stem for page in PAGES}
    if unknown:
        known = ", ".join(page.stem for page in PAGES)
        raise SystemExit(f"notebooks: expected names among {known}, got {', '.join(unknown)}")
    for page in PAGES:
        if named and page.stem not in named:
            continue
        start, worked = time.monotonic(), processor_seconds()
        notebook = executed(page)
        nbformat.write(notebook, page)
        wall, worked = time.monotonic() - start, processor_seconds() - worked
        size = page.stat().st_size / 1000
        print(f"{page.name}: {wall:.1f} s, {worked:.1f} s of processors, {size:.0f} kB")


def processor_seconds() -> float:
    """Seconds that processors worked for kernels that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
