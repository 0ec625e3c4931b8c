"""What is in a wheel and in a source distribution, and that they work where nothing else is.

The wheel is built in the folder of the extension in place, so that nothing is compiled twice. That
it needs no compiler is tried in an empty environment, with nothing else on the path.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from methexis import __version__
from tests.native import first_report
from tests.native.extension import BUILD, ROOT, extension_file

# Building a wheel compiles for a minute and more on one core, while the tests wait.
pytestmark = pytest.mark.long

PIP_WHEEL = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")

SDIST = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"

# In a process of its own, with the unpacked wheel first on the path.
TRAIN = """
import methexis as mx
teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
student = mx.EDLN(hidden=(4,))
run = mx.train([student], teacher, mx.SGD(lr=0.01), steps=3, batch=2, seed=0, progress=False)
assert len(run.weights[0]) == 2
print(mx.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    extension_file()
    return built(tmp_path_factory.mktemp("wheel"), f"--config-settings=build-dir={BUILD}")


def built(folder: Path, *settings: str) -> Path:
    done = subprocess.run(
        [sys.executable, *PIP_WHEEL, "--wheel-dir", str(folder), *settings, str(ROOT)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_a_wheel_has_the_extension_and_the_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"methexis-{__version__}.dist-info"
    for name in ("py.typed", "_native.pyi", extension_file().name):
        assert f"methexis/{name}" in names
    assert f"{info}/licenses/LICENSE" in names
    # and nothing but the package
    assert {name.split("/")[0] for name in names} == {"methexis", info}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".cpp", ".pth"))]


def test_a_wheel_holds_what_users_run(wheel: Path) -> None:
    """Benchmarks and evidence stay in the source tree, whatever folder they are in."""
    files = [entry for entry in zipfile.ZipFile(wheel).infolist() if not entry.is_dir()]
    print(
        f"wheel: {len(files)} files, {wheel.stat().st_size / 1e6:.2f} MB, of which Python "
        f"{sum(f.file_size for f in files if f.filename.endswith('.py')) / 1e6:.2f} MB unpacked"
    )
    parts = {part for entry in files for part in Path(entry.filename).with_suffix("").parts}
    assert not parts & {"bench", "benchmarks", "evidence", "examples", "peers", "tests"}


def test_a_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    kept = {".py", ".pyi", ".typed", ".j2", ".css"}
    source = ROOT / "src"
    expected = {
        str(path.relative_to(source)) for path in source.rglob("*") if path.suffix in kept
    } | {"methexis/py.typed"}
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("compiled", [True, False])
def test_an_unpacked_wheel_trains(wheel: Path, tmp_path: Path, compiled: bool) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    if not compiled:
        (tmp_path / "methexis" / extension_file().name).unlink()
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))  # and not the source tree


def test_a_wheel_needs_no_compiler(wheel: Path, tmp_path: Path) -> None:
    """From an empty environment to the first report, and all that `installed.py` tries."""
    fresh = first_report.first_report(wheel, tmp_path)
    print({step: round(seconds, 1) for step, seconds in fresh.seconds.items()})
    told = fresh.run("", "python", str(ROOT / "tests" / "native" / "installed.py"), "--native")
    assert "both engines agree" in told
    assert str(tmp_path) in told  # and not the source tree
    # The same environment with the wheel for all machines, which has no compiled engine.
    pure = built(tmp_path / "pure", "--config-settings=wheel.cmake=false")
    assert pure.name == f"methexis-{__version__}-py3-none-any.whl"
    fresh.install(pure, "--no-deps", "--force-reinstall")
    assert "works" in fresh.run("", "python", str(ROOT / "tests" / "native" / "installed.py"))
    with pytest.raises(RuntimeError, match="expected the compiled extension"):
        fresh.run("", "python", str(ROOT / "tests" / "native" / "installed.py"), "--native")


def test_a_source_distribution_has_what_a_wheel_is_built_from(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SDIST, str(tmp_path)],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.tar.gz")
    assert path.name == f"methexis-{__version__}.tar.gz"
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    print(f"sdist: {len(names)} files, {path.stat().st_size / 1e6:.2f} MB")
    kept = {
        path.relative_to(ROOT).as_posix()
        for folder in ("src", "native")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in {".py", ".pyi", ".j2", ".css", ".cpp", ".hpp", ".cmake"}
    }
    assert kept <= names
    assert {"CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml", "CITATION.cff"} <= names
    assert not [name for name in names if name.endswith(".so") or name.startswith((".", "build"))]
