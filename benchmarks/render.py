"""Render benchmarks/results/bench.json into docs/benchmarks.md and docs/numbers.md.

And shares.json beside it into the first of these; measures.json beside it into
docs/measures-benchmarks.md and docs/numbers.md; canonical.json beside it into docs/canonical.md;
transport.json beside it into docs/translation-benchmarks.md, docs/translation.md,
docs/interfaces.md and docs/numbers.md. ``python -m benchmarks.render [--check]``: pages are written
as a whole, the tables of other pages between their marks, ``bench:begin`` and ``bench:end``.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks import shares
from benchmarks.canonical.text import tables
from benchmarks.engine import page as engine_page
from benchmarks.measures import page as measures_page
from benchmarks.transport import page as transport_page

ROOT = Path(__file__).resolve().parent.parent
#: What `python -m benchmarks canonical` stored, whose tables are in docs/canonical.md.
CANONICAL = "benchmarks/results/canonical.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with ``--check`` only say which are stale (status 1)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a page is stale")
    check = parser.parse_args(arguments).check
    stale = [
        path
        for path, text in pages(ROOT).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if not check:
            path.write_text(pages(ROOT)[path], encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {'stale; run make docs' if check else 'written'}")
    return 1 if check and stale else 0


def pages(root: Path) -> dict[Path, str]:
    """What each page must hold."""
    engines, measures = (
        json.loads((root / path).read_text(encoding="utf-8"))
        for path in (engine_page.RESULT, measures_page.RESULT)
    )
    numbers = root / "docs" / "numbers.md"
    text = within(numbers.read_text(encoding="utf-8"), "bench", engine_page.summary(engines))
    text = within(text, "bench-measures", measures_page.summary(measures))
    transport = json.loads((root / transport_page.RESULT).read_text(encoding="utf-8"))
    text = within(text, "bench-transport", transport_page.summary(transport))
    stored = json.loads((root / shares.RESULT).read_text(encoding="utf-8"))
    canonical = root / "docs" / "canonical.md"
    gauges = json.loads((root / CANONICAL).read_text(encoding="utf-8"))
    translation, interfaces = (root / "docs" / name for name in ("translation.md", "interfaces.md"))
    few, proofs = transport_page.short_table(transport), transport_page.gauge_table(transport)
    return {
        root / transport_page.PAGE: transport_page.page(transport),
        translation: within(translation.read_text(encoding="utf-8"), "pairs", few),
        interfaces: within(interfaces.read_text(encoding="utf-8"), "gauge", proofs),
        canonical: within(canonical.read_text(encoding="utf-8"), "canonical", tables(gauges)),
        root / engine_page.PAGE: engine_page.page(engines) + "\n" + shares.section(stored),
        root / measures_page.PAGE: measures_page.page(measures),
        numbers: text,
    }


def within(text: str, mark: str, content: str) -> str:
    """A page with other content between the marks of that name."""
    block = re.compile(rf"(<!-- {mark}:begin -->\n).*?(<!-- {mark}:end -->)", re.DOTALL)
    text, count = block.subn(lambda found: found[1] + content + found[2], text)
    if count != 1:
        raise SystemExit(f"page: expected one pair of {mark} marks, found {count}")
    return text


if __name__ == "__main__":
    raise SystemExit(main())
