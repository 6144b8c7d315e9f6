"""The simulation against answers known from theory, in questions made so simple that theory has one.

Random quantities are compared within 4 standard errors: of a share p of n patients sqrt(p (1 - p) / n), of a mean the
standard deviation over sqrt(n). Seeds are fixed, so a verdict never changes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import helpers_model as m
from rallsim.common.files import shipped
from rallsim.common.yaml_file import read_yaml
from rallsim.inputs.scenario import Scenario
from rallsim.model.distributions import probability_after_odds_ratio
from rallsim.model.states import DETAILS, Detail, Event
from rallsim.outcomes.history import History
from rallsim.simulation.engine_inputs import Prepared

PATIENTS = 10_000
CELLS = m.therapies_of_kind("car_t")
# Everybody is treated at once and responds after a month, MRD-negative; nothing happens that a test does not ask for.
CALM = {
    "disease.treated_at_entry": 1.0,
    "disease.late_relapse_rate": 0.0,
    "disease.months_to_treatment_at_entry": 0.0,
    "disease.palliative_shape": 1.0,
    "population.prior_hsct": 0.0,
    "hsct.sos_odds_ratio_liver_disease": 1.0,
    "hsct.sos_odds_ratio_bilirubin": 1.0,
    **m.of(
        "chemotherapy",
        cr_rate=1.0,
        early_death=0.0,
        mrd_negative_given_cr=1.0,
        cycle_months=1.0,
        response_in_first_cycle=1.0,
        relapse_cure=1.0,
        relapse_hazard_ratio_high_burden=1.0,
        months_to_hsct=0.0,
        sos_after_hsct=0.0,
    ),
}


def ask(values: Mapping[str, float], *, hsct: bool = False, give: str = "chemotherapy", **keys: Any) -> Scenario:
    """Return a question with one strategy: one line of one therapy, everything else calm."""
    strategy = {"salvage": [{"give": give}], "consolidation": [{"hsct": hsct}], "max_lines": 1, "max_transplants": 2}
    return m.question({"one": strategy}, values={**CALM, **values}, **{"patients": PATIENTS, **keys})


def answer(scenario: Scenario) -> History:
    return m.run(m.prepared(scenario), scenario)


# --- competing risks ---------------------------------------------------------------------------------------------


def test_exponential_competing_risks() -> None:
    """Two constant hazards a and b share out deaths: F_a(t) = a / (a + b) (1 - exp(-(a + b) t)), and F_b alike."""
    median, background = 5.0, 0.08
    scenario = ask({"disease.treated_at_entry": 0.0, "disease.palliative_median_survival": median})
    history = m.run(m.with_constant_background(m.prepared(scenario), background), scenario)
    leukaemia = np.log(2.0) / median
    for t in (1.0, 4.0, 12.0, 60.0):
        both = (1.0 - np.exp(-(leukaemia + background) * t)) / (leukaemia + background)
        for rate, cause in ((leukaemia, Detail.LEUKAEMIA), (background, Detail.BACKGROUND)):
            m.assert_share(m.first_times(history, Event.DEATH, cause) <= t, rate * both, f"{DETAILS[cause]} by {t}")


@pytest.mark.parametrize("hazard_ratio", [1.0, 3.0])
def test_death_while_waiting_against_infusion(hazard_ratio: float) -> None:
    """Infused are those whose log-logistic wait ends before a constant hazard strikes: the mean of exp(-a (l + t))."""
    rate, start, median, shape = 0.2, 0.5, 2.0, 3.0
    waiting = {
        "cr_rate": 1.0,
        "leukapheresis_success": 1.0,
        "manufacture_failure": 0.0,
        "waiting_death_rate": rate,
        "waiting_progression_rate": 0.0,
        "waiting_hazard_ratio_unbridged": hazard_ratio,
        "months_to_leukapheresis": start,
        "vein_to_vein_months": median,
        "vein_to_vein_shape": shape,
    }
    values = m.NO_BACKGROUND | m.of(CELLS[0], **waiting) | {"population.cd19_positive": 1.0}
    history = answer(ask(values, give=CELLS[0], horizon_months=600))
    u = (np.arange(100_000) + 0.5) / 100_000  # over quantiles of the wait the integral is a plain mean
    wait = median * (u / (1.0 - u)) ** (1.0 / shape)
    infused = float(np.exp(-rate * hazard_ratio * (start + wait)).mean())
    m.assert_share(np.isfinite(m.first_times(history, Event.INFUSION)), infused, "infused")


@pytest.mark.parametrize("hazard_ratio", [1.0, 2.5])
def test_relapse_is_a_mixture_cure(hazard_ratio: float) -> None:
    """With no other risk remission lasts as S(t) = (c + (1 - c) exp(-(t / s) ** k)) ** r, plateau c ** r included."""
    cure, scale, shape = 0.3, 12.0, 1.4
    course = {"relapse_cure": cure, "relapse_scale": scale, "relapse_shape": shape, "mrd_negative_given_cr": 0.0}
    values = m.of("chemotherapy", **course, relapse_hazard_ratio_mrd_positive=hazard_ratio)
    scenario = ask(values | m.NO_BACKGROUND | {"disease.long_term_after_months": 1200.0}, horizon_months=1000)
    history = answer(scenario)
    remission = m.first_times(history, Event.RELAPSE) - m.first_times(history, Event.RESPONSE)
    for t in (2.0, 6.0, 12.0, 24.0):
        survival = (cure + (1.0 - cure) * np.exp(-((t / scale) ** shape))) ** hazard_ratio
        m.assert_share(remission > t, survival, f"in remission at {t}")
    m.assert_share(np.isinf(remission), cure**hazard_ratio, "never relapsed")


# --- background mortality ----------------------------------------------------------------------------------------

BACKGROUND = dict.fromkeys(m.NO_BACKGROUND, 1.0)
AGE = 50.0


def of_one_age_and_sex(sex: str, ratio: float) -> tuple[Prepared, Scenario]:
    values = {path: ratio * one for path, one in BACKGROUND.items()} | {
        "population.age_mean": AGE,
        "population.age_sd": 5e-4,
        "population.age_min": AGE - 1e-3,
        "population.age_max": AGE + 1e-3,
        "population.male": float(sex == "male"),
    }
    scenario = ask(values, horizon_months=1200)
    return m.prepared(scenario), scenario


def expectancy(qx: np.ndarray, age: int, ratio: float) -> float:
    """Remaining years of life at an exact age: the hazard is constant within a year of age, and from the last on.

    e = sum over years of S(start of the year) * (1 - p) / -ln(p), with p the survival of the year under the ratio.
    """
    survival, years = 1.0, 0.0
    hazards = -np.log1p(-np.minimum(qx, 0.9999)) * ratio
    for hazard in hazards[age:-1]:
        years += survival * -np.expm1(-hazard) / hazard
        survival *= np.exp(-hazard)
    return years + survival / hazards[-1]


@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize("sex", ["female", "male"])
def test_life_expectancy(sex: str, ratio: float) -> None:
    """With every other risk off patients live as long as the life table says, its hazards times the mortality ratio."""
    history = m.run(*of_one_age_and_sex(sex, ratio))
    years = m.ends_of(history) / 12.0
    country = m.parameters().countries["adult_relapse"]
    expected = expectancy(m.parameters().evidence.life_table(country, sex), int(AGE), ratio)
    std_error = years.std() / np.sqrt(len(years))
    assert set(history.events["detail"][history.events["event"] == Event.DEATH]) == {Detail.BACKGROUND}
    assert abs(years.mean() - expected) <= 4.0 * std_error, (
        f"{years.mean():.3f}, expected {expected:.3f} ± {std_error:.3f}"
    )


def test_a_mortality_ratio_multiplies_hazards() -> None:
    """At ratio 2 every patient dies having spent half the cumulative hazard of the life table spent at ratio 1."""
    spent = {}
    for ratio in (1.0, 2.0):
        tables, scenario = of_one_age_and_sex("female", ratio)
        age = m.entrants(tables, scenario)["entry_age"]
        at_death = age + m.ends_of(m.run(tables, scenario)) / 12.0
        spent[ratio] = hazard(tables.life_tables[0], at_death) - hazard(tables.life_tables[0], age)
    np.testing.assert_allclose(2.0 * spent[2.0], spent[1.0], rtol=1e-6)


def hazard(table: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Cumulative hazard at an age: straight lines between birthdays, and on from the last of them."""
    beyond = np.maximum(0.0, age - (len(table) - 1)) * (table[-1] - table[-2])
    return np.asarray(np.interp(age, np.arange(len(table)), table) + beyond)


