"""The demo's output and pictures: what ``make demo`` prints and draws, put where they are shown.

``python -m evidence.demo`` runs the demo's job once and writes its terminal output between the
marks ``demo:begin`` and ``demo:end`` of docs/demo.md, and its two headline figures to docs/images.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from methexis.core.parallel.threads import available_cores
from methexis.plots import style
from methexis.progress import Lines
from methexis.report import print_verify
from methexis.report.running import curves, gather
from methexis.report.verify import ways
from methexis.scenarios import VerifyResult, VerifySettings, run_verify

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(<!-- demo:begin -->\n).*?(<!-- demo:end -->)", re.DOTALL)


def main() -> None:
    began = time.monotonic()
    result = run_verify(VerifySettings(), progress=Lines(label="SGD"))
    result.timings["total"] = time.monotonic() - began
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        print_verify(result, Path("demo-out"))
    page = ROOT / "docs" / "demo.md"
    text = page.read_text(encoding="utf-8")
    block = f"```text\n{_trimmed(printed.getvalue())}\n```\n\n{_origin()}\n"
    text, count = _BLOCK.subn(lambda found: found[1] + block + found[2], text)
    if count != 1:
        sys.exit(f"{page.name}: expected one pair of demo marks, found {count}")
    page.write_text(text, encoding="utf-8")
    draw(result, ROOT / "docs" / "images")


def _origin() -> str:
    """When and from which commit the block was printed, on how many cores."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"]
    commit = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    today = datetime.now(UTC).date().isoformat()
    return f"*Printed on {today} at commit {commit.stdout.strip()}, on {available_cores()} cores.*"


def draw(result: VerifyResult, folder: Path) -> None:
    """Draw the worst pairs over slow time as pictures for README and docs."""
    folder.mkdir(parents=True, exist_ok=True)
    with style.house_style():
        panel = curves.worst_pair(
            gather.slow_clock(result.run),
            gather.worst_pair(result.run),
            predicted=result.prediction.worst_pair[:, result.compared],
            control=gather.worst_pair(result.control),
            width=900,
            height=420,
        )
        panel.draw().savefig(folder / "demo.png", dpi=160, metadata={"Software": None})
        panel = ways.worst_pairs(result.ways, width=900, height=420, columns=4)
        panel.draw().savefig(folder / "three-ways.png", dpi=160, metadata={"Software": None})


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


if __name__ == "__main__":
    main()
