"""The model: what can happen to a patient in each stage, and what ends it.

Every stage is one function. It looks at the patient `p` and at the world `w`: the patient's own uniforms, one draw of
the parameters, and the strategy. It lets the risks of the stage compete: `compete` keeps the earliest. What has no
influence on how the stage ends (CRS, infections, cycles of a drug) is written with `record_in_stage`, after all risks
are known. `step.advance` moves a patient from one stage to the next; the engines do nothing but call it and wait.

This file holds the stages of active disease and of remission. `car_t` holds debulking, the wait for cells and the
infusion, `transplant` the stages around a transplant. `risk_equations` says what response and relapse depend on,
`adverse_events` what a treatment does besides, `vocabulary` where each word is defined.

Times are months since the patient's entry. Each risk has its own clock: background death the patient's age, relapse
the time since remission or since transplant, waiting the time since the stage began.
"""

from __future__ import annotations

from rallsim.model.transplant import months_to_transplant
from rallsim.model.vocabulary import *

# --- active disease ----------------------------------------------------------------------------------------------


@compiled
def relapsed(p: Patient, w: World) -> None:
    """Active disease: after a wait the next line the strategy gives, or palliative care when there is none.

    Leukaemia and infection kill in that wait, and some become too ill for the line.
    """
    p.line = p.lines_given + 1.0
    p.months_since_hsct = months_since_transplant(p)
    therapy = next_therapy(p, w)
    if therapy == NOTHING:
        compete(p, at=p.time, event=Event.PALLIATIVE_CARE, into=Stage.PALLIATIVE)
    else:
        p.next_therapy = therapy
        p.bridging = bridging_rule(w, before=therapy)
        start = p.time + months_to_treatment(p, w, therapy)
        compete(p, at=start, event=Event.TREATMENT_START, into=first_stage(p, w, therapy))
        compete_wait(p, w)
    compete_background_death(p, w, w.model.mortality_ratio_active)


@compiled
def compete_wait(p: Patient, w: World) -> None:
    """Let death and drop-out compete while a patient with active disease waits for a line."""
    m = w.model
    u = uniform(p, w, InCourse.TOO_ILL_FOR_THE_LINE)
    too_ill = p.time + exponential_quantile(u, m.disease_waiting_progression_rate)
    compete(p, at=too_ill, event=Event.PALLIATIVE_CARE, into=Stage.PALLIATIVE, detail=Detail.PROGRESSION)
    died = p.time + exponential_quantile(uniform(p, w, InCourse.DEATH_BEFORE_THE_LINE), m.disease_waiting_death_rate)
    of_infection = uniform(p, w, InCourse.CAUSE_OF_DEATH_BEFORE_THE_LINE) < m.disease_waiting_infection_share
    compete_death(p, at=died, cause=Detail.INFECTION if of_infection else Detail.LEUKAEMIA)


@compiled
def months_since_transplant(p: Patient) -> float:
    """Months since the last transplant, before entry or after it."""
    if p.hsct_since >= 0.0:
        return p.time - p.hsct_since
    return p.time + p.hsct_before_entry if p.prior_hsct > 0.0 else NO_TRANSPLANT


@compiled
def next_therapy(p: Patient, w: World) -> int:
    """Therapy that the patient is given next, NOTHING when the patient gets none."""
    treated = w.model.disease_treated_at_entry
    if p.course > 0:
        failed = p.stage == Stage.REFRACTORY
        treated = w.model.disease_next_line_given_failure if failed else w.model.disease_next_line_given_relapse
    if p.course >= MAX_COURSES or p.line > w.model.max_lines or uniform(p, w, InCourse.TREATED) >= treated:
        return NOTHING
    therapy = salvage_rule(w)
    if therapy != NOTHING and w.therapies[therapy].kind == Kind.SUPPORTIVE:
        return NOTHING
    return therapy


@compiled
def months_to_treatment(p: Patient, w: World, therapy: int) -> float:
    """Wait (months) for the next line: for a transplant until it can be done."""
    if w.therapies[therapy].kind == Kind.TRANSPLANT:
        return months_to_transplant(p, w, w.therapies[therapy])
    at_entry = p.course == 0
    median = w.model.disease_months_to_treatment_at_entry if at_entry else w.model.disease_months_to_treatment
    return wait(p, w, InCourse.TIME_TO_TREATMENT, median)


@compiled
def first_stage(p: Patient, w: World, therapy: int) -> int:
    """Stage that a line begins with: the wait for cells, debulking, or the course itself."""
    kind = w.therapies[therapy].kind
    if kind == Kind.CAR_T:
        return Stage.AWAITING_CELLS
    return Stage.DEBULKING if kind == Kind.DRUG and p.bridging != NOTHING else Stage.SALVAGE


