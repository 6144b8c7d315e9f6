"""What a treatment does besides: cycles and toxicity, events inside a stage that do not end it."""

from __future__ import annotations

from rallsim.common.compiled import compiled
from rallsim.model.competing_risks import DAYS_PER_MONTH, record_in_stage, uniform, wait
from rallsim.model.distributions import exponential_quantile, probability_after_odds_ratio
from rallsim.model.patient import Patient
from rallsim.model.random_numbers import InCourse
from rallsim.model.risk_equations import has_low_burden
from rallsim.model.states import Detail, Event
from rallsim.model.world import World

MOST = 12  # events of one kind in one part of a course; more are not followed
SALVAGE_PART, CONSOLIDATION_PART, BRIDGING_PART, MRD_PART = 0, MOST, 2 * MOST, 3 * MOST


@compiled
def record_cycles(p: Patient, w: World, therapy: int, cycles: int, start: float) -> None:
    """Record the beginning of each cycle of a drug from `start` on, while the stage lasts."""
    for cycle in range(cycles):
        begins = start + cycle * w.therapies[therapy].cycle_months
        record_in_stage(p, w, at=begins, event=Event.CYCLE, therapy=therapy)


@compiled
def give_consolidation_cycles(p: Patient, w: World, planned: float) -> None:
    """Give the cycles of the present course that are still to come in remission, with their toxicity.

    A number between two whole ones is the mean of the patients: its fraction is the probability of one more cycle.
    """
    whole = int(planned)
    cycles = whole - p.cycles
    if uniform(p, w, InCourse.ONE_MORE_CYCLE) < planned - whole:
        cycles += 1
    if cycles > 0:
        record_cycles(p, w, p.therapy, cycles, p.time)
        until = p.time + cycles * w.therapies[p.therapy].cycle_months
        record_toxicity_over_time(p, w, p.therapy, CONSOLIDATION_PART, p.time, until)
        p.cycles += cycles


@compiled
def record_recurrent(
    p: Patient, w: World, therapy: int, decision: int, part: int, rate: float, start: float, until: float, event: int
) -> None:
    """Record events of a constant rate from `start` to `until`, of grade 3 or more; of the liver by their share."""
    if rate <= 0.0:
        return
    time = start
    for repeat in range(part, part + MOST):
        time += exponential_quantile(uniform(p, w, decision, repeat), rate)
        if time >= until or time >= p.ends:
            return
        severe = event != Event.LIVER or (
            uniform(p, w, InCourse.LIVER_GRADE, repeat) < w.therapies[therapy].liver_grade3plus
        )
        grade = Detail.GRADE_3_PLUS if severe else Detail.GRADE_1_2
        record_in_stage(p, w, at=time, event=event, therapy=therapy, detail=grade)


@compiled
def record_toxicity_over_time(p: Patient, w: World, therapy: int, part: int, start: float, until: float) -> None:
    """Record what comes with the time on treatment: infections, cytopenias, gut, tumour lysis, liver."""
    t = w.therapies[therapy]
    record_recurrent(p, w, therapy, InCourse.INFECTION, part, t.infection_rate, start, until, Event.INFECTION)
    record_recurrent(p, w, therapy, InCourse.CYTOPENIA, part, t.cytopenia_rate, start, until, Event.CYTOPENIA)
    rate = t.gastrointestinal_rate
    record_recurrent(p, w, therapy, InCourse.GASTROINTESTINAL, part, rate, start, until, Event.GASTROINTESTINAL)
    record_recurrent(p, w, therapy, InCourse.TUMOUR_LYSIS, part, t.tumour_lysis_rate, start, until, Event.TUMOUR_LYSIS)
    record_recurrent(p, w, therapy, InCourse.LIVER, part, t.liver_rate, start, until, Event.LIVER)


@compiled
def record_course_toxicity(p: Patient, w: World, part: int, assessed: float) -> None:
    """Record the toxicity of a course of the patient's therapy: CRS, neurotoxicity, SOS, and what takes time."""
    record_crs(p, w, repeat=part // MOST)
    record_icans(p, w, repeat=part // MOST)
    record_sos_on_treatment(p, w, part // MOST, assessed)
    record_toxicity_over_time(p, w, p.therapy, part, p.time, assessed)


@compiled
def record_crs(p: Patient, w: World, repeat: int) -> None:
    """Record cytokine release syndrome, and intensive care for a severe one."""
    therapy = w.therapies[p.therapy]
    odds_ratio = therapy.crs_odds_ratio_low_burden if has_low_burden(p, therapy) else 1.0
    severe = probability_after_odds_ratio(therapy.crs_grade3plus, odds_ratio)
    crs = uniform(p, w, InCourse.CRS, repeat)
    if crs < max(severe, therapy.crs):
        onset = p.time + wait(p, w, InCourse.CRS_ONSET, therapy.crs_onset_days / DAYS_PER_MONTH, repeat)
        grade = Detail.GRADE_3_PLUS if crs < severe else Detail.GRADE_1_2
        record_in_stage(p, w, at=onset, event=Event.CRS, therapy=p.therapy, detail=grade)
        if crs < severe * therapy.icu_given_severe_crs:
            stay = wait(p, w, InCourse.LENGTH_OF_INTENSIVE_CARE, therapy.icu_days / DAYS_PER_MONTH)
            record_in_stage(p, w, at=onset, event=Event.ICU_ADMISSION, therapy=p.therapy)
            record_in_stage(p, w, at=onset + stay, event=Event.ICU_DISCHARGE, therapy=p.therapy)


@compiled
def record_icans(p: Patient, w: World, repeat: int) -> None:
    """Record neurotoxicity."""
    therapy = w.therapies[p.therapy]
    odds_ratio = therapy.icans_odds_ratio_low_burden if has_low_burden(p, therapy) else 1.0
    severe = probability_after_odds_ratio(therapy.icans_grade3plus, odds_ratio)
    icans = uniform(p, w, InCourse.ICANS, repeat)
    if icans < max(severe, therapy.icans):
        onset = p.time + wait(p, w, InCourse.ICANS_ONSET, therapy.icans_onset_days / DAYS_PER_MONTH, repeat)
        grade = Detail.GRADE_3_PLUS if icans < severe else Detail.GRADE_1_2
        record_in_stage(p, w, at=onset, event=Event.ICANS, therapy=p.therapy, detail=grade)


@compiled
def record_sos_on_treatment(p: Patient, w: World, repeat: int, assessed: float) -> None:
    """Record sinusoidal obstruction syndrome at any time of the course."""
    if uniform(p, w, InCourse.SOS_ON_TREATMENT, repeat) < w.therapies[p.therapy].sos_on_treatment:
        onset = p.time + uniform(p, w, InCourse.SOS_ON_TREATMENT_TIME, repeat) * (assessed - p.time)
        record_in_stage(p, w, at=onset, event=Event.SOS, therapy=p.therapy)
