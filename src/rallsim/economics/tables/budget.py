"""Budget impact: what a health service pays and does in each of the next years, as patients keep coming.

Undiscounted. Patients enter evenly, a twelfth of a year's at the beginning of each month, and are followed from then
on: what a patient comes to in a calendar year is what patients of each month of time since entry come to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rallsim.common.precision import mean
from rallsim.economics.settings.cost_files import CATEGORIES, RESOURCES
from rallsim.economics.valuation.accrual_periods import Floats
from rallsim.economics.valuation.valuation import Valuation, shares_of_cycles
from rallsim.errors import InputError, Problem
from rallsim.model.states import Event

MOST_YEARS = 5
ACTIVITIES = {
    "infusions": Event.INFUSION,
    "transplants": Event.HSCT,
    "leukaphereses": Event.LEUKAPHERESIS,
    "cycles": Event.CYCLE,
}


def monthly_profile(valuation: Valuation, months: int = 12 * MOST_YEARS) -> pd.DataFrame:
    """Return what a patient comes to in each month since entry, a patient entered: a row a month, a column a measure.

    `costs` and `costs_<category>` undiscounted; `<resource>s` and ACTIVITIES; `lys`: time alive in that month (years).
    """
    edges = np.append(np.arange(0.0, months + 1.0), np.inf)  # what comes later falls into a last cycle, left out
    edges[-1] = max(months + 1.0, valuation.timeline.history.horizon + 1.0)
    charges, accrual, timeline = valuation.charges, valuation.accrual, valuation.timeline
    columns = {"costs": np.zeros(months), **{f"costs_{name}": np.zeros(months) for name in CATEGORIES}}
    columns |= {f"{name}s": np.zeros(months) for name in RESOURCES}
    columns["lys"] = np.zeros(months)
    category = np.array([CATEGORIES.index(item.category) for item in charges.items])[charges.item]
    resource = np.array([RESOURCES.index(one.resource) if one.resource else -1 for one in charges.items])[charges.item]
    for month, share in shares_of_cycles(charges.start, charges.stop, edges):
        if month == months:
            break
        by_category = np.bincount(category, charges.amount * share, len(CATEGORIES))
        used = np.bincount(resource + 1, charges.quantity * share, len(RESOURCES) + 1)[1:]
        columns["costs"][month] = by_category.sum()
        for place, name in enumerate(CATEGORIES):
            columns[f"costs_{name}"][month] = by_category[place]
        for place, name in enumerate(RESOURCES):
            columns[f"{name}s"][month] = used[place]
    for month, share in shares_of_cycles(accrual.start, accrual.stop, edges):
        if month == months:
            break
        columns["lys"][month] = float((accrual.years * share).sum())
    for name, code in ACTIVITIES.items():
        times = timeline.time[timeline.event == code]
        columns[name] = np.histogram(times[times < months], bins=np.arange(months + 1.0))[0].astype(np.float64)
    found = pd.DataFrame({name: values / valuation.patients for name, values in columns.items()})
    found.insert(0, "month", np.arange(1, months + 1))
    return found


def budget_impact(
    profiles: Mapping[str, pd.DataFrame],
    patients: Sequence[float],
    uptake: Mapping[str, Mapping[str, Sequence[float]]],
) -> pd.DataFrame:
    """Return every measure of every year in each world, and the difference of each world from the first.

    `profiles` are `monthly_profile`s by strategy; `patients` how many enter in each year (one to five years); `uptake`
    gives for each world (without and with a new therapy, say) the share of entrants of each year under each strategy.

    total of calendar month m = sum over entry months e <= m of patients(e) / 12 * share(e) * profile(month m - e + 1)

    Refuses shares that do not sum to 1, strategies without a profile, and years without a share.
    """
    years = len(patients)
    _check(profiles, patients, uptake)
    measures = [name for name in next(iter(profiles.values())).columns if name != "month"]
    entering = np.repeat(np.asarray(patients, np.float64) / 12.0, 12)
    rows = []
    first: dict[tuple[int, str], float] = {}
    for world, shares in uptake.items():
        for measure in measures:
            by_month = np.zeros(12 * years)
            for strategy, share in shares.items():
                started = entering * np.repeat(np.asarray(share, np.float64), 12)
                profile = profiles[strategy][measure].to_numpy(dtype=np.float64)
                by_month += np.convolve(started, profile)[: len(started)]  # of those started, each the profile since
            for year, total in enumerate(by_month.reshape(years, 12).sum(axis=1)):
                base = first.setdefault((year, measure), float(total))
                rows.append((world, year + 1, measure, float(total), float(total) - base))
    return pd.DataFrame(rows, columns=["world", "year", "measure", "total", "difference"])


def budget_errors(
    valuations: Mapping[str, Valuation],
    patients: Sequence[float],
    uptake: Mapping[str, Mapping[str, Sequence[float]]],
) -> pd.DataFrame:
    """Return the costs of every year in each world with the Monte Carlo error of total and difference.

    A patient's part of the costs of a year is the sum over the charges of amount times the patients whom it stands for
    then; the error is s / sqrt(n) of those parts, summed over strategies patient by patient, so that what two worlds
    have in common cancels in their difference. Columns: world, year, total, std_error, difference,
    difference_std_error.
    """
    years = len(patients)
    entering = np.repeat(np.asarray(patients, np.float64) / 12.0, 12)
    rows = []
    first: Floats | None = None
    for world, shares in uptake.items():
        parts = np.zeros((years, next(iter(valuations.values())).patients))
        for strategy, share in shares.items():
            weights = _weights(entering * np.repeat(np.asarray(share, np.float64), 12))
            parts += _costs_by_patient(valuations[strategy], weights)
        first = parts if first is None else first
        for year in range(years):
            total, gain = mean(parts[year]), mean(parts[year] - first[year])
            rows.append((world, year + 1, total.value, total.std_error, gain.value, gain.std_error))
    return pd.DataFrame(rows, columns=["world", "year", "total", "std_error", "difference", "difference_std_error"])


def _weights(started: Floats) -> Floats:
    """Patients who are in their month j since entry in each year: years × months."""
    months = len(started)
    present = np.zeros((months, months))
    for month in range(months):
        present[month, : month + 1] = started[month::-1]
    by_year: Floats = present.reshape(months // 12, 12, months).sum(axis=1)
    return by_year


def _costs_by_patient(valuation: Valuation, weights: Floats) -> Floats:
    """Sum over each patient's charges of amount times the weight of the time it falls in: years × patients."""
    charges, months = valuation.charges, weights.shape[1]
    patient = valuation.timeline.patient[charges.row]
    edges = np.arange(months + 1.0)
    start, stop = (np.minimum(one, float(months)) for one in (charges.start, charges.stop))
    moment = charges.stop <= charges.start
    length = np.where(moment, 1.0, charges.stop - charges.start)
    at = np.minimum(charges.start.astype(np.intp), months)
    found = np.zeros((len(weights), valuation.patients))
    for year, weight in enumerate(weights):
        reached = np.append(0.0, np.cumsum(weight))
        lasting = (np.interp(stop, edges, reached) - np.interp(start, edges, reached)) / length
        each = np.where(moment, np.append(weight, 0.0)[at], lasting)
        found[year] = np.bincount(patient, charges.amount * each, valuation.patients)
    return found


