"""Published curves and the families taken for them, on a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich.table import Table

from rallsim.curves.analysis import Judged, chosen_table
from rallsim.curves.published import PublishedCurve
from rallsim.report.terminal import numbers_right, terminal


def print_chosen(judged: Mapping[str, Judged]) -> None:
    """Print a line a curve: family, parameters with 95 % limits, survival at 24 and 60 months; reasons when few."""
    table = Table("Curve", "Family", "Parameters (95 % limits)", "24 mo", "60 mo", "60 mo, passing families", "misfit")
    numbers_right(table)
    for column in table.columns[1:3]:
        column.justify = "left"
    for (name, one), row in zip(judged.items(), chosen_table(judged).to_dict("records"), strict=True):
        fit = one.choice.chosen
        values = ", ".join(
            f"{spec.name} {value:.3g} ({lo:.3g}–{hi:.3g})"
            for spec, value, (lo, hi) in zip(fit.form.parameters, fit.distribution.values, fit.limits(), strict=True)
        )
        fault = " *" if one.choice.given_up else ""
        table.add_row(
            name,
            fit.form.label + fault,
            values,
            f"{100 * row['at_24_months']:.0f} %",
            f"{100 * row['at_60_months']:.0f} %",
            f"{100 * row['at_60_among_candidates_lo']:.0f}–{100 * row['at_60_among_candidates_hi']:.0f} %",
            f"{fit.misfit:.1f} / {max(fit.freedom, 0)}",
        )
    console = terminal()
    console.print(table)
    if any(one.choice.given_up for one in judged.values()):
        console.print("* no family passes every rule; what speaks against this one stands in its reason")
    for name, one in judged.items() if len(judged) <= MOST_REASONS else ():
        console.print(f"{name}: {one.choice.reason}", highlight=False)


MOST_REASONS = 6  # curves whose reasons are printed; chosen.csv and the pages hold them all


def print_curves(known: Mapping[str, PublishedCurve], as_json: bool) -> None:
    """Print which curves there are and what is printed of each."""
    rows = [
        {
            "id": curve.id,
            "label": curve.label,
            "endpoint": curve.endpoint,
            "patients": round(curve.patients),
            "medians": sum(point.kind == "median" for point in curve.points),
            "landmarks": sum(point.kind == "landmark" for point in curve.points),
            "numbers_at_risk": len(curve.at_risk.counts) if curve.at_risk else 0,
            "digitised": len(curve.digitised.points) if curve.digitised else 0,
            "last_seen": curve.last_seen,
            "corresponds": curve.corresponds,
        }
        for curve in known.values()
    ]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    shown = ("id", "label", "endpoint", "patients", "medians", "landmarks", "numbers_at_risk", "digitised")
    table = Table(*(name.replace("_", " ") for name in shown))
    numbers_right(table)
    table.columns[1].justify = table.columns[2].justify = "left"
    for row in rows:
        table.add_row(*(str(row[name]) for name in shown))
    terminal().print(table)
