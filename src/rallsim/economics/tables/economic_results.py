"""A scenario's histories valued: the tables of costs, QALYs, increments, decisions, activity and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from rallsim.economics.settings.settings import EconomicSettings
from rallsim.economics.tables import comparison
from rallsim.economics.tables.decisions import UNDISC, incremental, net_benefit, pairwise
from rallsim.economics.tables.severity import severity
from rallsim.economics.valuation.accrual_periods import Floats
from rallsim.economics.valuation.valuation import Valuation, by_stage_and_cycle, value_history
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.outcomes.history import History


@dataclass(frozen=True)
class EconomicResults:
    """Valuations by strategy, of the same patients; every table comes from them."""

    scenario: Scenario
    economics: EconomicSettings
    valuations: Mapping[str, Valuation]
    parameters: ParameterSet

    @property
    def baseline(self) -> np.ndarray:
        """Who the patients are (`outcomes.baseline`)."""
        return next(iter(self.valuations.values())).timeline.history.baseline

    @cached_property
    def totals(self) -> dict[str, dict[str, Floats]]:
        """Costs, QALYs and life years of each patient by strategy, discounted and not."""
        return {name: one.totals() for name, one in self.valuations.items()}

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by the name of their file."""
        reference, inputs = self.scenario.reference, self._traced_inputs()
        return {
            "summary": comparison.summary(self.valuations),
            "increments": comparison.increments(self.valuations, reference),
            "incremental": incremental(self.totals),
            "incremental_undisc": incremental(self.totals, UNDISC),
            "pairwise": pairwise(self.totals, reference),
            "net_benefit": net_benefit(self.totals, reference, sorted({*self.economics.grid, *self.economics.wtp})),
            "severity": severity(self.totals, self.baseline, self.economics, self.scenario, self.parameters),
            "activity": comparison.activity(self.valuations),
            "trace": pd.concat([by_stage_and_cycle(one) for one in self.valuations.values()], ignore_index=True),
            "inputs": inputs,
            "assumptions": inputs[inputs["basis"] == "assumed"],
            "not_valued": comparison.not_valued(self.valuations),
        }

    def _traced_inputs(self) -> pd.DataFrame:
        """List the inputs, where each was published, and whether the scenario put another value there."""
        inputs = comparison.inputs(self.economics.costs, self.economics.utilities)
        rows = self.parameters.evidence.rows
        sources = [
            ", ".join(filter(None, dict.fromkeys(rows[one].source_id for one in str(named).split(", ") if one in rows)))
            for named in inputs["evidence"]
        ]
        return inputs.assign(source=sources, set_by_user=inputs["parameter"].isin(self.economics.values))


def value_histories(
    scenario: Scenario, parameters: ParameterSet, histories: Mapping[str, History], economics: EconomicSettings
) -> EconomicResults:
    """Value the `histories` of all strategies of a scenario: costs, QALYs, increments and the tables made of them.

    >>> from rallsim.economics.settings.settings import economic_settings
    >>> from rallsim.inputs.scenario import load_scenario
    >>> from rallsim.simulation.simulate import simulate
    >>> made = simulate(load_scenario("first_salvage", patients=50))
    >>> economics = economic_settings(made.scenario, made.parameters)
    >>> found = value_histories(made.scenario, made.parameters, made.histories, economics)
    >>> found.tables["incremental"]["Strategy"].nunique()
    3
    """
    valuations = {
        name: value_history(history, economics.costs, economics.utilities, economics.rates)
        for name, history in histories.items()
    }
    return EconomicResults(scenario, economics, valuations, parameters)
