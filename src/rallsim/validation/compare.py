"""Observed beside simulated: the point at the base case, the interval over draws at the trial's size."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from rallsim.validation.quantities import FILTERS, QUANTITIES, RATIOS, TIMES, Definition, begins, ratio
from rallsim.validation.targets import AT_RISK, SCORED, Target
from rallsim.validation.trials import Patients, Trial

POINT_PATIENTS = 20_000
INTERVAL = (0.025, 0.975)
Groups = Mapping[str, Patients]


def chosen(patients: Patients, among: Sequence[str]) -> np.ndarray:
    """Patients who count: those that every filter takes."""
    mask = np.ones(len(patients.event_times), dtype=bool)
    for name in among:
        mask &= FILTERS[name](patients.event_times, patients.baseline)
    return mask


def value_of(target: Target, arms: Groups, cycle_months: Mapping[str, float]) -> float:
    """Return what a target comes to in simulated patients of each arm; nan where nobody counts."""
    patients = arms[target.arm]
    counted = chosen(patients, target.among)
    counted &= np.isfinite(begins(patients.event_times, target.since))
    how = Definition(target.at_months, target.since, target.censored_at_hsct, cycle_months.get(target.arm, math.nan))
    if target.quantity == AT_RISK:
        return _still_followed(target, patients, counted)
    if target.quantity in RATIOS:
        others = arms[target.versus]
        treated, reference = patients.event_times[counted], others.event_times[chosen(others, target.versus_among)]
        return ratio(target.quantity, treated, reference, how)
    if target.quantity == "blasts_under_5_share":
        low = FILTERS["blasts_under_5"](patients.event_times, patients.baseline)
        return float(low[counted].mean()) if counted.any() else math.nan
    count = QUANTITIES.get(target.quantity)
    return count(patients.event_times[counted], how) if count else math.nan


def _still_followed(target: Target, patients: Patients, counted: np.ndarray) -> float:
    """Share alive and followed at a time, follow-up ending evenly between its shortest and longest."""
    m = patients.event_times[counted]
    if not len(m):
        return math.nan
    shortest, longest = target.follow_up
    followed = shortest + (longest - shortest) * patients.spare[counted]
    last = np.minimum(m["death"], m["hsct"]) if target.censored_at_hsct else m["death"]
    lived = last - begins(m, target.since)
    return float(np.mean((lived >= target.at_months) & (followed >= target.at_months)))


def points(targets: Sequence[Target], trials: Mapping[str, Trial], patients: int = POINT_PATIENTS) -> np.ndarray:
    """Simulated value of each target at the base case in a large cohort."""
    return cohort_values(targets, trials, patients)


def cohort_values(targets: Sequence[Target], trials: Mapping[str, Trial], patients: int, draw: int = 0) -> np.ndarray:
    """Simulated value of each target in cohorts of one size and one luck, under one draw of the parameters."""

    def simulated(trial: Trial, arm: str, _enrolled: int) -> Patients:
        return trial.simulate(arm, patients, draw=draw)

    return _values(targets, trials, simulated, size=patients)


def replicates(
    targets: Sequence[Target],
    trials: Mapping[str, Trial],
    draws: int,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Simulated value of each target (columns) under each draw (rows), in as many patients as the trial had.

    Every draw has luck of its own, so the spread is that of the parameters and of who was enrolled together.
    """

    def replicate(draw: int) -> np.ndarray:
        def simulated(trial: Trial, arm: str, enrolled: int) -> Patients:
            return trial.simulate(arm, enrolled, replicate=draw + 1, draw=draw)

        return _values(targets, trials, simulated)

    found = []
    with ThreadPoolExecutor(workers) as pool:
        for row in pool.map(replicate, range(draws)):
            found.append(row)
            if progress:
                progress(1)
    return np.array(found)


