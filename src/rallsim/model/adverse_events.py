"""Toxicity of treatment: events inside a stage, which they do not end."""

from __future__ import annotations

from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model.competing_risks import DAYS_PER_MONTH, happens, luck, luck_again, wait
from rallsim.model.distributions import exponential_quantile, probability_after_odds_ratio
from rallsim.model.random_numbers import InCourse
from rallsim.model.risk_equations import has_low_burden
from rallsim.model.states import Detail, Event, Kind

MOST = 12  # events of one kind in one part of a course; more are not followed
SALVAGE_PART, CONSOLIDATION_PART, BRIDGING_PART, MRD_PART = 0, MOST, 2 * MOST, 3 * MOST


@compiled
def cycles_are_given(p: Any, w: Any, therapy: int, cycles: int, start: float) -> None:
    """Note the beginning of each cycle of a drug from `start` on, while the stage lasts."""
    if w.therapies[therapy].kind in (Kind.DRUG, Kind.MRD):
        for cycle in range(cycles):
            happens(p, w, start + cycle * w.therapies[therapy].cycle_months, Event.CYCLE, therapy, Detail.NONE)


@compiled
def occur(
    p: Any, w: Any, therapy: int, kind: int, part: int, rate: float, start: float, until: float, event: int
) -> None:
    """Note events of a constant rate from `start` to `until`; of grade 3 or more, those of the liver by their share."""
    if rate <= 0.0:
        return
    time = start
    for repeat in range(part, part + MOST):
        time += exponential_quantile(luck_again(p, w, kind, repeat), rate)
        if time >= until or time >= p.ends:
            return
        severe = event != Event.LIVER or (
            luck_again(p, w, InCourse.LIVER_GRADE, repeat) < w.therapies[therapy].liver_grade3plus
        )
        happens(p, w, time, event, therapy, Detail.GRADE_3_PLUS if severe else Detail.GRADE_1_2)


@compiled
def toxicity_over_time(p: Any, w: Any, therapy: int, part: int, start: float, until: float) -> None:
    """Note what strikes with the time on treatment: infections, cytopenias, gut, tumour lysis, liver."""
    t = w.therapies[therapy]
    occur(p, w, therapy, InCourse.INFECTION, part, t.infection_rate, start, until, Event.INFECTION)
    occur(p, w, therapy, InCourse.CYTOPENIA, part, t.cytopenia_rate, start, until, Event.CYTOPENIA)
    rate = t.gastrointestinal_rate
    occur(p, w, therapy, InCourse.GASTROINTESTINAL, part, rate, start, until, Event.GASTROINTESTINAL)
    occur(p, w, therapy, InCourse.TUMOUR_LYSIS, part, t.tumour_lysis_rate, start, until, Event.TUMOUR_LYSIS)
    occur(p, w, therapy, InCourse.LIVER, part, t.liver_rate, start, until, Event.LIVER)


@compiled
def course_toxicity(p: Any, w: Any, part: int, assessed: float) -> None:
    """Note the toxicity of a course of the patient's therapy: CRS, neurotoxicity, SOS, and what takes time."""
    therapy = w.therapies[p.therapy]
    repeat = part // MOST
    low_burden = has_low_burden(p, therapy)
    severe = probability_after_odds_ratio(
        therapy.crs_grade3plus, therapy.crs_odds_ratio_low_burden if low_burden else 1.0
    )
    crs = luck_again(p, w, InCourse.CRS, repeat)
    if crs < max(severe, therapy.crs):
        onset = p.time + wait(w, luck_again(p, w, InCourse.CRS_ONSET, repeat), therapy.crs_onset_days / DAYS_PER_MONTH)
        happens(p, w, onset, Event.CRS, p.therapy, Detail.GRADE_3_PLUS if crs < severe else Detail.GRADE_1_2)
        if crs < severe * therapy.icu_given_severe_crs:
            stay = wait(w, luck(p, w, InCourse.LENGTH_OF_INTENSIVE_CARE), therapy.icu_days / DAYS_PER_MONTH)
            happens(p, w, onset, Event.ICU_ADMISSION, p.therapy, Detail.NONE)
            happens(p, w, onset + stay, Event.ICU_DISCHARGE, p.therapy, Detail.NONE)
    severe = probability_after_odds_ratio(
        therapy.icans_grade3plus, therapy.icans_odds_ratio_low_burden if low_burden else 1.0
    )
    icans = luck_again(p, w, InCourse.ICANS, repeat)
    if icans < max(severe, therapy.icans):
        onset = p.time + wait(
            w, luck_again(p, w, InCourse.ICANS_ONSET, repeat), therapy.icans_onset_days / DAYS_PER_MONTH
        )
        happens(p, w, onset, Event.ICANS, p.therapy, Detail.GRADE_3_PLUS if icans < severe else Detail.GRADE_1_2)
    if luck_again(p, w, InCourse.SOS_ON_TREATMENT, repeat) < therapy.sos_on_treatment:
        onset = p.time + luck_again(p, w, InCourse.SOS_ON_TREATMENT_TIME, repeat) * (assessed - p.time)
        happens(p, w, onset, Event.SOS, p.therapy, Detail.NONE)
    toxicity_over_time(p, w, p.therapy, part, p.time, assessed)