# --- response ----------------------------------------------------------------------------------------------------


def test_response_probabilities_are_those_of_the_odds_ratios() -> None:
    """In every subgroup of first-line patients the share of responders is cr_rate after the subgroup's odds ratios."""
    odds_ratios = {"long_remission": 2.2, "low_burden": 1.8, "prior_hsct": 0.4}
    course = {f"cr_odds_ratio_{name}": ratio for name, ratio in odds_ratios.items()}
    values = m.of("chemotherapy", cr_rate=0.35, low_burden_threshold=0.5, **course) | m.NO_BACKGROUND
    scenario = ask({**values, "population.prior_hsct": 0.4, "population.cr1_long": 0.4})
    tables = m.prepared(scenario)
    responded = np.isfinite(m.first_times(m.run(tables, scenario), Event.RESPONSE))
    who = m.entrants(tables, scenario)
    is_so = {
        "long_remission": who["remission_months"] >= tables.values["disease.long_remission_months"],
        "low_burden": who["blasts"] < 0.5,
        "prior_hsct": who["prior_hsct"] > 0,
    }
    groups = np.stack(list(is_so.values()), axis=1)
    found = np.unique(groups, axis=0)
    assert len(found) == 8
    for group in found:
        ratio = float(np.prod([value for value, holds in zip(odds_ratios.values(), group, strict=True) if holds]))
        members = (groups == group).all(axis=1)
        m.assert_share(responded[members], probability_after_odds_ratio(0.35, ratio), f"{list(is_so)}: {group}")


