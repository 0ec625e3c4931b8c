"""From a model and a batch to its interfaces, each with its proof."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from methexis.core.checks import integer
from methexis.probes.interfaces.freedoms import Freedom
from methexis.probes.interfaces.interface import proved
from methexis.probes.interfaces.result import Interfaces
from methexis.probes.interfaces.traced import Traced, traced


def interfaces(model: Any, batch: Any, *, seed: int = 0) -> Interfaces:
    r"""Every place where two maps of a model meet, and the group that leaves its function alone.

    Where a map :math:`W` writes coordinates that a map :math:`V` reads,
    :math:`V f(W x) = V T^{-1} f(T W x)` for all :math:`T` that commute with what lies between,
    :math:`f(Th) = T f(h)`: any invertible matrix where nothing does, rotations before a norm,
    permutations with positive factors before ReLU. The model runs once on the batch while every
    operation is watched, and each says what it asks of a change of coordinates; what is left is
    claimed. Then each claim is proved: a random element of its group is applied to a copy, and the
    largest change of the outputs on the batch is measured.

    Parameters
    ----------
    model : torch.nn.Module or TorchScript module
        In evaluation mode, because only then is its function one. It is never written into.
        In half precision it is computed in single precision.
    batch : array, dict or tuple of arrays
        Inputs with samples along the first axis. Four samples will do: what is found depends on
        which operations run, the proof on the numbers.
    seed : int
        Of the elements that prove.

    Returns
    -------
    Interfaces
        A table of interfaces, and the reason for each parameter that is in none.

    Raises
    ------
    MethexisError
        If the model is none, is in training mode, has weights that are no numbers, fails on the
        batch or cannot be copied; or if the seed is no integer from 0.

    Notes
    -----
    A group is the largest that the rules know. Operations without a rule leave no freedom to what
    they read. Symmetries that no change of coordinates makes, such as those of dead units or of one
    set of weights alone, are not among them, nor are translations. Coordinates of one place of a
    batch, such as those of tokens, are given from outside and stay.

    Examples
    --------
    >>> import methexis as mx, torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4), torch.nn.Linear(4, 2)
    ... ).double().eval()
    >>> known = mx.interfaces(model, torch.randn(4, 3).double())
    >>> [(one.name, one.group, one.size) for one in known]
    [('0 → 2', 'permutation and positive scale', 5), ('2 → 3', 'linear', 4)]
    >>> known.change < 1e-12
    True
    """
    number = integer("seed", seed, least=0)
    seen = traced(model, batch)
    listed = [proved(seen, tuple(group), name, number) for name, group in _named(seen)]
    covered = {name for one in listed for name in one.parameters}
    sizes = {name: one.numel() for name, one in seen.trained.items()}
    total = sum(sizes.values())
    return Interfaces(
        model=str(getattr(seen.model, "original_name", None) or type(seen.model).__name__),
        all=tuple(listed),
        reasons={name: seen.why_not(name) for name in sizes if name not in covered},
        share=sum(size for name, size in sizes.items() if name in covered) / total,
        num_parameters=total,
        dtype=seen.dtype,
        notes=(seen.note,) if seen.note else (),
    )


def _named(seen: Traced) -> list[tuple[str, list[Freedom]]]:
    """Freedoms that are alike together, in the order of the model, each with a name of its own."""
    alike: defaultdict[tuple[Any, ...], list[Freedom]] = defaultdict(list)
    for freedom in seen.solved.freedoms:
        touched = seen.touched(freedom)
        if touched and seen.meets(freedom):
            key = (tuple(touched), freedom.group, freedom.size, seen.profile(freedom))
            alike[key].append(freedom)
    places = {name: place for place, name in enumerate(seen.labels)}
    order = sorted(alike, key=lambda key: [places[name] for name in key[0]])
    named: list[tuple[str, list[Freedom]]] = []
    taken: defaultdict[str, int] = defaultdict(int)
    for key in order:
        name = _name(key[0])
        taken[name] += 1
        told = name if taken[name] == 1 else f"{name} ({taken[name]})"
        named.append((told, alike[key]))
    return named


def _name(touched: tuple[str, ...]) -> str:
    """The first and the last module of an interface."""
    modules = list(dict.fromkeys(name.rpartition(".")[0] or name for name in touched))
    return modules[0] if len(modules) == 1 else f"{modules[0]} → {modules[-1]}"
