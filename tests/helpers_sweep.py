"""Small sweeps for tests: a scenario of two strategies, points of one or two parameters, runners with a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.evaluation.evaluate import Evaluation
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.scenario import Scenario, load_scenario
from rallsim.sweep.jobs import Model
from rallsim.sweep.runner import Runner
from rallsim.sweep.settings import SweepSettings
from rallsim.sweep.store import Store
from rallsim.sweep.study import Study
from rallsim.sweep.workers import pool_of

SCENARIO = "first_salvage"


@cache
def parameters() -> ParameterSet:
    return load_parameters()


@cache
def economics() -> EconomicSettings:
    return economic_settings(load_scenario(SCENARIO), parameters())


def model(scenario: Scenario | None = None) -> Model:
    return Model(scenario or load_scenario(SCENARIO), parameters(), economics())


def points(number: int = 4) -> pd.DataFrame:
    """Points along two parameters that matter to every strategy."""
    return pd.DataFrame(
        {"hsct.sos_fatality": np.linspace(0.1, 0.9, number), "utilities.remission": np.linspace(0.6, 0.9, number)}
    )


def runner(folder: Path, *, workers: int = 1, scenario: Scenario | None = None, cluster: str | None = None) -> Runner:
    return Runner(model(scenario), Store(folder), pool_of(workers, cluster))


@dataclass(eq=False)
class FormulaStudy(Study):
    """A study whose outcomes are a formula of the points, with luck of each batch that is the same everywhere.

    `costs` and `qalys` give a column a strategy (chemotherapy, blinatumomab, inotuzumab) at each point.
    """

    costs: Callable[[pd.DataFrame], np.ndarray] = field(default=lambda table: np.zeros((len(table), 3)))
    qalys: Callable[[pd.DataFrame], np.ndarray] = field(default=lambda table: np.zeros((len(table), 3)))
    luck: np.ndarray = field(default_factory=lambda: np.zeros((3, 10)))  # of costs: strategies × batches
    points_seen: list[int] = field(default_factory=list)

    def evaluate(
        self, points: pd.DataFrame, *, patients: int | None = None, replicate: int = 0, words: str
    ) -> Evaluation:
        self.points_seen.append(len(points))
        costs = self.costs(points)[:, :, None] + self.luck * (1 if replicate == 0 else -1)
        qalys = np.broadcast_to(self.qalys(points)[:, :, None], costs.shape)
        measures = ("costs", "qalys", "lys", "costs_undisc", "qalys_undisc", "lys_undisc")
        each = 10
        sums = each * np.stack([costs, qalys, qalys, costs, qalys, qalys], axis=-1)
        counts = np.full(costs.shape, each, np.int64)
        return Evaluation(tuple(self.strategies), measures, np.arange(len(points)), counts, sums)


def formula(
    folder: Path,
    asked: SweepSettings,
    costs: Callable[[pd.DataFrame], np.ndarray] | None = None,
    qalys: Callable[[pd.DataFrame], np.ndarray] | None = None,
    luck: np.ndarray | None = None,
) -> FormulaStudy:
    found = FormulaStudy(runner(folder), asked)
    found.costs, found.qalys = costs or found.costs, qalys or found.qalys
    found.luck = found.luck if luck is None else luck
    return found
