"""The answer of a decision printed in a terminal."""

from __future__ import annotations

import pandas as pd
from rich.table import Table

from rallsim.decision.analysis import Decision
from rallsim.decision.partial_information import not_shown
from rallsim.decision.style import Style
from rallsim.report.terminal import numbers_right, terminal

STATUS = {"ND": "", "ED": "extended dominance", "D": "dominated"}
MOST_PARAMETERS = 8


def print_decision(decision: Decision, style: Style) -> None:
    """Print the incremental table, increments against the reference, the best strategy by threshold, and the EVPPI."""
    console = terminal()
    sample = decision.sample
    console.print(
        f"\n{len(sample.strategies)} strategies, {sample.draws:,} draws; means per patient ± standard error",
        highlight=False,
    )
    for title, table in (
        ("Full incremental analysis: each against the one before on the frontier", _incremental(decision, style)),
        (f"Against «{style.label(decision.reference)}», 95 % of draws", _pairwise(decision, style)),
        ("Best by expected net benefit", _answers(decision, style)),
    ):
        console.print(f"\n{title}\n", style="bold", highlight=False)
        console.print(table)
    ambiguous = decision.pairwise.loc[decision.pairwise["Ambiguous"], "Strategy"]
    if len(ambiguous):
        names = ", ".join(style.label(str(name)) for name in ambiguous)
        console.print(
            f"\n* {names}: fewer than 95 % of draws lie in the quadrant of the means, so the ICER means different "
            "things in different draws. Decide on net benefit.",
            highlight=False,
        )
    if decision.evppi is not None:
        console.print(
            "\nWorth of knowing parameters: EVPPI per patient, above what chance makes\n", style="bold", highlight=False
        )
        if decision.evppi["Worth_Knowing"].any():
            console.print(_evppi(decision, decision.evppi, style))
        if rest := not_shown(decision.evppi):
            console.print(rest, highlight=False)
    console.print("\nWhat is uncertain outside the draws is not in these numbers. Not medical advice.", highlight=False)


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    numbers_right(table)
    return table


def _incremental(decision: Decision, style: Style) -> Table:
    table = _table(
        "", "Cost", style.effect, "Δ cost", f"Δ {style.effect}", f"ICER per {style.effect}", "On frontier in", ""
    )
    errors = decision.summary.set_index(["Outcome", "Strategy"])["Std_Error"]
    for row in decision.incremental.to_dict("records"):
        name = str(row["Strategy"])
        step = not pd.isna(row["ICER"])
        words = STATUS[row["Status"]]
        equal = str(row["Dominated_By"]).startswith("= ")
        by = f"same as {row['Dominated_By'][2:]}" if equal else f"{words} by {row['Dominated_By']}" if words else ""
        table.add_row(
            style.label(name),
            f"{style.money(row['Cost'])} ± {errors['costs', name]:,.0f}",
            f"{row['Effect']:.3f} ± {errors['qalys', name]:.3f}",
            style.money(row["Inc_Cost"]) if step else "",
            f"{row['Inc_Effect']:.3f}" if step else "",
            f"{style.money(row['ICER'])} ± {row['ICER_Std_Error']:,.0f}" if step else "",
            f"{100 * row['Frontier_Share']:.0f} % of draws",
            by,
        )
    table.columns[-1].justify = "left"
    return table


def _pairwise(decision: Decision, style: Style) -> Table:
    table = _table("", "Δ cost", f"Δ {style.effect}", f"ICER per {style.effect}", "")
    for row in decision.pairwise.to_dict("records"):
        icer = "" if pd.isna(row["ICER"]) else style.money(row["ICER"]) + ("*" if row["Ambiguous"] else "")
        table.add_row(
            style.label(str(row["Strategy"])),
            f"{style.money(row['Inc_Cost'])} ({row['Inc_Cost_Lower']:,.0f} to {row['Inc_Cost_Upper']:,.0f})",
            f"{row['Inc_Effect']:+.3f} ({row['Inc_Effect_Lower']:+.3f} to {row['Inc_Effect_Upper']:+.3f})",
            icer,
            str(row["Reading"]).split(":")[0],
        )
    table.columns[-1].justify = "left"
    return table


def _answers(decision: Decision, style: Style) -> Table:
    table = _table("Threshold", "Best", "best in", "Next", "Gain over it", "EVPI", *_population_columns(decision))
    population = decision.evpi.set_index("WTP").get("Population_EVPI")
    for row in decision.answers.to_dict("records"):
        everyone = [] if population is None else [style.money(float(population[row["WTP"]]))]
        table.add_row(
            _per(row["WTP"], style),
            " = ".join(style.label(name) for name in [row["Best"], *str(row["Tied_With"]).split()]),
            f"{100 * row['Probability']:.0f} % of draws",
            style.label(row["Next"]),
            f"{style.money(row['Gain'])} ± {row['Gain_Std_Error']:,.0f}",
            f"{style.money(row['EVPI'])} ± {row['EVPI_Std_Error']:,.0f}",
            *everyone,
        )
    return table


def _evppi(decision: Decision, values: pd.DataFrame, style: Style) -> Table:
    """Groups that are worth knowing, by their highest share of the EVPI at any threshold."""
    known = values[values["Worth_Knowing"]]
    order = known.groupby("Parameters")["Share"].max().sort_values(ascending=False, kind="stable").index
    table = _table("", *(_per(k, style) for k in decision.wtp))
    cells = values.set_index(["Parameters", "WTP"])
    for name in order[:MOST_PARAMETERS]:
        rows = [cells.loc[(name, k)] for k in decision.wtp]
        table.add_row(style.label(str(name)), *(_worth(row, style) for row in rows))
    if len(order) > MOST_PARAMETERS:
        table.add_row(f"{len(order) - MOST_PARAMETERS} more in evppi.csv")
    return table


def _worth(row: pd.Series, style: Style) -> str:
    """A value with its standard error; a dash where it is not above chance."""
    return f"{style.money(row['EVPPI'])} ± {row['Std_Error']:,.0f}" if row["Worth_Knowing"] else "–"


def _population_columns(decision: Decision) -> list[str]:
    return ["EVPI, population"] if "Population_EVPI" in decision.evpi else []


def _per(wtp: float, style: Style) -> str:
    return f"{style.money(wtp)} per {style.effect}"
