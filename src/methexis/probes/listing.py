"""`list_layers`: what can be probed in a model, with types and shapes, from one small batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from methexis.display import Displayed, Table
from methexis.probes.batches import MASK, MaskOf
from methexis.probes.frameworks.models import Model
from methexis.probes.frameworks.opening import opened
from methexis.probes.probing import BATCH_SIZE, NOT_CALLED, named_proofs, silent, wanted
from methexis.probes.proving import proved
from methexis.probes.sources import Prepare, Source, first_of


@dataclass(frozen=True)
class LayerOutput(Displayed):
    """One output of a model that can be probed, or cannot.

    Attributes
    ----------
    name : str
        As in a store, and in patterns unless the layer is called several times.
    type : str
        Class of the module, or operator of the graph.
    shape : tuple of int or None
        None stands for the number of samples.
    dtype : str
        Type of its numbers; empty where it gives none.
    positions : tuple of int
        Axes of tokens or pixels.
    usual : bool
        Whether it is taken where no layers are asked for.
    refused : str
        Why it cannot be probed; empty if it can.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]
    dtype: str
    positions: tuple[int, ...]
    usual: bool
    refused: str

    @property
    def size(self) -> str:
        """The shape in words, such as ``n x 12 x 384``."""
        return " x ".join("n" if length is None else str(length) for length in self.shape)

    def described(self) -> dict[str, Any]:
        """All of it, in plain types."""
        return {
            "name": self.name,
            "type": self.type,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "positions": list(self.positions),
            "usual": self.usual,
            "refused": self.refused,
        }


@dataclass(frozen=True)
class LayerList(Displayed):
    """What can be probed in a model.

    Attributes
    ----------
    model : str
        Its name.
    outputs : tuple of LayerOutput
        In the order of the model.
    """

    model: str
    outputs: tuple[LayerOutput, ...]

    def __len__(self) -> int:
        """Number of outputs that are listed."""
        return len(self.outputs)

    def __iter__(self) -> Iterator[LayerOutput]:
        """The outputs in their order."""
        return iter(self.outputs)

    def _facts(self) -> dict[str, object]:
        return {"model": self.model, "outputs": len(self)}

    def _table(self) -> Table:
        """The outputs, with types and shapes."""
        rows = ([o.name, o.type, o.size, o.refused or o.dtype] for o in self)
        return ["layer", "type", "shape", "numbers"], rows


def list_layers(
    model: Any,
    batches: Any,
    layers: str | None = "**",
    *,
    mask: MaskOf = MASK,
    prepare: Prepare = None,
) -> LayerList:
    """All layers of a model with type and output shape, from some passes over three samples.

    Parameters
    ----------
    model, batches, layers, mask, prepare
        As for `probe`; of the batches the first few samples are taken, and all layers by default.

    Returns
    -------
    LayerList

    Raises
    ------
    MethexisError
        If the model does not take the batches.
    """
    source = Source(
        batches,
        batch_size=BATCH_SIZE,
        prepare=prepare,
        mask=mask,
        ids=None,
        kind="",
        sample=None,
        seed=0,
    )
    return listed(opened(model), source, layers)


def listed(model: Model, source: Source, pattern: str | None) -> LayerList:
    """The same of what was opened before."""
    names, types, usual = wanted(model, pattern), model.layers(), set(model.usual())
    with model.held(names) as run:
        proofs = proved(model, run, first_of(iter(source))[0], "flatten")
    outputs = [
        LayerOutput(
            name,
            types[output.layer],
            tuple(
                None if proof.axes is not None and axis == proof.axes.samples else length
                for axis, length in enumerate(proof.shape)
            ),
            proof.dtype,
            () if proof.axes is None else proof.axes.positions,
            output.layer in usual,
            proof.refused,
        )
        for name, output, proof in named_proofs(proofs, names)
    ]
    outputs += [
        LayerOutput(name, types[name], (), "", (), name in usual, NOT_CALLED)
        for name in silent(proofs, names)
    ]
    return LayerList(model.name, tuple(outputs))
