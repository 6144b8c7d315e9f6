"""Cycles, toxicity over time, residual disease, debulking and cells: cases that can be solved on paper."""

from __future__ import annotations

import math

import pytest

import helpers_model as m
from helpers_paper import BLINATUMOMAB, CAR_T, CHEMOTHERAPY, FOR_MRD, tables
from rallsim.model.states import Event, Stage

# --- cycles and toxicity over time -------------------------------------------------------------------------------


@pytest.mark.parametrize(("cycle", "times"), [(0.5, [0.0]), (0.7, [0.0, 2.0])])
def test_cycles_up_to_the_response(cycle: float, times: list[float]) -> None:
    """A course has one cycle or two before it is assessed, each of two months."""
    luck = {"response": 0.9, "response_cycle": cycle, "time_of_early_death": 0.99}
    patient = m.Patient(tables(), Stage.SALVAGE, luck | {"response": 0.5}, therapy=CHEMOTHERAPY)
    assert [time for _, time, _ in patient.noted("cycle")] == times


@pytest.mark.parametrize(("hsct", "stage", "cycles"), [(False, "remission", 4), (True, "awaiting_hsct", 2)])
def test_cycles_in_remission(hsct: bool, stage: str, cycles: int) -> None:
    """Four cycles are planned in all, two when a transplant is waited for; none begins after the stage has ended."""
    values = m.of("chemotherapy", cycles_planned=4.0, cycles_before_hsct=2.0)
    patient = m.Patient(
        tables(hsct=hsct, values=values), Stage.SALVAGE, {"response": 0.1, "relapse": 0.6}, therapy=CHEMOTHERAPY
    )
    patient.step()
    assert patient.stage == stage
    assert [time for _, time, _ in patient.noted("cycle")] == [2.0 * cycle for cycle in range(cycles)]


def test_relapse_ends_the_cycles() -> None:
    """Whoever relapses three months into remission has had the cycles that began before."""
    values = m.of("chemotherapy", cycles_planned=6.0)
    luck = {"response": 0.1, "relapse": 0.5 * (1.0 - math.exp(-0.3))}
    patient = m.Patient(tables(values=values), Stage.SALVAGE, luck, therapy=CHEMOTHERAPY)
    patient.step()
    assert patient.coming[3] == pytest.approx(5.0)
    assert [time for _, time, _ in patient.noted("cycle")] == [0.0, 2.0, 4.0]


@pytest.mark.parametrize("event", ["infection", "cytopenia", "gastrointestinal", "tumour_lysis", "liver"])
def test_events_come_with_the_time_on_treatment(event: str) -> None:
    """The first event of a rate of 1 a month comes at -ln(1 - u), if treatment lasts as long."""
    values = m.of("chemotherapy", **{f"{event}_rate": 1.0})
    for months, found in ((1.5, True), (2.5, False)):
        luck = {"response": 0.5, event: 1.0 - math.exp(-months)}
        patient = m.Patient(tables(values=values), Stage.SALVAGE, luck, therapy=CHEMOTHERAPY)
        noted = patient.noted(event)
        assert bool(noted) == found
        if found:
            assert noted[0] == (event, pytest.approx(months), "grade_3_plus")


def test_liver_events_have_a_grade() -> None:
    """The share of grade 3 and more is that of the therapy."""
    values = m.of("chemotherapy", liver_rate=1.0, liver_grade3plus=0.3)
    for chance, grade in ((0.29, "grade_3_plus"), (0.31, "grade_1_2")):
        luck = {"response": 0.5, "liver": 1.0 - math.exp(-1.5), "liver_grade": chance}
        patient = m.Patient(tables(values=values), Stage.SALVAGE, luck, therapy=CHEMOTHERAPY)
        assert patient.noted("liver")[0][2] == grade


