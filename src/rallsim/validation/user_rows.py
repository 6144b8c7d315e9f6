"""Rows that a user brings: which the model can be compared with, and why not the others.

What is understood: `quantity`, a word of `endpoints.QUANTITIES`; `therapy`, a strategy of `cohort_template.yaml`; and
in `population` the words of WORDS, which tell who of the cohort counts. All other words there are its name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rallsim.common.files import shipped
from rallsim.inputs.evidence import Row, read_rows
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import load_scenario
from rallsim.model.population import Values
from rallsim.validation.quantities import QUANTITIES, RATIOS
from rallsim.validation.targets import FROM_HSCT, Target, interval_of
from rallsim.validation.trials import Trial, load_trial

TEMPLATE = "cohort_template.yaml"
WORDS = {  # in the population of a row, whatever their case: filters of `quantities`
    r"\bs1\b|first salvage": "first_salvage",
    r"\bs2\+|later salvage": "later_salvage",
    r"\bs2\b(?!\+)|second salvage": "second_salvage",
    r"\bs3\+?\b|third salvage": "third_salvage",
    r"\binfused\b": "infused",
    r"\btreated\b": "treated",
    r"\bresponders?\b|\bin (?:complete )?remission\b|\bin cr\b": "responders",
    r"\bmrd[- ]neg": "mrd_negative",
    r"\bmrd[- ]pos": "mrd_positive",
    r"\btransplanted\b|then hsct": "transplanted",
    r"not transplanted|no hsct": "not_transplanted",
    r"cr1 ?< ?18": "short_remission",
    r"cr1 ?>=? ?18": "long_remission",
    r"(?:blasts? ?)?< ?50 ?%": "blasts_under_50",
    r">=? ?50 ?%": "blasts_50_up",
    r"low burden|< ?5 ?%": "blasts_under_5",
    r"high burden|>=? ?5 ?%": "blasts_5_up",
    r"age ?< ?55": "under_55",
    r"age ?>=? ?55": "from_55",
    r"prior hsct|post-?sct|after sct": "prior_hsct",
    r"\bph\+|ph-pos": "ph_positive",
}
USUAL_SIZE = 200  # patients where a row tells no number: the interval is then that of a cohort of this size


def user_trial(parameters: ParameterSet, population: Path | None, draws: Values | None = None) -> Trial:
    """The cohort template with a user's population: a YAML file, or a CSV of patients."""
    settings = [] if population is None else [f"population={population.resolve()}"]
    scenario = load_scenario(shipped("params") / TEMPLATE, settings=settings, parameter_fault=parameters.fault)
    return load_trial(scenario, parameters, draws)


def user_targets(path: Path, trial: Trial) -> tuple[list[Target], pd.DataFrame]:
    """Read a user's rows; return what can be compared, and a table of the rows left out, each with the reason."""
    targets, skipped = [], []
    for row in read_rows(path):
        reason = _why_not(row, trial)
        if reason:
            skipped.append({"id": row.id, "quantity": row.quantity, "therapy": row.therapy, "reason": reason})
        else:
            targets.append(_target(row, trial))
    return targets, pd.DataFrame(skipped, columns=["id", "quantity", "therapy", "reason"])


def who_counts(population: str) -> tuple[str, ...]:
    """Filters that the words of a population ask for.

    >>> who_counts("Our registry, S1, infused")
    ('first_salvage', 'infused')
    """
    text = population.lower()
    found = [name for pattern, name in WORDS.items() if re.search(pattern, text)]
    if "not_transplanted" in found and "transplanted" in found:
        found.remove("transplanted")
    return tuple(dict.fromkeys(found))


def _why_not(row: Row, trial: Trial) -> str:
    if row.value is None:
        return "no value to compare with"
    if row.quantity in RATIOS:
        return "a ratio of two groups: a row does not say how each was treated"
    if row.quantity not in QUANTITIES:
        return f"the quantity is not among those the model counts: {', '.join(sorted(QUANTITIES))}"
    if row.therapy not in trial.arms:
        return f"the therapy is none of {', '.join(trial.arms)}"
    if row.at_months is not None and row.at_months > trial.scenario.horizon_months:
        return f"the landmark lies beyond the {trial.scenario.horizon_months:g} months simulated"
    return ""


def _target(row: Row, trial: Trial) -> Target:
    lo, hi = interval_of(row, row.quantity)
    among = who_counts(row.population)
    since = "hsct" if row.quantity in FROM_HSCT else "infusion" if "infused" in among else "entry"
    if row.quantity.startswith(("rfs", "median_rfs", "dfs", "median_dfs", "median_dor")):
        since = "remission"
    return Target(
        id=row.id,
        evidence=row.id,
        trial=trial.id,
        arm=row.therapy,
        enrolled=int(row.total or USUAL_SIZE),
        quantity=row.quantity,
        at_months=math.nan if row.at_months is None else row.at_months,
        among=("transplanted", *among) if row.quantity in FROM_HSCT and "transplanted" not in among else among,
        since=since,
        censored_at_hsct=False,
        versus="",
        versus_among=(),
        use="kept",
        note="size not printed" if row.total is None else "",
        observed=float(row.value or 0.0),
        lo=lo,
        hi=hi,
        total=math.nan if row.total is None else row.total,
        origin=row.origin,
        population=row.population,
    )


def sizes_by_group(targets: Sequence[Target], trial: Trial) -> list[Target]:
    """Targets with the cohort enlarged so that as many as the row counts are among those who count."""
    from dataclasses import replace

    from rallsim.validation.compare import chosen

    found = []
    for one in targets:
        patients = trial.simulate(one.arm, 2000)
        share = float(chosen(patients, one.among).mean())
        found.append(replace(one, enrolled=max(10, round(one.enrolled / share))) if share > 0 else one)
    return found
