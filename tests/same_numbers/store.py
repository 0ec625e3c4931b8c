"""Store the numbers of today: ``python -m tests.same_numbers.store [FILE ...]``.

Bits are compared where `make test` has the same libraries: store with its settings, one thread and
``OPENBLAS_CORETYPE=Haswell``.

Without names all files are written, `commands_long` only where METHEXIS_LONG is 1.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from tests.same_numbers import runs
from tests.same_numbers.parts import DATA, PARTS


def main(wanted: list[str]) -> None:
    names = wanted or [n for n in PARTS if n != "commands_long" or _long()]
    DATA.mkdir(parents=True, exist_ok=True)
    _write("machine", runs.machine())
    for name in names:
        began = time.monotonic()
        _write(name, {key: compute() for key, compute in PARTS[name].items()})
        size = (DATA / f"{name}.json").stat().st_size
        print(f"{name}: {size / 1e3:.0f} kB, {time.monotonic() - began:.1f} s", flush=True)


def _long() -> bool:
    return os.environ.get("METHEXIS_LONG") == "1"


def _write(name: str, content: dict[str, Any]) -> None:
    """Write JSON with a line for each entry of each part, so that a change is seen in its line."""
    parts = []
    for key, value in content.items():
        body = json.dumps(value)
        if isinstance(value, dict):
            entries = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            body = "{\n" + ",\n".join(entries) + "\n}"
        parts.append(f"{json.dumps(key)}: {body}")
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    (DATA / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