@pytest.mark.parametrize(("line", "ratio"), [(2, 0.6), (3, 0.3)])
def test_response_in_later_lines(line: int, ratio: float) -> None:
    """Patients who enter after one or two lines respond by the odds ratio of second or later salvage."""
    course = {
        "cr_rate": 0.5,
        "cr_odds_ratio_long_remission": 1.0,
        "cr_odds_ratio_low_burden": 1.0,
        "cr_odds_ratio_prior_hsct": 1.0,
        "cr_odds_ratio_second_salvage": 0.6,
        "cr_odds_ratio_later_salvage": 0.3,
    }
    before = {"population.one_line_before": float(line == 2), "population.two_lines_before": float(line == 3)}
    strategy = {"salvage": [{"give": "chemotherapy"}], "max_lines": line}
    values = CALM | m.NO_BACKGROUND | m.of("chemotherapy", **course) | before
    history = answer(m.question({"one": strategy}, values=values, patients=PATIENTS))
    responded = np.isfinite(m.first_times(history, Event.RESPONSE))
    m.assert_share(responded, probability_after_odds_ratio(0.5, ratio), f"response in line {line}")


# --- transplant --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", ["ino", "soc"])
def test_transplant_outcomes_are_those_of_the_fit(arm: str) -> None:
    """A cohort that is all transplanted has the cumulative incidences that the fit says its targets became.

    The two arms of the fit differ only in their share of MRD-negative patients before the transplant.
    """
    negative = m.parameters().evidence.row(f"inovate_{arm}_hsct_mrd").value
    assert negative is not None
    values = m.of("chemotherapy", mrd_negative_given_cr=negative, mrd_odds_ratio_low_burden=1.0, hsct_realised=1.0)
    everybody_fit = {"population.hsct_fit_under_55": 1.0, "population.hsct_fit_55_plus": 1.0}
    history = answer(ask(values | m.NO_BACKGROUND | everybody_fit, hsct=True))
    transplant = m.first_times(history, Event.HSCT)
    assert np.isfinite(transplant).all()
    times = {
        "relapse": m.first_times(history, Event.RELAPSE) - transplant,
        "death": m.first_times(history, Event.DEATH, Detail.TRANSPLANT) - transplant,
    }
    targets = read_yaml(shipped("params") / "fitted" / "hsct.yaml").data["targets"]
    own = [target for target in targets if f"inovate_{arm}_" in target["what"]]
    assert len(own) == 5
    for target in own:
        event, months = target["what"].split()[0], float(target["what"].rpartition(" at ")[2])
        m.assert_share(times[event] <= months, target["fitted"], target["what"])


