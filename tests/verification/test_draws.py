"""The probabilistic sample: the base case in its middle, numbers of the same patients together, all held ones named."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers_sweep import runner
from rallsim.economics.settings.economic_draws import economic_draws, held_entries
from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.evaluation.evaluate import evaluate
from rallsim.inputs.parameters import ParameterSet, load_parameters
from rallsim.inputs.same_patients import draws_of_rows, rows_drawn_together
from rallsim.inputs.scenario import load_scenario
from rallsim.inputs.spreads import RATIOS, rules, spread_of_row
from rallsim.inputs.uncertainty import (
    PLACES,
    held_parameters,
    parameter_draws,
    population_draws,
    possible_populations,
    posterior_sample,
)
from rallsim.model.population import impossible_population
from rallsim.sweep.one_parameter import ranges_of
from rallsim.sweep.settings import SweepSettings
from rallsim.sweep.study import Study

DRAWS = 1000
SWITCHES = ("disease.bridging_causal_share", "hsct.after_car_t_causal_share")
ARMS = ("inovate_ino_hsct", "inovate_soc_hsct")
COUNTRIES = ("uk", "fr")


@cache
def parameters() -> ParameterSet:
    return load_parameters()


@cache
def model() -> pd.DataFrame:
    """The posterior sample, studies' own levels of response apart."""
    return posterior_sample().filter(regex=f"^(?!{PLACES})")


@cache
def people(population: str) -> pd.DataFrame:
    return population_draws(parameters(), population, DRAWS)


@cache
def economics(country: str) -> EconomicSettings:
    scenario = load_scenario("first_salvage", settings=[f"economics.costs={country}"])
    found = economic_settings(scenario, parameters())
    assert found is not None
    return found


@cache
def economic(country: str) -> pd.DataFrame:
    found = economics(country)
    return economic_draws(found.costs, found.utilities, DRAWS)


@cache
def rows_of_evidence() -> dict[str, np.ndarray]:
    """Draws of every row behind a parameter that is drawn."""
    drawn = [one for one in load_parameters(calibrated=False).parameters.values() if not one.held]
    return draws_of_rows({row for one in drawn for row in one.evidence}, parameters().evidence, DRAWS, 1)


def below(table: pd.DataFrame, values: Mapping[str, float], prefix: str = "") -> dict[str, float]:
    """Share of each column's draws below the base value, half of those equal to it counted."""
    found = {}
    for path in map(str, table):
        draws, value = table[path].to_numpy(), values[path]
        equal = np.isclose(draws, value, rtol=1e-9, atol=0.0)
        found[prefix + path] = float(np.mean((draws < value) & ~equal) + np.mean(equal) / 2.0)
    return found


def test_every_base_value_lies_in_the_middle_of_its_draws() -> None:
    """Whatever is drawn, costs and utilities too, has its base value within the middle 80 % of its draws."""
    found = below(model(), {path: one.value for path, one in parameters().parameters.items()})
    for population in parameters().countries:
        found |= below(people(population), parameters().values(population), f"{population}: ")
    for country in COUNTRIES:
        values = {path: entry.value for path, entry in economics(country).parameters().items()}
        found |= below(economic(country), values, f"{country}: ")
    assert len(found) > 450
    assert {path: share for path, share in found.items() if not 0.1 <= share <= 0.9} == {}


def test_a_switch_between_readings_is_not_drawn() -> None:
    """A share that says which of two readings holds stays at its base value; variants give the other reading."""
    held = held_parameters(parameters(), "adult_relapse", posterior_sample())
    for path in SWITCHES:
        assert path not in posterior_sample()
        others = [name for name, one in parameters().variants.items() if path in one.values]
        assert others
        assert any(name in held[path] for name in others), held[path]


def test_whatever_is_not_drawn_has_a_reason() -> None:
    """Each parameter, cost and utility is drawn, or is named with why it is not."""
    for population in parameters().countries:
        drawn = {*parameter_draws(parameters(), 2), *people(population)}
        held = held_parameters(parameters(), population, drawn)
        assert drawn | set(held) >= set(parameters().values(population))
        assert [path for path, why in held.items() if not why or why.startswith("no number behind it")] == []
    for country in COUNTRIES:
        found = economics(country)
        held = held_entries(found.costs, found.utilities)
        assert set(economic(country)) | set(held) == set(found.parameters())
        assert not set(economic(country)) & set(held)