@compiled
def salvage(p: Patient, w: World) -> None:
    """On a course of a drug: early death, response with or without MRD, or failure."""
    p.cycles = cycles_to_response(p, w)
    assessed = p.time + p.cycles * w.therapies[p.therapy].cycle_months
    compete_response(p, w, assessed, into=Stage.REMISSION)
    compete_background_death(p, w, w.model.mortality_ratio_active)
    record_cycles(p, w, p.therapy, p.cycles, p.time)
    record_course_toxicity(p, w, SALVAGE_PART, assessed)


@compiled
def palliative(p: Patient, w: World) -> None:
    """No further line: death of leukaemia, or of something else before."""
    m = w.model
    hazard_ratio = m.disease_palliative_hazard_ratio_later_line if p.lines_given >= 2 else 1.0
    u = uniform(p, w, InCourse.PALLIATIVE_SURVIVAL)
    survival = weibull_quantile(u, m.disease_palliative_median_survival, m.disease_palliative_shape, hazard_ratio)
    compete_death(p, at=p.time + survival, cause=Detail.LEUKAEMIA)
    compete_background_death(p, w, m.mortality_ratio_active)


# --- remission ---------------------------------------------------------------------------------------------------


@compiled
def mrd_therapy(p: Patient, w: World) -> None:
    """In complete remission with MRD, on a course for it: MRD goes or stays, unless relapse or death comes first."""
    therapy = w.therapies[p.next_therapy]
    gone = uniform(p, w, InCourse.MRD_THERAPY) < therapy.mrd_response
    if not gone:  # trials count a relapse before the assessment as no response
        compete_relapse(p, w, at=relapse_time(p, w))
    p.therapy = p.next_therapy
    count_course(p, w, p.therapy)
    assessed = p.time + therapy.cycle_months
    depth = Detail.MRD_NEGATIVE if gone else Detail.MRD_POSITIVE
    compete(p, at=assessed, event=Event.MRD_RESPONSE, into=Stage.REMISSION, detail=depth)
    u = uniform(p, w, InCourse.MRD_THERAPY_DEATH)
    if u < therapy.early_death:
        compete_death(p, at=p.time + u / therapy.early_death * therapy.cycle_months, cause=Detail.TREATMENT)
    compete_background_death(p, w, w.model.mortality_ratio_active)
    record(p, w, at=p.time, event=Event.MRD_THERAPY_START, therapy=p.therapy)
    p.cycles = 1
    record_cycles(p, w, p.therapy, 1, p.time)
    record_course_toxicity(p, w, MRD_PART, assessed)


@compiled
def remission(p: Patient, w: World) -> None:
    """In complete remission with no transplant planned: relapse, loss of CAR-T cells, death, long remission."""
    therapy = w.therapies[p.therapy]
    compete_relapse(p, w, at=relapse_time(p, w))
    long_term = max(p.time, p.remission_since + w.model.disease_long_term_after_months)
    compete(p, at=long_term, event=Event.LONG_TERM_REMISSION, into=Stage.LONG_TERM_REMISSION)
    if (
        therapy.kind == Kind.CAR_T
        and p.b_cell_recovery == 0.0
        and p.reinfused == 0
        and uniform(p, w, InCourse.B_CELL_RECOVERY) < therapy.b_cell_recovery
    ):
        lost = wait(p, w, InCourse.TIME_TO_B_CELL_RECOVERY, therapy.months_to_b_cell_recovery)
        compete(p, at=p.remission_since + lost, event=Event.B_CELL_RECOVERY, into=Stage.REMISSION)
    compete_background_death(p, w, w.model.mortality_ratio_active)
    if therapy.kind != Kind.CAR_T:
        give_consolidation_cycles(p, w, planned=therapy.cycles_planned)


@compiled
def long_term_remission(p: Patient, w: World) -> None:
    """Years without relapse: a late relapse for some years more, and the mortality of a survivor."""
    m = w.model
    late = p.time + exponential_quantile(uniform(p, w, InCourse.LATE_RELAPSE), m.disease_late_relapse_rate)
    if late < max(p.remission_since, p.hsct_since) + m.disease_late_relapse_until_months:
        compete_relapse(p, w, at=late)
    transplanted = p.prior_hsct > 0.0
    compete_background_death(p, w, m.mortality_ratio_after_hsct if transplanted else m.mortality_ratio_long_term)