def test_fatal_sos() -> None:
    """Of all transplanted, probability times fatality die of SOS, when nothing else can kill them before."""
    values = m.of("chemotherapy", sos_after_hsct=0.3, hsct_realised=1.0) | m.NO_BACKGROUND
    safe = {"hsct.transplant_death_never": 1.0, "hsct.relapse_cure": 1.0, "hsct.sos_fatality": 0.4}
    fit = {"population.hsct_fit_under_55": 1.0, "population.hsct_fit_55_plus": 1.0}
    history = answer(ask(values | safe | fit, hsct=True, horizon_months=600))
    m.assert_share(np.isfinite(m.first_times(history, Event.SOS)), 0.3, "SOS")
    m.assert_share(np.isfinite(m.first_times(history, Event.DEATH, Detail.SOS)), 0.12, "fatal SOS")


# --- the same luck under another hazard --------------------------------------------------------------------------

STRATEGY = {"salvage": [{"give": "chemotherapy"}], "consolidation": [{"hsct": True}], "max_lines": 1}
CELL_STRATEGY = {"salvage": [{"give": CELLS[0]}], "max_lines": 1}


@pytest.mark.parametrize(
    ("strategy", "changed", "event"),
    [
        (STRATEGY, {"mortality.ratio_active": 5.0, "mortality.ratio_after_hsct": 20.0}, Event.DEATH),
        (STRATEGY, {"disease.palliative_median_survival": 0.5}, Event.DEATH),
        (STRATEGY, {"hsct.transplant_death_scale": 2.0}, Event.DEATH),
        (STRATEGY, {"hsct.transplant_death_never": 0.1}, Event.DEATH),
        (STRATEGY, m.of("chemotherapy", relapse_hazard_ratio_mrd_positive=8.0), None),
        (STRATEGY, m.of("chemotherapy", relapse_scale=1.0), None),
        (STRATEGY, {"hsct.relapse_hazard_ratio_mrd_positive": 9.0}, None),
        (STRATEGY, {"disease.late_relapse_rate": 0.1}, None),
        (CELL_STRATEGY, m.of(CELLS[0], waiting_death_rate=0.5), Event.DEATH),
        (CELL_STRATEGY, m.of(CELLS[0], relapse_hazard_ratio_b_cell_recovery=20.0), None),
    ],
)
def test_a_higher_hazard_moves_nobody_s_event_later(
    strategy: Mapping[str, Any], changed: Mapping[str, float], event: int | None
) -> None:
    """With the same luck and a higher hazard of death or relapse no patient dies or ends the remission later.

    One line only, so that nobody is saved by failing sooner. Some patients must be hit sooner, or nothing was tested.
    """
    base = m.question({"one": strategy}, patients=3000, horizon_months=240)
    worse = m.question({"one": strategy}, values=changed, patients=3000, horizon_months=240)
    before, after = (end_of_remission_or_life(answer(one), event) for one in (base, worse))
    assert (after <= before).all()
    assert (after < before).any()


def end_of_remission_or_life(history: History, event: int | None) -> np.ndarray:
    """Time of death; or, when no event is asked for, of the first of relapse and death."""
    if event is not None:
        return m.first_times(history, event)
    return np.minimum(m.first_times(history, Event.RELAPSE), m.first_times(history, Event.DEATH))


def test_probabilities_of_zero_and_one() -> None:
    """What cannot happen does not, and what is certain happens to all: nobody or everybody is infused, responds, …"""
    sure = {"cr_rate": 1.0, "leukapheresis_success": 1.0, "manufacture_failure": 0.0, "waiting_death_rate": 0.0}
    sure |= {"waiting_progression_rate": 0.0}
    never = {"crs": 0.0, "crs_grade3plus": 0.0, "icans": 0.0, "icans_grade3plus": 0.0, "relapse_cure": 1.0}
    values = m.of(CELLS[0], **sure, **never) | m.NO_BACKGROUND | {"population.cd19_positive": 1.0}
    history = answer(ask(values, give=CELLS[0], patients=2000))
    for event, everybody in ((Event.INFUSION, True), (Event.RESPONSE, True), (Event.CENSORED, True)):
        assert np.isfinite(m.first_times(history, event)).all() == everybody
    absent = {
        Event.CRS,
        Event.ICANS,
        Event.RELAPSE,
        Event.DEATH,
        Event.NO_RESPONSE,
        Event.MANUFACTURE_FAILURE,
        Event.LEUKAPHERESIS_FAILURE,
    }
    assert not absent & set(history.events["event"])
