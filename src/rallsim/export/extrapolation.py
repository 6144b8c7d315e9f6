"""Curves cut at a trial's follow-up and continued by parametric families, as partitioned-survival models need to do.

The simulation knows how survivors live on; an extrapolated curve does not. How far both are apart up to the horizon is
what Technical Support Document 19 warns of: each curve is continued alone, whatever the other says. Families are those
of `curves`, plain and with a cured share, above the mortality of the general population.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rallsim.curves.background import Background, background_of_people
from rallsim.curves.choice import simplest
from rallsim.curves.distribution import FORMS
from rallsim.curves.estimate import CurveEstimate
from rallsim.curves.families import Floats
from rallsim.curves.individual import FEWEST_EVENTS, fit_individual
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.errors import InputError, Problem
from rallsim.outcomes.history import History
from rallsim.outcomes.summary import patient_table, survival

ENDPOINTS = ("efs", "os")
NOBODY_LEFT, TOO_FEW = "nobody left", "must have enough events"  # stand for a family where there is nothing to continue
MOST_TIMES = 400  # at which events are put for a fit: means of neighbours where there are more events
EARLIEST = 1e-3  # months; a form may have no density at 0
DEFAULT_FOLLOW_UP = 24.0  # months, a usual length of trials
COLUMNS = [
    *("strategy", "endpoint", "follow_up_months", "horizon_months", "family", "aic"),
    *("years_simulated", "years_extrapolated", "difference"),
]


def checked_follow_up(months: float | None, horizon: float, step: float) -> float:
    """Return the follow-up, two years or half the horizon when None; refuses one that is not within the horizon.

    >>> checked_follow_up(None, 120.0, 1.0), checked_follow_up(None, 12.0, 1.0)
    (24.0, 6.0)
    """
    found = min(DEFAULT_FOLLOW_UP, horizon / 2.0) if months is None else months
    if not step <= found < horizon:
        allowed = f"{step:g} to less than {horizon:g}"
        raise InputError(Problem("must be a month within", key="--follow-up", found=f"{found:g}", allowed=allowed))
    return found


def background_of_results(results: EconomicResults) -> Background:
    """Return the mortality that the patients of a scenario would have without leukaemia, up to the horizon of costs."""
    parameters, baseline, months = results.parameters, results.baseline, int(np.ceil(results.economics.horizon_months))
    country = parameters.countries[results.scenario.population_id]
    return background_of_people(baseline["age"], baseline["male"], country, parameters.evidence, months)


def continued_curves(
    histories: Mapping[str, History], follow_up_months: float, background: Background, step: float = 1.0
) -> pd.DataFrame:
    """Return EFS and OS every `step` months, simulated and as known up to a follow-up and continued from there.

    After the follow-up f the curve is S(f) S_fit(t) / S_fit(f), with S_fit the excess over `background` times the
    background itself. It is fitted to the patients censored at f. Of the forms of `curves` the simplest is taken
    whose AIC is within 2 of the lowest. EFS is never above OS.

    Columns: strategy, endpoint, follow_up_months, family, aic, t, simulated, extrapolated. Refuses a follow-up that is
    not within the horizon.
    """
    parts = []
    for strategy, history in histories.items():
        checked_follow_up(follow_up_months, history.horizon, step)
        at = np.append(np.arange(0.0, history.horizon, step), history.horizon)
        outcome = patient_table(history)
        exact, tails, chosen = {}, {}, {}
        for name, ended in (("os", "dead"), ("efs", "efs_event")):
            months, happened = outcome[f"{name}_months"].to_numpy(np.float64), outcome[ended].to_numpy(dtype=bool)
            exact[name] = survival(months, happened, at)
            chosen[name] = _best(months, happened, follow_up_months, background)
            tails[name] = _continued(exact[name], at, follow_up_months, chosen[name], background)
        tails["efs"] = np.minimum(tails["efs"], tails["os"])
        for name in ENDPOINTS:
            best = chosen[name]
            family, aic = (best, np.nan) if isinstance(best, str) else (best.form.name, best.aic)
            what = {"strategy": strategy, "endpoint": name, "follow_up_months": follow_up_months}
            columns = {"family": family, "aic": aic, "t": at, "simulated": exact[name], "extrapolated": tails[name]}
            parts.append(pd.DataFrame({**what, **columns}))
    return pd.concat(parts, ignore_index=True)


def years_of(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the undiscounted years under `continued_curves` up to the horizon: COLUMNS.

    `difference` is simulated minus extrapolated.
    """
    rows = []
    for (strategy, endpoint), mine in curves.groupby(["strategy", "endpoint"], sort=False):
        first, at = mine.iloc[0], mine["t"].to_numpy()
        simulated, guessed = (float(np.trapezoid(mine[one], at)) / 12.0 for one in ("simulated", "extrapolated"))
        cut = (first["follow_up_months"], float(at[-1]), first["family"], first["aic"])
        rows.append((strategy, endpoint, *cut, simulated, guessed, simulated - guessed))
    return pd.DataFrame(rows, columns=COLUMNS)


def in_words(table: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """Say for each strategy what extrapolation makes of overall survival beside what was simulated."""
    return [
        f"{labels[row['strategy']]}: overall survival known to {row['follow_up_months']:g} months and continued "
        f"({_family_in_words(row['family'])}) gives {row['years_extrapolated']:.2f} years "
        f"up to {row['horizon_months']:g} months, the simulation {row['years_simulated']:.2f} "
        f"({row['difference']:+.2f})."
        for row in table.to_dict("records")
        if row["endpoint"] == "os"
    ]


def _family_in_words(family: str) -> str:
    return f"{FORMS[family].label}, by its AIC among {len(FORMS)} families" if family in FORMS else family


def _best(months: Floats, ended: np.ndarray, follow_up: float, background: Background) -> CurveEstimate | str:
    """Fit every form to what a trial of this length sees; return the simplest of those that fit alike.

    Where nobody is left, or hardly anybody had the event, there is nothing to continue: the words say so.
    """
    seen = np.minimum(months, follow_up)
    events = ended & (months <= follow_up)
    if events.all():
        return NOBODY_LEFT
    if events.sum() < FEWEST_EVENTS:
        return TOO_FEW
    groups = np.array_split(np.sort(seen[events]), min(MOST_TIMES, int(events.sum())))
    times = np.maximum([*(group.mean() for group in groups), follow_up], EARLIEST)
    weights = np.array([*map(len, groups), (~events).sum()], np.float64)
    event, hazard = np.append(np.ones(len(groups)), 0.0), background.hazard(times)
    return simplest([fit_individual(name, times, event, background_hazard=hazard, weights=weights) for name in FORMS])


def _continued(
    curve: Floats, at: Floats, follow_up: float, best: CurveEstimate | str, background: Background
) -> Floats:
    """The curve as known up to the follow-up, and in the fit's shape from there on; without a fit it stays."""
    known = at <= follow_up
    if isinstance(best, str):
        return np.where(known, curve, curve[known][-1])
    hazard = [one.cumulative_hazard(np.append(follow_up, at[~known])) for one in (best.distribution, background)]
    shape = np.exp(-np.sum(hazard, axis=0))
    return np.append(curve[known], curve[known][-1] * shape[1:] / shape[0])
