"""The words on a curve's page: the table of families in their colours, parameters, the reason for the one taken."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from rallsim.common.figures import GREY, INK, TINY, colour
from rallsim.curves.analysis import Judged
from rallsim.curves.choice import RULES, WORDS, Verdict, survival
from rallsim.curves.families import FAMILIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT_WIDTH, MOST_LINES = 112, 17  # characters and lines of the text under the survival panel


def colour_of(family: str) -> tuple[float, float, float]:
    """Return the colour of a family, the same on every page."""
    return colour(list(FAMILIES).index(family))


def dashes_of(with_cure: bool) -> str | tuple[int, tuple[int, int]]:
    """Return the line style: forms with a cured share are dashed."""
    return (0, (5, 2)) if with_cure else "-"


def write_families(one: Judged, ax: Axes) -> None:
    """Write the families as a table: line, AIC, chance of the misfit, survival at 60 months, verdict."""
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    lines = len(one.choice.verdicts) + 1
    ax.set_ylim(-lines, 0.4)
    columns = (
        (0.06, "Family", "left"),
        (0.50, "AIC", "right"),
        (0.60, "p", "right"),
        (0.73, "60 mo", "right"),
        (0.76, "", "left"),
    )
    for x, words, align in columns:
        ax.text(x, -0.2, words, fontsize=TINY, ha=align, va="center", color=GREY)
    for line, verdict in enumerate(one.choice.verdicts, 1):
        fit = verdict.fit
        taken = fit is one.choice.chosen
        ink = INK if verdict.passes or taken else "0.55"
        if taken:
            ax.axhspan(-line - 0.5, -line + 0.5, color=colour_of(fit.form.family.name), alpha=0.14, linewidth=0)
        ax.plot(
            [0.0, 0.045],
            [-line, -line],
            color=colour_of(fit.form.family.name),
            linestyle=dashes_of(fit.form.with_cure),
            linewidth=2.0 if taken else 1.2,
            alpha=1.0 if verdict.passes or taken else 0.4,
        )
        tail = float(survival(fit, one.background, np.array([60.0]))[0])
        undetermined = bool(fit.failing) and not taken
        cells = (
            fit.form.label,
            "" if undetermined else f"{fit.aic:.1f}",
            "" if undetermined or not np.isfinite(fit.p_value) else f"{fit.p_value:.2f}",
            "" if undetermined else f"{100 * tail:.0f} %",
            _verdict(verdict, taken),
        )
        for (x, _, align), cell in zip(columns, cells, strict=True):
            ax.text(
                x,
                -line,
                cell,
                fontsize=TINY,
                ha=align,
                va="center",
                color=ink,
                fontweight="bold" if taken else "normal",
            )


def _verdict(verdict: Verdict, taken: bool) -> str:
    broken = [rule for rule in RULES if verdict.against[rule]]
    if taken:
        return "taken" if not broken else "taken *"
    return "passes" if not broken else WORDS[broken[0]]


def write_reason(figure: Figure, one: Judged) -> None:
    """Write parameters with limits, the reason and the note under the survival panel."""
    fit = one.choice.chosen
    values = ", ".join(
        f"{spec.name} {value:.3g} ({limits[0]:.3g} to {limits[1]:.3g})"
        for spec, value, limits in zip(fit.form.parameters, fit.distribution.values, fit.limits(), strict=True)
    )
    texts = [f"{fit.form.label}: {values}; 95 % limits.", one.choice.reason]
    ratio = one.curve.hazard_ratio
    if ratio is not None:
        use = "part of the fit" if ratio.in_fit else "not in the fit"
        texts.append(
            f"Hazard ratio printed {np.exp(ratio.log_value):.2f} ({use}), from the fits {one.fitted_ratio:.2f}."
        )
    texts.append(f"In the model: {one.curve.corresponds}")
    if one.curve.note:
        texts.append(one.curve.note)
    lines = [line for text in texts for line in textwrap.wrap(text, TEXT_WIDTH)]
    size = TINY * min(1.0, MOST_LINES / len(lines))  # nothing is cut: a long text is written smaller
    figure.text(0.03, 0.285, "\n".join(lines), fontsize=size, va="top", color=INK, linespacing=1.35)
