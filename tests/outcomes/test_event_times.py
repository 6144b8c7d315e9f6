"""Event times: when what papers report happened, from rows written by hand."""

from __future__ import annotations

import math

import numpy as np

from rallsim.model.event_rows import EVENT_ROW
from rallsim.model.states import Detail, Event, Stage
from rallsim.outcomes.event_times import COUNTS, EVENT_TIMES, FLAGS, TIMES, event_times_of
from rallsim.validation.quantities import FILTERS, QUANTITIES, RATIOS, Definition, ratio, time_to_event

Step = tuple[float, int, int, int, int]  # time, event, stage, line, detail


def rows(*lives: list[Step]) -> np.ndarray:
    """Rows of patients, one list of steps each."""
    found = np.zeros(sum(map(len, lives)), EVENT_ROW)
    place = 0
    for patient, life in enumerate(lives):
        for time, event, stage, line, detail in life:
            found[place] = (time, patient, event, stage, line, 0, detail)
            place += 1
    return found


ENTRY: Step = (0.0, Event.ENTRY, Stage.RELAPSED, 0, Detail.NONE)
TRANSPLANTED: list[Step] = [
    ENTRY,
    (0.5, Event.TREATMENT_START, Stage.SALVAGE, 1, Detail.NONE),
    (0.5, Event.CYCLE, Stage.SALVAGE, 1, Detail.NONE),
    (0.7, Event.LIVER, Stage.SALVAGE, 1, Detail.GRADE_3_PLUS),
    (0.8, Event.SOS, Stage.SALVAGE, 1, Detail.NONE),
    (1.5, Event.RESPONSE, Stage.AWAITING_HSCT, 1, Detail.MRD_NEGATIVE),
    (3.5, Event.HSCT, Stage.AFTER_HSCT, 1, Detail.ONE_ALKYLATOR),
    (4.0, Event.SOS, Stage.AFTER_HSCT, 1, Detail.NONE),
    (9.5, Event.RELAPSE, Stage.RELAPSED, 1, Detail.ANTIGEN_LOST),
    (10.0, Event.TREATMENT_START, Stage.SALVAGE, 2, Detail.NONE),
    (10.0, Event.CYCLE, Stage.SALVAGE, 2, Detail.NONE),
    (11.0, Event.NO_RESPONSE, Stage.REFRACTORY, 2, Detail.NONE),
    (11.5, Event.PALLIATIVE_CARE, Stage.PALLIATIVE, 2, Detail.NONE),
    (12.5, Event.DEATH, Stage.DEAD, 2, Detail.LEUKAEMIA),
]
CELLS: list[Step] = [
    ENTRY,
    (0.5, Event.TREATMENT_START, Stage.AWAITING_CELLS, 1, Detail.NONE),
    (1.0, Event.LEUKAPHERESIS, Stage.AWAITING_CELLS, 1, Detail.NONE),
    (1.1, Event.BRIDGING_START, Stage.AWAITING_CELLS, 1, Detail.NONE),
    (2.0, Event.MANUFACTURE_FAILURE, Stage.AWAITING_CELLS, 1, Detail.NONE),
    (4.0, Event.INFUSION, Stage.INFUSED, 1, Detail.NONE),
    (4.1, Event.CRS, Stage.INFUSED, 1, Detail.GRADE_3_PLUS),
    (5.0, Event.NO_RESPONSE, Stage.REFRACTORY, 1, Detail.NONE),
    (6.0, Event.TREATMENT_START, Stage.SALVAGE, 2, Detail.NONE),
    (7.0, Event.RESPONSE, Stage.REMISSION, 2, Detail.MRD_POSITIVE),
    (60.0, Event.CENSORED, Stage.REMISSION, 2, Detail.NONE),
]


def test_a_transplanted_life() -> None:
    """Every event of a life written by hand has its time, and counts are those of the first line."""
    m = event_times_of(rows(TRANSPLANTED), 1)[0]
    expected = {
        "treatment": 0.5,
        "remission": 1.5,
        "hsct": 3.5,
        "relapse": 9.5,
        "relapse_after_hsct": 9.5,
        "next_line": 10.0,
        "palliative": 11.5,
        "death": 12.5,
        "end": 12.5,
        "sos_on_treatment": 0.8,
        "sos_after_hsct": 4.0,
        "failure": math.inf,
        "infusion": math.inf,
        "mrd_negative": 1.0,
        "mrd_negative_at_hsct": 1.0,
        "hsct_before_next_line": 1.0,
        "antigen_lost_at_relapse": 1.0,
        "antigen_kept_at_relapse": 0.0,
        "cycles": 1.0,
        "liver": 1.0,
        "liver_grade3plus": 1.0,
        "lines": 2.0,
        "cause": float(Detail.LEUKAEMIA),
    }
    assert {name: float(m[name]) for name in expected} == expected


