"""Both structures side by side, printed in a terminal: the simulation, and partitioned survival from its own curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from rallsim.economics.tables import partitioned_survival
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.export import extrapolation
from rallsim.report.terminal import terminal

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def print_structure(results: EconomicResults, structure: pd.DataFrame, tails: pd.DataFrame) -> None:
    """Say how far a partitioned-survival model of the same curves is from the simulation, and why."""
    console = terminal()
    scenario = results.scenario
    labels = {name: strategy.label for name, strategy in scenario.strategies.items()}
    console.print(f"\n{scenario.title}: partitioned survival beside the simulation", style="bold", highlight=False)
    gains = partitioned_survival.increments(structure, scenario.reference)
    if gains.empty:
        console.print("· One strategy alone has no increments to compare; structure.csv holds both answers.")
    for sentence in partitioned_survival.in_words(gains, labels):
        console.print(f"· {sentence}", highlight=False)
    console.print("\nCurves cut at a trial's follow-up and extrapolated", style="bold", highlight=False)
    for sentence in extrapolation.in_words(tails, labels):
        console.print(f"· {sentence}", highlight=False)
    console.print()


def plot_extrapolation(curves: pd.DataFrame, labels: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Draw overall survival as simulated, and dashed as it is continued from the follow-up, from `continued_curves`."""
    from matplotlib.ticker import PercentFormatter

    from rallsim.common.figures import finish, legend_above, month_ticks, new_axes
    from rallsim.decision.style import Style

    drawn = curves[curves["endpoint"] == "os"]
    strategies = [str(name) for name in drawn["strategy"].unique()]
    style = Style(strategies, labels)
    ax = ax if ax is not None else new_axes(width=7.2, height=4.2 + 0.3 * len(strategies))
    cut, horizon = float(drawn["follow_up_months"].iloc[0]), float(drawn["t"].max())
    for name in strategies:
        mine = drawn[drawn["strategy"] == name]
        tail = mine[mine["t"] >= cut]
        ax.plot(mine["t"], mine["simulated"], color=style.colour(name), linewidth=1.6, label=style.label(name))
        ax.plot(tail["t"], tail["extrapolated"], color=style.colour(name), linewidth=1.4, linestyle="--")
    ax.plot([], [], color="0.3", linewidth=1.4, linestyle="--", label=f"continued from {cut:g} months")
    ax.axvline(cut, color="0.6", linewidth=0.8)
    ax.set_xlim(0, horizon)
    ax.set_xticks(month_ticks(horizon))
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    ax.set_xlabel("Months since entry")
    ax.set_ylabel("Overall survival")
    legend_above(ax, columns=1)
    return finish(ax, legend=False, grid="y")
