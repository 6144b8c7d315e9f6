"""Before and after a transplant, in cases that can be solved on paper."""

from __future__ import annotations

import math

import pytest

import helpers_model as m
from helpers_paper import CAR_T, CHEMOTHERAPY, DAYS, tables
from rallsim.model.states import Stage


@pytest.mark.parametrize(
    ("record", "max_transplants", "planned"),
    [
        ({}, 1, True),
        ({"hsct_fit": 0.0}, 1, False),
        ({"donor": 0.0}, 1, False),
        ({"prior_hsct": 1.0}, 1, False),
        ({"prior_hsct": 1.0}, 2, True),
        ({"prior_hsct": 2.0}, 2, False),
        ({}, 0, False),
    ],
)
def test_who_is_planned_for_a_transplant(record: dict[str, float], max_transplants: int, planned: bool) -> None:
    """The fit are, when they have had fewer transplants than the strategy allows, those before entry included."""
    doctored = tables(hsct=True, max_transplants=max_transplants)
    patient = m.Patient(doctored, Stage.SALVAGE, {"response": 0.1}, therapy=CHEMOTHERAPY, **record)
    patient.step()
    assert patient.stage == ("awaiting_hsct" if planned else "remission")


@pytest.mark.parametrize(("mrd", "stage"), [(0.1, "remission"), (0.9, "awaiting_hsct")])
def test_consolidation_sees_the_remission_it_is_about(mrd: float, stage: str) -> None:
    """A rule on MRD decides by the MRD of the response just found."""
    rules = [{"after": "chemotherapy", "when": {"mrd_positive": True}, "hsct": True}]
    patient = m.Patient(tables(consolidation=rules), Stage.SALVAGE, {"response": 0.1, "mrd": mrd}, therapy=CHEMOTHERAPY)
    patient.step()
    assert patient.stage == stage


def test_nothing_of_a_response_is_known_before_its_assessment() -> None:
    """While the course lasts the record says neither that MRD will be found nor that a transplant will be planned."""
    rules = [{"hsct": True, "alkylators": 2}]
    patient = m.Patient(tables(consolidation=rules), Stage.SALVAGE, {"response": 0.1, "mrd": 0.9}, therapy=CHEMOTHERAPY)
    assert patient.coming[0::2] == ("response", "mrd_positive")
    assert (patient.record["mrd_positive"], patient.record["alkylators"]) == (0.0, 0)
    patient.step()
    assert (patient.record["mrd_positive"], patient.record["alkylators"]) == (1.0, 2)


@pytest.mark.parametrize(("age", "stage"), [(39.8, "awaiting_hsct"), (39.9, "remission")])
def test_consolidation_asks_for_the_age_at_the_remission(age: float, stage: str) -> None:
    """A patient who turns 40 in the two months of the course is too old for a transplant up to that age."""
    rules = [{"when": {"age": {"max": 40}}, "hsct": True}]
    patient = m.Patient(
        tables(consolidation=rules), Stage.SALVAGE, {"response": 0.1}, therapy=CHEMOTHERAPY, entry_age=age
    )
    patient.step()
    assert (patient.stage, patient.record["age"]) == (stage, pytest.approx(age + 2.0 / 12.0))


def test_transplant_after_a_wait_unless_relapse_is_first() -> None:
    """Transplant three months after the response, relapse by the remission's own clock when that is earlier."""
    record = {"time": 4.0, "remission_since": 4.0, "relapse_clock": 4.0, "therapy": CHEMOTHERAPY}
    patient = m.Patient(tables(hsct=True), Stage.AWAITING_HSCT, {"relapse": 0.9}, **record)
    assert patient.coming == ("hsct", "after_hsct", "one_alkylator", pytest.approx(7.0))
    patient.step()
    assert (patient.record["prior_hsct"], patient.record["hsct_since"]) == (1.0, pytest.approx(7.0))
    u = 1.0 - (0.5 + 0.5 * math.exp(-0.2))
    relapsing = m.Patient(tables(hsct=True), Stage.AWAITING_HSCT, {"relapse": u}, **record)
    assert relapsing.coming[:1] + relapsing.coming[3:] == ("relapse", pytest.approx(6.0))


