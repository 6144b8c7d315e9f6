"""Curves cut at a trial's follow-up and continued by parametric families, as partitioned-survival models need to do.

The simulation knows how survivors live on; an extrapolated curve does not. How far both are apart up to the horizon is
what Technical Support Document 19 warns of: each curve is continued alone, whatever the other says.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from rallsim.economics.valuation.timeline import Floats
from rallsim.errors import InputError, Problem
from rallsim.outcomes.history import History
from rallsim.outcomes.summary import patient_table, survival

FAMILIES = ("Exponential", "Weibull", "LogNormal", "LogLogistic")  # of lifelines, with two parameters at most
ENDPOINTS = ("efs", "os")
NOBODY_LEFT, NO_EVENT = "nobody left", "no event"  # stand for a family where there is nothing to continue
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
        raise InputError(
            Problem("is not within the months followed", key="--follow-up", found=f"{found:g}", allowed=allowed)
        )
    return found


def extrapolated(histories: Mapping[str, History], follow_up_months: float, step: float = 1.0) -> pd.DataFrame:
    """Return undiscounted years under EFS and OS up to the horizon, simulated and extrapolated from a follow-up.

    `difference` is simulated minus extrapolated. Refuses a follow-up that is not within the horizon.
    """
    return years_of(continued_curves(histories, follow_up_months, step))


def continued_curves(histories: Mapping[str, History], follow_up_months: float, step: float = 1.0) -> pd.DataFrame:
    """Return EFS and OS every `step` months, simulated and as known up to a follow-up and continued from there.

    After the follow-up f the curve is S(f) S_fit(t) / S_fit(f), fitted to the patients censored at f, counted month by
    month; the family is the one of FAMILIES with the lowest AIC. EFS is never above OS.

    Columns: strategy, endpoint, follow_up_months, family, aic, t, simulated, extrapolated.
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
            chosen[name] = _best(months, happened, follow_up_months, step)
            tails[name] = _continued(exact[name], at, follow_up_months, chosen[name])
        tails["efs"] = np.minimum(tails["efs"], tails["os"])
        for name in ENDPOINTS:
            family, aic, _ = chosen[name]
            what = {"strategy": strategy, "endpoint": name, "follow_up_months": follow_up_months}
            columns = {"family": family, "aic": aic, "t": at, "simulated": exact[name], "extrapolated": tails[name]}
            parts.append(pd.DataFrame({**what, **columns}))
    return pd.concat(parts, ignore_index=True)


def years_of(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the years under `continued_curves` up to the horizon: COLUMNS."""
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
        f"({_chosen(row['family'])}) gives {row['years_extrapolated']:.2f} years "
        f"up to {row['horizon_months']:g} months, the simulation {row['years_simulated']:.2f} "
        f"({row['difference']:+.2f})."
        for row in table.to_dict("records")
        if row["endpoint"] == "os"
    ]


def _chosen(family: str) -> str:
    return f"{family}, the lowest AIC of {len(FAMILIES)} families" if family in FAMILIES else family


def _best(months: Floats, ended: np.ndarray, follow_up: float, step: float) -> tuple[str, float, Any]:
    """Fit every family to what a trial of this length sees; return the one with the lowest AIC: name, AIC, fit.

    Where nobody is left, or nobody had the event, there is nothing to continue: no fit, and the name says why.
    """
    import lifelines
    from lifelines.exceptions import ConvergenceError

    seen = np.minimum(months, follow_up)
    events = ended & (months <= follow_up)
    if events.all() or not events.any():
        return (NOBODY_LEFT if events.all() else NO_EVENT), float("nan"), None
    group = np.minimum(np.floor(seen / step) + 0.5, follow_up / step) * step
    times, place = np.unique(group, return_inverse=True)
    found = []
    for event in (True, False):
        counts = np.bincount(place[events == event], minlength=len(times))
        found += [(time, event, count) for time, count in zip(times, counts, strict=True) if count]
    durations, observed, weights = (np.array(column) for column in zip(*found, strict=True))
    fits = []
    for family in FAMILIES:
        fitter = getattr(lifelines, f"{family}Fitter")()
        with suppress(ConvergenceError):
            fitter.fit(durations, observed, weights=weights.astype(np.int64))
            fits.append((family, float(fitter.AIC_), fitter))
    if not fits:
        raise InputError(Problem("no family fits the curve", key="--follow-up", found=f"{follow_up:g}"))
    return min(fits, key=lambda fit: fit[1])


def _continued(curve: Floats, at: Floats, follow_up: float, chosen: tuple[str, float, Any]) -> Floats:
    """The curve as known up to the follow-up, and in the fit's shape from there on; without a fit it stays."""
    known = at <= follow_up
    ahead = at[~known]
    shape = np.ones(len(ahead) + 1)
    if chosen[2] is not None:
        shape = np.asarray(chosen[2].survival_function_at_times(np.append(follow_up, ahead)), dtype=np.float64)
    found: Floats = np.append(curve[known], curve[known][-1] * shape[1:] / shape[0])
    return found
