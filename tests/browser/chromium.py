"""A browser without network for the tests: what a page looks like, and how wide it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--force-device-scale-factor=1",
    # Every name resolves to nothing: what the page would load from elsewhere, it cannot.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def required() -> bool:
    """Whether a missing browser is a failure (as in CI) and not a reason to skip."""
    return os.environ.get("METHEXIS_REQUIRE_BROWSER") == "1"


def find() -> str:
    """Return the browser; without one, skip or fail."""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    message = f"no browser found among {', '.join(_NAMES)}"
    if required():
        pytest.fail(message)
    pytest.skip(message)


def _run(*arguments: str) -> str:
    browser = find()
    # Chromium may leave helper processes behind for a moment that still write their profile.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [browser, *_OPTIONS, f"--user-data-dir={profile}", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return done.stdout


def screenshot(page: Path, target: Path, width: int, height: int) -> Path:
    """Write a picture of the top of the page."""
    _run(f"--window-size={width},{height}", f"--screenshot={target}", page.as_uri())
    return target


def dumped(address: str) -> str:
    """The HTML of a page after its scripts have had twenty seconds."""
    return _run("--virtual-time-budget=20000", "--dump-dom", address)


def measure(page: Path, width: int, probe: str, *, after: int = 0) -> dict[str, float]:
    """Lay the page out in a frame of the given width and evaluate numbers in it.

    The page has no script of its own, so another page carries the script and the frame.

    Parameters
    ----------
    probe : str
        JavaScript expression for an object of numbers; the page is ``d``.
    after : int
        Milliseconds that scripts of the page get before it is evaluated.
    """
    wrapper = page.with_name(f"measure-{width}.html")
    text = page.read_text(encoding="utf-8").replace("&", "&amp;").replace('"', "&quot;")
    script = (
        "const d = document.querySelector('iframe').contentDocument; const found = ("
        f"{probe});"
        "document.querySelector('output').textContent ="
        " Object.entries(found).map(([k, v]) => k + '=' + v).join(';');"
    )
    wrapper.write_text(
        '<!doctype html><meta charset="utf-8"><output></output>'
        f'<iframe style="border:0;width:{width}px;height:900px" srcdoc="{text}"></iframe>'
        f"<script>document.querySelector('iframe').onload ="
        f" () => setTimeout(() => {{ {script} }}, {after});</script>",
        encoding="utf-8",
    )
    dom = _run(
        "--window-size=1600,1000",
        f"--virtual-time-budget={10000 + after}",
        "--dump-dom",
        wrapper.as_uri(),
    )
    wrapper.unlink()
    found = re.search(r"<output>([^<]*)</output>", dom)
    assert found is not None
    assert found.group(1), "the frame did not load"
    return {k: float(v) for k, v in (pair.split("=") for pair in found.group(1).split(";"))}
