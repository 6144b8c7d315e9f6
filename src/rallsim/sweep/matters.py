"""What of a scenario matters to one strategy: only that decides whether the strategy's results stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rallsim.economics.settings.settings import EconomicSettings, in_short, is_economic
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.scenario import Scenario, Strategy
from rallsim.output.manifest import file_sha256
from rallsim.simulation.engine_inputs import variant_values


def therapies_of(scenario: Scenario, strategy: Strategy, parameters: ParameterSet) -> tuple[str, ...]:
    """Therapies that a strategy's patients can meet: given by a rule, or behind the remission they enter in.

    With a therapy comes the one that it is a form of. The order is that of the parameters.

    >>> from rallsim.inputs.parameters import load_parameters
    >>> from rallsim.inputs.scenario import load_scenario
    >>> scenario, parameters = load_scenario("first_salvage"), load_parameters()
    >>> met = therapies_of(scenario, scenario.strategies["chemotherapy"], parameters)
    >>> "chemotherapy" in met, "car_t_cd22" in met
    (True, False)
    """
    met = {parameters.front_lines[scenario.population_id]}
    for rules in (strategy.salvage, strategy.bridging, strategy.mrd):
        met |= {rule.give for rule in rules}
    met |= {rule.before for rule in strategy.bridging}
    met |= {base for name in met if (base := parameters.therapies[name].based_on)}
    return tuple(name for name in parameters.therapies if name in met)


def fixed_by(scenario: Scenario, strategy: Strategy, parameters: ParameterSet) -> dict[str, float]:
    """Return the parameters that a scenario, its variants or a strategy set: they keep that value in every draw."""
    prices = {in_short(path): value for path, value in scenario.economics.parameters.items()}
    return {**prices, **variant_values(scenario, parameters), **scenario.parameters, **strategy.parameters}


def columns_of(paths: Iterable[str], scenario: Scenario, strategy: Strategy, parameters: ParameterSet) -> list[str]:
    """Return those of the paths that can change a strategy's results."""
    met = therapies_of(scenario, strategy, parameters)
    fixed = fixed_by(scenario, strategy, parameters)
    return [path for path in paths if path not in fixed and _matters(path, met)]


def identity_of(
    scenario: Scenario, strategy: Strategy, parameters: ParameterSet, economics: EconomicSettings | None
) -> dict[str, Any]:
    """Everything that a strategy's results depend on, patients and draws apart."""
    met = therapies_of(scenario, strategy, parameters)
    values = {**parameters.values(scenario.population_id), **fixed_by(scenario, strategy, parameters)}
    own = scenario.own_patients
    country = parameters.countries[scenario.population_id]
    return {
        "horizon_months": scenario.horizon_months,
        "seed": scenario.seed,
        "population": file_sha256(own) if own else None,
        "forms": {name: one.based_on for name, one in parameters.therapies.items()} if own else None,
        "front_line": parameters.front_lines[scenario.population_id],
        "life_tables": [parameters.evidence.life_table(country, sex) for sex in ("female", "male")],
        "eligibility": {name: scenario.eligibility[name] for name in met if name in scenario.eligibility},
        "therapies": {name: parameters.therapies[name] for name in met},
        "rules": {
            name: getattr(strategy, name)
            for name in type(strategy).model_fields
            if name not in ("id", "label", "parameters")
        },
        "values": {path: value for path, value in values.items() if _matters(path, met)},
        "economics": economics and [economics.costs, economics.utilities, economics.rates],
    }


def _matters(path: str, met: tuple[str, ...]) -> bool:
    first, _, rest = path.partition(".")
    return is_economic(path) or first != "therapies" or rest.partition(".")[0] in met
