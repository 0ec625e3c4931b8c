"""From a model to the same function in its canonical gauge, proved on the spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from methexis.core.checks import integer, number, one_of
from methexis.errors import MethexisError
from methexis.probes.batches import Batch
from methexis.probes.canonical.activations import Activations
from methexis.probes.canonical.axes import made_principal
from methexis.probes.canonical.criteria import Criterion, Entropy, Norm
from methexis.probes.canonical.meeting import Meeting, meeting_of
from methexis.probes.canonical.result import Canonical, Turned
from methexis.probes.canonical.samples import Gradients, Pairs, pairs_of, placed
from methexis.probes.canonical.sweeping import Swept, swept
from methexis.probes.frameworks.optional import torch
from methexis.probes.interfaces import weights
from methexis.probes.interfaces.finding import interfaces
from methexis.probes.interfaces.interface import ROUNDING
from methexis.probes.interfaces.result import Interfaces

#: What may be balanced.
BY = ("entropy", "norm", "activations")
#: What is taken of that which balance leaves open.
AXES = ("nearest", "principal")
#: Samples on which a model is watched.
_WATCHED = 4
#: Beyond this a change of outputs is not what rounding of long products makes.
_BROKEN = {"float64": 1e-8, "float32": 1e-3}
#: How far outputs in double precision may be from those in single, so that both are one function.
_SAME = 1e-3
#: What is rounding of a model in half precision, which keeps eight bits of a number at least.
_HALF = 1e-1
#: Shows how far it is: what, how many are done, and of how many.
Progress: TypeAlias = Callable[[str, int, int], None]


def canonicalize(
    model: Any,
    loss: Any,
    batches: Any,
    *,
    by: str = "entropy",
    axes: str = "nearest",
    tolerance: float = 1e-6,
    sweeps: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> Canonical:
    r"""A model of the same function in the gauge in which all of its interfaces are balanced.

    Where a map :math:`W` writes what :math:`V` reads, :math:`W \to TW`, :math:`V \to VT^{-1}`
    changes the weights and not the function. Of all such :math:`T` the canonical one makes

    .. math::
        S = E\Vert\nabla\ell\Vert^2, \qquad
        \mathrm{Tr}\,A + \mathrm{Tr}\,B, \quad A = E[G_W G_W^\top],\; B = E[G_V^\top G_V]

    least, with gradients :math:`G` of single samples: :math:`T^\top T = B^{-1} \sharp A`, the
    geometric mean, after which :math:`A = B` (docs/theory.md §7). Where coordinates do not mix, as
    before ReLU, each is scaled by :math:`(a/b)^{1/4}`. Interfaces are balanced one at a time, in
    sweeps, because each moves the balance of its neighbours; the total never rises.

    Parameters
    ----------
    model : torch.nn.Module or TorchScript module
        In evaluation mode. It is never written into.
    loss : function of (outputs, targets), or None
        Of a batch of one sample, one number, such as `torch.nn.functional.mse_loss`; a sum or a
        mean over the batch is the same there. Without one, ``by="norm"`` and ``"activations"`` do
        not tell entropies.
    batches : batch, or several
        Pairs ``(inputs, targets)`` where there is a loss, else inputs alone, as `interfaces` takes
        them. An array, a dict or a tuple is one batch; a list or a loader has several. All are kept
        in memory, and each is run several times in a sweep.
    by : {"entropy", "norm", "activations"}
        ``entropy``: second moments of gradients, summed over tokens or pixels within a sample.
        ``norm``: of weights, with their biases, :math:`W W^\top = V^\top V`; data only prove.
        ``activations``: what reaches the readers is whitened, or of mean square one.
    axes : {"nearest", "principal"}
        Balance leaves rotations of linear interfaces open, and the order of units. ``nearest``
        changes no more than balance asks. ``principal`` makes the common moment diagonal with
        falling eigenvalues, so that models that differ by a gauge come out the same; activations
        have no such axes.
    tolerance : float
        Sweeps end when the gap of every interface, over the sum of its traces, is at most this.
    sweeps : int
        How many there are at most.
    seed : int
        Of the elements that prove the interfaces.
    progress : function of (what, done, all), optional
        Called before each sweep.

    Returns
    -------
    Canonical
        The new model, in the type of the given one, with gaps and totals of every sweep.

    Raises
    ------
    MethexisError
        If the model, a batch or the loss is none, or of the wrong kind; if weights, gradients or
        moments are no numbers; or if outputs change by more than rounding.

    Notes
    -----
    **Of samples, not of batches.** The gradient of a batch of :math:`n` has the second moment
    :math:`E[\bar G\bar G^\top] = \frac1n E[GG^\top] + (1 - \frac1n) E[G]E[G]^\top`. Where the mean
    gradient is zero both balance at one :math:`T`; elsewhere that of single samples is what noise
    pushes to, and needs no size of a batch.

    Gradients are those of parameters that are trained (``requires_grad``); where none is, of all.
    An interface of which only one side has any is left alone. With ``by="norm"`` and
    ``"activations"`` all parameters count. Computed in double precision where the model can be.

    Examples
    --------
    >>> import methexis as mx, torch
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)
    ... ).double().eval()
    >>> x, y = torch.randn(20, 3).double(), torch.randn(20, 2).double()
    >>> made = mx.canonicalize(model, torch.nn.functional.mse_loss, (x, y))
    >>> made.change < 1e-12, made.gap < 1e-6, made.totals[-1] < made.totals[0]
    (True, True, True)
    """
    one_of("by", by, BY)
    if one_of("axes", axes, AXES) == "principal" and by == "activations":
        raise MethexisError(
            "axes: expected 'nearest' with by='activations', because white activations have no "
            "principal axes, got 'principal'"
        )
    job = _Job(
        loss=loss,
        by=by,
        axes=axes,
        tolerance=number("tolerance", tolerance, above=0.0),
        sweeps=integer("sweeps", sweeps, least=1),
        seed=integer("seed", seed, least=0),
        progress=progress,
    )
    _see_functions(job)
    return job.run(weights.admitted(model), batches)


def _see_functions(job: _Job) -> None:
    if job.loss is None and job.by == "entropy":
        raise MethexisError(
            "loss: expected a function of (outputs, targets), because entropies are of its "
            "gradients, got None; by='norm' and by='activations' need none"
        )
    if job.loss is not None and not _calls(job.loss):
        raise MethexisError(
            f"loss: expected a function of (outputs, targets), got {type(job.loss).__name__}"
        )
    if job.progress is not None and not _calls(job.progress):
        raise MethexisError(
            f"progress: expected a function of (what, done, all), got {type(job.progress).__name__}"
        )


def _calls(value: Any) -> bool:
    """Whether it is a function; a class makes something, and computes nothing."""
    return callable(value) and not isinstance(value, type)


@dataclass(frozen=True)
class _Job:
    """What is asked for, checked, and how it is done.

    Attributes
    ----------
    loss, by, axes, tolerance, sweeps, seed, progress
        As of `canonicalize`.
    """

    loss: Callable[..., Any] | None
    by: str
    axes: str
    tolerance: float
    sweeps: int
    seed: int
    progress: Progress | None

    def run(self, model: Any, given: Any) -> Canonical:
        """Find the interfaces, sweep, and prove."""
        working, pairs, notes = _working(model, given, targets=self.loss is not None)
        known = interfaces(working, _watched(pairs[0].inputs), seed=self.seed)
        trained, every = _counted(model, working)
        counted = trained if self.by == "entropy" else every
        before = [weights.outputs(working, one.inputs) for one in pairs]
        gradients = None
        if self.loss is not None:
            gradients = Gradients(working, self.loss, pairs, trained)
        criterion = self._criterion(working, pairs, gradients, counted)
        meetings, left = _meetings(known, set(counted), criterion)
        entropy = None if gradients is None else Entropy(gradients, trained)
        entropies = [] if entropy is None else [_total(entropy)]
        seen = Swept([[]], [])
        if meetings:
            seen = self._swept(working, known, meetings, criterion)
            if self.axes == "principal":
                moments = criterion.measured(meetings)[0]
                made_principal(working, known[0]._traced, meetings, moments)
        if entropy is not None:
            entropies.append(_total(entropy))
        exact = max(
            weights.change(one, weights.outputs(working, several.inputs))
            for one, several in zip(before, pairs, strict=True)
        )
        if exact > _BROKEN[known.dtype]:
            raise MethexisError(
                f"canonicalize: expected outputs that stay, got a change of {exact:.1e} of their "
                "largest; the moments may be nearly singular, so give more samples"
            )
        made, change = _given_back(model, working, pairs)
        return Canonical(
            model=made,
            by=self.by,
            quantity=criterion.quantity,
            interfaces=tuple(
                Turned(
                    one.interface.name, one.interface.group, one.interface.size,
                    one.interface.count, tuple(gaps[place] for gaps in seen.gaps),
                )
                for place, one in enumerate(meetings)
            ),
            left=left,
            reasons=known.reasons,
            totals=tuple(seen.totals),
            entropy=tuple(entropies),
            change=change,
            exact=exact,
            rounding=ROUNDING.get(_type_of(made), _HALF),
            tolerance=self.tolerance,
            num_samples=sum(one.inputs.size for one in pairs),
            dtype=_type_of(working),
            notes=tuple(notes),
        )  # fmt: skip

    def _criterion(
        self, working: Any, pairs: list[Pairs], gradients: Gradients | None, counted: list[str]
    ) -> Criterion:
        if self.by == "entropy":
            assert gradients is not None
            return Entropy(gradients, counted)
        return Norm(working, counted) if self.by == "norm" else Activations(working, pairs)

    def _swept(
        self, working: Any, known: Interfaces, meetings: list[Meeting], criterion: Criterion
    ) -> Swept:
        def show(done: int) -> None:
            if self.progress is not None:
                self.progress("sweeps", done, self.sweeps)

        return swept(
            working, known[0]._traced, meetings, criterion,
            tolerance=self.tolerance, sweeps=self.sweeps, show=show,
        )  # fmt: skip


def _total(entropy: Entropy) -> float:
    return sum(entropy.measured([])[1].values())


def _working(model: Any, given: Any, *, targets: bool) -> tuple[Any, list[Pairs], list[str]]:
    """A copy that computes in double precision where that is the same function, and its batches."""
    narrow, note = weights.computing(model)
    notes = [note] if note else []

    def batches(one: Any) -> list[Pairs]:
        first = next(iter(weights.arrays(one).values()))
        return pairs_of(given, targets=targets, dtype=first.dtype, device=first.device)

    pairs = batches(narrow)
    if _type_of(narrow) == "float64":
        return narrow, pairs, notes
    before = weights.outputs(narrow, pairs[0].inputs)
    try:
        wide = weights.copied(narrow).double()
        wider = batches(wide)
        same = weights.change(before, weights.outputs(wide, wider[0].inputs)) <= _SAME
    except (MethexisError, RuntimeError):
        same = False
    if same:
        return wide, wider, notes
    note = (
        "the model does not run in double precision, so it was computed in single precision, and "
        "gaps end where that does"
    )
    return narrow, pairs, [*notes, note]


def _watched(inputs: Batch) -> Any:
    """The first samples, as `interfaces` takes them."""
    few = inputs.taken(range(min(inputs.size, _WATCHED)))
    return few.named or few.positional


def _type_of(model: Any) -> str:
    """The narrowest type of a model's numbers."""
    kinds = {str(one.dtype).removeprefix("torch.") for one in model.parameters()}
    return min(kinds, key=lambda kind: (int("".join(filter(str.isdigit, kind)) or 0), kind))