AFTER_HSCT = {"time": 7.0, "hsct_since": 7.0, "remission_since": 4.0, "therapy": CHEMOTHERAPY, "prior_hsct": 1.0}
AFTER_HSCT |= {"lines_given": 1.0}
WELL = {"transplant_death": 0.9, "relapse_after_hsct": 0.9, "sos_after_hsct": 0.9}
WELL |= {"acute_gvhd": 0.9, "chronic_gvhd": 0.9}


def test_after_transplant_all_well() -> None:
    """With no event in the first 60 months after transplant the remission is long-term."""
    patient = m.Patient(tables(), Stage.AFTER_HSCT, WELL, **AFTER_HSCT)
    assert patient.coming == ("long_term_remission", "long_term_remission", "", pytest.approx(67.0))


def test_death_of_the_transplant() -> None:
    """0.75 + 0.25 exp(-t/8) have not died of it: at t = 8 for the uniform that leaves 0.75 + 0.25/e."""
    u = 0.25 * (1.0 - math.exp(-1.0))
    patient = m.Patient(tables(), Stage.AFTER_HSCT, WELL | {"transplant_death": u}, **AFTER_HSCT)
    assert patient.coming == ("death", "dead", "transplant", pytest.approx(15.0))


@pytest.mark.parametrize("mrd_positive", [0.0, 1.0])
def test_relapse_after_transplant(mrd_positive: float) -> None:
    """Relapse follows the transplant's own curve, cubed when MRD was positive before it."""
    u = 1.0 - (0.6 + 0.4 * math.exp(-1.0)) ** (3.0 if mrd_positive else 1.0)
    record = AFTER_HSCT | {"mrd_positive": mrd_positive}
    patient = m.Patient(tables(), Stage.AFTER_HSCT, WELL | {"relapse_after_hsct": u}, **record)
    assert patient.coming == ("relapse", "relapsed", "antigen_kept", pytest.approx(17.0))


def test_sos_after_transplant() -> None:
    """SOS has the probability the courses left behind; 30 % of it is fatal a month after its onset on day 15."""
    record = AFTER_HSCT | {"sos_after_hsct": 0.2}
    onset = 7.0 + 15 * DAYS
    fatal = m.Patient(tables(), Stage.AFTER_HSCT, WELL | {"sos_after_hsct": 0.19, "sos_death": 0.29}, **record)
    assert fatal.coming == ("death", "dead", "sos", pytest.approx(onset + 1.0))
    assert fatal.noted("sos") == [("sos", pytest.approx(onset), "")]
    survived = m.Patient(tables(), Stage.AFTER_HSCT, WELL | {"sos_after_hsct": 0.19, "sos_death": 0.31}, **record)
    assert survived.coming[0] == "long_term_remission"
    assert survived.noted("sos") == [("sos", pytest.approx(onset), "")]
    assert m.Patient(tables(), Stage.AFTER_HSCT, WELL | {"sos_after_hsct": 0.21}, **record).noted("sos") == []


