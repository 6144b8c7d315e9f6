"""A validation in words: what was compared, what fails, and what that means for use."""

from __future__ import annotations

import pandas as pd

from rallsim.validation.run import Validation
from rallsim.validation.targets import SCORED, USES


def report_text(found: Validation, draws: int) -> str:
    """Return the report as Markdown."""
    rows = found.rows
    scored = rows[rows["use"].isin(SCORED) & rows["inside"].notna()]
    misses = scored[~scored["inside"].astype(bool)]
    parts = [
        "# Validation",
        f"The model in each trial's shoes: {len(scored)} published numbers beside {draws} simulated trials of the same "
        "size, each with a draw of the joint posterior and patients of its own. `inside` means that the published "
        "number lies among 95 % of them.",
        "## Scores",
        _markdown(found.scores.round(3)),
        "Coverage of the numbers kept out of every fit is the one that tells; the others were used to make parameters.",
        "![Published beside simulated, and coverage of the numbers kept out](calibration.png)",
        "![What the fit moved: prior and posterior](posterior.png)",
        f"## Outside: {len(misses)} of {len(scored)}",
        _markdown(
            misses[["trial", "arm", "id", "use", "observed", "simulated", "sim_lo", "sim_hi"]].round(3)
            if len(misses)
            else misses[["id"]]
        ),
        "## By trial",
        _markdown(_by_trial(scored, found)),
        "\n\n".join(f"![{title}]({name}.png)" for name, title in found.titles.items()),
        "## Not compared",
        _markdown(found.skipped),
        "Uses: " + "; ".join(f"{name}, {words}" for name, words in USES.items()) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _by_trial(scored: pd.DataFrame, found: Validation) -> pd.DataFrame:
    table = scored.groupby("trial", sort=False)["inside"].agg(outcomes="size", inside="sum").reset_index()
    table.insert(1, "title", [found.titles.get(name, "") for name in table["trial"]])
    return table


def _markdown(table: pd.DataFrame) -> str:
    if table.empty:
        return "None."
    header = "| " + " | ".join(map(str, table.columns)) + " |"
    rule = "|" + "|".join("---" for _ in table.columns) + "|"
    cells = [["" if pd.isna(cell) else str(cell) for cell in row] for row in table.to_numpy(object)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([header, rule, *lines])
