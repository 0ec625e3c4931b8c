"""The folder that --out names: seen to be ours and writable before a job, filled at its end.

One command at a time works on a folder. What it finds is stored before figures are drawn, so that a
figure that fails costs the figure and not the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from methexis.errors import MethexisError
from methexis.files import MANIFEST, RESULT, is_staging, listed, locked, probe, put_results, settle
from methexis.text import sentence, shown

#: Endings of files and folders that hold representations.
_ENDINGS = {".npy", ".npz", ".safetensors", ".parquet", ".zarr"}
#: Most bytes of a name within a folder's; file systems take 255 for two of them and the verb.
_LONGEST = 100
#: Keys of results that versions wrote which listed no files: of `verify`, and of other commands.
_EARLIER = ({"passed", "settings", "provenance"}, {"command", "version"})


@contextmanager
def prepared(
    out: Path, *, force: bool, leftovers: Callable[[str], bool] = lambda _: False
) -> Iterator[None]:
    """Make the folder, see that it is new, empty or ours, and writable, and keep others out.

    A folder that it made goes if what runs inside ends with an error; only folders that are empty
    go, so that nothing is lost that a run has written.

    Parameters
    ----------
    out : Path
        The folder.
    force : bool
        Whether results in it may be replaced.
    leftovers : function
        Whether a name is one that an interrupted run of ours leaves.

    Raises
    ------
    MethexisError
        If there is something in the way, or another command is at it.
    OSError
        If it cannot be written.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    with locked(out, "out"):
        try:
            _prepare(out, force=force, leftovers=leftovers)
            yield
        except BaseException:
            with suppress(OSError):  # not empty, or never made
                for folder in made:
                    folder.rmdir()
            raise


def fill(
    out: Path,
    summary: str,
    report: Callable[[Path], object],
    data: Callable[[Path], object] = lambda _: None,
) -> None:
    """Store what a command found, in place of older results of ours; then its report.

    Parameters
    ----------
    out : Path
        The folder, prepared.
    summary : str
        The result as JSON.
    report, data : function
        Write the report, and what there is beside it, into the folder that they are given.

    Raises
    ------
    MethexisError
        If something is in the way; the result is stored if only the report could not be.
    OSError
        If something cannot be written; likewise.
    """

    def numbers(folder: Path) -> None:
        data(folder)
        (folder / RESULT).write_text(summary + "\n", encoding="utf-8")

    put_results(out, numbers)
    try:
        put_results(out, report, add=True)
    except (OSError, MethexisError):
        raise
    except Exception as error:
        raise MethexisError(
            f"report: expected to draw it, got {type(error).__name__} ({sentence(error)}); all "
            f"numbers are in {shown(str(out / RESULT))}"
        ) from error


def _prepare(out: Path, *, force: bool, leftovers: Callable[[str], bool]) -> None:
    if out.exists() and not out.is_dir():
        raise MethexisError(f"out: expected a folder, got the file {out}")
    settle(out, RESULT)  # a command was killed while it filled the folder
    ours = _holds_results(out)
    if ours and not force:
        raise MethexisError(
            f"out: expected a new folder, got {out} with results in it; give another --out, or "
            "--force to replace them"
        )
    if not ours and out.exists():
        own = {MANIFEST, *(name.split("/")[0] for name in listed(out))}
        for name in sorted(p.name for p in out.iterdir()):
            if name not in own and not is_staging(name) and not leftovers(name):
                raise MethexisError(
                    f"out: expected a new or empty folder, got {out} with {name} in it; give "
                    "another --out"
                )
    out.mkdir(parents=True, exist_ok=True)
    probe(out, RESULT)  # an OSError now rather than after the run


def _holds_results(out: Path) -> bool:
    """Whether a folder holds results of ours: listed, or as earlier versions wrote them."""
    if RESULT in listed(out):
        return (out / RESULT).exists()
    try:
        content = json.loads((out / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and any(content.keys() >= known for known in _EARLIER)


def bare(name: str) -> str:
    """Return a file's name without the ending that says how it is to be read.

    Examples
    --------
    >>> bare("llama-2.7b"), bare("llama-2.7b.safetensors")
    ('llama-2.7b', 'llama-2.7b')
    """
    path = Path(name)
    return path.stem if path.suffix.lower() in _ENDINGS and path.stem else name


def short(name: str) -> str:
    """Return a name that can be part of a folder's: of printable characters, and not too long.

    What it leaves out a fingerprint stands for, so that different names stay different.

    Examples
    --------
    >>> short("llama-2.7b")
    'llama-2.7b'
    >>> len(short("a" * 300)), short("a" * 300) == short("a" * 301)
    (101, False)
    """
    plain = "".join(sign if sign.isprintable() and sign not in "/\\" else "_" for sign in name)
    if plain == name and len(name.encode()) <= _LONGEST:
        return name
    fingerprint = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    while len(plain.encode()) > _LONGEST - len(fingerprint):
        plain = plain[:-1]
    return f"{plain}-{fingerprint}"