def test_the_number_of_events_is_rate_times_time() -> None:
    """Over 4,000 courses of two months a rate of 0.5 makes one event a course: within 4 standard errors."""
    scenario = m.question(
        {"one": {"salvage": [{"give": "chemotherapy"}], "max_lines": 1}},
        patients=4000,
        values=m.NO_BACKGROUND
        | {"disease.treated_at_entry": 1.0}
        | {"disease.waiting_death_rate": 0.0, "disease.waiting_progression_rate": 0.0}
        | m.of(
            "chemotherapy",
            cr_rate=0.0,
            early_death=0.0,
            infection_rate=0.5,
            cycle_months=2.0,
            response_in_first_cycle=1.0,
        ),
    )
    history = m.run(m.prepared(scenario), scenario, engine="batch")
    events = (history.events["event"] == Event.INFECTION).sum()
    assert abs(events - 4000) <= 4.0 * math.sqrt(4000)


@pytest.mark.parametrize(("chance", "admitted"), [(0.049, True), (0.051, False)])
def test_intensive_care_in_severe_crs(chance: float, admitted: bool) -> None:
    """Half of the 10 % with CRS of grade 3 or more need intensive care, from its onset, for a median of 7 days."""
    values = m.of("car_t_cd19", icu_given_severe_crs=0.5, icu_days=7.0, crs_onset_days=3.0)
    patient = m.Patient(tables("car_t_cd19", values=values), Stage.INFUSED, {"crs": chance}, therapy=CAR_T)
    days = 12.0 / 365.25
    stay = [("icu_admission", pytest.approx(3 * days), ""), ("icu_discharge", pytest.approx(10 * days), "")]
    assert patient.noted("icu_admission", "icu_discharge") == (stay if admitted else [])


# --- residual disease --------------------------------------------------------------------------------------------

TREAT_MRD = [{"give": "blinatumomab_mrd"}]


def test_residual_disease_is_treated_when_the_strategy_says_so() -> None:
    """An MRD-positive response leads to treatment of MRD, an MRD-negative one does not."""
    for mrd, stage in ((0.9, "mrd_therapy"), (0.1, "remission")):
        patient = m.Patient(tables(mrd=TREAT_MRD), Stage.SALVAGE, {"response": 0.1, "mrd": mrd}, therapy=CHEMOTHERAPY)
        patient.step()
        assert patient.stage == stage


@pytest.mark.parametrize(
    ("chance", "hsct", "expected"),
    [
        (0.74, False, ("mrd_response", "remission", "mrd_negative")),
        (0.76, False, ("mrd_response", "remission", "mrd_positive")),
        (0.76, True, ("mrd_response", "awaiting_hsct", "mrd_positive")),
    ],
)
def test_how_treatment_of_residual_disease_ends(chance: float, hsct: bool, expected: tuple[str, str, str]) -> None:
    """MRD goes in 75 % after a cycle of 1.5 months; then the strategy decides on a transplant."""
    luck = {"response": 0.1, "mrd": 0.9, "relapse": 0.9, "mrd_therapy": chance, "mrd_therapy_death": 0.5}
    patient = m.Patient(tables(mrd=TREAT_MRD, hsct=hsct), Stage.SALVAGE, luck, therapy=CHEMOTHERAPY)
    patient.step()
    assert patient.noted("mrd_therapy_start", "cycle")[-2:] == [("mrd_therapy_start", 2.0, ""), ("cycle", 2.0, "")]
    assert patient.record["therapy"] == FOR_MRD
    patient.step()
    assert patient.noted(expected[0]) == [(expected[0], pytest.approx(3.5), expected[2])]
    assert patient.stage == expected[1]


def test_relapse_after_treatment_of_residual_disease_has_its_own_clock() -> None:
    """Relapse follows the MRD therapy's own curve from its response on; the remission counts from its beginning."""
    u = 0.5 * (1.0 - math.exp(-0.5))
    luck = {"response": 0.1, "mrd": 0.9, "relapse": 0.9, "mrd_therapy": 0.1, "mrd_therapy_death": 0.5}
    patient = m.Patient(
        tables(mrd=TREAT_MRD), Stage.SALVAGE, luck | {"relapse_after_mrd_therapy": u}, therapy=CHEMOTHERAPY
    )
    for _ in range(2):
        patient.step()
    assert patient.coming == ("relapse", "relapsed", "antigen_kept", pytest.approx(13.5))
    patient.step()
    assert patient.record["remission_months"] == pytest.approx(11.5)


