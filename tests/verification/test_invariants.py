"""What must hold in every shipped scenario, read off the histories and apart from the pathway's code."""

from __future__ import annotations

import numpy as np
import pytest

import helpers_model as m
from helpers_replay import IDS, THERAPIES, Replay
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.model.states import DETAILS, Antigen, Detail, Event
from rallsim.outcomes.history import History
from rallsim.simulation.simulate import simulate

SHIPPED = [identity for identity, _ in shipped_scenarios()]
AIMED = {a.word: [code for code, one in enumerate(IDS) if THERAPIES[one].target == a] for a in Antigen}
STARTS = (Event.TREATMENT_START, Event.BRIDGING_START, Event.MRD_THERAPY_START, Event.INFUSION, Event.REINFUSION)


def histories(identity: str, patients: int = 1500) -> dict[str, History]:
    return simulate(load_scenario(identity, patients=patients), m.parameters()).histories


def test_there_is_something_to_look_at() -> None:
    """The loops below have scenarios and therapies of both targets to loop over."""
    assert len(SHIPPED) >= 12
    assert min(len(codes) for codes in AIMED.values()) >= 2


@pytest.mark.parametrize("identity", SHIPPED)
def test_nobody_gets_what_the_rules_or_the_label_do_not_allow(identity: str) -> None:
    """Every line, bridging, treatment of MRD and transplant is what rules and eligibility give, for 250 patients."""
    scenario = load_scenario(identity, patients=250)
    for name in scenario.strategies:
        tables = m.prepared(scenario, name)
        Replay(scenario, tables, m.run(tables, scenario, engine="batch")).check()


@pytest.mark.parametrize("antigen", ["cd19", "cd22"])
def test_no_therapy_comes_after_its_antigen_is_lost(antigen: str) -> None:
    """After a relapse or failure without CD19 (CD22), or with a switch of lineage, nothing aimed at it is given."""
    lost_by_somebody = 0
    for identity in SHIPPED:
        for history in histories(identity).values():
            rows = history.events
            of_target = np.isin(rows["therapy"], AIMED[antigen])
            gone = (rows["detail"] == Detail.LINEAGE_SWITCH) | ((rows["detail"] == Detail.ANTIGEN_LOST) & of_target)
            since = np.full(history.patients, np.inf)
            np.minimum.at(since, rows["patient"][gone], rows["time"][gone])
            given = np.isin(rows["event"], STARTS) & of_target
            assert (rows["time"][given] <= since[rows["patient"][given]]).all(), identity
            lost_by_somebody += int(np.isfinite(since).sum())
    assert lost_by_somebody > 1000


@pytest.mark.parametrize("identity", SHIPPED)
def test_transplants_do_not_exceed_what_is_allowed(identity: str) -> None:
    """Transplants before entry and after it are at most `max_transplants`, unless there were more before."""
    scenario = load_scenario(identity, patients=1500)
    for name, strategy in scenario.strategies.items():
        tables = m.prepared(scenario, name)
        before = m.entrants(tables, scenario)["prior_hsct"]
        rows = m.run(tables, scenario, engine="batch").events
        since_entry = np.bincount(rows["patient"][rows["event"] == Event.HSCT], minlength=scenario.patients)
        assert (before + since_entry <= np.maximum(before, strategy.max_transplants)).all()
    assert scenario.strategies


@pytest.mark.parametrize("identity", SHIPPED)
def test_everyone_is_accounted_for(identity: str) -> None:
    """At any time every patient is in one stage; at the end everybody has died of one cause or is alive."""
    for history in histories(identity).values():
        stays = history.intervals()
        for month in (0.0, 1.0, 12.0, history.horizon - 1e-6):
            alive = (stays["time_start"] <= month) & (month < stays["time_stop"])
            dead = history.events[(history.events["event"] == Event.DEATH) & (history.events["time"] <= month)]
            assert alive.sum() + len(dead) == history.patients
            assert stays.loc[alive, "patient_id"].is_unique
        ends = history.events[np.isin(history.events["event"], [Event.DEATH, Event.CENSORED])]
        assert sorted(ends["patient"]) == list(range(history.patients))
        causes = np.bincount(ends["detail"], minlength=len(DETAILS))
        assert causes[Detail.LEUKAEMIA :].sum() + causes[Detail.NONE] == history.patients


NO_EFFECT = {"cr_rate": 0.0, "early_death": 0.0, "response_in_first_cycle": 1.0, "antigen_loss_at_failure": 0.0}


@pytest.mark.parametrize("therapy", m.therapies_of_kind("drug"))
@pytest.mark.parametrize("cycle", [1e-3, 2.0])
def test_a_therapy_without_effect_is_supportive_care_and_the_time_it_takes(therapy: str, cycle: float) -> None:
    """With no remission and no death of it, S(t) is that of supportive care before the wait and the cycle: S0(t - T).

    In no time, T near 0, it is supportive care itself. S0(t) = 2 ** (-t / median) when nobody dies of other causes, the
    hazard is constant, and a line more makes no difference.
    """
    wait, median, patients = 0.5, 3.0, 20_000
    values = m.NO_BACKGROUND | m.of(therapy, **NO_EFFECT, cycle_months=cycle)
    values |= {"disease.treated_at_entry": 1.0, "disease.palliative_median_survival": median}
    values |= {"disease.palliative_shape": 1.0, "disease.palliative_hazard_ratio_later_line": 1.0}
    values |= {"disease.months_to_treatment_at_entry": wait * cycle, "disease.wait_shape": 100.0}
    broad = {one: "broad" for one in ("inotuzumab", "car_t_cd19") if "broad" in THERAPIES[one].labels}
    scenario = m.question(
        {
            "treated": {"salvage": [{"give": therapy}], "max_lines": 1},
            "supportive": {"salvage": [{"give": "supportive_care"}]},
        },
        values=values | {"population.cd19_positive": 1.0, "population.cd22_positive": 1.0},
        eligibility=broad,
        patients=patients,
    )
    ends = {
        name: m.ends_of(m.run(m.prepared(scenario, name), scenario, engine="batch")) for name in scenario.strategies
    }
    tables = m.prepared(scenario, "treated")
    starts = m.first_times(m.run(tables, scenario, engine="batch"), Event.TREATMENT_START)
    was = np.isfinite(starts)  # a regimen for late relapses is not for everybody
    assert was.mean() > 0.2
    took = wait * cycle + cycle
    for t in (1.0, 3.0, 8.0):
        m.assert_share(ends["supportive"] > t, 2.0 ** (-t / median), f"{t} months of supportive care")
        m.assert_share(ends["treated"][was] > t + took, 2.0 ** (-t / median), f"{t} months after {therapy}")
