"""How uncertain costs and utilities are, draws of them, and what is held in all draws."""

from __future__ import annotations

import math

import pandas as pd

from rallsim.economics.settings.cost_files import Costs
from rallsim.economics.settings.entries import Entry
from rallsim.economics.settings.utility_files import Utilities
from rallsim.inputs.spreads import Spread, Z, assumed, beta, gamma, log_normal, normal, spread_of_range
from rallsim.model.random_numbers import parameter_uniforms

UNITS_OF_USE = ("days", "months", "count", "ratio")  # amounts of something used


def economic_draws(costs: Costs, utilities: Utilities, draws: int, seed: int = 1) -> pd.DataFrame:
    """Return draws of costs and utilities: columns `costs.<name>` and `utilities.<name>`, a row a draw.

    Numbers that are one evidence row each, and the same row, have the same uniforms and so move together.
    """
    spreads = {
        path: (entry, spread)
        for path, entry in _entries(costs, utilities).items()
        if (spread := spread_of_entry(entry)) is not None
    }
    streams = {path: _stream(path, entry) for path, (entry, _) in spreads.items()}
    uniforms = parameter_uniforms(seed, draws, sorted(set(streams.values())))
    return pd.DataFrame({path: spread.quantile(uniforms[streams[path]]) for path, (_, spread) in spreads.items()})


def held_entries(costs: Costs, utilities: Utilities) -> dict[str, str]:
    """Return why each number of costs and utilities that is not drawn is held, by path."""
    reasons = {path: why_held(entry) for path, entry in _entries(costs, utilities).items()}
    return {path: reason for path, reason in reasons.items() if reason}


def why_held(entry: Entry) -> str:
    """Say why an economic number is the same in all draws; nothing when it is drawn."""
    if entry.list_price:
        return "a list price: public and certain, and what is paid is confidential"
    if entry.held:
        return entry.held
    if entry.unit == "coefficient":
        return "a coefficient of the population's norm, whose errors go together and are not in the evidence"
    if entry.value == 0.0 or (entry.basis == "assumed" and entry.lo == entry.hi):
        return entry.note
    return ""


def spread_of_entry(entry: Entry) -> Spread | None:
    """Distribution of an economic number, None where it is held.

    Assumed numbers are drawn from their range. Published ones with limits are drawn by them: costs log-normal,
    utilities and shares by a beta or normal. Without limits they have the relative standard errors that
    `params/uncertainty.yaml` assumes: costs and amounts of use a gamma, utilities a beta, decrements a gamma.
    """
    if why_held(entry):
        return None
    if entry.basis == "assumed":
        return spread_of_range(entry)
    if entry.lo is None or entry.hi is None or entry.lo >= entry.hi:
        return _by_default(entry)
    if entry.is_money() and entry.lo > 0.0:
        return log_normal(entry.value, (math.log(entry.hi) - math.log(entry.lo)) / (2.0 * Z))
    return _bounded(entry.value, (entry.hi - entry.lo) / (2.0 * Z))


def _by_default(entry: Entry) -> Spread:
    if entry.is_money() or entry.unit in UNITS_OF_USE:
        return gamma(entry.value, assumed("error_of_a_cost"))
    if entry.unit == "disutility":
        return gamma(entry.value, assumed("error_of_a_disutility"))
    return _bounded(entry.value, abs(entry.value) * assumed("error_of_a_utility"))


def _bounded(mean: float, sd: float) -> Spread:
    """Beta distribution by mean and standard deviation, normal where there is none."""
    if 0.0 < mean < 1.0 and sd**2 < mean * (1.0 - mean):
        strength = mean * (1.0 - mean) / sd**2 - 1.0
        return beta(mean * strength, (1.0 - mean) * strength)
    return normal(mean, sd)


def _entries(costs: Costs, utilities: Utilities) -> dict[str, Entry]:
    """Numbers of costs and utilities by path."""
    of_costs = {f"costs.{name}": entry for name, entry in costs.entries.items()}
    return of_costs | {f"utilities.{name}": entry for name, entry in utilities.entries.items()}


def _stream(path: str, entry: Entry) -> str:
    """Name of the uniforms of a number: that of its row where it is one published row, else its own."""
    return entry.evidence[0] if entry.basis == "reported" and len(entry.evidence) == 1 else path
