"""How probable each weight of a QALY is, where a body weighs severe diseases: the shortfall in every draw."""

from __future__ import annotations

import numpy as np

from rallsim.common.records import joined
from rallsim.economics.tables.severity import general_population_qalys, severity_of_draws
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.outcomes.baseline import baseline_of
from rallsim.simulation.engine_inputs import prepare
from rallsim.simulation.entrants import blocks_of, entrants_of_block
from rallsim.sweep.study import Study
from rallsim.sweep.tables import Tables


def severity_tables(study: Study, qalys: np.ndarray) -> Tables:
    """Return the table `severity` from the mean QALYs of the reference in each draw.

    There is none where the perspective states no weights, or costs and QALYs end before life does.
    """
    view, scenario, parameters = study.economics.perspective, study.scenario, study.parameters
    if view is None or not view.weighs_severity() or study.economics.horizon_months < LIFETIME_MONTHS:
        return {}
    strategy, values = scenario.strategies[scenario.reference], parameters.values(scenario.population_id)
    prepared = prepare(scenario, strategy, parameters, values)
    blocks = blocks_of(study.patients)
    baseline = joined([baseline_of(entrants_of_block(scenario.seed, prepared, block)[0]) for block in blocks])
    without = general_population_qalys(baseline, study.economics, scenario, parameters)
    return {"severity": severity_of_draws(float(without.mean()), qalys, view)}


def summarise_severity(tables: Tables) -> list[str]:
    """Say what a QALY weighs, and how surely; nothing where none are weighed."""
    if "severity" not in tables:
        return []
    rows = tables["severity"].sort_values("Share_Of_Draws", ascending=False).to_dict("records")
    weights = ", ".join(f"{row['Weight']:g} in {row['Share_Of_Draws']:.0%}" for row in rows)
    lost = rows[0]["Absolute_Shortfall"], rows[0]["Absolute_Shortfall_Lower"], rows[0]["Absolute_Shortfall_Upper"]
    return [
        f"By severity a QALY weighs {weights} of draws: {lost[0]:.1f} QALYs are lost ({lost[1]:.1f} to {lost[2]:.1f})."
    ]
