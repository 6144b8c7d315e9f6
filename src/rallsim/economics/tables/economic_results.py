"""A scenario's histories valued: the tables of costs, QALYs, increments, decisions, activity and inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.outcomes.history import History

UPPER_CASE, LOWER_CASE = ("Strategy", "ICER", "ICER_Weighted", "Alive"), ("strategy", "icer", "icer_weighted", "alive")
NEARLY_NOBODY = 0.01  # alive at a horizon that is as good as life


@dataclass(frozen=True)
class EconomicResults:
    """Valuations by strategy, of the same patients; every table comes from them.

    `valuations` end at the horizon of the settings, those of `lifetime` with life; None where it was not simulated.
    """

    scenario: Scenario
    economics: EconomicSettings
    valuations: Mapping[str, Valuation]
    lifetime: Mapping[str, Valuation] | None
    parameters: ParameterSet

    @property
    def months(self) -> float:
        """Months that the valuations cover: the horizon, or the whole years until the last patient's death."""
        return next(iter(self.valuations.values())).timeline.history.horizon

    @property
    def baseline(self) -> np.ndarray:
        """Who the patients are (`outcomes.baseline`)."""
        return next(iter(self.valuations.values())).timeline.history.baseline

    @cached_property
    def totals(self) -> dict[str, dict[str, Floats]]:
        """Costs, QALYs and life years of each patient by strategy, discounted and not."""
        return {name: one.totals() for name, one in self.valuations.items()}

    @cached_property
    def lifetime_totals(self) -> dict[str, dict[str, Floats]] | None:
        """The same for life; None where life was not simulated."""
        if self.lifetime is None or self.lifetime is self.valuations:
            return self.totals if self.lifetime else None
        return {name: one.totals() for name, one in self.lifetime.items()}

    @cached_property
    def alive(self) -> dict[str, float]:
        """Share of each strategy's patients who are alive at the horizon of costs."""
        return {name: float(one.events()["censored"].mean()) for name, one in self.valuations.items()}

    @cached_property
    def severity(self) -> pd.DataFrame:
        """Shortfall under the reference and the weight of a QALY; weights need (nearly) whole lives."""
        totals = self.lifetime_totals or (self.totals if max(self.alive.values()) <= NEARLY_NOBODY else None)
        qalys = totals[self.scenario.reference]["qalys"] if totals else None
        gains = pairwise(self.totals, self.scenario.reference)
        return severity(gains, qalys, self.baseline, self.economics, self.scenario, self.parameters)

    @property
    def weight(self) -> float:
        """Weight of a QALY by severity; not a number where none is stated, or life was not simulated."""
        return float(self.severity["weight"].iloc[0]) if len(self.severity) else np.nan

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by the name of their file."""
        reference, inputs = self.scenario.reference, self._traced_inputs()
        return {
            "summary": comparison.summary(self.valuations),
            "increments": comparison.increments(self.valuations, reference),
            "incremental": self._in_context(incremental(self.totals, "", self.lifetime_totals)),
            "incremental_undisc": self._in_context(incremental(self.totals, UNDISC, self.lifetime_totals)),
            "pairwise": self._in_context(pairwise(self.totals, reference, self.lifetime_totals), LOWER_CASE),
            "net_benefit": net_benefit(self.totals, reference, sorted({*self.economics.grid, *self.economics.wtp})),
            "severity": self.severity,
            "activity": comparison.activity(self.valuations),
            "trace": pd.concat([by_stage_and_cycle(one) for one in self.valuations.values()], ignore_index=True),
            "inputs": inputs,
            "assumptions": inputs[inputs["basis"] == "assumed"],
            "not_valued": comparison.not_valued(self.valuations),
        }

    def _in_context(self, table: pd.DataFrame, names: Sequence[str] = UPPER_CASE) -> pd.DataFrame:
        """Add to a table with ICERs the ICER with weighted QALYs, and the share alive at the horizon of costs."""
        strategy, icer, weighted, alive = names
        return table.assign(**{weighted: table[icer] / self.weight, alive: table[strategy].map(self.alive)})

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
    """Value the `histories` of all strategies of a scenario up to the horizon of the settings, and for life.

    Histories must reach that horizon; where they end before life does, ICERs for life and severity stay empty.

    >>> from rallsim.economics.settings.settings import economic_settings
    >>> from rallsim.inputs.scenario import load_scenario
    >>> from rallsim.simulation.simulate import simulate
    >>> made = simulate(load_scenario("first_salvage", patients=50), months=1200)
    >>> economics = economic_settings(made.scenario, made.parameters)
    >>> found = value_histories(made.scenario, made.parameters, made.histories, economics)
    >>> found.tables["incremental"]["Strategy"].nunique()
    3
    """
    first = next(iter(histories.values()))

    def valued(months: float) -> dict[str, Valuation]:
        return {
            name: value_history(history.until(months), economics.costs, economics.utilities, economics.rates)
            for name, history in histories.items()
        }

    # The end of the year in which the last patient dies; the histories are the same, and tables by year shorter.
    life = min(12.0 * (max(float(one.events["time"].max()) for one in histories.values()) // 12.0 + 1.0), first.horizon)
    first.until(economics.horizon_months)  # refuses histories that are too short
    valuations = valued(min(economics.horizon_months, life))
    lifetime = None
    if economics.horizon_months == LIFETIME_MONTHS:
        lifetime = valuations
    elif first.horizon == LIFETIME_MONTHS:
        lifetime = valued(life)
    return EconomicResults(scenario, economics, valuations, lifetime, parameters)
