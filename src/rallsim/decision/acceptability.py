"""Net benefit, and how probable it is that a strategy has the most of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rallsim.decision.rounding import LARGEST, Floats, without_rounding
from rallsim.decision.sample import PsaSample
from rallsim.decision.spread import spread
from rallsim.errors import InputError, Problem


def net_benefit(sample: PsaSample, wtp: float) -> Floats:
    """Net monetary benefit of each draw and strategy at a willingness to pay for one unit of effect.

    NMB = wtp E - C;   in units of effect NHB = E - C / wtp

    Of one draw, benefits that differ by less than a billionth of wtp E or of C are equal: that is rounding.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> net_benefit(sample, 30.0).tolist()
    [[20.0, 25.0], [21.0, 17.0]]
    """
    bought = wtp * sample.effects
    return without_rounding(bought - sample.costs, np.maximum(np.abs(bought), np.abs(sample.costs)))


def checked_wtp(wtp: Sequence[float]) -> list[float]:
    """Return thresholds as given; refuses none at all, negative ones, and those too large to compute with.

    >>> checked_wtp([0, 30_000])
    [0.0, 30000.0]
    """
    values = [float(value) for value in wtp]
    faults = [
        Problem("must lie within", key="wtp", found=f"{value:g}", allowed=f"0 to {LARGEST:g}")
        for value in values
        if not 0 <= value <= LARGEST
    ]
    if faults or not values:
        raise InputError(faults or Problem("is missing", key="wtp", allowed="one threshold or more"))
    return values


def net_benefit_table(sample: PsaSample, wtp: Sequence[float], reference: str) -> pd.DataFrame:
    """Net monetary and health benefit by strategy and threshold, and what each gains on the reference.

    Columns: WTP, Strategy, NMB, NMB_Std_Error, NMB_Lower, NMB_Upper (95 % of draws), NHB (empty at 0), Reference, INMB
    (strategy minus reference), INMB_Std_Error, INMB_Lower, INMB_Upper, Share_Better: draws with INMB above 0, those of
    exactly 0 counting half.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> net_benefit_table(sample, [30.0], "usual_care")[["NMB", "INMB", "Share_Better"]].values.tolist()
    [[20.5, 0.0, 0.5], [21.0, 0.5, 0.5]]
    """
    base = sample.position(reference, "reference")
    rows = []
    for k in checked_wtp(wtp):
        benefit = net_benefit(sample, k)
        for place, name in enumerate(sample.strategies):
            own, more = benefit[:, place], benefit[:, place] - benefit[:, base]
            rows.append(
                {
                    "WTP": k,
                    "Strategy": name,
                    **spread("NMB", own),
                    "NHB": float(own.mean()) / k if k else np.nan,
                    "Reference": reference,
                    **spread("INMB", more),
                    "Share_Better": float((more > 0).mean() + (more == 0).mean() / 2),
                }
            )
    return pd.DataFrame(rows)


def ceac(sample: PsaSample, wtp: Sequence[float]) -> pd.DataFrame:
    """Cost-effectiveness acceptability curves and frontier.

    Proportion: the share of draws in which the strategy has the highest net benefit (CEAC); strategies that tie in a
    draw share it. On_Frontier: the strategy has the highest *expected* net benefit at that threshold, whatever its
    proportion; the proportions of those are the acceptability frontier (CEAF). Of strategies that tie, the one with
    the highest expected effect is on it.

    Columns: WTP, Strategy, Proportion, On_Frontier (as dampack's `ceac`), Std_Error: the standard deviation of a
    draw's share over sqrt(n), which is sqrt(p (1 - p) / n) where no draw has a tie.

    Source: Fenwick, Claxton and Sculpher, Health Econ 2001;10:779.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> ceac(sample, [30.0])[["Proportion", "On_Frontier"]].values.tolist()
    [[0.5, False], [0.5, True]]
    """
    parts = []
    for k in checked_wtp(wtp):
        shares = best_shares(net_benefit(sample, k))
        parts.append(
            pd.DataFrame(
                {
                    "WTP": k,
                    "Strategy": list(sample.strategies),
                    "Proportion": shares.mean(axis=0),
                    "On_Frontier": np.arange(len(sample.strategies)) == best(sample, k),
                    "Std_Error": shares.std(axis=0) / np.sqrt(sample.draws),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def best(sample: PsaSample, wtp: float) -> int:
    """Column with the highest expected net benefit; of equal ones that with more effect, then the first.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 10.0], [12.0, 12.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> best(sample, 0.0)
    1
    """
    effects = without_rounding(sample.effects.mean(axis=0, keepdims=True))[0]
    return int(np.lexsort((-effects, -expected_benefit(sample, wtp)))[0])


def expected_benefit(sample: PsaSample, wtp: float) -> Floats:
    """Expected net benefit of each strategy, equal where it differs by rounding only.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> expected_benefit(sample, 30.0).tolist()
    [20.5, 21.0]
    """
    benefit = net_benefit(sample, wtp).mean(axis=0)
    sizes = np.maximum(wtp * np.abs(sample.effects), np.abs(sample.costs)).mean(axis=0)
    return np.asarray(without_rounding(benefit[None, :], sizes[None, :])[0])


def best_shares(benefit: Floats) -> Floats:
    """1 where a strategy has the highest net benefit of its draw, 0 elsewhere; n that tie have 1 / n each.

    >>> best_shares(np.array([[1.0, 2.0], [3.0, 3.0]])).tolist()
    [[0.0, 1.0], [0.5, 0.5]]
    """
    winners = benefit == benefit.max(axis=1, keepdims=True)
    return np.asarray(winners / winners.sum(axis=1, keepdims=True), float)