def test_death_of_treatment_for_residual_disease() -> None:
    """2 % die of it, the first half of them within half of the cycle."""
    luck = {"response": 0.1, "mrd": 0.9, "relapse": 0.9, "mrd_therapy_death": 0.01}
    patient = m.Patient(tables(mrd=TREAT_MRD), Stage.SALVAGE, luck, therapy=CHEMOTHERAPY)
    patient.step()
    assert patient.coming == ("death", "dead", "treatment", pytest.approx(2.75))


def test_entering_in_remission_with_residual_disease() -> None:
    """Whoever enters in remission is treated for MRD at once, transplanted, or watched, as the strategy says."""
    values = {"population.in_mrd_remission": 1.0, **m.NO_BACKGROUND}
    for keys, stage in (
        ({"mrd": TREAT_MRD}, "mrd_therapy"),
        ({"consolidation": [{"hsct": True}]}, "awaiting_hsct"),
        ({}, "remission"),
    ):
        strategy = {"salvage": [{"give": "chemotherapy"}], **keys}
        scenario = m.question({"one": strategy}, values=values | {"population.hsct_fit_under_55": 1.0}, patients=20)
        frame = m.run(m.prepared(scenario), scenario).frame()
        entries = frame[frame["event"] == "entry"]
        assert stage in set(entries["stage"])
        assert "relapsed" not in set(entries["stage"])


# --- debulking ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chance", "blasts"), [(0.399, 0.01), (0.401, 0.8)])
def test_debulking_before_a_drug(chance: float, blasts: float) -> None:
    """The line begins with a cycle of the other drug; an answer to it lowers the blasts before the drug itself."""
    doctored = tables("blinatumomab", bridging="chemotherapy")
    patient = m.Patient(doctored, Stage.RELAPSED, {"bridging_response": chance})
    assert patient.coming == ("treatment_start", "debulking", "", pytest.approx(0.5))
    patient.step()
    assert patient.coming == ("debulked", "salvage", "", pytest.approx(2.5))
    assert patient.noted("bridging_start") == [("bridging_start", pytest.approx(0.5), "")]
    assert patient.record["blasts"] == blasts
    patient.step()
    assert (patient.record["therapy"], patient.record["lines_given"]) == (BLINATUMOMAB, 1)


def test_debulking_can_kill() -> None:
    """5 % die of it, here half-way through the cycle."""
    doctored = tables("blinatumomab", bridging="chemotherapy")
    patient = m.Patient(doctored, Stage.RELAPSED, {"bridging_response": 0.951, "time_of_early_death": 0.5})
    patient.step()
    assert patient.coming == ("death", "dead", "treatment", pytest.approx(1.5))


# --- cells -------------------------------------------------------------------------------------------------------


def waiting(luck: dict[str, float], values: dict[str, float], bridging: str | None = None) -> m.Patient:
    """Return a patient waiting for cells who does not die while waiting."""
    doctored = tables("car_t_cd19", values=m.of("car_t_cd19", **values), bridging=bridging)
    bridge = list(m.parameters().therapies).index(bridging) if bridging else -1
    luck = {"death_while_waiting": 0.999, "drop_out": 0.999, **luck}
    return m.Patient(doctored, Stage.AWAITING_CELLS, luck, therapy=CAR_T, bridging=bridge)


@pytest.mark.parametrize(("again", "expected"), [(0.11, "infusion"), (0.09, "manufacture_failure")])
def test_cells_are_made_a_second_time(again: float, expected: str) -> None:
    """Half of those whose product failed try again, once: leukapheresis and the same wait from then on."""
    luck = {"manufacture": 0.05, "manufacture_retry": 0.4, "manufacture_again": again}
    patient = waiting(luck, {"retry_given_manufacture_failure": 0.5})
    assert patient.coming == ("manufacture_failure", "awaiting_cells", "", pytest.approx(2.5))
    patient.step()
    assert patient.coming[0] == expected
    assert patient.coming[3] == pytest.approx(5.0)
    assert patient.coming[1] == ("infused" if expected == "infusion" else "refractory")
    assert (
        waiting(luck | {"manufacture_retry": 0.6}, {"retry_given_manufacture_failure": 0.5}).coming[1] == "refractory"
    )


