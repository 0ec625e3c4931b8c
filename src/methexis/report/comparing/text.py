"""A comparison in the terminal: one pair as a block of facts, many as a grid of scores.

A grid holds as many columns as the terminal does; where it does not, each layer stands with the
layer most aligned with it. What is not significant is marked by a sign, for not every terminal has
colours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from methexis.measures import SearchCurve
from methexis.measures.inference.all_pairs.grid import Grid, alignment
from methexis.measures.inference.printing import cell
from methexis.plots.labels import labels, said, shortened
from methexis.report.comparing.words import (
    UNCORRECTED,
    best_rows,
    chance_from,
    curve,
    decimals,
    interval,
    interval_from,
    levels,
    limits,
    next_steps,
    over_samples,
    probability,
    row,
    steps,
    sure,
)
from methexis.report.house.terminal import Terminal
from methexis.representations import Representations
from methexis.scenarios.comparing.answer import Answer
from methexis.scenarios.comparing.result import CompareResult

#: Behind a score that is not significant.
_WEAK = "°"
#: Behind the score that is ahead of all others of its row, and behind those that may be the best.
_AHEAD, _MAYBE = "*", "~"
_NAME, _ALONE, _HEAD = 18, 24, 4
#: A per cent after a space at which no line is broken.
_GLUED = "\N{NO-BREAK SPACE}%"
#: More layers than the first are cut to the second.
_MOST_ROWS, _FEW_ROWS = 50, 20
#: Most lines about what was left out.
_MOST_LEFT_OUT = 8


def print_compare(result: CompareResult, out: Path, seconds: float | None = None) -> None:
    """Print all that was found, where the report is, and how long all of it took."""
    console = Terminal()
    console.print()
    for place, answer in enumerate(result.answers):
        _wrapped(console, answer.sentence, "" if place else "bold")
    console.print()
    _model(console, "" if result.itself else "A", result.first)
    if not result.itself:
        _model(console, "B", result.second)
    if result.settings.preprocessing != "none":
        console.print(f"[dim]preprocessing {result.settings.preprocessing}: {steps(result)}[/dim]")
    for pairs, answer in zip(result.found, result.answers, strict=True):
        console.print()
        if result.single:
            _single(console, pairs, result)
            _levels(console, pairs, answer)
        elif 1 in pairs.score.shape:
            _list(console, pairs, result)
            _levels(console, pairs, answer)
        else:
            _grid(console, pairs, answer, result)
            _levels(console, pairs, answer)
    for over in result.curves:
        console.print()
        _over_samples(console, over, result)
    limited = [f"note: {note}" for note in limits(result)]
    limited += [f"left out: {sentence}" for sentence in result.left_out]
    if limited:
        console.print()
    for sentence in limited:
        _wrapped(console, sentence, "yellow")
    console.print()
    for step in next_steps(result):
        _wrapped(console, f"next: {step}", "dim")
    took = f"seconds: {result.seconds if seconds is None else seconds:.1f}"
    if seconds is not None:
        took += f" ({result.seconds:.1f} to compare, the rest to read and to draw)"
    console.print(f"\n[dim]{took}[/dim]")
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False)


def _over_samples(console: Console, curve: SearchCurve, result: CompareResult) -> None:
    """The most aligned pair at each number of samples, a line each."""
    _wrapped(console, f"{curve.title} over samples. {curve.conclusion}.", "")
    heads = {"n": "samples", "score": "score", "needed": "needed", "chance": "chance",
             "corrected": "p corr.", "followed": "followed"}  # fmt: skip
    lines = over_samples(curve, result)
    widths = {key: max(len(head), *(len(one[key]) for one in lines)) for key, head in heads.items()}
    cells = "  ".join(head.rjust(widths[key]) for key, head in heads.items())
    console.print(Text(f"  {cells}  most aligned", style="dim"))
    room = _width(console) - 4 - len(cells)
    for one in lines:
        cells = "  ".join(one[key].rjust(widths[key]) for key in heads)
        pair = one["pair"] if len(one["pair"]) <= room else f"{one['pair'][: room - 1]}…"
        console.print(Text(f"  {cells}  {pair}"))
    _remark(
        console,
        "needed: the score at which p, corrected for the search, is "
        f"{curve.alpha:g}; followed: the pair that is best of all samples, over random parts",
    )


def _wrapped(console: Console, words: str, look: str) -> None:
    """A paragraph; a number is not parted from its per cent."""
    filled = textwrap.fill(words.replace(" %", _GLUED), _width(console))
    console.print(Text(filled.replace(_GLUED, " %"), style=look))


def _levels(console: Console, pairs: Grid, answer: Answer) -> None:
    """What the score is read against, a line each, aligned."""
    level_rows = levels(pairs, answer)
    if not level_rows:
        return
    name = max(len(one["name"]) for one in level_rows)
    score = max(len(one["score"]) for one in level_rows)
    console.print(
        Text(f"  {'level':<{name}}  {'score':>{score}}  from there to the ceiling", "dim")
    )
    for one in level_rows:
        line = Text(f"  {one['name']:<{name}}  {one['score']:>{score}}  {one['share']:<22}")
        room = _width(console) - len(line) - 1
        if len(one["words"]) <= room:
            line.append(f" {one['words']}", style="dim")
        line.rstrip()
        console.print(line)
        if len(one["words"]) > room:
            console.print(Text(f"  {'':<{name}}  {one['words']}", style="dim"))


def _width(console: Console) -> int:
    return min(console.width, 120)


def _model(console: Console, letter: str, model: Representations) -> None:
    shapes = [layer.shape[1] for layer in model]
    features = f"{min(shapes)}" if min(shapes) == max(shapes) else f"{min(shapes)}–{max(shapes)}"
    count = f"{len(model)} layers, " if len(model) > 1 else ""
    kinds = ", ".join(sorted({layer.given for layer in model}))
    text = Text(f"{letter}  " if letter else "", style="bold")
    text.append(f"{model.path}", style="bold")
    text.append(f"  {count}{model.num_samples} samples × {features} features, {kinds}", style="dim")
    console.print(text, soft_wrap=True)
    notes = {note for layer in model for note in layer.notes}
    for note in sorted(notes):
        console.print(Text(f"   {note}", style="dim"), soft_wrap=True)
    for place in model.left_out[:_MOST_LEFT_OUT]:
        console.print(Text(f"   left out: {place}", style="yellow"), soft_wrap=True)
    if len(model.left_out) > _MOST_LEFT_OUT:
        more = len(model.left_out) - _MOST_LEFT_OUT
        console.print(Text(f"   left out: {more} more, in result.json", style="yellow"))


def _single(console: Console, pairs: Grid, result: CompareResult) -> None:
    one = pairs.single
    assert one is not None
    words = row(pairs, result, 0, 0)
    console.print(Text(f"{pairs.measure.title}  {words['score']}", style="bold"))
    lines = []
    if np.isfinite(one.ci[0]):
        remark = interval_from(pairs)
        lines.append((f"{one.confidence:.0%} interval", interval(pairs), remark))
    if one.null != "none":
        how = chance_from(pairs)
        lines.append(("by chance", f"{words['chance']} ± {words['sd']}", how))
        sure = "" if one.p <= result.settings.alpha else "not significant"
        lines.append(("above chance", f"{words['z']} σ, p {words['p']}", sure))
    if np.isfinite(one.effect):
        lines.append(("effect", decimals(one.effect), "0 by chance, 1 if identical"))
    for name, value, remark in lines:
        text = Text(f"  {name:<14}{value:<24}")
        text.append(remark, style="dim")
        text.rstrip()
        console.print(text)
    if pairs.curve is not None:
        _sentence(
            console, "over samples", f"{curve(pairs)}; means of {pairs.curve.num_subsets} subsets"
        )
    if pairs.scales is not None:
        _sentence(console, "over scales", pairs.scales.said(result.settings.alpha))


def _sentence(console: Console, name: str, words: str) -> None:
    """A fact that takes several lines, beside its name."""
    for k, line in enumerate(textwrap.wrap(words, _width(console) - 18)):
        console.print(Text(f"  {name if k == 0 else '':<14}{line}"))


def _list(console: Console, pairs: Grid, result: CompareResult) -> None:
    """One layer beside many: a line for each."""
    rows, columns = pairs.score.shape
    console.print(Text(pairs.measure.title, style="bold"))
    many = [row(pairs, result, i, j) for i in range(rows) for j in range(columns)]
    side = "second" if rows == 1 else "first"
    model = result.second if rows == 1 else result.first
    _table(console, many, {side: ("layer", model.names)}, itself=True)
    _legend(console, pairs, result)


def _best(console: Console, pairs: Grid, result: CompareResult) -> None:
    """Each layer and the one most aligned with it."""
    nearest = best_rows(pairs, result)
    if len(nearest) > _MOST_ROWS:
        values = alignment(pairs.effect, pairs.score, distance=pairs.measure.distance)
        best = pairs.better()
        ranked = np.argsort([-values[i, j] for i, j in enumerate(best)], kind="stable")
        kept = sorted(ranked[:_FEW_ROWS])
        console.print(
            Text(
                f"  the {_FEW_ROWS} most aligned of {len(nearest)} layers; the report has all",
                style="dim",
            )
        )
        nearest = [nearest[k] for k in kept]
    sides = {"first": ("layer", result.first.names), "second": ("best", result.second.names)}
    _table(console, nearest, sides, itself=result.itself)


def _table(
    console: Console,
    pair_rows: Sequence[dict[str, Any]],
    sides: dict[str, tuple[str, list[str]]],
    *,
    itself: bool,
) -> None:
    """Grid in lines; names of layers have the room that numbers leave."""
    numbers = {
        "score": "score", "chance": "chance", "z": "σ", "corrected": "p corr.", "effect": "effect",
    }  # fmt: skip
    widths = {
        key: max(len(head), *(len(r[key]) for r in pair_rows)) for key, head in numbers.items()
    }
    room = _width(console) - 3 - sum(widths.values()) - 2 * len(widths)  # margin and mark are 3
    most = min(_NAME if len(sides) > 1 else _ALONE, room // len(sides) - 2)
    called, rules = {}, []
    for side, (head, names) in sides.items():
        own, rule = labels(names, most)
        called[side] = dict(zip(names, own, strict=True))
        widths[side] = max(len(head), *(len(called[side][r[side]]) for r in pair_rows))
        rules.append(rule)

    def line(words: dict[str, str], mark: str) -> str:
        parts = [words[side].ljust(widths[side]) for side in sides]
        parts += [words[key].rjust(widths[key]) for key in numbers]
        return ("  " + "  ".join(parts) + mark).rstrip()

    heads = {side: head for side, (head, _) in sides.items()} | numbers
    console.print(Text(line(heads, ""), style="dim"))
    for one in pair_rows:
        words = one | {side: called[side][one[side]] for side in sides}
        weak = one["weak"]
        console.print(Text(line(words, _WEAK if weak else ""), style="dim" if weak else ""))
    _remark(console, said(rules[0], rules[-1], itself=itself))


def _remark(console: Console, words: str) -> None:
    """A line below a table; none where there is nothing to say."""
    if words:
        filled = textwrap.fill(words, _width(console), initial_indent="  ", subsequent_indent="  ")
        console.print(Text(filled, style="dim"))


def _grid(console: Console, pairs: Grid, answer: Answer, result: CompareResult) -> None:
    """All scores, the best of each row bold; or only the best where there is no room.

    A sign behind a score says that it is ahead of all others of its row, or may be the best of it.
    """
    rows, columns = pairs.score.shape
    console.print(
        Text.assemble((pairs.measure.title, "bold"), (f"  {rows} × {columns} layers", "dim"))
    )
    most = _width(console)
    known = np.abs(pairs.score[np.isfinite(pairs.score)])
    span = float(known.max()) if len(known) else 1.0
    texts = [[cell(v, span) for v in line] for line in pairs.score]
    best = pairs.better()
    marked = pairs.weak(result.settings.alpha)
    alone = answer.in_row.sum(axis=1) == 1
    own, first_rule = labels(result.first.names, _NAME)
    others, second_rule = labels(result.second.names, _NAME)
    winners = [others[j] for j in best]
    heads, numbered = _heads(result.second.names, others)
    left = 3 + max(map(len, own))
    right = 2 + max(4, *map(len, winners))
    widest = max(len(t) for t in [*heads, *(t for line in texts for t in line)])
    rooms = [widest + gap for gap in (2, 1) if left + columns * (widest + gap) + right + 9 <= most]
    if not rooms:
        _best(console, pairs, result)
        _legend(console, pairs, result)
        return
    wide = rooms[0]
    head = " " * left + "".join(h.rjust(wide - 1) + " " for h in heads)
    console.print(Text(head + "  " + "best".ljust(right) + "p corr.", style="dim"))
    for i, line in enumerate(texts):
        text = Text("  " + own[i].ljust(left - 2))
        for j, word in enumerate(line):
            itself = result.itself and i == j
            weak = bool(marked[i, j])
            look = "dim" if weak or itself else ("bold" if j == best[i] else "")
            sign = _WEAK if weak else " "
            if answer.in_row[i, j] and not weak:
                sign = _AHEAD if alone[i] else _MAYBE
            text.append(word.rjust(wide - 1) + sign, style=look)
        p = probability(pairs.p_corrected[i, best[i]])
        text.append("  " + winners[i].ljust(right) + p)
        console.print(text)
    _remark(console, said(first_rule, second_rule, itself=result.itself))
    if numbered:
        key = ", ".join(f"{j + 1} {name}" for j, name in enumerate(others))
        _remark(console, f"columns: {key}")
    shown = (answer.in_row & ~marked).any(axis=1)
    signs = [f"{_AHEAD} ahead of all others of its row"] if (shown & alone).any() else []
    signs += [f"{_MAYBE} may be the best of its row"] if (shown & ~alone).any() else []
    if signs:
        _remark(console, f"{'; '.join(signs)}, at 95 %")
    _legend(console, pairs, result)


def _heads(names: Sequence[str], short: Sequence[str]) -> tuple[list[str], bool]:
    """Short heads of columns: names, or what tells them apart, or numbers; and whether numbers."""
    for heads in (list(short), shortened(names)[0]):
        if max(map(len, heads)) <= _HEAD:
            return heads, False
    return [str(j + 1) for j in range(len(names))], True


def _legend(console: Console, pairs: Grid, result: CompareResult) -> None:
    words = sure(pairs, result)
    if words and words != UNCORRECTED:
        weak = pairs.weak(result.settings.alpha) & pairs.counted()
        words += f"; {_WEAK} not" if weak.any() else ""
    _remark(console, words)
