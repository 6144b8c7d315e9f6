"""A budget printed in a terminal and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.table import Table

from rallsim.economics.settings.cost_files import CATEGORIES, RESOURCES
from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.tables.budget import ACTIVITIES
from rallsim.economics.tables.budget_plan import BudgetPlan
from rallsim.inputs.scenario import Scenario
from rallsim.report.economics import CATEGORY_WORDS, money
from rallsim.report.terminal import numbers_right, terminal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACTIVITY = {**{name: name for name in ACTIVITIES}, **{f"{name}s": f"{name.replace('_', ' ')}s" for name in RESOURCES}}


def print_budget(
    scenario: Scenario, economics: EconomicSettings, plan: BudgetPlan, impact: pd.DataFrame, errors: pd.DataFrame
) -> None:
    """Print, for each world after the first, what each year costs and does, and the difference from the first."""
    console = terminal()
    first, *others = plan.uptake
    console.print(
        f"\n{scenario.title}: budget impact, {economics.currency}, undiscounted", style="bold", highlight=False
    )
    entering = ", ".join(f"{number:g}" for number in plan.patients)
    console.print(f"Patients entering in each year: {entering}", highlight=False)
    for world, shares in plan.uptake.items():
        words = "; ".join(f"{name} {', '.join(f'{one:.0%}' for one in share)}" for name, share in shares.items())
        console.print(f"  {world}: {words}", highlight=False)
    for world in others or [first]:
        console.print(f"\n«{world}»" + (f", difference from «{first}» in brackets\n" if others else "\n"), style="bold")
        console.print(_table(world, plan.years, economics, impact, errors, with_difference=bool(others)))
    listed = economics.costs.list_prices()
    if listed:
        console.print(f"\nList prices, so what is paid may be less: {', '.join(listed)}.", highlight=False)


def _table(
    world: str,
    years: int,
    economics: EconomicSettings,
    impact: pd.DataFrame,
    errors: pd.DataFrame,
    *,
    with_difference: bool,
) -> Table:
    currency = economics.costs.currency
    table = Table("", *(f"year {year}" for year in range(1, years + 1)), box=None, pad_edge=False, header_style="bold")
    numbers_right(table)
    mine = impact[impact["world"] == world].set_index(["measure", "year"])
    error = {row["year"]: row for row in errors[errors["world"] == world].to_dict("records")}

    def add(words: str, measure: str, shown: str) -> None:
        if not np.any(mine.loc[measure, ["total", "difference"]].to_numpy()):
            return
        cells = []
        for year in range(1, years + 1):
            total, gain = (float(mine.loc[(measure, year), one]) for one in ("total", "difference"))  # type: ignore[arg-type]
            text = money(total, currency) if shown == "money" else f"{total:,.1f}"
            more = f"{'+' if gain > 0 else ''}{money(gain, currency) if shown == 'money' else f'{gain:,.1f}'}"
            cells.append(f"{text} ({more})" if with_difference else text)
        table.add_row(words, *cells)

    add("Costs", "costs", "money")
    table.add_row(
        "  ± Monte Carlo error",
        *(
            f"{error[year]['std_error']:,.0f}"
            + (f" ({error[year]['difference_std_error']:,.0f})" if with_difference else "")
            for year in range(1, years + 1)
        ),
    )
    for name in CATEGORIES:
        add(f"  {CATEGORY_WORDS[name]}", f"costs_{name}", "money")
    add("Life years", "lys", "number")
    for name, words in ACTIVITY.items():
        add(words.capitalize() if words != "icu days" else "ICU days", name, "number")
    return table


def plot_budget(impact: pd.DataFrame, economics: EconomicSettings, ax: Axes | None = None) -> Axes:
    """Draw the costs of each year as bars stacked by category, a bar a world."""
    from matplotlib.ticker import FuncFormatter

    from rallsim.common.figures import TINY, colour, finish, legend_above, new_axes

    worlds = [str(name) for name in impact["world"].unique()]
    years = sorted(int(year) for year in impact["year"].unique())
    ax = ax if ax is not None else new_axes(width=7.2, height=4.6)
    shown = [name for name in CATEGORIES if impact.loc[impact["measure"] == f"costs_{name}", "total"].any()]
    width = 0.8 / len(worlds)
    for place, world in enumerate(worlds):
        at = np.array(years) + (place - (len(worlds) - 1) / 2) * width
        bottom = np.zeros(len(years))
        for number, name in enumerate(shown):
            rows = impact[(impact["world"] == world) & (impact["measure"] == f"costs_{name}")].sort_values("year")
            height = rows["total"].to_numpy() / 1e6
            label = CATEGORY_WORDS[name] if place == 0 else None
            ax.bar(at, height, width * 0.92, bottom=bottom, color=colour(number), label=label, linewidth=0)
            bottom += height
        for x, top in zip(at, bottom, strict=True):
            ax.annotate(world, (x, top), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=TINY)
    ax.set_xticks(years, [f"Year {year}" for year in years])
    ax.set_ylabel(f"Costs (million {economics.currency}, undiscounted)")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ax.margins(y=0.08)
    legend_above(ax, columns=4)
    return finish(ax, legend=False, grid="y")