def test_costs_and_utilities_are_drawn_with_their_stated_errors() -> None:
    """What is printed without limits has a standard deviation of 20 % (costs) and 10 % (utilities), within a tenth.

    With 1,000 draws the standard error of a standard deviation is 2 to 3 %.
    """
    errors = {
        **dict.fromkeys(("transplant", "chemotherapy_course", "infection_admission", "terminal_care"), 0.2),
        **dict.fromkeys(("remission", "active_disease", "on_treatment"), 0.1),
    }
    for name, error in errors.items():
        path = f"{'costs' if error == 0.2 else 'utilities'}.{name}"
        drawn, base = economic("uk")[path], economics("uk").parameters()[path].value
        assert drawn.std() / base == pytest.approx(error, rel=0.1), path
        assert abs(drawn.mean() - base) < 4.0 * drawn.std() / np.sqrt(DRAWS), path
    assert not [path for path in economic("uk") if economics("uk").parameters()[str(path)].list_price]


def test_no_ratio_spans_more_than_twenty_fold_without_a_reason() -> None:
    """95 % of the draws of a ratio lie within a factor of 20 of each other, but for those with a stated reason."""
    ratios = [path for path in model() if parameters().parameters[str(path)].unit in RATIOS]
    folds = {path: float(np.divide(*np.quantile(model()[path], [0.975, 0.025]))) for path in ratios}
    assert len(folds) > 50
    assert {path for path, fold in folds.items() if fold > 20.0} == set(rules()["wide_ratios"])


def test_burden_after_car_t_is_known_within_a_factor_of_five() -> None:
    """The hazard ratio of relapse at a high burden comes from two series and a prior: 0.9 to 3.0 in 95 % of draws."""
    path = "therapies.car_t_cd19.relapse_hazard_ratio_high_burden"
    lo, hi = np.quantile(posterior_sample()[path], [0.025, 0.975])
    assert 0.7 < lo < 1.0 < parameters().parameters[path].value < hi < 4.0
    assert hi / lo < 5.0


def test_landmarks_of_one_curve_never_fall_back() -> None:
    """Deaths and relapses by month 24 include those by month 12, in every draw, and both together are at most all.

    With shares F and G at both landmarks of the same patients their correlation is sqrt(F (1 - G) / (G (1 - F))): 0.94
    and 0.75 for deaths, 0.78 and 0.69 for relapses in the two arms.
    """
    drawn = rows_of_evidence()
    for arm in ARMS:
        for cause in ("nrm", "rel"):
            first, second = drawn[f"{arm}_{cause}12"], drawn[f"{arm}_{cause}24"]
            assert (second >= first).all()
            assert float(np.corrcoef(first, second)[0, 1]) > {"nrm": 0.7, "rel": 0.6}[cause], (arm, cause)
        assert (drawn[f"{arm}_nrm24"] + drawn[f"{arm}_rel24"] <= 1.0).all()
        assert (drawn[f"{arm}_os12"] <= 1.0 - drawn[f"{arm}_nrm12"] + 1e-12).all()
    for earlier, later in combinations(("eliana18_rfs6", "eliana18_rfs12", "eliana23_rfs36_cens", "eliana22_rfs60"), 2):
        assert (drawn[later] <= drawn[earlier]).all()


def test_deaths_between_two_landmarks_are_those_of_two_in_seventy_seven() -> None:
    """INO-VATE printed 36 and 39 %: deaths of months 12 to 24 are 0.03, 95 % about 0.005 to 0.08."""
    drawn = rows_of_evidence()
    between = drawn["inovate_ino_hsct_nrm24"] - drawn["inovate_ino_hsct_nrm12"]
    lo, hi = np.quantile(between, [0.025, 0.975])
    assert between.mean() == pytest.approx(0.03, abs=0.01)
    assert 0.001 < lo < 0.01
    assert 0.06 < hi < 0.12