def _counted(model: Any, working: Any) -> tuple[list[str], list[str]]:
    """Names of the parameters that are trained, all of them where none is; and of all."""
    trained = {name for name, one in weights.arrays(model).items() if one.requires_grad}
    parameters = {id(one) for one in working.parameters()}
    every = {name: one for name, one in weights.arrays(working).items() if id(one) in parameters}
    counted = [name for name in every if name in trained] or list(every)
    for name in counted:
        every[name].requires_grad_(True)
    return counted, list(every)


def _meetings(
    known: Interfaces, counted: set[str], criterion: Criterion
) -> tuple[list[Meeting], dict[str, str]]:
    """Interfaces that are balanced, and of the others by name why they are not."""
    meetings, left = [], {}
    for one in known:
        meeting, reason = meeting_of(one, one._traced, counted)
        if meeting is not None and isinstance(criterion, Activations):
            reason = criterion.reason(meeting)
        if meeting is None or reason:
            left[one.name] = reason
        else:
            meetings.append(meeting)
    return meetings, left


def _given_back(model: Any, working: Any, pairs: list[Pairs]) -> tuple[Any, float]:
    """A model of the type that was given, and how far its outputs are from those of the given."""
    made = weights.copied(model)
    held, new = weights.arrays(made), weights.arrays(working)
    with torch.no_grad():
        for name, one in held.items():
            one.copy_(new[name])
    narrow, _ = weights.computing(model)
    twin, _ = weights.computing(made)
    kind = next(iter(weights.arrays(narrow).values())).dtype
    change = 0.0
    for one in pairs:
        inputs = placed(one.inputs, kind)
        both = [weights.outputs(each, inputs) for each in (narrow, twin)]
        change = max(change, weights.change(*both))
    return made, change
