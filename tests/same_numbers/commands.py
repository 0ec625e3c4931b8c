"""What every verb prints, and the results that it writes.

A verb is run as quickly as it can be. What takes more than about ten seconds is in `LONG`, and is
run only where the environment variable METHEXIS_LONG is 1.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import methexis as mx
from methexis.files import MANIFEST
from tests.same_numbers.pairs import related
from tests.same_numbers.plain import plain

VERBS = ("verify", "break", "sharpen", "compare", "reverse")
STAGED = ("break", "sharpen", "reverse")
PAIR = ("compare", "x.npy", "y.npy")
QUICK = ("--easy", "--replicas", "2", "--seed", "1", "--no-three-ways")
FAST = ("--permutations", "19", "--bootstrap", "19")

COMMANDS: dict[str, list[tuple[str, ...]]] = {
    # In one process each, for what they import takes seconds.
    "words": [
        ("--version",),
        *[(verb, "--help") for verb in VERBS],
        *[(verb, "--list") for verb in (*STAGED, "compare")],
        *[(verb, "--list", "--json") for verb in (*STAGED, "compare")],
        ("frobnicate",),
        *[(verb,) for verb in (*STAGED, "compare")],
        *[(verb, "smapling") for verb in STAGED],
        *[(verb, "edge", "--wrong") for verb in STAGED],
        ("break", "sampling", "--seed", "-1", "--quick"),
        ("break", "sampling", "--quick", "--out", "x.npy"),
        ("sharpen", "edge", "--quick", "--out", "x.npy/below"),
        ("reverse", "order", "--quick", "--out", "layers"),
        ("verify", "--easy", "--noise", "pink"),
        ("verify", "--easy", "--loss", "hinge"),
        ("verify", "--easy", "--sampling", "full"),
        ("verify", "--easy", "--steps", "0"),
        ("verify", "--easy", "--lr", "5"),
        ("verify", "--easy", "--lr", "nan"),
        ("verify", "--easy", "--replicas", "1"),
        ("verify", "--easy", "--checkpoint-every", "-1"),
        ("verify", "--easy", "--out", "x.npy"),
        ("compare", "gone.npy", "y.npy"),
        ("compare", "x.npy"),
        ("compare", "x.npy", "short.npy"),
        ("compare", "x.npy", "nan.npy"),
        ("compare", "x.npy", "tokens.npy"),
        ("compare", "text.txt", "y.npy"),
        (*PAIR, "-m", "ckaa"),
        (*PAIR, "-m", "cka:k=3"),
        (*PAIR, "-m", "cka:k"),
        (*PAIR, "-m", "mutual_knn:k=many"),
        (*PAIR, "-m", "mutual_knn:k=1000"),
        (*PAIR, "-m", "mutual_knn:k=20:metric=euclidean"),
        (*PAIR, "-m", "cka:estimator=lange"),
        (*PAIR, "-m", "cka", "-m", "cka"),
        (*PAIR, "-m", "cka", "--set", "kk=3"),
        (*PAIR, "--preprocessing", "pca"),
        (*PAIR, "--null", "gauss"),
        (*PAIR, "--null", "moments", "-m", "cca"),
        (*PAIR, "--correction", "none"),
        (*PAIR, "--alpha", "2"),
        (*PAIR, "--seed", "-1"),
        (*PAIR, "--permutations", "1", "-m", "cca"),
        (*PAIR, "--rdm", "C"),
        (*PAIR, "--rdm", "A"),
        (*PAIR, "--memory", "some"),
        (*PAIR, "--memory", "1 KiB", "-m", "rsa"),
        (*PAIR, "--layers", "block*"),
        ("compare", "d.npy", "y.npy", "--rdm", "A", "-m", "cka"),
        ("compare", "bent.npy", "y.npy", "--rdm", "A"),
    ],
    "reports": [
        (*PAIR, *FAST, "--out", "out"),
        (*PAIR, *FAST, "--out", "out"),  # refused: there are results
        (*PAIR, *FAST, "--out", "out", "--force", "-m", "cka:kernel=rbf", "-m", "cca", "-m", "rsa"),
        (*PAIR, *FAST, "--out", "out", "--force", "--preprocessing", "prh", "--null", "none"),
        ("compare", "layers", "more", *FAST, "--json"),
        ("compare", "layers", "more", *FAST, "--force", "-m", "mutual_knn", "--set", "k=4"),
        ("compare", "layers", *FAST, "-m", "cka:debiased=true", "--correction", "holm"),
        ("compare", "d.npy", "y.npy", "--rdm", "A", *FAST, "--json"),
        ("compare", "tokens.npy", "more", "--pool", "mean", *FAST, "--null", "none", "-m", "cka"),
        ("compare", "run.zarr", *FAST, "-m", "procrustes"),
        ("verify", *QUICK, "--steps", "400", "--out", "verified"),
        ("verify", *QUICK, "--steps", "400", "--out", "verified"),  # refused: there are results
        *2 * [("sharpen", "edge", "--quick")],  # refused the second time, likewise
        *2 * [("reverse", "order", "--quick")],
    ],
}
#: Each more than about ten seconds.
LONG: dict[str, list[tuple[str, ...]]] = {
    "break": [("break", "sampling", "--quick")],
    "verify, three ways": [("verify", *QUICK[:-1], "--steps", "3000", "--json")],
}
#: Entries of results that tell when, where and with what they were made.
CIRCUMSTANCES = {"seconds", "timings_s", "version", "libraries", "machine", "methexis", "made_with"}
CIRCUMSTANCES |= {"wall_time_s", "python", "numpy", "checkpoint"}


def _write_files(folder: Path) -> None:
    """What commands read."""
    x, y = related(50, 5, 6, seed=21)
    rng = np.random.default_rng(22)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y.astype(np.float32))
    np.save(folder / "short.npy", y[:-1])
    np.save(folder / "nan.npy", np.where(np.arange(50)[:, None] == 7, np.nan, y))
    np.save(folder / "tokens.npy", y[:, None, :] + 0.1 * rng.normal(size=(50, 4, 6)))
    between = np.linalg.norm(x[:, None] - x[None], axis=-1)
    np.save(folder / "d.npy", between)
    np.save(folder / "bent.npy", np.triu(between))
    (folder / "text.txt").write_text("words\n", encoding="utf-8")
    for model, widths in (("layers", (3, 4, 7)), ("more", (4, 5))):
        (folder / model).mkdir()
        for k, width in enumerate(widths):
            noise = 0.4 * k * rng.normal(size=(50, width))
            np.save(folder / model / f"layer{5 * k}.npy", x @ rng.normal(size=(5, width)) + noise)
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=1)
    students = mx.EDLN.random(teacher, hidden=(4, 3), seed=2)
    mx.train(students, teacher, mx.SGD(lr=0.01), steps=5, engine="reference").save(
        folder / "run.zarr"
    )


def printed(commands: list[tuple[str, ...]]) -> dict[str, Any]:
    """Exit status and text of each, and the results in the folders that they made."""
    environment = os.environ | {
        "COLUMNS": "80",
        "LINES": "24",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS"):
        environment.pop(name, None)
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        _write_files(folder)
        before = {path.name for path in folder.iterdir()}
        done = subprocess.run(
            [sys.executable, "-c", "from tests.same_numbers.driver import serve; serve()"],
            input=json.dumps(commands),
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=environment,
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        found: dict[str, Any] = {}
        answers = json.loads(done.stdout)
        for number, (words, (status, out, err)) in enumerate(zip(commands, answers, strict=True)):
            found[f"{number}. {' '.join(words)}"] = {
                "status": status,
                "out": _result(out) if "--json" in words and out else _lines(out, folder),
                "err": _lines(_lasting(err), folder),
            }
        made = sorted(path for path in folder.iterdir() if path.name not in before)
        for path in made:
            names = sorted(p.name for p in path.iterdir() if p.name != MANIFEST)
            found[f"folder {path.name}"] = names
            if (path / "result.json").exists():
                result = _result((path / "result.json").read_text("utf-8"))
                seen = [
                    one["out"] for one in found.values() if isinstance(one, dict) and "out" in one
                ]
                found[f"result in {path.name}"] = "as printed" if result in seen else result
    return found


def _lasting(text: str) -> str:
    """Without the lines that say how far a job is, which depend on the clock."""
    clock = re.compile(r"^(\.\.\. .*\d of [\d,]+|\w+: step [\d,]+ of|\.\.\. .* so far)")
    return "".join(line for line in text.splitlines(keepends=True) if not clock.match(line))


def _lines(text: str, folder: Path) -> list[str]:
    """Lines with words for what differs between two runs of the same command."""
    text = text.replace(str(folder), "FOLDER").replace(mx.__version__, "VERSION")
    text = re.sub(r"seconds: [^\n]*(\n[a-z0-9 .,]+)*?(?=\nreport:|\n*$)", "seconds: TIMES", text)
    text = re.sub(r"\d+\.\d s\b", "TIME s", text)
    # What a machine promises follows its own speed.
    text = re.sub(r"about (a second|\d+ (seconds|minutes|hours|days))", "about TIME", text)
    return [line.rstrip() for line in text.splitlines()]


def _result(text: str) -> Any:
    return plain(_without(json.loads(text)))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without(v) for k, v in value.items() if k not in CIRCUMSTANCES}
    if isinstance(value, list):
        return [_without(one) for one in value]
    return value
