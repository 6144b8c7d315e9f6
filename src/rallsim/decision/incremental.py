"""Who is dominated, and what another QALY costs: full incremental analysis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from rallsim.decision.pairwise import ratio_error
from rallsim.decision.rounding import SAME, Floats, without_rounding
from rallsim.decision.sample import PsaSample
from rallsim.errors import InputError, Problem

STATUSES = ("ND", "ED", "D")


def incremental_analysis(strategies: Sequence[str], costs: Sequence[float], effects: Sequence[float]) -> pd.DataFrame:
    """Full incremental analysis of mean costs and effects, as dampack's `calculate_icers` gives it.

    Strategies are put in order of cost, of equal costs the more effective first. Costs, and effects, that differ by
    less than a billionth are equal: that is rounding.

    - D: dominated. A strategy earlier in that order is at least as effective; of two equal ones the first given stays.
    - ED: extended dominance. A mixture of two others gives more for the same money: the strategy's ICER against the one
      before on the frontier is higher than the next one's. Equal ICERs (to 1e-9) dominate nobody.
    - ND: not dominated, on the efficiency frontier.

    ICER = (C_i - C_j) / (E_i - E_j), j being the strategy before i on the frontier

    Columns: Strategy, Cost, Effect, Inc_Cost, Inc_Effect, ICER, Status (ND, then ED, then D, each by cost), then
    Dominated_By: who dominates, `a + b` for a mixture, `= a` for an equal strategy.

    Refuses lists of different lengths and what is no finite number.

    Source: Suen and Goldhaber-Fiebert, Med Decis Making 2016;36:132; Drummond et al., Methods, 4th ed., ch. 4.

    >>> table = incremental_analysis(["usual", "a", "b", "c"], [5e3, 12e3, 10e3, 25e3], [1.0, 1.5, 2.0, 3.0])
    >>> table[["Strategy", "ICER", "Status"]].to_dict("list")
    {'Strategy': ['usual', 'b', 'c', 'a'], 'ICER': [nan, 5000.0, 15000.0, nan], 'Status': ['ND', 'ND', 'ND', 'D']}
    """
    _check(strategies, costs, effects)
    costs, effects = without_rounding(np.array([costs, effects], float)).tolist()
    order = sorted(range(len(strategies)), key=lambda place: (costs[place], -effects[place]))
    dominated = _dominated(order, costs, effects)
    frontier = _lower_hull([place for place in order if place not in dominated], costs, effects)
    rows = []
    for place in order:
        row: dict[str, str | float] = {
            "Strategy": str(strategies[place]),
            "Cost": costs[place],
            "Effect": effects[place],
        }
        row |= {"Inc_Cost": np.nan, "Inc_Effect": np.nan, "ICER": np.nan, "Status": "ND", "Dominated_By": ""}
        if place in dominated:
            by = dominated[place]
            same = costs[by] == costs[place] and effects[by] == effects[place]
            row |= {"Status": "D", "Dominated_By": f"= {strategies[by]}" if same else str(strategies[by])}
        elif place not in frontier:
            above = next(at for at, other in enumerate(frontier) if effects[other] > effects[place])
            row |= {
                "Status": "ED",
                "Dominated_By": f"{strategies[frontier[above - 1]]} + {strategies[frontier[above]]}",
            }
        elif place != frontier[0]:
            before = frontier[frontier.index(place) - 1]
            more, gain = costs[place] - costs[before], effects[place] - effects[before]
            row |= {"Inc_Cost": more, "Inc_Effect": gain, "ICER": more / gain}
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.sort_values("Status", key=lambda words: words.map(STATUSES.index), kind="stable", ignore_index=True)


def incremental_of(sample: PsaSample) -> pd.DataFrame:
    """Full incremental analysis of a sample's means, with what its draws say about it.

    Columns: those of `incremental_analysis`, then ICER_Std_Error, the error that the number of draws leaves,

    SE = s(dC - ICER dE) / (sqrt(n) |mean dE|)

    and Frontier_Share: the share of draws in which the strategy is on that draw's own frontier.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> incremental_of(sample)[["Strategy", "ICER", "Frontier_Share"]].round(2).to_dict("list")
    {'Strategy': ['usual_care', 'new_drug'], 'ICER': [nan, 28.75], 'Frontier_Share': [1.0, 1.0]}
    """
    table = incremental_analysis(
        sample.strategies, sample.costs.mean(axis=0).tolist(), sample.effects.mean(axis=0).tolist()
    )
    on = [sample.strategies.index(name) for name in table.loc[table["Status"] == "ND", "Strategy"]]
    errors = np.full(len(table), np.nan)
    for row, (before, new) in enumerate(itertools.pairwise(on), start=1):
        more, gain = (part[:, new] - part[:, before] for part in (sample.costs, sample.effects))
        errors[row] = ratio_error(more, gain)
    table["ICER_Std_Error"] = errors
    share = dict(zip(sample.strategies, _frontier_shares(sample), strict=True))
    table["Frontier_Share"] = [share[name] for name in table["Strategy"]]
    return table


def _check(strategies: Sequence[str], costs: Sequence[float], effects: Sequence[float]) -> None:
    lengths = {"strategies": len(strategies), "costs": len(costs), "effects": len(effects)}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise InputError(Problem("must have lists of one length", found=found))
    if not len(strategies):
        raise InputError(Problem("must have strategies to compare"))
    faults = [
        Problem("must be a finite number", key=f"{what} of {name}", found=str(value))
        for what, values in (("cost", costs), ("effect", effects))
        for name, value in zip(strategies, values, strict=True)
        if not np.isfinite(value)
    ]
    if faults:
        raise InputError(faults)


def _dominated(order: Sequence[int], costs: Sequence[float], effects: Sequence[float]) -> dict[int, int]:
    """Who is dominated, and by whom: the cheapest that is at least as effective and no dearer."""
    kept: list[int] = []
    dominated = {}
    for place in order:
        by = next((other for other in kept if effects[other] >= effects[place]), None)
        if by is None:
            kept.append(place)
        else:
            dominated[place] = by
    return dominated


def _lower_hull(places: Sequence[int], costs: Sequence[float], effects: Sequence[float]) -> list[int]:
    """Lower convex hull of points in order of cost and effect: the frontier, on which ICERs never fall."""
    hull: list[int] = []
    for place in places:
        while len(hull) > 1:
            before, last = hull[-2], hull[-1]
            to_last = (costs[last] - costs[before]) * (effects[place] - effects[last])
            from_last = (costs[place] - costs[last]) * (effects[last] - effects[before])
            if to_last <= from_last * (1 + SAME):
                break
            hull.pop()
        hull.append(place)
    return hull


def _frontier_shares(sample: PsaSample) -> Floats:
    """Share of draws in which each strategy is on the frontier of that draw; equal strategies are on it together."""
    hits = np.zeros(len(sample.strategies))
    for costs, effects in zip(sample.costs.tolist(), sample.effects.tolist(), strict=True):
        order = sorted(range(len(costs)), key=lambda place: (costs[place], -effects[place]))
        dominated = _dominated(order, costs, effects)
        on = set(_lower_hull([place for place in order if place not in dominated], costs, effects))
        on |= {
            place
            for place, by in dominated.items()
            if by in on and costs[by] == costs[place] and effects[by] == effects[place]
        }
        hits[list(on)] += 1
    return hits / sample.draws
