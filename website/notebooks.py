"""Notebooks as Markdown: their words as they are, their code and what it gave as blocks."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

_CONTROL = re.compile(r"\x1b\[[0-9;]*m")


def markdown(notebook: Path, pictures: Path, prefix: str) -> str:
    """A notebook as a page; its pictures become files ``prefix-N.png`` in ``pictures``."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    parts = []
    count = 0
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                count += 1
                name = f"{prefix}-{count}.png"
                pictures.mkdir(parents=True, exist_ok=True)
                (pictures / name).write_bytes(base64.b64decode("".join(data["image/png"])))
                parts.append(f"![Drawn by the cell above]({pictures.name}/{name})")
            else:
                parts.append(_shown(output, data))
    return "\n\n".join(parts) + "\n"


def _shown(output: dict[str, Any], data: dict[str, Any]) -> str:
    """What a cell printed or returned, other than a picture."""
    if "text/html" in data:
        return f'<div class="output">\n{_one_block("".join(data["text/html"]))}\n</div>'
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f"```text\n{_CONTROL.sub('', text).rstrip()}\n```"


def _one_block(html: str) -> str:
    """HTML without empty lines, which would end its block in Markdown."""
    return "\n".join(line for line in html.splitlines() if line.strip())
