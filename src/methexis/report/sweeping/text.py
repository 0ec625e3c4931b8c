"""A sweep on the terminal: the statement, the state of its tasks, what was lost and why."""

from __future__ import annotations

from methexis.report.house.paragraphs import say
from methexis.report.house.terminal import Terminal
from methexis.sweeps import Sweep

#: Most lost tasks that are printed.
_MOST = 10


def print_sweep(sweep: Sweep) -> None:
    """Print what a sweep found, the state of its tasks, and how to go on."""
    console = Terminal()
    console.print()
    say(console, sweep.sentence, lead="", indent=0, style="bold")
    states = sweep.states.values()
    counts = ", ".join(f"{count} {state}" for state, count in sweep.counts.items() if count)
    seconds = sum(state.seconds for state in states)
    interrupted = sum(state.interrupted for state in states)
    told = f"tasks: {counts}; {seconds:.1f} s of work"
    if interrupted:
        told += f"; {interrupted} times a worker was lost, which counts against no task"
    console.print()
    say(console, told, lead="", indent=0, style="dim")
    for number, reason in list(sweep.lost.items())[:_MOST]:
        tries = sweep.states[sweep.tasks[number].name].tries
        say(console, f"task {number} raised {tries} times: {reason}", style="yellow")
    more = len(sweep.lost) - _MOST
    if more > 0:
        say(console, f"and {more} more", style="yellow")
    if sweep.lost:
        say(console, f"methexis sweep retry {sweep.path.name} lets them wait again", style="dim")
    console.print(f"sweep: {sweep.path}", soft_wrap=True, markup=False)
