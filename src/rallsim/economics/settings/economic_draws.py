"""How uncertain costs and utilities are, and draws of them."""

from __future__ import annotations

import math

import pandas as pd

from rallsim.economics.settings.cost_files import Costs
from rallsim.economics.settings.entries import Entry
from rallsim.economics.settings.utility_files import Utilities
from rallsim.inputs.uncertainty import Spread, Z, beta, log_normal, normal, spread_of_range
from rallsim.model.random_numbers import parameter_uniforms


def economic_draws(costs: Costs, utilities: Utilities, draws: int, seed: int = 1) -> pd.DataFrame:
    """Return draws of costs and utilities: columns `costs.<name>` and `utilities.<name>`, a row a draw.

    Assumed numbers are drawn from their range. Published ones with limits are drawn by them: costs log-normal,
    utilities and shares by a beta or normal. List prices, exchange rates, price indices and doses are not drawn.
    """
    spreads = {
        f"{owner}.{name}": spread
        for owner, entries in (("costs", costs.entries), ("utilities", utilities.entries))
        for name, entry in entries.items()
        if (spread := spread_of_entry(entry)) is not None
    }
    luck = parameter_uniforms(seed, draws, list(spreads))
    return pd.DataFrame({path: spread.quantile(luck[path]) for path, spread in spreads.items()})


def spread_of_entry(entry: Entry) -> Spread | None:
    """Distribution of an economic number, None where it has no range or is a public price."""
    if entry.list_price or entry.lo is None or entry.hi is None or entry.lo >= entry.hi:
        return None
    if entry.basis == "assumed":
        return spread_of_range(entry)
    if entry.is_money() and entry.lo > 0.0:
        return log_normal(entry.value, (math.log(entry.hi) - math.log(entry.lo)) / (2.0 * Z))
    sd = (entry.hi - entry.lo) / (2.0 * Z)
    if 0.0 < entry.value < 1.0 and sd**2 < entry.value * (1.0 - entry.value):
        strength = entry.value * (1.0 - entry.value) / sd**2 - 1.0
        return beta(entry.value * strength, (1.0 - entry.value) * strength)
    return normal(entry.value, sd)
