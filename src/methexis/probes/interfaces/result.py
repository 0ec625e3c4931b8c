"""All interfaces of a model, and why no group acts on the arrays that have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis import plots
from methexis.display import Displayed, Table
from methexis.errors import MethexisError
from methexis.measures.inference import tables
from methexis.probes.interfaces.interface import Interface
from methexis.text import brief

#: Below which nothing is drawn: no change at all has no logarithm.
_LEAST = 1e-18


@dataclass(frozen=True, eq=False)
class Interfaces(Displayed, plots.Pictured):
    """Every place where two maps of a model meet, with the largest group found and its proof.

    `plot` draws how far outputs move under a random element of each.

    Attributes
    ----------
    model : str
        Its class.
    all : tuple of Interface
        In the order of the model.
    reasons : dict of str
        By parameter that no group acts on: why, axis by axis.
    share : float
        Part of all parameters' numbers on which a group acts.
    num_parameters : int
    dtype : str
        In which the proofs were computed.
    notes : tuple of str
        What a reader should know.
    """

    model: str
    all: tuple[Interface, ...]
    reasons: dict[str, str]
    share: float
    num_parameters: int
    dtype: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many interfaces there are."""
        return len(self.all)

    def __iter__(self) -> Iterator[Interface]:
        """All interfaces, in the order of the model."""
        return iter(self.all)

    def __getitem__(self, key: int | str) -> Interface:
        """One interface, by its place or its name.

        Raises
        ------
        MethexisError
            If there is none.
        """
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            if -len(self.all) <= key < len(self.all):
                return self.all[key]
            raise MethexisError(f"interface: expected a place below {len(self.all)}, got {key}")
        for one in self.all:
            if one.name == key:
                return one
        known = ", ".join(one.name for one in self.all[:3])
        raise MethexisError(
            f"interface: expected the name of an interface, such as {known or 'none here'}, got "
            f"{brief(str(key))}; at(name) has those of a layer"
        )

    def at(self, name: str) -> tuple[Interface, ...]:
        """All interfaces that a layer or a parameter takes part in.

        Parameters
        ----------
        name : str
            Of a parameter, or of a module, which stands for the parameters in it.

        Returns
        -------
        tuple of Interface

        Raises
        ------
        MethexisError
            If it takes part in none, with the reason.
        """
        wanted = str(name)

        def meant(parameter: str) -> bool:
            return parameter == wanted or parameter.startswith(f"{wanted}.")

        known = tuple(one for one in self.all if any(map(meant, one.parameters)))
        if known:
            return known
        for parameter, why in self.reasons.items():
            if meant(parameter):
                raise MethexisError(
                    f"name: expected a layer of an interface, got {brief(wanted)}, which is in "
                    f"none ({brief(parameter)}: {why})"
                )
        raise MethexisError(
            f"name: expected a layer or a parameter of the model, got {brief(wanted)}"
        )

    @property
    def change(self) -> float:
        """The largest change of outputs under a random element of any of them."""
        return max((one.change for one in self.all), default=0.0)

    @property
    def proved(self) -> bool:
        """Every change is rounding."""
        return all(one.proved for one in self.all)

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with a row for each interface."""
        return tables.rows(
            [
                {
                    "name": one.name,
                    "group": one.group,
                    "size": one.size,
                    "count": one.count,
                    "dimension": one.dimension,
                    "parameters": one.parameters,
                    "folded": one.folded,
                    "change": one.change,
                    "control": one.control,
                    "proved": one.proved,
                }
                for one in self.all
            ]
            or [{"name": "none", "group": "none", "size": 0, "count": 0}]
        )

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws: changes on a logarithmic axis, by group."""
        groups = list(dict.fromkeys(one.group for one in self.all))
        marks: list[plots.Mark] = []
        for index, group in enumerate(groups):
            mine = [(place, one) for place, one in enumerate(self.all) if one.group == group]
            colour = plots.style.STUDENTS[index % len(plots.style.STUDENTS)]
            look = plots.Look(colour, marker="o", size=5, joined=False)
            heights = [max(one.change, _LEAST) for _, one in mine]
            marks.append(plots.Curve([float(p) for p, _ in mine], heights, look, name=group))
        look = plots.Look(plots.style.CONTROL, width=1.0, dashes=(4.0, 2.0))
        for tolerance in {one.tolerance for one in self.all}:
            marks.append(plots.Level(tolerance, look, name="rounding"))
        x = plots.Axis("interface, in the order of the model", grid=False)
        y = plots.Axis("relative change of outputs", scale="log")
        return plots.Panel(x, y, tuple(marks), legend=plots.Legend(columns=2))

    def _facts(self) -> dict[str, object]:
        return {
            "model": self.model,
            "interfaces": len(self.all),
            "share": self.share,
            "change": self.change,
            "proved": "yes" if self.proved else "no",
            "dtype": self.dtype,
            "notes": self.notes,
        }

    def _table(self) -> Table:
        """A row for each interface."""
        head = ["where", "group", "size", "spaces", "dimension", "change", "control"]
        facts = ("name", "group", "size", "count", "dimension", "change", "control")
        return head, ([getattr(one, fact) for fact in facts] for one in self.all)
