"""What a run came from, kept in the run: its source as arrays, its students with their views.

A folded problem (`core.problem`) is enough to measure weights. To follow what theory predicts, rows
of a data set are needed as well; and who opens a run of a year ago wants to know what it was about.
So the source is a group of its own, and each student's embeddings and view lie beside its weights.
Arrays are those that were given, and not copies, so that a run in memory is no larger for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from methexis.core.checks import Array, MethexisError
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher, source_name
from methexis.core.view import View

#: Name of the group of the source.
SOURCE = "source"
_PREFIX = f"{SOURCE}_"
#: Prefix of what a student was given, beside the folded maps.
_GIVEN = "given_"
_KIND = "student"


def source_group(source: Teacher | Samples) -> xr.Dataset:
    """The group that holds a source."""
    attrs: dict[str, Any] = {"kind": source_name(source)}
    if isinstance(source, Samples):
        dims = {"x": ("row", "feature"), "y": ("row", "label")}
    else:
        dims = {
            "weight": ("label", "feature"),
            "cov_x": ("feature", "feature_b"),
            "cov_noise": ("label", "label_b"),
        }
        attrs |= {"law_x": source.law_x, "law_noise": source.law_noise}
    # Names of their own, because dimensions of cells may be called x or label.
    return xr.Dataset(
        {
            f"{_PREFIX}{name}": ([f"{_PREFIX}{dim}" for dim in own], getattr(source, name))
            for name, own in dims.items()
        },
        attrs=attrs,
    )


def stored_source(tree: xr.DataTree) -> Teacher | Samples | None:
    """The source that a run holds; None if it holds none."""
    if SOURCE not in tree.children:
        return None
    group = tree.children[SOURCE]
    arrays = {
        str(name).removeprefix(_PREFIX): np.asarray(value)
        for name, value in group.data_vars.items()
    }
    if group.attrs["kind"] == "samples":
        return Samples(**arrays)
    return Teacher(**arrays, law_x=group.attrs["law_x"], law_noise=group.attrs["law_noise"])


def require_source(
    tree: xr.DataTree, given: Teacher | Samples | None, name: str
) -> Teacher | Samples:
    """The source of a run: the one it holds, or else the one that was given, if it fits.

    Raises
    ------
    MethexisError
        If there is neither, or what was given is not what the run was trained on.
    """
    if given is None:
        held = stored_source(tree)
        if held is None:
            raise MethexisError(
                f"{name}: expected a run that holds its source, got one that was saved without it "
                "or by an older version; predict takes it as source=…"
            )
        return held
    kind = source_name(given)
    about = tree.attrs.get("provenance", "")
    group = tree.children["student_0"]
    if f'"source": "{kind}"' not in about:
        raise MethexisError(
            f"source: expected what the run was trained on, got {kind}, which it was not"
        )
    for moment, theirs, ours in _moments(group, given):
        if theirs.shape != ours.shape or not np.allclose(theirs, ours, rtol=1e-9, atol=1e-12):
            raise MethexisError(
                f"source: expected the one that the run was trained on, got another, whose {moment}"
                " differs"
            )
    return given


def _moments(group: xr.DataTree, source: Teacher | Samples) -> list[tuple[str, Array, Array]]:
    """Moments of the source as a run holds them, by way of its first student, and of another."""
    if "problem_target" not in group:
        return []
    inputs = int(group.attrs.get("num_shared", source.dim_x))
    labels = np.asarray(group["problem_label_map"])
    shared = np.asarray(group["problem_cov_x"])[:inputs, :inputs]
    if labels.shape[1] != source.dim_y or inputs != source.dim_x:
        return [("shape", np.zeros((labels.shape[1], inputs)), source.weight)]
    target = np.asarray(group["problem_target"])[:, :inputs]
    noise = np.asarray(group["problem_cov_noise"])
    return [
        ("input moment", shared, source.cov_x),
        ("map", target, labels @ source.weight),
        ("label noise", noise, labels @ source.cov_noise @ labels.T),
    ]


def student_parts(
    student: EDLN | MLP,
) -> tuple[dict[str, tuple[tuple[str, ...], Array]], dict[str, Any]]:
    """Variables and attributes that hold a student, beside its folded maps."""
    view = student.view
    arrays: dict[str, tuple[tuple[str, ...], Array | None]] = {
        "view_matrix": (("seen_input", "input"), view.matrix),
        "view_private_cov": (("private_input", "private_input_b"), view.private_cov),
        "view_label_matrix": (("output", "given_output"), view.label_matrix),
    }
    if isinstance(student, EDLN):
        arrays |= {
            "embed_in": (("unit_0", "seen_input"), student.embed_in),
            "embed_out": (("output", f"unit_{student.depth}"), student.embed_out),
        }
    held = {
        f"{_GIVEN}{name}": (dims, value)
        for name, (dims, value) in arrays.items()
        if value is not None
    }
    return held, {_KIND: type(student).__name__, "hidden": list(student.hidden)}


def stored_student(group: xr.DataTree) -> EDLN | MLP | None:
    """The student that a group of a run holds; None if it was written by an older version."""
    if _KIND not in group.attrs:
        return None

    def given(name: str) -> Array | None:
        held = group.get(f"{_GIVEN}{name}")
        return None if held is None else np.asarray(held)

    view = View(given("view_matrix"), given("view_private_cov"), given("view_label_matrix"))
    hidden = [int(width) for width in np.atleast_1d(group.attrs["hidden"])]
    if group.attrs[_KIND] == "MLP":
        return MLP(hidden, group.attrs["activation"], bool(group.attrs["bias"]), view)
    return EDLN(hidden, given("embed_in"), given("embed_out"), view)


def without_source(tree: xr.DataTree) -> xr.DataTree:
    """A run without its source, and with all else."""
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    groups.pop(f"/{SOURCE}", None)
    return xr.DataTree.from_dict(groups)