@pytest.mark.parametrize(
    ("ratio", "record", "luck"),
    [
        ("two_alkylators", {"alkylators": 2}, {}),
        ("bilirubin", {}, {"bilirubin": 0.19}),
        ("liver_disease", {"liver_disease": 1.0}, {}),
    ],
)
def test_what_raises_the_odds_of_sos(ratio: str, record: dict[str, float], luck: dict[str, float]) -> None:
    """Odds of 1 to 4 times 4 are even: half of those the odds ratio is about have SOS, a fifth of the others."""
    doctored = tables(values={f"hsct.sos_odds_ratio_{ratio}": 4.0})
    plain = AFTER_HSCT | {"sos_after_hsct": 0.2, "alkylators": 1}
    for who, fortune, chance in ((plain, {}, 0.2), (plain | record, luck, 0.5)):
        for u in (chance - 0.01, chance + 0.01):
            patient = m.Patient(doctored, Stage.AFTER_HSCT, WELL | fortune | {"sos_after_hsct": u}, **who)
            assert bool(patient.noted("sos")) == (u < chance)


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("hsct.hazard_ratio_second", {"prior_hsct": 2.0}),
        ("hsct.hazard_ratio_first_remission", {"lines_given": 0.0}),
        ("hsct.transplant_death_hazard_ratio_55_plus", {"entry_age": 60.0}),
    ],
)
def test_what_makes_a_transplant_deadlier(path: str, record: dict[str, float]) -> None:
    """A hazard ratio of 4 is the fourth power of the curve, for those it is about and nobody else."""
    doctored = tables(values={path: 4.0})
    for who, power in (({"entry_age": 40.0}, 1.0), ({"entry_age": 40.0} | record, 4.0)):
        u = 1.0 - (0.75 + 0.25 * math.exp(-0.5)) ** power
        patient = m.Patient(doctored, Stage.AFTER_HSCT, WELL | {"transplant_death": u}, **AFTER_HSCT | who)
        assert patient.coming == ("death", "dead", "transplant", pytest.approx(11.0))


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("hsct.hazard_ratio_second", {"prior_hsct": 2.0}),
        ("hsct.hazard_ratio_first_remission", {"lines_given": 0.0}),
        ("hsct.relapse_hazard_ratio_active_disease", {"hsct_in_relapse": 1}),
        ("hsct.relapse_hazard_ratio_two_alkylators", {"alkylators": 2}),
    ],
)
def test_what_changes_relapse_after_transplant(path: str, record: dict[str, float]) -> None:
    """A hazard ratio of 4 is the fourth power of the curve of relapse, for those it is about and nobody else."""
    doctored = tables(values={path: 4.0})
    for who, power in (({}, 1.0), (record, 4.0)):
        u = 1.0 - (0.6 + 0.4 * math.exp(-0.5)) ** power
        patient = m.Patient(doctored, Stage.AFTER_HSCT, WELL | {"relapse_after_hsct": u}, **AFTER_HSCT | who)
        assert patient.coming == ("relapse", "relapsed", "antigen_kept", pytest.approx(12.0))


def test_graft_versus_host_disease() -> None:
    """10 % have acute disease of grade 3 or more, 30 % of grade 2, about day 30; 30 % chronic, about month 6."""
    for chance, grade in ((0.09, "grade_3_plus"), (0.39, "grade_2"), (0.41, None)):
        patient = m.Patient(tables(), Stage.AFTER_HSCT, WELL | {"acute_gvhd": chance}, **AFTER_HSCT)
        assert patient.noted("acute_gvhd") == ([("acute_gvhd", pytest.approx(7.0 + 30 * DAYS), grade)] if grade else [])
    patient = m.Patient(tables(), Stage.AFTER_HSCT, WELL | {"chronic_gvhd": 0.29}, **AFTER_HSCT)
    assert patient.noted("chronic_gvhd") == [("chronic_gvhd", pytest.approx(13.0), "")]


def test_a_transplant_waits_longer_without_a_sibling() -> None:
    """At a ratio of 1.5 the wait of three months is 4.5 without a sibling donor."""
    doctored = tables(hsct=True, values={"hsct.wait_ratio_no_sibling": 1.5})
    record = {"therapy": CHEMOTHERAPY, "alkylators": 2}
    for sibling, months in ((1.0, 3.0), (0.0, 4.5)):
        patient = m.Patient(doctored, Stage.AWAITING_HSCT, {"relapse": 0.9}, sibling_donor=sibling, **record)
        assert patient.coming == ("hsct", "after_hsct", "two_alkylators", pytest.approx(months))


