"""What `rallsim validate` prints."""

from __future__ import annotations

import math

import pandas as pd
from rich.table import Table

from rallsim.report.terminal import numbers_right, terminal
from rallsim.validation.targets import SCORED

MOST = 40  # outcomes outside that are printed; validation.csv has all


def print_validation(rows: pd.DataFrame, scores: pd.DataFrame, skipped: pd.DataFrame) -> None:
    """Print the scores, and every scored outcome outside its prediction interval."""
    console = terminal()
    table = Table("", "Outcomes", "Inside 95 %", "Share", "Median error of landmarks", box=None, header_style="bold")
    numbers_right(table)
    for _, row in scores.iterrows():
        if row["outcomes"]:
            error = "" if math.isnan(row["landmarks_error"]) else f"{row['landmarks_error']:.3f}"
            table.add_row(
                str(row["group"]), str(row["outcomes"]), str(row["inside"]), f"{row['share_inside']:.1%}", error
            )
    console.print(table)
    scored = rows[rows["use"].isin(SCORED) & rows["inside"].notna()]
    outside = scored[~scored["inside"].astype(bool)]
    if len(outside):
        console.print(f"\nOutside ({len(outside)}):", style="bold", highlight=False)
        table = Table("Trial", "Arm", "Outcome", "Published", "Simulated", "95 % of trials", "Part in a fit", box=None)
        for _, row in outside.head(MOST).iterrows():
            interval = f"{row['sim_lo']:.3g} to {row['sim_hi']:.3g}"
            numbers = (f"{row['observed']:.3g}", f"{row['simulated']:.3g}", interval)
            table.add_row(row["trial"], row["arm"], row["id"], *numbers, "yes" if row["used_in_fit"] else "no")
        console.print(table)
    if len(skipped):
        console.print(f"\n{len(skipped)} published rows are not compared; skipped.csv says why.", highlight=False)
