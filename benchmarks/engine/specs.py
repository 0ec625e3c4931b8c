"""Which peers there are, and how each is started.

Our engines run in this interpreter. The others, in the folder ``peers``, run in an interpreter that
has them installed: that of ``build/bench``, which ``make bench`` sets up, else this one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.processes import ROOT, PeerSpec, our_own
from methexis.errors import MethexisError

_ENGINES = Path(__file__).with_name("ours.py")
_PEERS = Path(__file__).with_name("peers")
#: What lets XLA compile a whole scan into one function instead of calling its operations one by
#: one. It is not documented; "jax, tuned" has it because a single network gains much by it.
_ONE_FUNCTION = "xla_cpu_small_while_loop_byte_threshold=1000000000"

#: Names of the peers by which others are judged: ``vmap`` and ``scan`` as documented, and with
#: the networks split over devices of the host and an undocumented flag.
JAX, JAX_TUNED = "jax", "jax, tuned"
TORCH = "torch"
NATIVE, REFERENCE = "native", "reference"

HOW_TO_INSTALL = (
    "`make bench` installs the peers, or in an environment of your own, named by --python: "
    "pip install -r requirements/bench.txt"
)


def our_engine(name: str) -> PeerSpec:
    """One of our engines."""
    return our_own(name, _ENGINES)


def peers_python(wanted: Path | None) -> str:
    """The interpreter of the peers.

    Raises
    ------
    MethexisError
        If the one asked for does not exist.
    """
    if wanted is not None:
        if not wanted.is_file():
            raise MethexisError(f"python: expected an interpreter, got {wanted}")
        return str(wanted.absolute())  # not resolved: the link is what makes an environment
    own = ROOT / "build" / "bench" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def other_peers(python: str, threads: int) -> list[PeerSpec]:
    """All peers but our engines."""
    flags = (
        f"--xla_force_host_platform_device_count={threads} "
        f"--xla_backend_extra_options={_ONE_FUNCTION}"
    )
    jax, torch = _PEERS / "jax_peer.py", _PEERS / "torch_peer.py"
    return [
        PeerSpec(JAX, jax, python, {"METHEXIS_JAX": "plain", "JAX_PLATFORMS": "cpu"}),
        PeerSpec(
            JAX_TUNED,
            jax,
            python,
            {"METHEXIS_JAX": "tuned", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags},
        ),
        PeerSpec(TORCH, torch, python, {"METHEXIS_TORCH": "loop"}),
        PeerSpec("torch, by hand", torch, python, {"METHEXIS_TORCH": "hand"}),
        PeerSpec("torch.func vmap", torch, python, {"METHEXIS_TORCH": "vmap"}),
    ]
