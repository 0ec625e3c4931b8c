"""The points of the benchmark: what is computed, for every peer the same, and the work it takes.

A *network-step* is one step of plain SGD of one network, its random numbers included. Two kinds:

- ``linear``: an embedded deep linear network, all widths equal, random embeddings, fed by a
  Gaussian teacher online. As the reference engine does, every peer gets what is frozen folded into
  three small matrices: inputs ``h_0 = A z``, pulled labels ``t = L z`` and the curvature ``K``, so
  that a step is ``g_D = K h_D - t`` with ``z`` standard normal (`Point.case`).
- ``digits``: a ReLU classifier 64-64-64-10 with biases and cross-entropy on scikit-learn's digits,
  in shuffled epochs, each network in an order of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import methexis.init as initialisers
from benchmarks.engine.digits import digits_samples
from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.linalg import sqrt_psd
from methexis.core.mlp import MLP
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.training.engines.gradients import Gradients
from methexis.training.optimisers import SGD
from methexis.training.plan import Plan, make_plan

#: Far more steps than any benchmark takes.
_STEPS = 2**40
#: Small enough that nothing diverges however long it runs; speed does not depend on it.
_LINEAR_RATE, _DIGITS_RATE = 1e-4, 1e-2


@dataclass(frozen=True)
class Work:
    """Least work of one network-step, from the shapes.

    With ``P_i = d_i d_{i-1}`` the weights of layer i (biases included), B samples, and for an
    online teacher of ``n_x + n_y`` normals per sample::

        flops = 2B Σ_i P_i            (forward)
              + 2B Σ_{i≥2} P_i        (backward; W_iᵀ g_i is not needed for the first layer)
              + 2B Σ_i P_i            (gradient, added to the weights at once)
              + 2B (d_0 n_x + d_D (n_x + n_y) + d_D²)       (online: A z, L z, K h_D)

    and, each weight being loaded once on the way forward and once on the way back, where it is also
    changed and stored, whatever B is::

        bytes = 3 size Σ_i P_i

    Activation functions, softmax and the making of random numbers are not counted, so that a
    fraction of a ceiling is what the arithmetic of the step itself reaches.
    """

    flops: float
    bytes: float
    parameters: int
    normals: int


@dataclass(frozen=True)
class Point:
    """One row of the benchmark: shape, batch size, number of networks and precision."""

    kind: str
    depth: int
    width: int
    batch: int
    networks: int
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """Short name, unique among points."""
        shape = f"D={self.depth} d={self.width}" if self.kind == "linear" else "digits MLP"
        return f"{shape} B={self.batch} N={self.networks} {self.dtype}"

    @property
    def dims(self) -> tuple[int, ...]:
        """Widths from input to output."""
        if self.kind == "digits":
            return (64, *(self.width,) * (self.depth - 1), 10)
        return (self.width,) * (self.depth + 1)

    def alone(self) -> Point:
        """The same with a single network."""
        return replace(self, networks=1)

    def work(self) -> Work:
        """Least work of one network-step."""
        bias = self.kind == "digits"
        layers = [
            out * (inner + bias) for inner, out in zip(self.dims, self.dims[1:], strict=False)
        ]
        total, first = sum(layers), layers[0]
        flops = 2.0 * self.batch * (3 * total - first)
        normals = 0
        if self.kind == "linear":
            # A zₓ, L z and K h_D, all widths being equal
            flops += 2.0 * self.batch * 4 * self.width**2
            normals = self.batch * 2 * self.width
        size = np.dtype(self.dtype).itemsize
        return Work(flops, float(size * 3 * total), total, normals)

    def plan(self, engine: str, threads: int) -> Plan:
        """The point as a run of an engine of ours."""
        digits = self.kind == "digits"
        source: Teacher | Samples
        student: EDLN | MLP
        if digits:
            source = digits_samples()
            student = MLP(hidden=self.dims[1:-1])
        else:
            source = Teacher.random(dim_x=self.width, dim_y=self.width, seed=0)
            student = EDLN.random(source, hidden=self.dims[1:-1], seed=1)
        return make_plan(
            [student],
            source,
            SGD(lr=_DIGITS_RATE if digits else _LINEAR_RATE),
            steps=_STEPS,
            batch=self.batch,
            sampling="shuffle" if digits else "online",
            paired=True,
            loss="cross_entropy" if digits else "squared",
            init=initialisers.gaussian(),
            replicas=self.networks,
            seed=0,
            dtype=self.dtype,
            record=[0],
            engine=engine,
            threads=threads,
        )

    def case(self, folder: Path) -> dict[str, Any]:
        """The point as plain data for peers; its arrays go to a file in ``folder``.

        Arrays of ``linear``: ``inputs`` A, ``(d_0, n_x)``; ``labels`` L, ``(d_D, n_x + n_y)``, of
        which the first n_x columns meet the same normals as A; ``curvature`` K. Of ``digits``:
        ``x``, rows of samples, and ``y``, one-hot. Both: initial weights ``w0`` … with the network
        as first axis, the bias as last column of digits' weights; and one step to compare with:
        from ``z``, ``(network, sample, n_x + n_y)``, or from the rows ``index`` of the digits, with
        learning rate 1, to the weights ``after0`` ….
        """
        plan = self.plan("reference", 1)
        arrays: dict[str, Array] = {f"w{i}": w for i, w in enumerate(plan.start[0])}
        if isinstance(plan.source, Samples):
            arrays |= {"x": plan.source.x, "y": plan.source.y}
        else:
            problem, source = plan.problems[0], plan.source
            root_x, root_noise = sqrt_psd(source.cov_x), sqrt_psd(source.cov_noise)
            pull = 2.0 / self.batch * problem.embed_out.T
            pulled = pull @ problem.label_map
            arrays |= {
                "inputs": problem.embed_in[:, : source.dim_x] @ root_x,
                "labels": np.hstack([pulled @ source.weight @ root_x, pulled @ root_noise]),
                "curvature": pull @ problem.embed_out,
            }
        arrays |= self._one_step(plan, arrays)
        path = folder / (self.name.replace(" ", "-") + ".npz")
        np.savez(path, allow_pickle=False, **arrays)
        moves = [np.abs(arrays[f"w{i}"] - arrays[f"after{i}"]).max() for i in range(self.depth)]
        return asdict(self) | {
            "move": float(max(moves)),
            "lr": float(plan.hyper["lr"][0]),
            "quick": False,
            "flops": self.work().flops,
            "file": str(path),
        }

    def _one_step(self, plan: Plan, arrays: dict[str, Array]) -> dict[str, Array]:
        """Input and outcome of one step of the reference engine's gradient."""
        generator = np.random.default_rng(0)
        gradients = Gradients(plan.problems, self.batch, "float64")
        weights = [arrays[f"w{i}"].astype("float64") for i in range(self.depth)]
        drawn: dict[str, Any]
        if self.kind == "digits":
            index = generator.integers(0, len(arrays["x"]), (self.networks, self.batch))
            drawn = {"index": index}
            block = (arrays["x"][index].mT, arrays["y"][index].mT)
        else:
            z = generator.standard_normal((self.networks, self.batch, 2 * self.width))
            drawn = {"z": z}
            block = (arrays["inputs"] @ z[..., : self.width].mT, arrays["labels"] @ z.mT)
        found = gradients(0, weights, block)
        after = {f"after{i}": w - g for i, (w, g) in enumerate(zip(weights, found, strict=True))}
        return drawn | after


#: The points of the project's targets, first of all networks together.
POINTS = (
    Point("linear", 4, 8, 1, 1024),
    Point("linear", 3, 16, 1, 256),
    Point("linear", 4, 32, 32, 64),
    Point("digits", 3, 64, 32, 64),
)


def all_points(dtypes: tuple[str, ...]) -> list[Point]:
    """Every point in every precision, then a single network at each."""
    many = [replace(p, dtype=dtype) for dtype in dtypes for p in POINTS]
    return many + [p.alone() for p in many]
