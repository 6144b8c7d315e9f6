"""Toxicity of treatment: events inside a stage, which they do not end."""

from __future__ import annotations

from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model import random_numbers as decision
from rallsim.model import states as words
from rallsim.model.competing_risks import DAYS_PER_MONTH, happens, luck, luck_again, wait
from rallsim.model.distributions import exponential_quantile, probability_after_odds_ratio
from rallsim.model.parameter_fields import DRUG, MRD_DRUG
from rallsim.model.risk_equations import has_low_burden

MOST = 12  # events of one kind in one part of a course; more are not followed
SALVAGE_PART, CONSOLIDATION_PART, BRIDGING_PART, MRD_PART = 0, MOST, 2 * MOST, 3 * MOST


@compiled
def cycles_are_given(p: Any, w: Any, therapy: int, cycles: int, start: float) -> None:
    """Note the beginning of each cycle of a drug from `start` on, while the stage lasts."""
    if w.therapies[therapy].kind in (DRUG, MRD_DRUG):
        for cycle in range(cycles):
            happens(p, w, start + cycle * w.therapies[therapy].cycle_months, words.CYCLE, therapy, words.NO_DETAIL)


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
        severe = event != words.LIVER or (
            luck_again(p, w, decision.LIVER_GRADE, repeat) < w.therapies[therapy].liver_grade3plus
        )
        happens(p, w, time, event, therapy, words.GRADE_3_PLUS if severe else words.GRADE_1_2)


@compiled
def toxicity_over_time(p: Any, w: Any, therapy: int, part: int, start: float, until: float) -> None:
    """Note what strikes with the time on treatment: infections, cytopenias, gut, tumour lysis, liver."""
    t = w.therapies[therapy]
    occur(p, w, therapy, decision.INFECTION_DRAW, part, t.infection_rate, start, until, words.INFECTION)
    occur(p, w, therapy, decision.CYTOPENIA_DRAW, part, t.cytopenia_rate, start, until, words.CYTOPENIA)
    rate = t.gastrointestinal_rate
    occur(p, w, therapy, decision.GASTROINTESTINAL_DRAW, part, rate, start, until, words.GASTROINTESTINAL)
    occur(p, w, therapy, decision.TUMOUR_LYSIS_DRAW, part, t.tumour_lysis_rate, start, until, words.TUMOUR_LYSIS)
    occur(p, w, therapy, decision.LIVER_DRAW, part, t.liver_rate, start, until, words.LIVER)


@compiled
def course_toxicity(p: Any, w: Any, part: int, assessed: float) -> None:
    """Note the toxicity of a course of the patient's therapy: CRS, neurotoxicity, SOS, and what takes time."""
    therapy = w.therapies[p.therapy]
    repeat = part // MOST
    low_burden = has_low_burden(p, therapy)
    severe = probability_after_odds_ratio(
        therapy.crs_grade3plus, therapy.crs_odds_ratio_low_burden if low_burden else 1.0
    )
    crs = luck_again(p, w, decision.CRS_DRAW, repeat)
    if crs < max(severe, therapy.crs):
        onset = p.time + wait(w, luck_again(p, w, decision.CRS_ONSET, repeat), therapy.crs_onset_days / DAYS_PER_MONTH)
        happens(p, w, onset, words.CRS, p.therapy, words.GRADE_3_PLUS if crs < severe else words.GRADE_1_2)
        if crs < severe * therapy.icu_given_severe_crs:
            stay = wait(w, luck(p, w, decision.LENGTH_OF_INTENSIVE_CARE), therapy.icu_days / DAYS_PER_MONTH)
            happens(p, w, onset, words.ICU_ADMISSION, p.therapy, words.NO_DETAIL)
            happens(p, w, onset + stay, words.ICU_DISCHARGE, p.therapy, words.NO_DETAIL)
    severe = probability_after_odds_ratio(
        therapy.icans_grade3plus, therapy.icans_odds_ratio_low_burden if low_burden else 1.0
    )
    icans = luck_again(p, w, decision.ICANS_DRAW, repeat)
    if icans < max(severe, therapy.icans):
        onset = p.time + wait(
            w, luck_again(p, w, decision.ICANS_ONSET, repeat), therapy.icans_onset_days / DAYS_PER_MONTH
        )
        happens(p, w, onset, words.ICANS, p.therapy, words.GRADE_3_PLUS if icans < severe else words.GRADE_1_2)
    if luck_again(p, w, decision.SOS_ON_TREATMENT, repeat) < therapy.sos_on_treatment:
        onset = p.time + luck_again(p, w, decision.SOS_ON_TREATMENT_TIME, repeat) * (assessed - p.time)
        happens(p, w, onset, words.SOS, p.therapy, words.NO_DETAIL)
    toxicity_over_time(p, w, p.therapy, part, p.time, assessed)
