"""Tables printed in a terminal."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from rallsim.inputs.evidence import Row
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.output.folder import Results
from rallsim.report.terminal import numbers_right, terminal

SHOWN = {  # outcomes of the printed table and what people call them; summary.csv has all
    "response": "Remission after the first line",
    "mrd_negative": "  MRD-negative, of responders",
    "infusion": "CAR-T infused",
    "hsct": "Transplanted",
    "crs_grade3plus": "CRS grade 3+",
    "icans_grade3plus": "ICANS grade 3+",
    "sos": "SOS",
    "lines_mean": "Lines received, mean",
    "remission_median": "Duration of remission, median",
    "efs_median": "EFS, median",
    "os_median": "OS, median",
    "os_at_12_months": "OS at 12 months",
    "os_at_24_months": "OS at 24 months",
    "os_at_60_months": "OS at 60 months",
    "os_restricted_mean": "OS, mean up to the horizon",
    "death_leukaemia": "Died of leukaemia",
    "death_treatment": "Died of treatment",
    "death_transplant": "Died of transplant",
    "death_sos": "Died of SOS",
    "death_background": "Died of other causes",
}
DIFFERENCES = ("response", "os_median", "os_at_24_months", "os_at_60_months", "os_restricted_mean")
EVIDENCE_SHOWN = 60


def print_results(scenario: Scenario, results: Results) -> None:
    """Print the comparison of strategies, and their differences from the reference."""
    console = terminal()
    labels = {name: strategy.label for name, strategy in scenario.strategies.items()}
    console.print(f"\n{scenario.title}", style="bold", highlight=False)
    console.print(scenario.question, highlight=False)
    console.print(
        f"{scenario.patients:,} patients ({scenario.population}), {scenario.horizon_months:g} months, seed "
        f"{scenario.seed}; estimate ± Monte Carlo standard error\n",
        highlight=False,
    )
    if results.imputation is not None:
        _print_imputation(console, scenario, results.imputation)
    cells = _by_outcome(results.summary)
    table = Table("", *labels.values(), box=None, pad_edge=False, header_style="bold")
    numbers_right(table)
    for outcome, words in SHOWN.items():
        if any(row["estimate"] != 0.0 for row in cells.get(outcome, {}).values()):
            table.add_row(words, *(_cell(cells[outcome][strategy]) for strategy in labels))
    console.print(table)
    if not results.differences.empty:
        _print_differences(console, scenario, results.differences, labels)
    console.print(
        "\nMonte Carlo errors only: how uncertain the parameters are is not in them. Not medical advice.",
        highlight=False,
    )


def _print_imputation(console: Console, scenario: Scenario, imputation: pd.DataFrame) -> None:
    """Say what was not in a file of patients, and what was drawn instead."""
    rows = int(imputation[["given", "implied", "drawn"]].iloc[0].sum())
    console.print(
        f"The file has {rows:,} patient{'s' if rows > 1 else ''}, taken in turn. What it does not say was drawn from "
        f"{scenario.missing_from}, given what it says; of whom, see patients.csv.\n",
        highlight=False,
    )
    table = Table("", "in the file", "follows", "drawn", "mean known", "drawn", box=None, pad_edge=False)
    numbers_right(table)
    for row in imputation[imputation["drawn"] > 0].to_dict("records"):
        means = ("" if row[name] != row[name] else f"{row[name]:.3g}" for name in ("mean_known", "mean_drawn"))
        table.add_row(row["attribute"], *(str(row[name]) for name in ("given", "implied", "drawn")), *means)
    console.print(table)
    console.print()


def _print_differences(console: Console, scenario: Scenario, differences: pd.DataFrame, labels: dict[str, str]) -> None:
    console.print(
        f"\nDifference from «{labels[scenario.reference]}», same patients and luck, 95 % interval\n", highlight=False
    )
    others = [name for name in labels if name != scenario.reference]
    table = Table("", *(labels[name] for name in others), box=None, pad_edge=False, header_style="bold")
    numbers_right(table)
    cells = _by_outcome(differences)
    for outcome in DIFFERENCES:
        if outcome in cells:
            table.add_row(SHOWN[outcome], *(_difference_cell(cells[outcome][strategy]) for strategy in others))
    console.print(table)


def evidence_records(rows: Sequence[Row], parameters: ParameterSet) -> list[dict[str, Any]]:
    """Evidence rows with their source and the parameters that rest on them, for JSON."""
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "topic": row.topic,
            "therapy": row.therapy,
            "population": row.population,
            "quantity": row.quantity,
            "value": row.value,
            "lo": row.lo,
            "hi": row.hi,
            "ci_level": row.ci_level,
            "events": row.events,
            "total": row.total,
            "unit": row.unit,
            "at_months": row.at_months,
            "source_id": row.source_id,
            "where": row.where,
            "origin": row.origin,
            "note": row.note or row.reason,
            "file": row.file,
            "line": row.line,
            "used_by": parameters.uses(row.id),
        }
        for row in rows
    ]


def print_evidence(rows: Sequence[Row], parameters: ParameterSet) -> None:
    """Print evidence rows as a table: the first of them, and how many there are."""
    console = terminal()
    table = Table(
        "id", "population", "quantity", "value", "source", "used", box=None, pad_edge=False, header_style="bold"
    )
    for row in rows[:EVIDENCE_SHOWN]:
        value = "" if row.value is None else f"{row.value:g}"
        months = "" if row.at_months is None else f" ({row.at_months:g} months)"
        used = str(len(parameters.uses(row.id)) or "")
        table.add_row(row.id, row.population, row.quantity + months, value, row.source_id, used)
    console.print(table)
    more = (
        f"; the first {EVIDENCE_SHOWN} are shown, filter for fewer or use --json" if len(rows) > EVIDENCE_SHOWN else ""
    )
    console.print(f"\n{len(rows)} rows{more}. One row in full: rallsim evidence ID", highlight=False)


def _by_outcome(table: pd.DataFrame) -> dict[str, dict[str, dict[Hashable, Any]]]:
    """Rows of a tidy table by outcome, then by strategy."""
    rows: dict[str, dict[str, dict[Hashable, Any]]] = {}
    for row in table.to_dict("records"):
        rows.setdefault(row["outcome"], {})[row["strategy"]] = row
    return rows


def _cell(row: dict[Hashable, Any]) -> str:
    if pd.isna(row["estimate"]):
        return "not reached"
    if str(row["unit"]).startswith("share"):
        return f"{100 * row['estimate']:.1f} % ± {100 * row['std_error']:.1f}"
    unit = " mo" if row["unit"] == "months" else ""
    return f"{row['estimate']:.2f}{unit} ± {row['std_error']:.2f}"


def _difference_cell(row: dict[Hashable, Any]) -> str:
    if pd.isna(row["estimate"]):
        return "not reached"
    if str(row["unit"]).startswith("share"):
        return f"{100 * row['estimate']:+.1f} % ({100 * row['lo']:+.1f} to {100 * row['hi']:+.1f})"
    return f"{row['estimate']:+.2f} mo ({row['lo']:+.2f} to {row['hi']:+.2f})"
