"""Trials as scenarios: each arm is a strategy, with the treatment that followed it, in the trial's patients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rallsim.common.files import shipped
from rallsim.common.records import joined
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario, load_scenario
from rallsim.inputs.uncertainty import PLACES
from rallsim.model.population import Values
from rallsim.model.random_numbers import spare_uniforms
from rallsim.outcomes.baseline import baseline_of
from rallsim.outcomes.event_times import event_times_of
from rallsim.simulation.batch import simulate_block
from rallsim.simulation.engine_inputs import Prepared, check_scenario, parameters_for, prepare
from rallsim.simulation.entrants import blocks_of, entrants_of_block

LEVELS = ("cr", "mrd")  # outcomes in which studies differ


@dataclass(frozen=True)
class Patients:
    """What happened to the patients of an arm: event times, who they are at entry, and a spare uniform each."""

    event_times: np.ndarray
    baseline: np.ndarray
    spare: np.ndarray  # for censoring by the end of follow-up

    def first(self, number: int) -> Patients:
        """The first patients only."""
        return Patients(self.event_times[:number], self.baseline[:number], self.spare[:number])


@dataclass(frozen=True)
class Trial:
    """A trial's scenario, ready to be simulated under one draw of the parameters or many."""

    scenario: Scenario
    arms: Mapping[str, Prepared]

    @property
    def id(self) -> str:
        """Id of the trial: the file's name."""
        return self.scenario.id

    def simulate(self, arm: str, patients: int, replicate: int = 0, draw: int = 0) -> Patients:
        """Simulate an arm; `replicate` is other luck, `draw` a row of the table of parameters."""
        prepared = self.arms[arm]
        parts = []
        for number, size in blocks_of(patients):
            entrants, luck = entrants_of_block(self.scenario.seed, prepared, (number, size), replicate, draw)
            records = event_times_of(simulate_block(entrants, luck, prepared, draw), size)
            parts.append((records, baseline_of(entrants), spare_uniforms(self.scenario.seed, replicate, number)[:size]))
        event_times, baseline, spare = zip(*parts, strict=True)
        return Patients(np.concatenate(event_times), joined(baseline), np.concatenate(spare))

    @cached_property
    def cycle_months(self) -> dict[str, float]:
        """Length of a cycle (months) of the first therapy of each arm, at the base case."""
        found = {}
        for arm, prepared in self.arms.items():
            strategy = self.scenario.strategies[arm]
            first = strategy.mrd[0].give if strategy.mrd else strategy.salvage[0].give
            found[arm] = float(np.mean(prepared.values.get(f"therapies.{first}.cycle_months", np.nan)))
        return found


def trial_files() -> list[Path]:
    """Files of all trials that come with the package, by id."""
    return sorted((shipped("params") / "trials").glob("*.yaml"))


def load_trials(
    parameters: ParameterSet, draws: Values | None = None, only: Collection[str] | None = None
) -> dict[str, Trial]:
    """Load every trial, or `only` some; `draws` replaces parameters by path, with one value or one a draw."""
    return {
        path.stem: load_trial(path, parameters, draws) for path in trial_files() if only is None or path.stem in only
    }


def load_trial(path: Path | Scenario, parameters: ParameterSet, draws: Values | None = None) -> Trial:
    """Load a trial, or take a scenario for one. Raises InputError when it does not fit the parameters."""
    scenario = path if isinstance(path, Scenario) else load_scenario(path, parameter_fault=parameters.fault)
    parameters = parameters_for(scenario, parameters)
    check_scenario(scenario, parameters)
    draws = draws or {}
    own = {f"disease.{one}_odds_ratio_place": _level(scenario.id, one, parameters, draws) for one in LEVELS}
    drawn = {path: value for path, value in draws.items() if not path.startswith(PLACES)}
    base = {**parameters.values(scenario.population_id), **drawn, **own}
    arms = {name: prepare(scenario, one, parameters, base) for name, one in scenario.strategies.items()}
    return Trial(scenario, arms)


def _level(trial: str, outcome: str, parameters: ParameterSet, draws: Values) -> float | np.ndarray:
    """How response in a trial compares with a typical place: its own level, else that of a place never seen."""
    drawn = draws.get(f"{PLACES}{trial}.{outcome}", draws.get(f"{PLACES}new.{outcome}"))
    return parameters.places.get(f"{trial}.{outcome}", 1.0) if drawn is None else drawn
