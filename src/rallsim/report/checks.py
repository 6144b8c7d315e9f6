"""Black-box checks printed in a terminal: a line a check that passed, a line a strategy for one that failed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from rallsim.inputs.scenario import Scenario
from rallsim.report.terminal import terminal
from rallsim.validation.identities import Check


def print_checks(scenario: Scenario, checks: Sequence[Check]) -> None:
    """Print every check with its verdict and the figures of the first strategy, or of each that fails."""
    console = terminal()
    console.print(
        f"\n{scenario.title}: black-box checks, {scenario.patients:,} patients, seed {scenario.seed}\n",
        style="bold",
        highlight=False,
    )
    table = Table("", "check", "strategies", "what is compared", "found", "expected", box=None, pad_edge=False)
    for place in (4, 5):
        table.columns[place].justify = "right"
    for name in dict.fromkeys(one.name for one in checks):
        of_name = [one for one in checks if one.name == name]
        failing = [one for one in of_name if not one.passed]
        for one in failing or of_name[:1]:
            verdict, style = ("FAIL", "bold red") if failing else ("pass", "")
            who = one.strategy if failing or len(of_name) == 1 else f"{one.strategy} and {len(of_name) - 1} more"
            table.add_row(verdict, name, who, one.says, f"{one.found:,.8g}", f"{one.expected:,.8g}", style=style)
    console.print(table)
    failed = sum(not one.passed for one in checks)
    words = "all passed" if not failed else f"{failed} failed"
    console.print(f"\n{len(checks)} checks: {words}.", style="bold", highlight=False)