def _check(
    profiles: Mapping[str, pd.DataFrame], patients: Sequence[float], uptake: Mapping[str, Mapping[str, Sequence[float]]]
) -> None:
    years = len(patients)
    problems = []
    if not 1 <= years <= MOST_YEARS:
        allowed = f"1 to {MOST_YEARS}"
        problems.append(Problem("must have patients for each year", found=str(years), allowed=allowed))
    if any(number < 0 for number in patients):
        problems.append(Problem("must have patients from 0 on", found=str(min(patients))))
    for world, shares in uptake.items():
        for strategy, share in shares.items():
            if strategy not in profiles:
                allowed = ", ".join(profiles)
                problems.append(
                    Problem(f"must be a known strategy in the uptake of '{world}'", found=strategy, allowed=allowed)
                )
            elif len(profiles[strategy]) < 12 * years:
                problems.append(Problem(f"must have a profile of {years} years for '{strategy}'"))
            if len(share) != years or any(not 0.0 <= one <= 1.0 for one in share):
                what = f"must have a share from 0 to 1 for each year for '{strategy}' in the uptake of '{world}'"
                problems.append(Problem(what, found=str(list(share))))
        if all(len(share) == years for share in shares.values()):
            sums = np.sum(np.array([list(share) for share in shares.values()], dtype=np.float64), axis=0)
            if not np.allclose(sums, 1.0, atol=1e-9):
                what = f"must have shares that sum to 1 in each year in the uptake of '{world}'"
                problems.append(Problem(what, found=str(sums.tolist())))
    if problems:
        raise InputError(problems)
