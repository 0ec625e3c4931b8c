"""Does an installed package work? ``python tests/native/installed.py [--native]``, or it fails.

It knows nothing of this source tree and needs nothing but the package, so that a wheel is tested
with it wherever wheels are built. With ``--native`` the compiled engine must be there, and agree
with the one in NumPy.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

import methexis as mx

STUDENTS = ((4, 3), (5,))
#: Both engines draw the same numbers and differ by rounding: 1e-16 a step, of a thousand steps.
CLOSE = 1e-9


def trained(engine: str) -> mx.Run:
    """A small run by one engine, of weights of order one."""
    teacher = mx.Teacher.random(dim_x=4, dim_y=3, seed=0)
    students = [mx.EDLN.random(teacher, hidden=hidden, seed=1) for hidden in STUDENTS]
    return mx.train(
        students, teacher, mx.SGD(lr=0.005), steps=1000, batch=4, replicas=2, seed=0,
        engine=engine, progress=None,
    )  # fmt: skip


def printed(*words: str) -> str:
    """What a command prints, which must succeed."""
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace")


def check_commands() -> None:
    """Version and verbs, by the script and by the module; a score of two files, with its report."""
    number = version("methexis")
    assert number == mx.__version__
    script = Path(sysconfig.get_path("scripts")) / "methexis"
    for words in ([str(script)], [sys.executable, "-m", "methexis"]):
        assert printed(*words, "--version").strip() == f"methexis {number}"
        assert "verify" in printed(*words, "--help")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        x = np.random.default_rng(0).normal(size=(60, 5))
        np.save(folder / "a.npy", x)
        np.save(folder / "b.npy", x @ x[:5])
        words = ["compare", str(folder / "a.npy"), str(folder / "b.npy")]
        out = folder / "with spaces and ü"
        told = printed(sys.executable, "-m", "methexis", *words, "--out", str(out))
        assert "linear CKA" in told
        assert (out / "report.html").stat().st_size > 10_000
        saved = trained("auto").save(folder / "run.zarr")
        assert mx.open_run(saved).data.sizes["replica"] == 2


def main() -> None:
    """Check everything."""
    reference = trained("reference")
    if "--native" in sys.argv[1:]:
        native = trained("native")
        pairs = zip(native.weights, reference.weights, strict=True)
        gap = max(
            float(np.abs(a - b).max()) for one, two in pairs for a, b in zip(one, two, strict=True)
        )
        assert gap <= CLOSE, f"engines differ by {gap}"
        print(f"both engines agree to {gap:.1e}")
    check_commands()
    print(f"methexis {mx.__version__} works, from {Path(mx.__file__).parent}")


if __name__ == "__main__":
    main()
