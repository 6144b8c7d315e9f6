"""One small export that several tests look at."""

from __future__ import annotations

from functools import cache

import pandas as pd

from helpers_economics import results_of
from helpers_model import parameters
from rallsim.economics.tables.economic_results import EconomicResults
from rallsim.export.folder import export_tables
from rallsim.inputs.scenario import load_scenario
from rallsim.simulation.simulate import Simulation, simulate

PATIENTS = 200


@cache
def made() -> tuple[Simulation, EconomicResults, dict[str, pd.DataFrame]]:
    """Bridging before CAR-T: its simulation, its evaluation and the tables of its export."""
    simulation = simulate(load_scenario("bridging_before_car_t", patients=PATIENTS), parameters())
    found = results_of(simulation)
    return simulation, found, export_tables(simulation, found)