def test_the_risk_of_waiting_goes_on_through_a_second_attempt() -> None:
    """Death at a rate of 0.1, doubled without bridging, is counted from the first day of waiting."""
    luck = {"manufacture": 0.05, "manufacture_retry": 0.4, "death_while_waiting": 1.0 - math.exp(-0.8)}
    patient = waiting(luck, {"retry_given_manufacture_failure": 0.5})
    patient.step()
    assert patient.coming == ("death", "dead", "leukaemia", pytest.approx(4.0))


def test_drop_out_by_progression() -> None:
    """Some become too ill for the infusion, alive, twice as fast without bridging."""
    u = {"drop_out": 1.0 - math.exp(-0.2)}
    patient = waiting(u, {"waiting_progression_rate": 0.1})
    assert patient.coming == ("drop_out", "refractory", "progression", pytest.approx(1.0))
    patient.step()
    assert patient.record["course"] == 1
    bridged = waiting(u, {"waiting_progression_rate": 0.1}, "chemotherapy")
    assert bridged.coming == ("drop_out", "refractory", "progression", pytest.approx(2.0))


def test_some_of_those_who_die_waiting_die_of_infection() -> None:
    """The share of infection among deaths while waiting."""
    for chance, cause in ((0.29, "infection"), (0.31, "leukaemia")):
        luck = {"death_while_waiting": 0.1, "cause_of_death_while_waiting": chance}
        assert waiting(luck, {"waiting_infection_share": 0.3}).coming[2] == cause


@pytest.mark.parametrize(("chance", "lost"), [(0.19, True), (0.21, False)])
def test_bridging_with_blinatumomab_can_cost_cd19(chance: float, lost: bool) -> None:
    """When blinatumomab fails as bridging CD19 is lost in 20 %: no infusion, and no CD19 therapy any more."""
    luck = {"bridging_response": 0.5, "antigen_loss_in_bridging": chance}
    doctored = tables(
        "car_t_cd19",
        values=m.of("blinatumomab", antigen_loss_at_failure=0.2, cycle_months=1.0),
        bridging="blinatumomab",
    )
    luck |= {"death_while_waiting": 0.999}
    patient = m.Patient(doctored, Stage.AWAITING_CELLS, luck, therapy=CAR_T, bridging=BLINATUMOMAB)
    assert patient.coming[:3] == (("drop_out", "refractory", "antigen_lost") if lost else ("infusion", "infused", ""))
    patient.step()
    assert patient.record["cd19_positive"] == (0.0 if lost else 1.0)


def test_failure_of_a_drug_can_cost_its_antigen() -> None:
    """Blinatumomab that fails leaves 20 % without CD19."""
    doctored = tables("blinatumomab", values=m.of("blinatumomab", antigen_loss_at_failure=0.2))
    for chance, detail in ((0.19, "antigen_lost"), (0.21, "")):
        luck = {"response": 0.5, "antigen_loss_at_failure": chance}
        patient = m.Patient(doctored, Stage.SALVAGE, luck, therapy=BLINATUMOMAB)
        assert patient.coming[:3] == ("no_response", "refractory", detail)
        patient.step()
        assert patient.record["cd19_positive"] == (0.0 if detail else 1.0)


