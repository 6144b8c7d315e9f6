"""The folder that `rallsim export` writes: tables, and what their ids, units and directions mean."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from rallsim.decision.sample import order_and_baseline
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.export import tables as make
from rallsim.model.states import STAGES
from rallsim.outcomes.baseline import baseline_table
from rallsim.simulation.simulate import Simulation

BALANCED = {
    "stateprobs": ["sample", "strategy_id", "patient_id", "grp_id", "state_id", "t"],
    "survival": ["sample", "strategy_id", "patient_id", "grp_id", "curve", "t"],
    "trace": ["sample", "strategy_id", "grp_id", "state_id", "cycle"],
    "patients": ["sample", "strategy_id", "patient_id", "grp_id"],
}


def export_tables(simulation: Simulation, results: EconomicResults, step: float = 1.0) -> dict[str, pd.DataFrame]:
    """Return all tables of an export by the name of their file, checked to be balanced and without empty cells.

    >>> from rallsim.economics.settings.settings import economic_settings
    >>> from rallsim.economics.tables.economic_results import value_histories
    >>> from rallsim.inputs.scenario import load_scenario
    >>> from rallsim.simulation.simulate import simulate
    >>> made = simulate(load_scenario("first_salvage", patients=20), months=1200)
    >>> economics = economic_settings(made.scenario, made.parameters)
    >>> found = value_histories(made.scenario, made.parameters, made.histories, economics)
    >>> list(export_tables(made.until(found.months), found)["disprog"].columns)[:5]
    ['sample', 'strategy_id', 'patient_id', 'grp_id', 'from']
    """
    histories = simulation.histories
    found = {
        "disprog": make.disprog(histories),
        "stateprobs": make.stateprobs(histories, step),
        "survival": make.survival(histories, step),
        "partitioned_survival": make.survival_wide(histories, step),
        "trace": make.trace(results, step),
        "ce_costs": make.ce_costs(results),
        "ce_qalys": make.ce_qalys(results),
        "patients": make.patients(results, histories),
        "events": make.events(histories),
        "baseline": baseline_table(simulation.baseline),
        "vidigi": make.vidigi(histories),
    }
    for name, table in found.items():
        make.check_balanced(f"{name}.csv", table, BALANCED.get(name, ()))
    return found


def metadata(simulation: Simulation, results: EconomicResults, step: float) -> dict[str, Any]:
    """What the ids mean, which strategy is the baseline, which way differences run, and in which units times are."""
    scenario, rates = simulation.scenario, results.economics.rates
    forces = {"costs": math.log1p(rates.costs.rate), "qalys": math.log1p(rates.qalys.rate)}
    return {
        **order_and_baseline(list(scenario.strategies), scenario.reference),
        "states": [{"state_id": number, "state": name} for number, name in enumerate(STAGES, 1)],
        "curves": [{"curve": number, "curve_name": name} for number, name in enumerate(make.CURVES, 1)],
        "sample": "1: one set of parameter values, that of the base case",
        "grp_id": "1: one group",
        "patient_id": "counts from 1; `patient` of events.csv, baseline.csv and of `rallsim explain` counts from 0",
        "time_unit": "months since entry",
        "step_months": step,
        "hesim_dr_per_year": forces,
        "hesim_dr_per_month": {name: force / 12.0 for name, force in forces.items()},
    }
