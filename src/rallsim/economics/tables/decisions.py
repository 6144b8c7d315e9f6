"""Who is dominated, what a QALY costs and what is best at a threshold, from costs and QALYs of the same patients."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from rallsim.common.precision import Estimate, difference, mean
from rallsim.decision.incremental import incremental_analysis
from rallsim.decision.pairwise import READINGS, quadrants, ratio_error
from rallsim.economics.valuation.accrual_periods import Floats

UNDISC = "_undisc"
WITH_ICER = ("NE", "SW")  # quadrants of the cost-effectiveness plane


Totals = Mapping[str, Mapping[str, Floats]]


def incremental(totals: Totals, suffix: str = "", lifetime: Totals | None = None) -> pd.DataFrame:
    """Full incremental analysis of mean costs and QALYs: ND, D, ED, and ICERs against the one before on the frontier.

    Columns: those of `decision.incremental.incremental_analysis`; ICER_Std_Error, the Monte Carlo error that the number
    of patients leaves: s(dC - ICER dE) / (sqrt(n) |mean dE|), patient by patient; ICER_Lifetime, the ICER of the same
    two strategies with the totals of all of life.
    """
    names = list(totals)
    costs, effects = ([totals[name][f"{what}{suffix}"] for name in names] for what in ("costs", "qalys"))
    table = incremental_analysis(names, [float(one.mean()) for one in costs], [float(one.mean()) for one in effects])
    on = [names.index(str(name)) for name in table.loc[table["Status"] == "ND", "Strategy"]]
    errors, for_life = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for row, (before, new) in enumerate(itertools.pairwise(on), start=1):
        errors[row] = ratio_error(costs[new] - costs[before], effects[new] - effects[before])
        for_life[row] = icer_of(lifetime, names[new], names[before], suffix)
    return table.assign(ICER_Std_Error=errors, ICER_Lifetime=for_life)


def icer_of(totals: Totals | None, strategy: str, reference: str, suffix: str = "") -> float:
    """ICER of a strategy against another; not a number where the means lie north-west or south-east, or are unknown."""
    if totals is None:
        return np.nan
    costs, effects = (
        float(np.mean(totals[strategy][what + suffix] - totals[reference][what + suffix]))
        for what in ("costs", "qalys")
    )
    return costs / effects if quadrants(np.array([costs]), np.array([effects]))[0] in WITH_ICER else np.nan


def pairwise(totals: Totals, reference: str, lifetime: Totals | None = None) -> pd.DataFrame:
    """Each strategy minus the reference: incremental costs, QALYs and life years, the ICER and how to read it.

    A row a strategy and `discounted` true or false. There is an ICER where the means lie north-east or south-west only,
    with its Monte Carlo error; `icer_lifetime` is that with the totals of all of life.
    """
    rows: list[dict[str, object]] = []
    for name, mine in totals.items():
        if name == reference:
            continue
        for suffix in ("", UNDISC):
            gains = {what: mine[what + suffix] - totals[reference][what + suffix] for what in ("costs", "qalys", "lys")}
            found = {what: mean(values) for what, values in gains.items()}
            place = quadrants(np.array([found["costs"].value]), np.array([found["qalys"].value]))[0]
            readable = place in WITH_ICER
            row: dict[str, object] = {"strategy": name, "reference": reference, "discounted": suffix == ""}
            for what, one in found.items():
                row |= {f"inc_{what}": one.value, f"inc_{what}_std_error": one.std_error}
            row |= {
                "icer": icer_of(totals, name, reference, suffix),
                "icer_std_error": ratio_error(gains["costs"], gains["qalys"]) if readable else np.nan,
                "icer_lifetime": icer_of(lifetime, name, reference, suffix),
                "quadrant": str(place),
                "reading": READINGS[str(place)],
            }
            rows.append(row)
    return pd.DataFrame(rows, columns=PAIRWISE_COLUMNS)


PAIRWISE_COLUMNS = [
    *("strategy", "reference", "discounted", "inc_costs", "inc_costs_std_error", "inc_qalys", "inc_qalys_std_error"),
    *("inc_lys", "inc_lys_std_error", "icer", "icer_std_error", "icer_lifetime", "quadrant", "reading"),
]


def net_benefit(totals: Mapping[str, Mapping[str, Floats]], reference: str, wtp: list[float]) -> pd.DataFrame:
    """Net monetary and health benefit at each threshold, and the gain on the reference, with Monte Carlo errors.

    NMB = k E - C;  NHB = E - C / k (empty at 0);  INMB = NMB of the strategy minus that of the reference. `best` marks
    the highest NMB at a threshold; it is discounted, `_undisc` is not.
    """
    rows: list[dict[str, object]] = []
    for k in wtp:
        benefits = {name: mean(k * one["qalys"] - one["costs"]) for name, one in totals.items()}
        highest = max(one.value for one in benefits.values())
        for name, one in totals.items():
            found: Estimate = benefits[name]
            gain = difference(found, benefits[reference])
            undiscounted = float(np.mean(k * one["qalys_undisc"] - one["costs_undisc"]))
            rows.append(
                {
                    "wtp": k,
                    "strategy": name,
                    "nmb": found.value,
                    "nmb_std_error": found.std_error,
                    "nhb": found.value / k if k else np.nan,
                    "inmb": gain.value,
                    "inmb_std_error": gain.std_error,
                    "best": found.value == highest,
                    "nmb_undisc": undiscounted,
                }
            )
    return pd.DataFrame(rows, columns=NET_BENEFIT_COLUMNS)


NET_BENEFIT_COLUMNS = [
    *("wtp", "strategy", "nmb", "nmb_std_error", "nhb", "inmb", "inmb_std_error", "best", "nmb_undisc"),
]
