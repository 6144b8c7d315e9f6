"""A validation from beginning to end: simulate every trial at the base case and under draws, compare, sum up."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rallsim.common.files import shipped
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.uncertainty import parameter_draws, place_draws
from rallsim.validation.compare import points, replicates, table
from rallsim.validation.kaplan_meier import survival_at
from rallsim.validation.quantities import Definition, time_to_event
from rallsim.validation.targets import SCORED, Target, load_targets
from rallsim.validation.trials import Patients, Trial, load_trials
from rallsim.validation.user_rows import sizes_by_group, user_targets, user_trial

STEP = 1.0  # months between the points of a curve's band
CURVE_PATIENTS = 4000
DRAWS = 300  # simulated trials of each kind
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Validation:
    """What was compared, what was not and why, survival bands of each arm, and the scores."""

    rows: pd.DataFrame
    skipped: pd.DataFrame
    bands: pd.DataFrame
    scores: pd.DataFrame
    titles: Mapping[str, str]


def validate_model(
    parameters: ParameterSet | None = None,
    draws: int = DRAWS,
    *,
    seed: int = 1,
    only: Sequence[str] = (),
    workers: int = 2,
    progress: Progress | None = None,
) -> Validation:
    """Simulate every trial, or those named by `only`, and compare with what its paper printed.

    `draws` rows of the joint posterior, those that `seed` chooses, are simulated at each trial's size, each with other
    random numbers. Of the result, `rows` has a line a published
    number, with the simulated one and the 95 % interval of simulated trials; `scores` says how often it lies within.
    Raises InputError for an unknown trial.

    >>> validate_model(only=["blast"], draws=20).rows["trial"].unique().tolist()
    ['blast']
    """
    parameters = parameters or load_parameters()
    values = _values(parameters, draws, seed)
    base, drawn = load_trials(parameters), load_trials(parameters, values)
    unknown = [name for name in only if name not in base]
    if unknown:
        allowed = ", ".join(base)
        raise InputError(
            Problem("must be a known trial", found=one, allowed=allowed, hint=nearest(one, list(base)))
            for one in unknown
        )
    targets = load_targets(parameters.evidence, {name: list(trial.arms) for name, trial in base.items()})
    targets = [one for one in targets if not only or one.trial in only]
    return _compared(targets, base, drawn, draws, _not_compared(), workers, progress)


def validate_rows(
    parameters: ParameterSet,
    evidence: Path,
    population: Path | None,
    draws: int,
    *,
    seed: int = 1,
    workers: int = 2,
    progress: Progress | None = None,
) -> Validation:
    """Compare with a user's own rows, in a user's own population or in adults at first relapse."""
    values = _values(parameters, draws, seed)
    base, drawn = user_trial(parameters, population), user_trial(parameters, population, values)
    targets, skipped = user_targets(evidence, base)
    targets = sizes_by_group(targets, base)
    return _compared(targets, {base.id: base}, {base.id: drawn}, draws, skipped, workers, progress)


def _values(parameters: ParameterSet, draws: int, seed: int) -> dict[str, np.ndarray]:
    table_of_draws = pd.concat([parameter_draws(parameters, draws, seed), place_draws(draws, seed)], axis=1)
    return {str(path): table_of_draws[path].to_numpy() for path in table_of_draws}


def _compared(
    targets: Sequence[Target],
    base: Mapping[str, Trial],
    drawn: Mapping[str, Trial],
    draws: int,
    skipped: pd.DataFrame,
    workers: int,
    progress: Progress | None,
) -> Validation:
    simulated = points(targets, base)
    rows = table(targets, simulated, replicates(targets, drawn, draws, workers=workers, progress=progress))
    used = {name: trial for name, trial in base.items() if any(one.trial == name for one in targets)}
    return Validation(
        rows=rows,
        skipped=skipped,
        bands=pd.concat([_band(trial, drawn[name], draws, targets) for name, trial in used.items()], ignore_index=True)
        if used
        else pd.DataFrame(),
        scores=scores(rows),
        titles={name: trial.scenario.title for name, trial in used.items()},
    )


def scores(rows: pd.DataFrame) -> pd.DataFrame:
    """How many lie inside, by use and origin; coverage of 95 % intervals should be near 0.95.

    `landmarks_error` is the median absolute difference of survival landmarks (shares at a time) from the base case.
    """
    counted = rows[rows["use"].isin((*SCORED, "twin")) & rows["inside"].notna()]
    groups = {
        "all": counted[counted["use"].isin(SCORED)],
        "calibrated to": counted[counted["use"] == "fit"],
        "behind a parameter already": counted[counted["use"] == "direct"],
        "kept out of every fit": counted[counted["use"] == "kept"],
        "printed on the slides": counted[counted["origin"] == "deck"],
    }
    found = []
    for name, group in groups.items():
        landmarks = group[group["quantity"].str.endswith("_at") | (group["quantity"] == "at_risk")]
        error = (landmarks["observed"] - landmarks["simulated"]).abs().median()
        inside = group["inside"].astype(bool)
        found.append((name, len(group), int(inside.sum()), float(inside.mean()) if len(group) else math.nan, error))
    return pd.DataFrame(found, columns=["group", "outcomes", "inside", "share_inside", "landmarks_error"])


def _not_compared() -> pd.DataFrame:
    with (shipped("params") / "trials" / "not_compared.csv").open(newline="", encoding="utf-8") as text:
        return pd.DataFrame(list(csv.DictReader(text)))


def _band(base: Trial, drawn: Trial, draws: int, targets: Sequence[Target]) -> pd.DataFrame:
    """Overall survival of each arm, from where its curve begins: base case, and 95 % of trials of its size."""
    parts = []
    for arm in base.arms:
        mine = [one for one in targets if one.trial == base.id and one.arm == arm]
        if not mine:
            continue
        infused = any(one.since == "infusion" for one in mine)
        grid = np.arange(0.0, min(base.scenario.horizon_months, 60.0) + STEP, STEP)
        enrolled = max(one.enrolled for one in mine)
        middle = _survival(base.simulate(arm, CURVE_PATIENTS), infused, grid)
        spread = np.array(
            [_survival(drawn.simulate(arm, enrolled, draw + 1, draw), infused, grid) for draw in range(draws)]
        )
        lo, hi = np.nanquantile(spread, [0.025, 0.975], axis=0)
        parts.append(
            pd.DataFrame(
                {"trial": base.id, "arm": arm, "t": grid, "survival": middle, "sim_lo": lo, "sim_hi": hi}
            ).assign(since="infusion" if infused else "entry")
        )
    return pd.concat(parts, ignore_index=True)


def _survival(patients: Patients, infused: bool, grid: np.ndarray) -> np.ndarray:
    records = patients.event_times[np.isfinite(patients.event_times["infusion"])] if infused else patients.event_times
    if not len(records):
        return np.full(len(grid), math.nan)
    months, ended = time_to_event("os", records, Definition(since="infusion" if infused else "entry"))
    return np.array([survival_at(months, ended, float(at)) for at in grid])
