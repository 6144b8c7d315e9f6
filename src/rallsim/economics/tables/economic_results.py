"""A scenario's histories valued: the tables of costs, QALYs, increments, decisions, activity and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from rallsim.economics.settings.basis import Basis, basis_of
from rallsim.economics.tables import comparison
from rallsim.economics.tables.decisions import UNDISC, incremental, net_benefit, pairwise
from rallsim.economics.tables.people import people_of
from rallsim.economics.tables.severity import severity
from rallsim.economics.valuation.timeline import Floats
from rallsim.economics.valuation.valuation import Valuation, by_stage_and_cycle, value_history
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario
from rallsim.outcomes.history import History


@dataclass(frozen=True)
class Evaluation:
    """Valuations by strategy, of the same patients; every table comes from them."""

    scenario: Scenario
    economics: Basis
    valuations: Mapping[str, Valuation]
    people: tuple[Floats, Floats]
    parameters: ParameterSet

    @cached_property
    def totals(self) -> dict[str, dict[str, Floats]]:
        """Costs, QALYs and life years of each patient by strategy, discounted and not."""
        return {name: one.totals() for name, one in self.valuations.items()}

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by the name of their file; they are made once."""
        return self._tables

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        costs, utilities = self.economics.costs, self.economics.utilities
        reference = self.scenario.reference
        return {
            "summary": comparison.summary(self.valuations),
            "increments": comparison.increments(self.valuations, reference),
            "incremental": incremental(self.totals),
            "incremental_undisc": incremental(self.totals, UNDISC),
            "pairwise": pairwise(self.totals, reference),
            "net_benefit": net_benefit(self.totals, reference, sorted({*self.economics.grid, *self.economics.wtp})),
            "severity": severity(self.totals, self.people, self.economics, self.scenario, self.parameters),
            "activity": comparison.activity(self.valuations),
            "trace": pd.concat([by_stage_and_cycle(one) for one in self.valuations.values()], ignore_index=True),
            "inputs": self._traced(comparison.inputs(costs, utilities)),
            "assumptions": self._traced(comparison.assumptions(costs, utilities)),
            "not_valued": comparison.not_valued(self.valuations),
        }

    def _traced(self, inputs: pd.DataFrame) -> pd.DataFrame:
        """Add to a table of inputs where each was published, and whether the scenario put another value there."""
        rows = self.parameters.evidence.rows
        sources = [
            ", ".join(filter(None, dict.fromkeys(rows[one].source_id for one in str(named).split(", ") if one in rows)))
            for named in inputs["evidence"]
        ]
        return inputs.assign(source=sources, set_by_user=inputs["parameter"].isin(self.economics.values))


def evaluate(scenario: Scenario, parameters: ParameterSet, histories: Mapping[str, History]) -> Evaluation | None:
    """Value the histories of a scenario as its `economics` say; None where it has none (`basis_of` says why).

    >>> from rallsim.inputs.parameters import load_parameters
    >>> from rallsim.inputs.scenario import load_scenario
    >>> from rallsim.simulation.simulate import simulate
    >>> simulation = simulate(load_scenario("first_salvage", patients=50))
    >>> found = evaluate(simulation.scenario, simulation.parameters, simulation.histories)
    >>> found.tables()["incremental"]["Strategy"].nunique()
    3
    """
    chosen = basis_of(scenario, parameters).economics
    return None if chosen is None else value_all(scenario, parameters, histories, chosen)


def value_all(
    scenario: Scenario, parameters: ParameterSet, histories: Mapping[str, History], economics: Basis
) -> Evaluation:
    """Value the histories of all strategies with economics that were read before."""
    ages, male = people_of(scenario, parameters, replicate=next(iter(histories.values())).replicate)
    valuations = {
        name: value_history(history, economics.costs, economics.utilities, economics.rates, ages=ages, male=male)
        for name, history in histories.items()
    }
    return Evaluation(scenario, economics, valuations, (ages, male), parameters)