def test_the_strategy_chooses_the_conditioning() -> None:
    """A rule with two alkylating agents is remembered until the transplant."""
    rules = [{"hsct": True, "alkylators": 2}]
    patient = m.Patient(tables(consolidation=rules), Stage.SALVAGE, {"response": 0.1}, therapy=CHEMOTHERAPY)
    patient.step()
    assert (patient.stage, patient.record["alkylators"]) == ("awaiting_hsct", 2)


def test_a_transplant_in_relapse() -> None:
    """After a wait of two months the transplant is a line; half answer after a month and are then after transplant."""
    doctored = tables("hsct_in_relapse")
    patient = m.Patient(doctored, Stage.RELAPSED, WELL | {"response": 0.49, "mrd": 0.4})
    assert patient.coming == ("treatment_start", "salvage", "", pytest.approx(2.0))
    patient.step()
    assert patient.noted("hsct") == [("hsct", pytest.approx(2.0), "one_alkylator")]
    assert patient.coming == ("response", "after_hsct", "mrd_negative", pytest.approx(3.0))
    assert (patient.record["prior_hsct"], patient.record["hsct_in_relapse"]) == (1.0, 1)
    patient.step()
    assert patient.coming == ("long_term_remission", "long_term_remission", "", pytest.approx(62.0))
    for refused in ({"hsct_fit": 0.0}, {"donor": 0.0}, {"prior_hsct": 1.0}):
        assert m.Patient(doctored, Stage.RELAPSED, {}, **refused).coming[0] == "palliative_care"


def test_death_of_a_transplant_in_relapse_can_come_before_its_assessment() -> None:
    """The curve of transplant death runs from the transplant on, through the assessment of the response."""
    u = 0.25 * (1.0 - math.exp(-0.5 / 8.0))
    patient = m.Patient(tables("hsct_in_relapse"), Stage.RELAPSED, WELL | {"response": 0.1, "transplant_death": u})
    patient.step()
    assert patient.coming == ("death", "dead", "transplant", pytest.approx(2.5))


def test_the_published_effect_of_transplant_after_car_t_stands_in_its_share() -> None:
    """In the causal share relapse goes on by the CAR-T's clock at a quarter of the hazard, without transplant death.

    S after t = 5 is (S0(t) / S0(5)) ** 0.25: the uniform that leaves it at t = 10.
    """
    doctored = tables("car_t_cd19", values={"hsct.after_car_t_causal_share": 0.5})
    record = {"time": 5.0, "hsct_since": 5.0, "therapy": CAR_T, "prior_hsct": 1.0, "blasts": 0.1}
    left = ((0.5 + 0.5 * math.exp(-1.0)) / (0.5 + 0.5 * math.exp(-0.5))) ** 0.25
    luck = {"effect_of_hsct": 0.49, "relapse_after_hsct": 1.0 - left, "transplant_death": 0.01}
    patient = m.Patient(doctored, Stage.AFTER_HSCT, luck, **record)
    assert patient.coming == ("relapse", "relapsed", "antigen_kept", pytest.approx(10.0))
    patient = m.Patient(doctored, Stage.AFTER_HSCT, luck | {"effect_of_hsct": 0.51}, **record)
    assert patient.coming[:3] == ("death", "dead", "transplant")


def test_a_planned_transplant_is_realised_in_a_share() -> None:
    """Fit, with a donor and meant for one, a patient whose uniform lies beyond the share is not transplanted."""
    doctored = tables(hsct=True, values=m.of("chemotherapy", hsct_realised=0.6))
    for u, stage in ((0.59, "awaiting_hsct"), (0.61, "remission")):
        luck = {"response": 0.0, "mrd": 0.0, "response_cycle": 0.0, "hsct_realised": u}
        patient = m.Patient(doctored, Stage.SALVAGE, luck, therapy=CHEMOTHERAPY, line=1.0, lines_given=1.0)
        patient.step()
        assert patient.stage == stage
