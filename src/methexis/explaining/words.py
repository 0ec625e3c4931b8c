"""What an explanation says, in plain words."""

from __future__ import annotations

from dataclasses import replace

from methexis.explaining.explanation import Explanation
from methexis.explaining.verdict import NOTHING
from methexis.measures.inference.printing import percent

#: Share from which both are called the same.
_ALL = 0.995
#: What a rung is, after "the same up to" and by itself.
RUNG_WORDS = {
    "identity": "a scale, in the same coordinates",
    "permutation": "the order of the units and a scale",
    "rotation": "a rotation and a scale",
    "reweighted": "a rotation and weights along the principal directions",
    "linear": "a linear map",
    "nonlinear": "a nonlinear map",
}


def told(explanation: Explanation) -> Explanation:
    """The same with its conclusion and its limits in words."""
    return replace(explanation, sentence=sentence(explanation), notes=tuple(limits(explanation)))


def sentence(explanation: Explanation) -> str:
    """The conclusion of an explanation."""
    a, b = explanation.names
    if explanation.rung is None:
        said = f"It cannot be told which map takes {a} to {b}: {explanation.why}"
        return said + _between(explanation) + _more(explanation) + _ancestry(explanation)
    if explanation.rung == NOTHING:
        return (
            f"{a} and {b} share nothing that a map of these kinds finds: no rung predicts samples "
            "that were left out"
        )
    rung = explanation.rung_named(explanation.rung)
    maps = RUNG_WORDS[rung.name]
    low, high = rung.ci
    share = f"{percent(rung.share)} of their variance"
    between = f"({percent(low, unit=False)} to {percent(high)}, of samples left out)"
    if rung.share >= _ALL:
        said = f"{a} and {b} are the same up to {maps}"
    elif rung.name == "nonlinear":
        said = f"{a} and {b} need {maps}, which explains {share} {between}"
    else:
        said = f"{a} and {b} are the same up to {maps} in {share} {between}, and no larger map"
        said += " explains more that matters"
    return said + _private(explanation) + _ancestry(explanation)


def _between(explanation: Explanation) -> str:
    named = [RUNG_WORDS.get(rung, rung) for rung in explanation.possible]
    return f"; it may be {', '.join(named[:-1])}, or {named[-1]}" if len(named) > 1 else ""


def _more(explanation: Explanation) -> str:
    return f"; about {explanation.wanted:,} samples would tell" if explanation.wanted else ""


def _private(explanation: Explanation) -> str:
    parts = [
        f"{side.private} {'dimension' if side.private == 1 else 'dimensions'} of {side.name}"
        for side in explanation.sides
        if side.private
    ]
    return f", but for {' and '.join(parts)}" if parts else ""


def _ancestry(explanation: Explanation) -> str:
    if explanation.ancestry is None or not explanation.ancestry.shared:
        return ""
    return (
        f"; their units are in one order, so they share ancestry (the same coordinates find "
        f"{percent(explanation.ancestry.top1)} of {explanation.ancestry.samples:,} samples)"
    )


def limits(explanation: Explanation) -> list[str]:
    """What a reader has to know of these samples before the conclusion is believed."""
    said = [
        f"Gains below {percent(explanation.resolves)} of the variance are not told apart at "
        f"{explanation.n:,} samples"
    ]
    if explanation.repeated:
        said.append(
            f"{explanation.repeated:,} of {explanation.n:,} samples repeat another in one of both; "
            "such samples were left out together"
        )
    for one in explanation.sides:
        if one.outliers:
            units = ", ".join(f"{unit} ({percent(share)})" for unit, share in one.outliers)
            said.append(
                f"Of {one.name} few units carry much of the variance: {units}; shares speak of "
                "these first, and preprocessing='prh' clips them"
            )
        sample, share = one.heavy[0]
        if share > max(0.05, 20.0 / explanation.n):
            said.append(f"Sample {sample} is {percent(share)} of the variance of {one.name}")
    return said
