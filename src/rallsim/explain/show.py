"""A story printed: the patient, what all strategies share, the courses side by side, where they diverge and why."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from rich.console import Console
from rich.table import Table

from rallsim.explain.divergences import Divergence
from rallsim.explain.lines import Line
from rallsim.explain.story import Story

NARROWEST = 38  # characters of a column, below which courses stand one after the other
MOST_BESIDE = 4
DRAWS = "Strategies share their random numbers. What a draw is about happens where it is below the patient's chance."


def print_story(story: Story, console: Console) -> None:
    """Print a story as wide as the console allows."""
    _say(console, f"{story.scenario.title}, seed {story.scenario.seed}", style="bold")
    _say(console, story.baseline_summary)
    groups = story.groups
    common = story.lines(groups[0][0])[0]
    if common:
        everywhere = "Under every strategy" if len(groups) > 1 else "The same under every strategy"
        _say(console, f"\n{everywhere if len(story.courses) > 1 else groups[0][0].label}", style="bold")
        console.print(_table([("", common)]))
    if len(groups) > 1:
        columns = [("\n".join(course.label for course in group), story.lines(group[0])[1]) for group in groups]
        beside = max(1, min(MOST_BESIDE, console.width // NARROWEST))
        tables = -(-len(columns) // beside)
        beside = -(-len(columns) // tables)  # six, when four find room, are two tables of three
        for first in range(0, len(columns), beside):
            console.print()
            console.print(_table(columns[first : first + beside]))
    divergences = story.divergences()
    if divergences:
        _say(console, "\nWhere the courses diverge, and why", style="bold")
    month = ""
    for divergence in divergences:
        if month != (month := f"Month {divergence.month:.1f}"):
            _say(console, month, indent=2)
        _print_divergence(story, divergence, console)
    deciding_draws = story.deciding_draws()
    if deciding_draws:
        _say(console, "\nWhere random numbers decided", style="bold")
        _say(console, DRAWS)
    for sentence in deciding_draws:
        _say(console, f"· {sentence}", indent=2)


def _print_divergence(story: Story, divergence: Divergence, console: Console) -> None:
    for branch in divergence.branches:
        for why in dict.fromkeys(branch.why.values()):
            who = ", ".join(f"«{story.courses[name].label}»" for name in branch.strategies if branch.why[name] == why)
            _say(console, f"{who}: {why or branch.event}", indent=4)
    for sentence in divergence.draws:
        _say(console, sentence, indent=4)


def _say(console: Console, text: str, *, style: str = "", indent: int = 0) -> None:
    """Print text in lines as long as the console is wide; the further lines of an indented paragraph hang."""
    before = " " * indent
    hanging = f"{before}  " if indent else ""
    for paragraph in text.split("\n"):
        lines = fill(paragraph, console.width, initial_indent=before, subsequent_indent=hanging, break_on_hyphens=False)
        console.print(lines, style=style, highlight=False, markup=False, soft_wrap=True)


def _table(columns: Sequence[tuple[str, list[Line]]]) -> Table:
    """Return courses side by side: two columns each, months and words."""
    table = Table(box=None, pad_edge=False, show_header=any(label for label, _ in columns), expand=False)
    for label, _ in columns:
        table.add_column("month", justify="right", no_wrap=True, style="cyan")
        table.add_column(label, header_style="bold", ratio=1 if len(columns) > 1 else None)
    for row in range(max(len(lines) for _, lines in columns)):
        cells = []
        for _, lines in columns:
            cells += [f"{lines[row].month:.1f}", lines[row].text] if row < len(lines) else ["", ""]
        table.add_row(*cells)
    return table
