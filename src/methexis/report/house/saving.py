"""How a figure becomes SVG inside a page, and a PDF beside it."""

from __future__ import annotations

import io
import re

from matplotlib.figure import Figure

#: What a PDF of ours says made it.
PDF_CREATOR = "Methexis, Matplotlib"


def pdf(figure: Figure) -> bytes:
    """Return the figure as PDF; equal figures give equal bytes.

    In memory: where a disk fills while matplotlib writes a PDF, the error that comes is another.
    """
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "Producer": None, "Creator": PDF_CREATOR}
    figure.savefig(buffer, format="pdf", metadata=metadata)
    return buffer.getvalue()


_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(xlink:href="#|url\(#)([^")]+)')


def inline_svg(figure: Figure, name: str, alt: str) -> str:
    """Return the figure as SVG to stand inside HTML: scalable, without namespaces or metadata.

    Ids are prefixed with the figure's name, so that figures of one page do not mix, and ids that
    nothing refers to are left out. ``alt`` says what it shows, for who cannot see it.
    """
    buffer = io.StringIO()
    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=empty)
    # The layout found for the first rendering serves the following ones.
    figure.set_layout_engine("none")
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    used = {reference.group(2) for reference in _REFERENCE.finditer(text)}
    prefix = f"{name}-"

    def keep(attribute: re.Match[str]) -> str:
        return f'id="{prefix}{attribute.group(1)}"' if attribute.group(1) in used else ""

    text = _ID.sub(keep, text)
    text = _REFERENCE.sub(
        lambda m: m.group(1).replace("xlink:href", "href") + prefix + m.group(2), text
    )
    text = re.sub(r"<g\s+>", "<g>", text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    assert box is not None  # matplotlib always writes one
    escaped = alt.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    title = f'<title id="{prefix}title">{escaped}</title>'
    return f'<svg {box.group(0)} role="img" aria-labelledby="{prefix}title">{title}{body}'