@pytest.mark.parametrize(("kmt2a", "chance"), [(0.0, 0.2), (1.0, 0.5)])
def test_lineage_switch_closes_both_antigens(kmt2a: float, chance: float) -> None:
    """A switch of lineage has neither CD19 nor CD22; with KMT2A its odds of 1 to 4 are even at an odds ratio of 4."""
    values = m.of("car_t_cd19", lineage_switch=0.2, lineage_switch_odds_ratio_kmt2a=4.0)
    for u, detail in ((chance - 0.01, "lineage_switch"), (chance + 0.01, "antigen_kept")):
        luck = {"relapse": 0.1, "lineage_switch": u, "antigen_loss": 0.9}
        patient = m.Patient(tables("car_t_cd19", values=values), Stage.REMISSION, luck, therapy=CAR_T, kmt2a=kmt2a)
        assert patient.coming[2] == detail
        patient.step()
        kept = float(detail == "antigen_kept")
        assert (patient.record["cd19_positive"], patient.record["cd22_positive"]) == (kept, kept)


def test_loss_of_aplasia_raises_the_hazard_from_then_on() -> None:
    """Aplasia is lost at three months in 25 %; from then on the hazard is three times as high.

    S(t) = S0(3) (S0(t) / S0(3)) ** 3 with S0 = 0.5 + 0.5 exp(-t/10): the uniform that leaves it at t = 8.
    """
    at_loss, later = (0.5 + 0.5 * math.exp(-t / 10.0) for t in (3.0, 8.0))
    u = 1.0 - at_loss * (later / at_loss) ** 3
    record = {"therapy": CAR_T, "blasts": 0.1}
    patient = m.Patient(tables("car_t_cd19"), Stage.REMISSION, {"relapse": u, "b_cell_recovery": 0.24}, **record)
    assert patient.coming == ("b_cell_recovery", "remission", "", pytest.approx(3.0))
    patient.step()
    assert patient.record["b_cell_recovery"] == 1.0
    assert patient.coming == ("relapse", "relapsed", "antigen_kept", pytest.approx(8.0))


def test_loss_of_aplasia_lets_the_strategy_decide_again() -> None:
    """A rule on early B-cell recovery plans the transplant when it happens."""
    rules = [{"after": "car_t_cd19", "when": {"b_cell_recovery": True}, "hsct": True}]
    luck = {"relapse": 0.6, "b_cell_recovery": 0.24}
    patient = m.Patient(tables("car_t_cd19", consolidation=rules), Stage.REMISSION, luck, therapy=CAR_T)
    patient.step()
    assert patient.stage == "awaiting_hsct"
    assert patient.noted("b_cell_recovery") == [("b_cell_recovery", pytest.approx(3.0), "")]


@pytest.mark.parametrize(("chance", "lost"), [(0.39, 0.0), (0.41, 1.0)])
def test_reinfusion_can_restore_aplasia(chance: float, lost: float) -> None:
    """Reinfusion succeeds in 40 %, once; otherwise aplasia stays lost, and a transplant is planned."""
    rules = [{"when": {"b_cell_recovery": True}, "hsct": True}]
    values = m.of("car_t_cd19", reinfusion_success=0.4)
    doctored = tables("car_t_cd19", values=values, reinfusion=True, consolidation=rules)
    luck = {"relapse": 0.6, "b_cell_recovery": 0.24, "reinfusion": chance}
    patient = m.Patient(doctored, Stage.REMISSION, luck, therapy=CAR_T, blasts=0.1)
    patient.step()
    assert patient.noted("reinfusion") == [("reinfusion", pytest.approx(3.0), "")]
    assert patient.record["b_cell_recovery"] == lost
    assert patient.stage == ("awaiting_hsct" if lost else "remission")


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_published_effect_of_bridging_is_a_power(share: float) -> None:
    """The hazard ratio of 4 for who was bridged counts with the power of its causal share, after CAR-T only."""
    doctored = tables("car_t_cd19", values={"disease.bridging_causal_share": share})
    left = 0.5 + 0.5 * math.exp(-0.5)
    for therapy, bridged, power in ((CAR_T, 1, 4.0**share), (CAR_T, 0, 1.0), (CHEMOTHERAPY, 1, 1.0)):
        luck = {"relapse": 1.0 - left**power, "b_cell_recovery": 0.9}
        patient = m.Patient(doctored, Stage.REMISSION, luck, therapy=therapy, blasts=0.1, bridged=bridged)
        assert patient.coming[3] == pytest.approx(5.0)
