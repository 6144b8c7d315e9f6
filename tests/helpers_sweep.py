"""Small sweeps for tests: a scenario of two strategies, points of one or two parameters, runners with a folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from rallsim.economics.setting import Economics, economics_of
from rallsim.parameters import ParameterSet, load_parameters
from rallsim.scenario import Scenario, load_scenario
from rallsim.sweep.cells import Model
from rallsim.sweep.execute import pool_of
from rallsim.sweep.runner import Runner
from rallsim.sweep.store import Store

SCENARIO = "first_salvage"


@cache
def parameters() -> ParameterSet:
    return load_parameters()


@cache
def economics() -> Economics:
    return economics_of(parameters=parameters())


def model(scenario: Scenario | None = None) -> Model:
    return Model(scenario or load_scenario(SCENARIO), parameters(), economics())


def points(number: int = 4) -> pd.DataFrame:
    """Points along two parameters that matter to every strategy."""
    return pd.DataFrame(
        {"hsct.sos_fatality": np.linspace(0.1, 0.9, number), "utilities.remission": np.linspace(0.6, 0.9, number)}
    )


def runner(folder: Path, *, workers: int = 1, scenario: Scenario | None = None, cluster: str | None = None) -> Runner:
    return Runner(model(scenario), Store(folder), pool_of(workers, cluster), workers)
