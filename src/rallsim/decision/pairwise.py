"""How two strategies differ, draw by draw. Differences are always new minus reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.common.precision import mean
from rallsim.decision.rounding import Floats, without_rounding
from rallsim.decision.sample import PsaSample
from rallsim.decision.spread import HIGH, LOW, spread

CLEAR_SHARE = 0.95  # of draws in the quadrant of the means; below it the ICER's meaning changes from draw to draw
OUTCOME_COLUMNS = {"costs": "Cost", "qalys": "Effect", "lys": "Life_Years"}
READINGS = {
    "NE": "costs more, gives more: ICER is the cost of each unit gained",
    "SE": "dominates: gives no less and costs no more",
    "NW": "dominated: gives no more and costs no less",
    "SW": "costs less, gives less: ICER is the saving for each unit given up",
    "none": "no difference",
}


def summary_of(sample: PsaSample) -> pd.DataFrame:
    """Mean of each outcome by strategy, its standard error, and the interval that holds 95 % of draws.

    Columns: Strategy, Outcome (costs, qalys, lys), Mean, Std_Error, Lower, Upper.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> summary_of(sample)["Mean"].round(2).tolist()
    [11.0, 22.5, 1.05, 1.45]
    """
    return pd.DataFrame(
        [
            {"Strategy": name, "Outcome": outcome, **_plain(values[:, place])}
            for outcome, values in sample.outcomes().items()
            for place, name in enumerate(sample.strategies)
        ]
    )


def plane(sample: PsaSample, reference: str) -> pd.DataFrame:
    """Points of the cost-effectiveness plane: each other strategy minus the reference, draw by draw.

    Columns: Sample (from 1), Strategy, Reference, Inc_Cost, Inc_Effect.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> plane(sample, "usual_care")["Inc_Cost"].tolist()
    [10.0, 13.0]
    """
    base = sample.position(reference, "reference")
    others = [place for place in range(len(sample.strategies)) if place != base]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "Sample": np.arange(1, sample.draws + 1),
                    "Strategy": sample.strategies[place],
                    "Reference": reference,
                    "Inc_Cost": sample.costs[:, place] - sample.costs[:, base],
                    "Inc_Effect": sample.effects[:, place] - sample.effects[:, base],
                }
            )
            for place in others
        ],
        ignore_index=True,
    )


def pairwise(sample: PsaSample, reference: str) -> pd.DataFrame:
    """Each strategy minus the reference, in the same draws: increments, the ICER, and whether it may be read.

    An ICER is given where the means lie north-east (cost of each unit gained) or south-west (saving for each unit given
    up: the higher the better). Where one strategy dominates there is none. Ambiguous says that fewer than 95 % of draws
    lie in the quadrant of the means, so that the ICER means different things in different draws: decide on net benefit.
    ICER_Lower and ICER_Upper hold 95 % of draws, a dominating draw counting as below and a dominated one as above every
    ratio (-inf, inf); they are left out where any draw lies in the opposite quadrant, whose ratios run the other way.

    Columns: Strategy, Reference, then for Inc_Cost, Inc_Effect (and Inc_Life_Years) the mean, _Std_Error, _Lower,
    _Upper; ICER, ICER_Std_Error, ICER_Lower, ICER_Upper, Quadrant, Share_NE, Share_SE, Share_NW, Share_SW, Share_None,
    Ambiguous, Reading.

    Source: Stinnett and Mullahy, Med Decis Making 1998;18(Suppl):S68.

    >>> sample = PsaSample(("usual_care", "new_drug"), [[10.0, 20.0], [12.0, 25.0]], [[1.0, 1.5], [1.1, 1.4]])
    >>> pairwise(sample, "usual_care")[["ICER", "Quadrant", "Ambiguous"]].round(2).values.tolist()
    [[28.75, 'NE', False]]
    """
    base = sample.position(reference, "reference")
    rows = []
    for place, name in enumerate(sample.strategies):
        if place == base:
            continue
        increments = {outcome: values[:, place] - values[:, base] for outcome, values in sample.outcomes().items()}
        row: dict[str, object] = {"Strategy": name, "Reference": reference}
        for outcome, values in increments.items():
            row |= spread(f"Inc_{OUTCOME_COLUMNS[outcome]}", values)
        means = np.stack([part[:, [base, place]].mean(axis=0) for part in (sample.costs, sample.effects)])
        middle = quadrants(*np.diff(without_rounding(means)))[0]
        rows.append(row | _ratio(increments["costs"], increments["qalys"], str(middle)))
    return pd.DataFrame(rows)


def quadrants(more: Floats, gain: Floats) -> NDArray[np.str_]:
    """Quadrant of each pair of incremental cost and effect; points on an axis belong to the one that dominates.

    >>> quadrants(np.array([1.0, -1.0, 1.0, -1.0, 0.0]), np.array([1.0, 1.0, -1.0, -1.0, 0.0])).tolist()
    ['NE', 'SE', 'NW', 'SW', 'none']
    """
    cases = [(more == 0) & (gain == 0), (more > 0) & (gain > 0), (more < 0) & (gain < 0), (more <= 0) & (gain >= 0)]
    return np.select(cases, ["none", "NE", "SW", "SE"], "NW")


def ratio_error(more: Floats, gain: Floats) -> float:
    """Standard error of a ratio of means by the delta method.

    >>> round(ratio_error(np.array([1.0, 3.0]), np.array([2.0, 2.0])), 3)
    0.5
    """
    icer = float(more.mean() / gain.mean())
    return mean(more - icer * gain).std_error / abs(float(gain.mean()))


def _ratio(more: Floats, gain: Floats, quadrant: str) -> dict[str, object]:
    """The ICER of one comparison, whose means lie in a quadrant, and how far it may be read."""
    of_draws = quadrants(more, gain)
    share = {name: float((of_draws == name).mean()) for name in READINGS}
    opposite = {"NE": "SW", "SW": "NE"}.get(quadrant)
    icer = error = lower = upper = np.nan
    if opposite:
        icer = float(more.mean() / gain.mean())
        error = ratio_error(more, gain)
        if share[opposite] == 0:
            dominating, dominated = (-np.inf, np.inf) if quadrant == "NE" else (np.inf, -np.inf)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios = np.select([of_draws == quadrant, of_draws == "SE"], [more / gain, dominating], dominated)
            lower, upper = (
                float(value) for value in np.quantile(ratios[of_draws != "none"], [LOW, HIGH], method="inverted_cdf")
            )
    return {
        "ICER": icer,
        "ICER_Std_Error": error,
        "ICER_Lower": lower,
        "ICER_Upper": upper,
        "Quadrant": quadrant,
        **{f"Share_{name.title() if name == 'none' else name}": value for name, value in share.items()},
        "Ambiguous": share[quadrant] < CLEAR_SHARE,
        "Reading": READINGS[quadrant],
    }


def _plain(values: Floats) -> dict[str, float]:
    """Spread of draws under the names Mean, Std_Error, Lower and Upper."""
    return {name.removeprefix("Mean_"): value for name, value in spread("Mean", values).items()}