def test_a_life_with_cells() -> None:
    """A failed manufacture with a second attempt is no failure of the line; a later response is not the first's."""
    m = event_times_of(rows(CELLS), 1)[0]
    expected = {
        "leukapheresis": 1.0,
        "bridging": 1.1,
        "manufacture_failure": 1.0,
        "infusion": 4.0,
        "failure": 5.0,
        "crs": 1.0,
        "crs_grade3plus": 1.0,
        "remission": math.inf,
        "next_line": 6.0,
        "death": math.inf,
        "end": 60.0,
    }
    assert {name: float(m[name]) for name in expected} == expected


def test_patients_do_not_mix() -> None:
    """A cohort's event times are those of each patient alone, in the order of the rows."""
    together = event_times_of(rows(TRANSPLANTED, CELLS), 2)
    for place, life in enumerate((TRANSPLANTED, CELLS)):
        alone = event_times_of(rows(life), 1)[0]
        assert together[place].tolist() == alone.tolist()
    assert len(EVENT_TIMES.names or ()) == len({*TIMES, *FLAGS, *COUNTS, "cause", "lines"})


def test_endpoints_of_two_lives() -> None:
    """Each endpoint counts as it is defined: overall and event-free survival, remission, after transplant, censored."""
    m = event_times_of(rows(TRANSPLANTED, CELLS), 2)
    months, ended = time_to_event("os", m, Definition())
    assert (months.tolist(), ended.tolist()) == ([12.5, 60.0], [True, False])
    months, ended = time_to_event("efs", m, Definition())
    assert (months.tolist(), ended.tolist()) == ([9.5, 5.0], [True, True])
    months, ended = time_to_event("rfs", m[:1], Definition(since="remission"))
    assert (months.tolist(), ended.tolist()) == ([8.0], [True])
    months, ended = time_to_event("rfs", m[:1], Definition(since="remission", censored_at_hsct=True))
    assert (months.tolist(), ended.tolist()) == ([2.0], [False])
    months, ended = time_to_event("post_hsct_os", m[:1], Definition(since="hsct"))
    assert (months.tolist(), ended.tolist()) == ([9.0], [True])
    values = {
        name: QUANTITIES[name](m, Definition()) for name in ("cr_rate", "hsct_rate", "crs_any", "subsequent_salvage")
    }
    assert values == {"cr_rate": 0.5, "hsct_rate": 0.5, "crs_any": 0.5, "subsequent_salvage": 1.0}
    assert QUANTITIES["weeks_vein_to_vein"](m, Definition()) == 3.0 * 365.25 / 84.0
    assert QUANTITIES["relapse_post_hsct_at"](m[:1], Definition(at_months=12.0, since="hsct")) == 1.0
    assert QUANTITIES["nrm_at"](m[:1], Definition(at_months=12.0, since="hsct")) == 0.0


def test_comparing_who_was_transplanted_carries_immortal_time() -> None:
    """Where a transplant does nothing, whoever lived to have one still seems to live longer; from then on, not.

    Deaths exponential at 0.1 a month in 4,000 patients, half of whom would be transplanted at month 4 if alive: the log
    hazard ratio of those transplanted has SE 0.03, and lies below -0.3; counted from month 4 it lies within 4 SE of 0.
    """
    from rallsim.model.random_numbers import parameter_uniforms

    luck = parameter_uniforms(1, 4000, ["death", "who"])
    m = np.zeros(4000, EVENT_TIMES)
    for name in TIMES:
        m[name] = math.inf
    m["death"] = -np.log(luck["death"]) / 0.1
    m["end"] = m["death"]
    m["hsct"] = np.where((luck["who"] < 0.5) & (m["death"] > 4.0), 4.0, math.inf)
    transplanted = FILTERS["transplanted"](m, m)
    naive = math.log(ratio("hr_os", m[transplanted], m[~transplanted], Definition()))
    alive = m[m["death"] > 4.0]
    later = alive.copy()
    later["death"] -= 4.0
    later["end"] -= 4.0
    had = np.isfinite(alive["hsct"])
    landmark = math.log(ratio("hr_os", later[had], later[~had], Definition()))
    assert naive < -0.3
    assert abs(landmark) < 4.0 * math.sqrt(4.0 / len(alive))


def test_every_ratio_has_an_endpoint() -> None:
    """Ratios rest on endpoints that exist, and the loop is not empty."""
    m = event_times_of(rows(TRANSPLANTED, TRANSPLANTED, CELLS, CELLS), 4)
    assert len(RATIOS) >= 4
    for name in RATIOS:
        found = ratio(name, m[:2], m[2:], Definition())
        assert math.isnan(found) or found > 0.0