def test_parts_stay_within_their_whole() -> None:
    """Fatal events of treatment are among the fatal ones, graded ones among all, and shares of one whole add up."""
    drawn, groups = rows_of_evidence(), [group for group in rules()["same_patients"] if "parts" in group]
    assert len(groups) > 15
    for group in groups:
        total = sum(drawn[name] for name in group["parts"])
        assert (total <= drawn.get(group.get("of", ""), 1.0) + 1e-12).all(), group


def test_rows_of_one_curve_are_drawn_together() -> None:
    """Two drawn landmarks of the same patients, by source, population and quantity, are in one group."""
    evidence, together = parameters().evidence, [set(group) for group in rows_drawn_together()]
    drawn = [evidence.row(name) for name in rows_of_evidence() if evidence.row(name).at_months is not None]
    assert len(drawn) > 20
    pairs = [
        {one.id, other.id}
        for one, other in combinations(drawn, 2)
        if one.at_months != other.at_months
        and (one.source_id, one.population, one.quantity) == (other.source_id, other.population, other.quantity)
    ]
    assert len(pairs) > 3
    assert [pair for pair in pairs if not any(pair <= group for group in together)] == []


def test_transplant_deaths_fall_between_the_landmarks() -> None:
    """Latent death of transplant: under 3 % of draws at a bound, and deaths of months 12 to 24 within 0 and 0.25."""
    sample = posterior_sample()
    never, scale = sample["hsct.transplant_death_never"], sample["hsct.transplant_death_scale"]
    by_12, by_24, by_60 = ((1.0 - never) * (1.0 - np.exp(-months / scale)) for months in (12.0, 24.0, 60.0))
    assert np.mean(scale < 1.0) < 0.03
    assert np.mean(never < 0.01) < 0.03
    assert np.mean((by_24 - by_12 >= 0.0) & (by_24 - by_12 <= 0.25)) >= 0.99
    assert 0.25 < np.quantile(by_60, 0.025) < np.quantile(by_60, 0.975) < 0.75


def test_no_curve_lies_at_its_bounds() -> None:
    """Plateaus are below 1 % or above 99 %, and scales under half a month or over 500, in fewer than 3 % of draws."""
    sample = posterior_sample()
    plateaus = [path for path in sample if str(path).endswith(("relapse_cure", "transplant_death_never"))]
    scales = [path for path in sample if str(path).endswith(("relapse_scale", "transplant_death_scale"))]
    assert len(plateaus) == len(scales) > 10
    for path, (low, high) in [(path, (0.01, 0.99)) for path in plateaus] + [(path, (0.5, 500.0)) for path in scales]:
        assert np.mean((sample[path] < low) | (sample[path] > high)) < 0.03, path


@pytest.mark.parametrize(
    "kind", [("crs", "perica_conv_crs", "perica_pers_crs"), ("icans", "perica_conv_nt", "perica_pers_nt")]
)
def test_half_an_event_is_added_once(kind: tuple[str, str, str]) -> None:
    """None of nine: the base case has half an event among ten, and draws have the mean of Beta(1/2, 19/2)."""
    name, low, high = kind
    path = f"therapies.car_t_cd19.{name}_odds_ratio_low_burden"
    other = parameters().evidence.row(high).value
    assert other is not None
    assert parameters().parameters[path].value == pytest.approx((0.5 / 9.5) / (other / (1.0 - other)))
    drawn = rows_of_evidence()[low]
    assert abs(drawn.mean() - 0.05) < 4.0 * drawn.std() / np.sqrt(DRAWS)
    ratio, severe = posterior_sample()[path], posterior_sample()[f"therapies.car_t_cd19.{name}_grade3plus"]
    odds = ratio * severe / (1.0 - severe)
    shares = odds / (1.0 + odds)
    assert abs(shares.mean() - 0.05) < 4.0 * shares.std() / np.sqrt(len(shares))


