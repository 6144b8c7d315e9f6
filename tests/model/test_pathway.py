"""Every stage in a case that can be solved on paper: round parameters, uniforms set by hand, one patient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

import helpers_model as m
from helpers_paper import CAR_T, CHEMOTHERAPY, DAYS, INOTUZUMAB, THERAPIES, tables
from rallsim.model.states import Stage

# --- relapsed ----------------------------------------------------------------------------------------------------


def test_a_line_begins_after_a_wait() -> None:
    """At odds of 16 to 1 the wait of median 0.5 and shape 4 is 1 month; then the first line begins."""
    patient = m.Patient(tables(), Stage.RELAPSED, {"time_to_treatment": 16 / 17})
    assert patient.coming == ("treatment_start", "salvage", "", pytest.approx(1.0))
    patient.step()
    assert patient.record["lines_given"] == 1
    assert patient.record["therapy"] == CHEMOTHERAPY
    assert patient.record[f"given_{CHEMOTHERAPY}"] == 1


def test_later_lines_have_a_wait_of_their_own() -> None:
    """The first line comes 0.1 months after entry, the next 2 months after a failure: medians of either wait."""
    values = {"disease.months_to_treatment_at_entry": 0.1, "disease.months_to_treatment": 2.0}
    first = m.Patient(tables(values=values), Stage.RELAPSED)
    later = m.Patient(tables(values=values), Stage.REFRACTORY, time=5.0, course=1, lines_given=1)
    assert first.coming[3] == pytest.approx(0.1)
    assert later.coming[3] == pytest.approx(7.0)


def test_car_t_begins_with_a_wait_for_cells() -> None:
    """A CAR-T line begins in the stage that waits for the cells."""
    patient = m.Patient(tables("car_t_cd19"), Stage.RELAPSED)
    assert patient.coming == ("treatment_start", "awaiting_cells", "", pytest.approx(0.5))


@pytest.mark.parametrize(("chance", "event"), [(0.899, "treatment_start"), (0.901, "palliative_care")])
def test_not_everybody_entering_is_treated(chance: float, event: str) -> None:
    """At entry 90 % are given a line at all."""
    assert m.Patient(tables(), Stage.RELAPSED, {"treated": chance}).coming[0] == event


@pytest.mark.parametrize(("chance", "event"), [(0.599, "treatment_start"), (0.601, "palliative_care")])
def test_fewer_are_treated_again(chance: float, event: str) -> None:
    """After a failure 60 % are given another line, by the luck of their second course."""
    patient = m.Patient(tables(), Stage.REFRACTORY, {"treated": 0.0, ("treated", 1): chance}, course=1, lines_given=1)
    assert patient.coming[0] == event


@pytest.mark.parametrize(
    "refused",
    [
        {"strategy": {"salvage": ("blinatumomab",)}, "record": {"cd19_positive": 0.0}},
        {"strategy": {"salvage": ("inotuzumab",)}, "record": {"liver_disease": 1.0}},
        {"strategy": {"salvage": ("chemotherapy",), "max_lines": 2}, "record": {"lines_given": 2}},
        {"strategy": {"salvage": ("chemotherapy",)}, "record": {"given": {"chemotherapy": 3}}},
    ],
    ids=["antigen gone", "liver disease", "lines used up", "courses used up"],
)
def test_palliative_care_when_no_rule_applies(refused: dict[str, Any]) -> None:
    """Whoever can be given nothing any more has palliative care at once."""
    salvage = refused["strategy"].pop("salvage")
    patient = m.Patient(tables(*salvage, **refused["strategy"]), Stage.RELAPSED, **refused["record"])
    assert patient.coming == ("palliative_care", "palliative", "", 0.0)


def test_the_last_course_has_luck() -> None:
    """After the sixth course there is palliative care, whose luck is in the family after the last course."""
    patient = m.Patient(tables(), Stage.REFRACTORY, {("palliative_survival", 6): 0.75}, course=6, lines_given=2)
    assert patient.coming[:2] == ("palliative_care", "palliative")
    patient.step()
    assert patient.coming == ("death", "dead", "leukaemia", pytest.approx(4.0))


# --- salvage and infused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chance", "cycle", "expected"),
    [
        (0.399, 0.5, ("response", "remission", "mrd_negative", 2.0)),
        (0.399, 0.7, ("response", "remission", "mrd_negative", 4.0)),
        (0.401, 0.5, ("no_response", "refractory", "", 2.0)),
        (0.899, 0.7, ("no_response", "refractory", "", 4.0)),
        (0.901, 0.5, ("death", "dead", "treatment", 1.5)),
        (0.901, 0.7, ("death", "dead", "treatment", 3.0)),
    ],
)
def test_how_a_course_ends(chance: float, cycle: float, expected: tuple[str, str, str, float]) -> None:
    """40 % respond, 50 % do not, 10 % die before; at the end of the first cycle in 60 %, else of the second.

    The uniform of the early death is 0.75, so it comes three quarters of the way to the assessment.
    """
    luck = {"response": chance, "response_cycle": cycle, "time_of_early_death": 0.75}
    patient = m.Patient(tables(), Stage.SALVAGE, luck, therapy=CHEMOTHERAPY, line=1.0, lines_given=1)
    assert patient.coming == (*expected[:3], pytest.approx(expected[3]))


@pytest.mark.parametrize(("chance", "detail"), [(0.699, "mrd_negative"), (0.701, "mrd_positive")])
def test_residual_disease(chance: float, detail: str) -> None:
    """70 % of responses are MRD-negative."""
    patient = m.Patient(tables(), Stage.SALVAGE, {"response": 0.1, "mrd": chance}, therapy=CHEMOTHERAPY)
    assert patient.coming[:3] == ("response", "remission", detail)


@pytest.mark.parametrize(
    ("ratio", "record"),
    [
        ("cr_odds_ratio_long_remission", {"remission_months": 18.0}),
        ("cr_odds_ratio_second_salvage", {"line": 2.0}),
        ("cr_odds_ratio_later_salvage", {"line": 3.0}),
        ("cr_odds_ratio_later_salvage", {"line": 5.0}),
        ("cr_odds_ratio_low_burden", {"blasts": 0.499}),
        ("cr_odds_ratio_prior_hsct", {"prior_hsct": 1.0}),
        ("cr_odds_ratio_extramedullary", {"extramedullary": 1.0}),
        ("cr_odds_ratio_ph_positive", {"ph_positive": 1.0}),
    ],
)
def test_what_changes_the_odds_of_a_response(ratio: str, record: dict[str, float]) -> None:
    """Odds of 2 to 3 halved are 1 to 3: the chance falls from 0.4 to 0.25 in whom the ratio is about, only there."""
    doctored = tables(values=m.of("chemotherapy", **{ratio: 0.5}))
    plain = {"therapy": CHEMOTHERAPY, "line": 1.0, "remission_months": 17.9, "blasts": 0.5, "prior_hsct": 0.0}
    for chance, of_plain, of_special in ((0.24, True, True), (0.26, True, False), (0.41, False, False)):
        for who, responds in ((plain, of_plain), (plain | record, of_special)):
            assert (m.Patient(doctored, Stage.SALVAGE, {"response": chance}, **who).coming[0] == "response") == responds


@pytest.mark.parametrize(("line", "chance_of_response"), [(1.0, 0.4), (2.0, 0.25), (3.0, 1 / 7), (4.0, 1 / 7)])
def test_each_line_has_one_odds_ratio(line: float, chance_of_response: float) -> None:
    """Second salvage has its own odds ratio (1/2), all later lines theirs (1/4), never both."""
    ratios = {"cr_odds_ratio_second_salvage": 0.5, "cr_odds_ratio_later_salvage": 0.25}
    doctored = tables(values=m.of("chemotherapy", **ratios))
    for chance, responds in ((chance_of_response - 0.001, True), (chance_of_response + 0.001, False)):
        patient = m.Patient(doctored, Stage.SALVAGE, {"response": chance}, therapy=CHEMOTHERAPY, line=line)
        assert (patient.coming[0] == "response") == responds


def test_a_place_has_its_own_level_of_response_and_of_mrd() -> None:
    """Odds ratios of a place multiply the odds of remission (1/4 becomes 1/2) and of MRD-negativity given it."""
    values = {"disease.cr_odds_ratio_place": 3.0, "disease.mrd_odds_ratio_place": 0.25}
    values |= m.of("chemotherapy", cr_rate=0.25, mrd_negative_given_cr=0.5, mrd_odds_ratio_low_burden=1.0)
    record = {"therapy": CHEMOTHERAPY, "line": 1.0, "lines_given": 1, "blasts": 0.8, "remission_months": 3.0}
    for chance, mrd, expected in (
        (0.499, 0.199, ("response", "mrd_negative")),
        (0.499, 0.201, ("response", "mrd_positive")),
        (0.501, 0.1, ("no_response", "")),
    ):
        patient = m.Patient(tables(values=values), Stage.SALVAGE, {"response": chance, "mrd": mrd}, **record)
        assert (patient.coming[0], patient.coming[2]) == expected


def test_early_death_never_takes_from_the_responders() -> None:
    """When 95 % respond only the other 5 % can die early, though 10 % would."""
    doctored = tables(values=m.of("chemotherapy", cr_rate=0.95))
    endings = [
        m.Patient(doctored, Stage.SALVAGE, {"response": u}, therapy=CHEMOTHERAPY).coming[0] for u in (0.94, 0.96)
    ]
    assert endings == ["response", "death"]


def test_toxicities_of_a_course() -> None:
    """The unluckiest 10 % have grade 3 or more, the next 20 % grade 1 or 2; at u = 0.5 the onset is the median."""
    for chance, grade in ((0.09, "grade_3_plus"), (0.29, "grade_1_2"), (0.31, None)):
        patient = m.Patient(tables(), Stage.SALVAGE, {"crs": chance, "icans": 0.99}, therapy=CHEMOTHERAPY)
        expected = [("crs", pytest.approx(10 * DAYS), grade)] if grade else []
        assert patient.noted("crs", "icans", "sos") == expected
    patient = m.Patient(
        tables(),
        Stage.SALVAGE,
        {"icans": 0.19, "sos_on_treatment": 0.09, "sos_on_treatment_time": 0.25},
        therapy=CHEMOTHERAPY,
    )
    assert patient.noted("icans") == [("icans", pytest.approx(20 * DAYS), "grade_1_2")]
    assert patient.noted("sos") == [("sos", pytest.approx(0.5), "")]


def test_the_dead_have_no_toxicity() -> None:
    """A toxicity whose onset would come after an early death is not noted."""
    luck = {"response": 0.95, "time_of_early_death": 0.1, "crs": 0.01, "icans": 0.01}
    patient = m.Patient(tables(), Stage.SALVAGE, luck, therapy=CHEMOTHERAPY)
    assert patient.coming[3] == pytest.approx(0.2)
    assert patient.noted("crs", "icans") == []


def test_cells_are_assessed_like_a_course() -> None:
    """Infused cells answer after a month in 80 %."""
    patient = m.Patient(tables("car_t_cd19"), Stage.INFUSED, {"response": 0.79}, therapy=CAR_T)
    assert patient.coming == ("response", "remission", "mrd_negative", pytest.approx(1.0))
    assert m.Patient(tables("car_t_cd19"), Stage.INFUSED, {"response": 0.81}, therapy=CAR_T).coming[0] == "no_response"


# --- awaiting cells ----------------------------------------------------------------------------------------------


def awaiting(luck: Mapping[str | tuple[str, int], float] | None = None, **keys: Any) -> m.Patient:
    """Return a patient waiting for cells who does not die while waiting, unless the luck says so."""
    record = keys.pop("record", {})
    luck = {"death_while_waiting": 0.999, **(luck or {})}
    bridging = {"bridging": list(m.parameters().therapies).index(keys["bridging"]) if keys.get("bridging") else -1}
    return m.Patient(tables("car_t_cd19", **keys), Stage.AWAITING_CELLS, luck, therapy=CAR_T, **bridging | record)


def test_cells_are_made_and_given() -> None:
    """Leukapheresis after half a month, infusion two months later: at 2.5 months for uniforms of a half."""
    patient = awaiting()
    assert patient.coming == ("infusion", "infused", "", pytest.approx(2.5))
    assert patient.noted("leukapheresis") == [("leukapheresis", 0.5, "")]


def test_leukapheresis_fails() -> None:
    """10 % have no cells to send away: refractory at the time of leukapheresis, which is not noted as done."""
    patient = awaiting({"leukapheresis": 0.901}, bridging="chemotherapy")
    assert patient.coming == ("leukapheresis_failure", "refractory", "", pytest.approx(0.5))
    assert patient.noted() == [("entry", 0.0, "")]
    patient.step()
    assert (patient.record["course"], patient.record["remission_months"]) == (1, 6.0)


def test_manufacture_fails() -> None:
    """10 % of products fail: refractory on the day the infusion would have been, and the next course has begun."""
    patient = awaiting({"manufacture": 0.099})
    assert patient.coming == ("manufacture_failure", "refractory", "", pytest.approx(2.5))
    patient.step()
    assert (patient.record["course"], patient.record["lines_given"]) == (1, 0)
    assert awaiting({"manufacture": 0.101}).coming[0] == "infusion"


def test_death_while_waiting() -> None:
    """The rate of 0.1 is doubled when nobody bridges: at u = 1 - exp(-0.3) death comes at 1.5, with bridging at 3."""
    u = {"death_while_waiting": 1.0 - math.exp(-0.3)}
    assert awaiting(u).coming == ("death", "dead", "leukaemia", pytest.approx(1.5))
    assert awaiting(u, bridging="chemotherapy").coming == ("infusion", "infused", "", pytest.approx(2.5))
    sooner = {"death_while_waiting": 1.0 - math.exp(-0.2)}
    assert awaiting(sooner, bridging="chemotherapy").coming == ("death", "dead", "leukaemia", pytest.approx(2.0))


@pytest.mark.parametrize("bridging", [None, "chemotherapy"])
def test_death_before_leukapheresis(bridging: str | None) -> None:
    """Whoever dies before leukapheresis has none, and no bridging."""
    patient = awaiting({"death_while_waiting": 1.0 - math.exp(-0.04)}, bridging=bridging)
    assert patient.coming == ("death", "dead", "leukaemia", pytest.approx(0.4 if bridging else 0.2))
    assert patient.noted() == [("entry", 0.0, "")]


@pytest.mark.parametrize(("chance", "blasts"), [(0.399, 0.01), (0.401, 0.8), (0.949, 0.8)])
def test_a_response_to_bridging_lowers_the_blasts(chance: float, blasts: float) -> None:
    """40 % respond to bridging a cycle after its start at leukapheresis: 1 % blasts; the others keep theirs."""
    patient = awaiting(
        {"bridging_response": chance}, bridging="chemotherapy", values=m.of("chemotherapy", cycle_months=1.5)
    )
    assert patient.coming == ("infusion", "infused", "", pytest.approx(2.5))
    assert patient.record["blasts"] == blasts
    assert patient.noted("bridging_start") == [("bridging_start", 0.5, "")]
    assert patient.noted("bridging_response") == ([("bridging_response", 2.0, "")] if blasts < 0.5 else [])
    assert patient.record[f"given_{CHEMOTHERAPY}"] == 1
    assert patient.record["lines_given"] == 0


def test_a_response_to_bridging_that_comes_too_late_counts_for_nothing() -> None:
    """Bridging assessed after the infusion lowers nothing."""
    patient = awaiting(
        {"bridging_response": 0.1}, bridging="chemotherapy", values=m.of("chemotherapy", cycle_months=2.1)
    )
    assert patient.coming[0] == "infusion"
    assert patient.record["blasts"] == 0.8
    assert patient.noted("bridging_response") == []


def test_bridging_can_kill() -> None:
    """5 % die of bridging, here half-way through its cycle of two months: at 0.5 + 1."""
    patient = awaiting({"bridging_response": 0.951, "time_of_early_death": 0.5}, bridging="chemotherapy")
    assert patient.coming == ("death", "dead", "treatment", pytest.approx(1.5))
    events = [("entry", 0.0, ""), ("leukapheresis", 0.5, ""), ("bridging_start", 0.5, ""), ("cycle", 0.5, "")]
    assert patient.noted() == events


def test_bridging_never_kills_a_responder() -> None:
    """When 98 % respond to bridging only the other 2 % can die of it, though 5 % would."""
    certain = {"values": m.of("chemotherapy", cr_rate=0.98, cycle_months=1.0), "bridging": "chemotherapy"}
    endings = [awaiting({"bridging_response": u}, **certain).coming[0] for u in (0.979, 0.981)]
    assert endings == ["infusion", "death"]


def test_bridging_uses_up_a_course_and_its_liver() -> None:
    """Inotuzumab as bridging counts as given and raises the risk of SOS at a later transplant, never lowers it."""
    patient = awaiting(bridging="inotuzumab", record={"sos_after_hsct": 0.5})
    assert patient.record[f"given_{INOTUZUMAB}"] == 1
    assert patient.record["sos_after_hsct"] == 0.5
    assert awaiting(bridging="inotuzumab").record["sos_after_hsct"] == 0.2


def test_bridging_is_decided_with_the_line() -> None:
    """The rule for bridging is asked with the line; a drug given as often as allowed does not bridge again."""
    for given, bridging in ((0, INOTUZUMAB), (1, -1)):
        doctored = tables("car_t_cd19", bridging="inotuzumab")
        patient = m.Patient(doctored, Stage.RELAPSED, {}, given={"inotuzumab": given})
        assert patient.record["bridging"] == bridging


# --- remission ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mrd_positive", [0.0, 1.0])
def test_relapse_from_remission(mrd_positive: float) -> None:
    """S = 0.5 + 0.5 exp(-t/10), squared with MRD: at t = 5 after remission for the uniform that leaves S(5)."""
    left = (0.5 + 0.5 * math.exp(-0.5)) ** (2.0 if mrd_positive else 1.0)
    record = {"time": 4.0, "remission_since": 4.0, "relapse_clock": 4.0}
    record |= {"therapy": CHEMOTHERAPY, "mrd_positive": mrd_positive}
    patient = m.Patient(tables(), Stage.REMISSION, {"relapse": 1.0 - left}, **record)
    assert patient.coming == ("relapse", "relapsed", "antigen_kept", pytest.approx(9.0))
    patient.step()
    assert patient.record["remission_months"] == pytest.approx(5.0)
    assert patient.record["mrd_positive"] == 0.0
    assert patient.record["course"] == 1


def test_no_relapse_is_found_before_the_next_control() -> None:
    """A relapse that the curve puts at once is found at the first control; from thrice that time on at once.

    Half of the patients never relapse, the others at a rate of 0.1 a month: those with a uniform u after
    -10 ln(1 - 2 u) months.
    """
    values = {"disease.shortest_remission_months": 0.5} | m.of(
        "chemotherapy", relapse_cure=0.5, relapse_scale=10.0, relapse_shape=1.0, relapse_hazard_ratio_high_burden=1.0
    )
    record = {"time": 4.0, "remission_since": 4.0, "relapse_clock": 4.0, "therapy": CHEMOTHERAPY}
    for begins, is_found in ((0.0, 0.5), (0.6, 0.9), (1.5, 1.5), (3.0, 3.0)):
        u = -math.expm1(-begins / 10.0) / 2.0
        patient = m.Patient(tables(values=values), Stage.REMISSION, {"relapse": u}, **record)
        assert patient.coming == ("relapse", "relapsed", "antigen_kept", pytest.approx(4.0 + is_found, abs=1e-9))


def test_months_since_a_transplant_before_entry_go_on() -> None:
    """Seven months before entry, the months since a transplant go on with time; without one they stay at 1200."""
    before = {"hsct_before_entry": 7.0, "remission_months": 0.0, "hsct_since": -1.0}
    for time in (0.0, 5.0):
        for transplants, months in ((1.0, 7.0 + time), (0.0, 1200.0)):
            patient = m.Patient(tables(), Stage.RELAPSED, {}, time=time, prior_hsct=transplants, **before)
            assert patient.record["months_since_hsct"] == pytest.approx(months)


def test_a_sampled_transplant_before_entry_was_early_in_the_first_remission() -> None:
    """It was done three months into the first remission, so the months since are those of the remission less three."""
    who = m.entrants(
        tables(values={"population.prior_hsct": 0.3}),
        m.question({"one": {"salvage": [{"give": "chemotherapy"}]}}, patients=500),
    )
    had = who["prior_hsct"] > 0.0
    done = m.parameters().parameters["disease.months_to_hsct_in_first_remission"].value
    assert had.sum() > 50
    assert who["months_since_hsct"][had] == pytest.approx(who["cr1_months"][had] - done)
    assert (who["months_since_hsct"][~had] == 1200.0).all()


@pytest.mark.parametrize(
    ("ratio", "record"),
    [
        ("relapse_hazard_ratio_high_burden", {"blasts": 0.5}),
        ("relapse_hazard_ratio_extramedullary", {"extramedullary": 1.0}),
        ("relapse_hazard_ratio_b_cell_recovery", {"b_cell_recovery": 1.0}),
    ],
)
def test_what_changes_the_hazard_of_relapse(ratio: str, record: dict[str, float]) -> None:
    """A hazard ratio of 4 is the fourth power of S, for those it is about and nobody else."""
    doctored = tables("car_t_cd19", values=m.of("car_t_cd19", **{ratio: 4.0}))
    for who, power in (({"blasts": 0.1, "b_cell_recovery": 0.0}, 1.0), ({"blasts": 0.1} | record, 4.0)):
        u = 1.0 - (0.5 + 0.5 * math.exp(-0.5)) ** power
        patient = m.Patient(doctored, Stage.REMISSION, {"relapse": u}, therapy=CAR_T, **who)
        assert patient.coming[3] == pytest.approx(5.0)


def test_remission_becomes_long_term() -> None:
    """Whoever is on the plateau has a long-term remission 60 months after remission, not after entry."""
    patient = m.Patient(
        tables(), Stage.REMISSION, {"relapse": 0.6}, time=4.0, remission_since=4.0, therapy=CHEMOTHERAPY
    )
    assert patient.coming == ("long_term_remission", "long_term_remission", "", pytest.approx(64.0))


@pytest.mark.parametrize(
    ("therapy", "antigen", "closed"),
    [(CAR_T, "cd19_positive", {"car_t_cd19", "blinatumomab"}), (INOTUZUMAB, "cd22_positive", {"inotuzumab"})],
)
def test_antigen_loss_closes_the_therapies_of_that_antigen(therapy: int, antigen: str, closed: set[str]) -> None:
    """A relapse that loses CD19 or CD22 (20 %) ends all therapies aimed at it, and leaves the others open."""
    record = {"therapy": therapy, "remission_since": 0.0}
    luck = {"relapse": 0.1, "antigen_loss": 0.199, ("treated", 1): 0.0}
    for only in THERAPIES:
        patient = m.Patient(tables(only), Stage.REMISSION, luck, **record)
        assert patient.coming[2] == "antigen_lost"
        patient.step()
        assert patient.record[antigen] == 0.0
        assert (patient.coming[0] == "palliative_care") == (only in closed), only
    kept = m.Patient(tables(), Stage.REMISSION, luck | {"antigen_loss": 0.201}, **record)
    assert kept.coming[2] == "antigen_kept"
    kept.step()
    assert kept.record[antigen] == 1.0


def test_chemotherapy_loses_no_antigen() -> None:
    """A therapy without a target leaves both antigens, whatever its number says."""
    patient = m.Patient(
        tables(values=m.of("chemotherapy", antigen_loss=1.0)), Stage.REMISSION, {"relapse": 0.1}, therapy=CHEMOTHERAPY
    )
    assert patient.coming[2] == "antigen_kept"


def test_a_relapse_brings_the_burden_back() -> None:
    """A response to bridging counts only through the burden at infusion: at relapse the marrow is full again."""
    luck = {"death_while_waiting": 0.999, "bridging_response": 0.1, "response": 0.1, "relapse": 0.1}
    values = m.of("chemotherapy", cycle_months=1.0)
    doctored = tables("car_t_cd19", bridging="chemotherapy", values=values)
    patient = m.Patient(doctored, Stage.AWAITING_CELLS, luck, therapy=CAR_T, bridging=CHEMOTHERAPY)
    for event in ("infusion", "response", "relapse"):
        assert patient.coming[0] == event
        patient.step()
    assert patient.record["blasts"] == 0.8


# --- long-term remission, palliative care, background death ------------------------------------------------------


@pytest.mark.parametrize(("months", "event"), [(29.0, "relapse"), (31.0, "censored")])
def test_late_relapse_has_an_end(months: float, event: str) -> None:
    """A late relapse can come until 90 months after remission, 30 months after the long-term remission began."""
    u = 1.0 - math.exp(-0.01 * months)
    record = {"time": 64.0, "remission_since": 4.0, "hsct_since": -1.0, "therapy": CHEMOTHERAPY}
    patient = m.Patient(tables(), Stage.LONG_TERM_REMISSION, {"late_relapse": u}, **record)
    assert patient.coming[0] == event
    assert patient.coming[3] == pytest.approx(64.0 + months if event == "relapse" else 120.0)


def test_palliative_survival() -> None:
    """Median survival without a further line is two months, and three quarters have died after four."""
    for u, months in ((0.5, 2.0), (0.75, 4.0)):
        patient = m.Patient(tables(), Stage.PALLIATIVE, {"palliative_survival": u}, time=1.0)
        assert patient.coming == ("death", "dead", "leukaemia", pytest.approx(1.0 + months))


@pytest.mark.parametrize(("lines", "months"), [(1, 2.0 * 3.0**2), (2, 2.0 * 1.5**2)])
def test_palliative_survival_by_line(lines: int, months: float) -> None:
    """At a shape of 1/2 seven in eight have died by 3² medians; after two lines, with twice the hazard, by 1.5²."""
    values = {"disease.palliative_shape": 0.5, "disease.palliative_hazard_ratio_later_line": 2.0}
    patient = m.Patient(tables(values=values), Stage.PALLIATIVE, {"palliative_survival": 0.875}, lines_given=lines)
    assert patient.coming[3] == pytest.approx(months)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_background_death_spends_the_hazard(ratio: float) -> None:
    """At 0.01 a month and a ratio r the hazard of 0.3 is spent after 30 / r months, over however many stages."""
    values = {"mortality.ratio_active": ratio, "mortality.ratio_long_term": ratio}
    doctored = m.with_constant_background(tables(values=values, horizon_months=600), 0.01)
    patient = m.Patient(doctored, Stage.REMISSION, {"relapse": 0.6}, hazard_left=0.3, therapy=CHEMOTHERAPY)
    assert patient.coming == ("death", "dead", "background", pytest.approx(30.0 / ratio))
    later = m.Patient(
        doctored, Stage.REMISSION, {"relapse": 0.6, "late_relapse": 0.99}, hazard_left=1.8, therapy=CHEMOTHERAPY
    )
    assert later.coming[:1] + later.coming[3:] == ("long_term_remission", pytest.approx(60.0))
    later.step()
    assert later.record["hazard_left"] == pytest.approx(1.8 - 0.6 * ratio)
    assert later.coming == ("death", "dead", "background", pytest.approx(180.0 / ratio))


def test_the_transplanted_have_their_own_mortality() -> None:
    """In long-term remission the mortality ratio is that of survivors of transplant for whoever had one."""
    values = {"mortality.ratio_long_term": 1.0, "mortality.ratio_after_hsct": 4.0}
    doctored = m.with_constant_background(tables(values=values), 0.01)
    for prior_hsct, months in ((0.0, 40.0), (1.0, 10.0)):
        patient = m.Patient(
            doctored, Stage.LONG_TERM_REMISSION, {"late_relapse": 0.99}, hazard_left=0.4, prior_hsct=prior_hsct
        )
        assert patient.coming == ("death", "dead", "background", pytest.approx(months))


def test_the_horizon_censors() -> None:
    """Whoever is alive at the horizon is censored in the stage they are in, and nothing follows."""
    patient = m.Patient(tables(horizon_months=3.0), Stage.SALVAGE, {"response_cycle": 0.7}, therapy=CHEMOTHERAPY)
    assert patient.coming == ("censored", "salvage", "", 3.0)
    patient.step()
    assert patient.has_ended
    assert patient.noted("censored") == [("censored", 3.0, "")]


def test_a_life_from_entry_to_death() -> None:
    """Line 1 fails at 2.5, line 2 begins at 3, responds at 5, relapses at 10; no third line, death at 12."""
    left = 0.5 + 0.5 * math.exp(-0.5)
    luck: dict[str | tuple[str, int], float] = {
        "treated": 0.1,
        "response": 0.6,
        ("response", 1): 0.1,
        ("relapse", 1): 1.0 - left,
        ("treated", 2): 0.99,
    }
    patient = m.Patient(tables(), Stage.RELAPSED, luck)
    while not patient.has_ended:
        patient.step()
    assert patient.noted() == [
        ("entry", 0.0, ""),
        ("treatment_start", pytest.approx(0.5), ""),
        ("cycle", pytest.approx(0.5), ""),
        ("no_response", pytest.approx(2.5), ""),
        ("treatment_start", pytest.approx(3.0), ""),
        ("cycle", pytest.approx(3.0), ""),
        ("response", pytest.approx(5.0), "mrd_negative"),
        ("relapse", pytest.approx(10.0), "antigen_kept"),
        ("palliative_care", pytest.approx(10.0), ""),
        ("death", pytest.approx(12.0), "leukaemia"),
    ]
