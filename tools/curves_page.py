"""Renew the table of docs/curves.md and the reference results of the curves: `python tools/curves_page.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marks import ROOT, renew
from rallsim.curves.analysis import Judged, chosen_table, judge
from rallsim.curves.background import shipped_backgrounds
from rallsim.curves.curve_files import load_curves

WORDY = ("reason", "corresponds")  # columns that the reference leaves out
WHOLE = "no single parameter"  # begins what a curve corresponds to that only the whole pathway gives
HEAD = (
    "| curve | family | parameters (95 % limits) | 24 mo | 60 mo | passing | corresponds to |",
    "|---|---|---|---:|---:|---:|---|",
)


def curves_lines(judged: Mapping[str, Judged]) -> str:
    """Return the curves as a table in Markdown: family, parameters, survival, range over the families that pass."""
    rows = chosen_table(judged).to_dict("records")
    lines = [_line(one, row) for one, row in zip(judged.values(), rows, strict=True)]
    return "\n".join([*HEAD, *lines]) + "\n"


def _line(one: Judged, row: Mapping[Any, Any]) -> str:
    fit = one.choice.chosen
    values = ", ".join(
        f"{spec.name} {value:.3g} ({lo:.2g}–{hi:.2g})"
        for spec, value, (lo, hi) in zip(fit.form.parameters, fit.distribution.values, fit.limits(), strict=True)
    )
    low, high = (f"{100 * row[f'at_60_among_candidates_{end}']:.0f}" for end in ("lo", "hi"))
    cells = (
        f"`{one.curve.id}`",
        fit.form.label + (" \\*" if one.choice.given_up else ""),
        values,
        f"{100 * row['at_24_months']:.0f} %",
        f"{100 * row['at_60_months']:.0f} %",
        f"{low} %" if low == high else f"{low}–{high} %",
        "the whole pathway" if one.curve.corresponds.startswith(WHOLE) else one.curve.corresponds,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    found = judge(load_curves(), shipped_backgrounds())
    renew("curves.md", curves=curves_lines(found))
    chosen_table(found).drop(columns=list(WORDY)).to_csv(
        ROOT / "results" / "reference" / "curves" / "chosen.csv", index=False, float_format="%.5g", lineterminator="\n"
    )