def test_numbers_of_cycles_are_whole() -> None:
    """Every drawn number of cycles is whole, in the sample and beyond it, with a mean near the base case."""
    drawn = parameter_draws(parameters(), 800)
    cycles = [path for path in drawn if parameters().parameters[str(path)].unit == "cycles"]
    assert len(cycles) >= 4
    for path in cycles:
        found, base = drawn[path], parameters().parameters[str(path)].value
        assert (found == found.round()).all(), path
        assert abs(found.mean() - base) < 4.0 * found.std() / np.sqrt(500) + 1e-9, path
    assert "therapies.blinatumomab_mrd.cycles_planned" not in drawn


@pytest.mark.parametrize("population", load_parameters().countries)
def test_every_drawn_population_is_possible(population: str) -> None:
    """Shares of one whole add up to at most 1, and transplants before entry had the time for it, in every draw."""
    base = parameters().values(population)
    disease = [f"disease.{name}" for name in ("shortest_remission_months", "months_to_hsct_in_first_remission")]
    table = pd.concat([people(population), parameter_draws(parameters(), DRAWS)[disease]], axis=1)
    found = possible_populations(table, base)
    assert len(found.columns) > 10
    for draw in found.to_dict("records"):
        assert list(impossible_population({**base, **draw})) == []


def test_draws_say_of_bridging_what_the_base_case_says() -> None:
    """Mean months of life gained by bridging with a drug are at least half those of the base case, in 120 draws.

    With the switch of `bridging_causal_share` drawn they were a fifth to a third, and of blinatumomab a loss.
    """
    scenario = load_scenario("bridging_before_car_t", patients=1000).model_copy(update={"horizon_months": 120.0})
    draws = parameter_draws(parameters(), 120)
    base = evaluate(scenario, parameters(), None)
    found = evaluate(scenario, parameters(), None, {str(path): draws[path].to_numpy() for path in draws})
    names = [found.strategies.index(f"bridge_{drug}") for drug in ("chemotherapy", "inotuzumab")]
    reference = found.strategies.index("no_bridging")
    one, many = (each.mean("os_months") for each in (base, found))
    for place in names:
        assert (many[:, place] - many[:, reference]).mean() > 0.5 * (one[0, place] - one[0, reference]) > 0.5


def test_printed_limits_of_landmarks_are_met() -> None:
    """A landmark alone in its curve is drawn with the limits that its source prints, whatever its size."""
    evidence = parameters().evidence
    together = {name for group in rows_drawn_together() for name in group}
    rows = [
        row for name, row in evidence.rows.items() if name not in together and row.at_months and row.ci_level == "0.95"
    ]
    both = [row for row in rows if row.total and row.interval and row.unit == "proportion"]
    assert len(both) > 5
    for row in both:
        spread = spread_of_row(row)
        assert spread is not None
        assert spread.kind.startswith("logit-normal"), row.id


@pytest.mark.parametrize("scenario", ["first_salvage", "order_of_therapies", "mrd_directed_blinatumomab"])
def test_one_way_ranges_hold_the_base_case(scenario: str, tmp_path: Path) -> None:
    """Every bar of a one-way analysis contains the base case, held readings at an end of theirs."""
    study = Study(runner(tmp_path, scenario=load_scenario(scenario)), SweepSettings())
    ranges = ranges_of(study)
    assert len(ranges) > 150
    assert set(SWITCHES) <= set(ranges)
    assert [path for path, (low, high) in ranges.items() if not low <= study.base[path] <= high] == []


def test_a_sweep_names_what_it_holds(tmp_path: Path) -> None:
    """The draws of a sweep leave out prices, switches and definitions, each with its reason."""
    draws = Study(runner(tmp_path), SweepSettings()).draws(50)
    left_out = draws.not_varying()
    assert left_out["costs.blinatumomab_vial"].startswith("a list price")
    assert "variants" in left_out["disease.bridging_causal_share"]
    assert left_out["population.age_min"].startswith("a definition")
    assert not set(left_out) & set(draws.varying())
    assert {"population.age_mean", "population.prior_hsct", "costs.transplant", "utilities.remission"} <= set(
        draws.varying()
    )
