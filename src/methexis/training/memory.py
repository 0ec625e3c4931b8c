"""How much memory a run needs, compared with what the machine has before any of it is taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import MethexisError
from methexis.core.parallel.memory import GIB, available_memory
from methexis.core.problem import Problem
from methexis.theory.curvature import LANCZOS_VECTORS

#: Bytes that measuring may take: so many networks are measured at once as fit.
MEASURING_BYTES = 256 * 2**20


def measuring_memory(problems: Sequence[Problem]) -> int:
    """Bytes that measuring one network takes, at most.

    Of linear students: projection holds ``J Jᵀ``, ``(p n, p n)`` in each, five times over, namely
    itself, that of the start with its eigenvectors, and two in solving; those that are eliminated
    one by one (`theory.dual.normal`) hold less. The Lanczos basis of the sharpness has up to
    `LANCZOS_VECTORS` vectors of parameters and one more. Moments of samples hold errors, features
    and signals of every row. Of all: the moments of all layers stacked are squared once. What is
    measured on reference inputs has its own bound (`training.records.reference_inputs`).
    """
    most = 0
    for problem in problems:
        rows, columns = problem.target.shape
        dual = 5 * (rows * columns) ** 2
        size = problem.num_parameters
        lanczos = (min(LANCZOS_VECTORS, size) + 1) * size
        samples = 0 if problem.x is None else len(problem.x) * (2 * rows + 4 * max(problem.dims))
        if problem.linear:
            most = max(most, dual, lanczos, samples)
    widths = sum(sum(p.dims[1:-1]) for p in problems)
    return 8 * (most + 3 * widths**2)


def num_modes(problem: Problem) -> list[int]:
    """Number of covariance eigenvalues of each hidden layer: a map of low rank has no others."""
    most = len(problem.cov_x) if problem.linear else None
    return [width if most is None else min(width, most) for width in problem.dims[1:-1]]


def measured_at_once(problems: Sequence[Problem]) -> int:
    """Number of networks that are measured together."""
    return max(1, MEASURING_BYTES // measuring_memory(problems))


def needed_memory(
    problems: Sequence[Problem],
    *,
    records: int,
    networks: int,
    batch: int,
    dtype: str,
    slots: int = 0,
    stepped: int | None = None,
    order: int = 0,
) -> int:
    """Bytes of the arrays that a run holds when it holds most.

    Per network and student: start, weights and ``slots`` arrays of the optimiser. Per network that
    an engine steps at once (``stepped``; all by default): three copies of one step's inputs and
    labels, and of one student's activations. Per network ``order`` bytes, where the engine keeps
    the order of its epoch. Per network and record:
    snapshots of the weights with one copy in double precision, charges, spectra, and what is
    measured. Beside them what measuring takes.
    """
    sizes = [p.num_parameters for p in problems]
    charges = sum(width**2 for p in problems for width in p.dims[1:-1])
    layers = sum(p.depth - 1 for p in problems)
    ends = sum(p.dims[0] + p.dims[-1] for p in problems)
    widest = max(sum(p.dims[1:-1]) for p in problems)
    modes = sum(sum(num_modes(p)) for p in problems)
    item = int(np.dtype(dtype).itemsize)
    columns = 8 * len(problems) + 4 * layers + 2 * layers**2
    per_record = sum(sizes) * (item + 8) + 8 * (charges + modes + columns)
    per_step = batch * (24 * ends + 3 * item * widest)
    kept = networks * (records * per_record + sum(sizes) * (8 + (1 + slots) * item) + order)
    kept += (networks if stepped is None else min(networks, stepped)) * per_step
    return kept + min(networks, measured_at_once(problems)) * measuring_memory(problems)


def require_memory(
    problems: Sequence[Problem],
    *,
    records: int,
    networks: int,
    batch: int,
    dtype: str,
    slots: int = 0,
    stepped: int | None = None,
    order: int = 0,
) -> None:
    """Refuse a run that would not fit.

    Raises
    ------
    MethexisError
        If the run needs more than `available_memory`.
    """
    available = available_memory()
    needed = needed_memory(
        problems,
        records=records,
        networks=networks,
        batch=batch,
        dtype=dtype,
        slots=slots,
        stepped=stepped,
        order=order,
    )
    if available is not None and needed > available:
        raise MethexisError(
            f"memory: expected a run of at most {available / GIB:.3g} GiB (what is free), got one "
            f"that needs {needed / GIB:.3g} GiB for {networks} networks per student at {records} "
            f"recorded steps with batch {batch}; record fewer steps or train fewer networks"
        )