def _values(
    targets: Sequence[Target],
    trials: Mapping[str, Trial],
    simulate: Callable[[Trial, str, int], Patients],
    size: int | None = None,
) -> np.ndarray:
    by_trial: dict[str, list[int]] = defaultdict(list)
    for place, target in enumerate(targets):
        by_trial[target.trial].append(place)
    found = np.full(len(targets), math.nan)
    for name, places in by_trial.items():
        trial = trials[name]
        largest: dict[str, int] = defaultdict(int)
        for place in places:
            for arm in (targets[place].arm, targets[place].versus or targets[place].arm):
                largest[arm] = max(largest[arm], size or _enrolled(targets, places, arm))
        cohorts = {arm: simulate(trial, arm, number) for arm, number in largest.items()}
        for place in places:
            target = targets[place]
            arms = {
                arm: cohorts[arm]
                if size
                else cohorts[arm].first(target.enrolled if arm == target.arm else largest[arm])
                for arm in {target.arm, target.versus or target.arm}
            }
            found[place] = value_of(target, arms, trial.cycle_months)
    return found


def _enrolled(targets: Sequence[Target], places: Sequence[int], arm: str) -> int:
    own = [targets[place].enrolled for place in places if targets[place].arm == arm]
    return max(own) if own else max(targets[place].enrolled for place in places)


def table(targets: Sequence[Target], simulated: np.ndarray, replicated: np.ndarray) -> pd.DataFrame:
    """One row a target: observed with its interval, simulated with its prediction interval, inside or not.

    `inside` asks whether the published number lies in the interval in which 95 % of trials of its size would fall;
    `standardised_difference` is (observed - simulated) over the standard deviation of those trials, on the scale of
    logarithms for times and ratios. A median beyond the horizon counts as infinite: not reached.
    """
    rows = []
    for place, target in enumerate(targets):
        sample = replicated[:, place]
        sample = np.sort(sample[~np.isnan(sample)])
        lo, hi = _limits(sample)
        inside = bool(lo <= target.observed <= hi) if len(sample) else None
        rows.append(
            {
                "id": target.id,
                "origin": target.origin,
                "trial": target.trial,
                "arm": target.arm,
                "population": target.population,
                "quantity": target.quantity,
                "at_months": target.at_months,
                "since": target.since,
                "observed": target.observed,
                "lo": target.lo,
                "hi": target.hi,
                "simulated": simulated[place],
                "sim_lo": lo,
                "sim_hi": hi,
                "inside": inside if target.use in (*SCORED, "twin") else None,
                "standardised_difference": _difference(target, simulated[place], sample),
                "rank": _rank(target.observed, sample),
                "used_in_fit": target.used_in_fit,
                "use": target.use,
                "total": target.total,
                "note": target.note,
                "on_curve": target.among in ((), ("infused",)) and not target.censored_at_hsct,
            }
        )
    return pd.DataFrame(rows)


def _rank(observed: float, sample: np.ndarray) -> float:
    """Share of simulated trials below the published number, ties counted half: uniform over outcomes if all is well."""
    if not len(sample) or math.isnan(observed):
        return math.nan
    return float(np.mean(sample < observed) + 0.5 * np.mean(sample == observed))


def _limits(sample: np.ndarray) -> tuple[float, float]:
    """95 % limits of sorted values by rank, so that infinite ones (not reached) may stand among them."""
    if not len(sample):
        return math.nan, math.nan
    last = len(sample) - 1
    return float(sample[math.floor(INTERVAL[0] * last)]), float(sample[math.ceil(INTERVAL[1] * last)])


def _difference(target: Target, simulated: float, sample: np.ndarray) -> float:
    finite = sample[np.isfinite(sample)]
    logarithmic = target.quantity in TIMES or target.quantity in RATIOS
    if logarithmic:
        finite = finite[finite > 0]
    if len(finite) < 10 or not math.isfinite(simulated) or (logarithmic and min(target.observed, simulated) <= 0):
        return math.nan
    scale = math.log if logarithmic else float
    spread = float(np.std([scale(float(one)) for one in finite], ddof=1))
    return (scale(target.observed) - scale(simulated)) / spread if spread > 0 else math.nan
