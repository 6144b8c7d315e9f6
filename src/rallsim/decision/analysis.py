"""The whole analysis of one sample: all tables, the answer at each threshold, and the files of a results folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rallsim.common.precision import mean
from rallsim.decision import figures
from rallsim.decision.acceptability import (
    best,
    best_shares,
    ceac,
    checked_wtp,
    expected_benefit,
    net_benefit,
    net_benefit_table,
)
from rallsim.decision.incremental import incremental_of
from rallsim.decision.pairwise import pairwise, plane, summary_of
from rallsim.decision.partial_information import evppi
from rallsim.decision.rounding import LARGEST, SAME
from rallsim.decision.sample import PsaSample
from rallsim.decision.sample_files import read_sample
from rallsim.decision.style import Style
from rallsim.decision.value_of_information import evpi, expected_loss
from rallsim.errors import InputError, Problem

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_WTP = (30_000.0, 50_000.0, 100_000.0)  # thresholds when none are asked for
GRID_POINTS = 101  # of curves, thresholds added
MOST_PANELS = 3


@dataclass(frozen=True)
class Decision:
    """Tables of a decision; each is one CSV file of the results folder. See the function that made it for columns."""

    sample: PsaSample = field(repr=False)
    reference: str
    wtp: tuple[float, ...]
    answers: pd.DataFrame = field(repr=False)
    incremental: pd.DataFrame = field(repr=False)
    pairwise: pd.DataFrame = field(repr=False)
    summary: pd.DataFrame = field(repr=False)
    net_benefit: pd.DataFrame = field(repr=False)
    ce_plane: pd.DataFrame = field(repr=False)
    ceac: pd.DataFrame = field(repr=False)
    expected_loss: pd.DataFrame = field(repr=False)
    evpi: pd.DataFrame = field(repr=False)
    evppi: pd.DataFrame | None = field(repr=False, default=None)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: table for name, table in parts.items() if isinstance(table, pd.DataFrame)}


def decide_sample(
    sample: PsaSample | Path,
    wtp: Sequence[float] = DEFAULT_WTP,
    reference: str | None = None,
    wtp_max: float | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    patients: float | None = None,
) -> Decision:
    """Decide between the strategies of a probabilistic sample: ICERs, acceptability, expected loss, EVPI and EVPPI.

    `sample` holds costs and effects (draws × strategies) and, if any, parameters (a row a draw); it may be a folder
    with psa_costs.csv and psa_effects.csv. Tables are for the thresholds `wtp` (money for one unit of effect), curves
    over a grid from 0 to `wtp_max`. `reference` is what others are compared with, the first strategy when not given;
    `groups` are sets of parameters for the EVPPI beside each parameter alone; `patients` scales values of information
    to a population. Raises InputError for thresholds, strategies or parameters that cannot be.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> decide_sample(sample, [30.0]).answers[["Best", "Probability", "EVPI"]].values.tolist()
    [['new_drug', 0.5, 2.0]]
    """
    if not isinstance(sample, PsaSample):
        sample = read_sample(Path(sample)).sample
    thresholds = tuple(dict.fromkeys(checked_wtp(wtp)))
    reference = reference if reference is not None else sample.strategies[0]
    sample.position(reference, "reference")
    incremental = incremental_of(sample)
    grid = wtp_grid(thresholds, incremental["ICER"].dropna().tolist(), wtp_max)
    knowledge = None
    if sample.parameters is not None:
        alone = {str(name): [str(name)] for name in sample.parameters.columns}
        knowledge = evppi(
            sample, thresholds, alone | {key: list(some) for key, some in (groups or {}).items()}, patients
        )
    elif groups:
        raise InputError(
            Problem("must come with a sample of parameters", key="group", allowed="a file psa_parameters.csv")
        )
    return Decision(
        sample=sample,
        reference=reference,
        wtp=thresholds,
        answers=answers(sample, thresholds),
        incremental=incremental,
        pairwise=pairwise(sample, reference),
        summary=summary_of(sample),
        net_benefit=net_benefit_table(sample, thresholds, reference),
        ce_plane=plane(sample, reference),
        ceac=ceac(sample, grid),
        expected_loss=expected_loss(sample, grid),
        evpi=evpi(sample, grid, patients),
        evppi=knowledge,
    )


def answers(sample: PsaSample, wtp: Sequence[float]) -> pd.DataFrame:
    """Which strategy is best at each threshold, how surely, and against which next.

    Columns: WTP, Best (highest expected net benefit; of equal ones that with more effect), NMB (its expected net
    benefit), Probability (that it is best: its share of draws), Most_Often_Best (which has the highest such share; it
    may be another), Next (the second by expected net benefit), Gain (NMB over the next), Gain_Std_Error, Tied_With
    (strategies whose expected net benefit is the same, separated by blanks), EVPI, EVPI_Std_Error.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> answers(sample, [30.0])[["Best", "Next", "Gain"]].values.tolist()
    [['new_drug', 'usual_care', 0.5]]
    """
    rows = []
    for k in checked_wtp(wtp):
        benefit = net_benefit(sample, k)
        shares = best_shares(benefit).mean(axis=0)
        chosen, expected = best(sample, k), expected_benefit(sample, k)
        others = [place for place in range(len(sample.strategies)) if place != chosen]
        after = max(others, key=lambda place: expected[place])
        gain = mean(benefit[:, chosen] - benefit[:, after])
        as_often = np.isclose(shares, shares.max(), rtol=SAME)
        rows.append(
            {
                "WTP": k,
                "Best": sample.strategies[chosen],
                "NMB": float(benefit[:, chosen].mean()),
                "Probability": float(shares[chosen]),
                "Most_Often_Best": sample.strategies[chosen if as_often[chosen] else int(shares.argmax())],
                "Next": sample.strategies[after],
                "Gain": gain.value,
                "Gain_Std_Error": gain.std_error,
                "Tied_With": " ".join(sample.strategies[at] for at in others if expected[at] == expected[chosen]),
            }
        )
    perfect = evpi(sample, wtp)
    return pd.DataFrame(rows).assign(EVPI=perfect["EVPI"], EVPI_Std_Error=perfect["Std_Error"])


def wtp_grid(thresholds: Sequence[float], icers: Sequence[float], wtp_max: float | None = None) -> list[float]:
    """Thresholds for curves: 101 even steps from 0, and those asked for.

    Without `wtp_max` the grid ends at a round number beyond twice the highest threshold and beyond the frontier's
    ICERs, of which those above six times the highest threshold are not reached for.

    >>> wtp_grid([30_000], [46_020, 123_956])[-1]
    150000.0
    """
    if wtp_max is None:
        highest = max(thresholds) or 1.0
        reach = max([2 * highest, *(1.15 * icer for icer in icers if icer <= 6 * highest)])
        step = 10.0 ** math.floor(math.log10(reach)) / 2
        wtp_max = math.ceil(reach / step) * step
    if not 0 < wtp_max <= LARGEST:
        allowed = f"above 0, at most {LARGEST:g}"
        raise InputError(Problem("must be", key="wtp-max", found=f"{wtp_max:g}", allowed=allowed))
    within = [k for k in thresholds if k <= wtp_max]
    return sorted({*np.linspace(0.0, wtp_max, GRID_POINTS).tolist(), *within})


def draw(decision: Decision, style: Style) -> dict[str, Callable[[], Figure]]:
    """What draws each figure of a decision, by file name."""

    def of(plot: Callable[..., object], *arguments: object) -> Callable[[], Figure]:
        return lambda: plot(*arguments).figure.get_figure(root=True)  # type: ignore[attr-defined]

    wtp = decision.wtp
    drawn = {
        "ce_plane.png": of(figures.plot_plane, decision.ce_plane, style, wtp),
        "frontier.png": of(figures.plot_frontier, decision.incremental, style),
        "ceac.png": of(figures.plot_ceac, decision.ceac, style, wtp),
        "expected_loss.png": of(figures.plot_expected_loss, decision.expected_loss, style, wtp),
        "evpi.png": of(figures.plot_evpi, decision.evpi, style, wtp),
    }
    if decision.evppi is not None:
        drawn["evppi.png"] = lambda: _evppi_panels(decision, style)
    return drawn


def write(decision: Decision, style: Style, folder: Path) -> None:
    """Write every table as CSV and every figure into a folder that exists."""
    for name, table in decision.tables().items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g", lineterminator="\n")
    for name, figure in draw(decision, style).items():
        figure().savefig(folder / name)


def _evppi_panels(decision: Decision, style: Style) -> Figure:
    """Bars of the EVPPI, a panel a threshold."""
    from rallsim.common.figures import new_axes

    assert decision.evppi is not None
    shown = decision.wtp[:MOST_PANELS]
    worth = decision.evppi[decision.evppi["Worth_Knowing"]].groupby("WTP").size()
    bars = [max(figures.LEAST_BARS, min(figures.MOST_BARS, int(worth.get(k, 0)))) for k in shown]
    first = new_axes(width=7.2, height=len(shown) * 1.1 + 0.26 * sum(bars))
    figure = first.figure.get_figure(root=True)
    assert figure is not None
    first.remove()
    panels = figure.subplots(len(shown), 1, squeeze=False, height_ratios=bars)[:, 0]
    for ax, k in zip(panels, shown, strict=True):
        figures.plot_evppi(decision.evppi, style, k, ax)
    return figure
