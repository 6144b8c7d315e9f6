"""The model: what can happen to a patient in each stage, and what ends it.

Every stage is one function. It looks at the patient `p` and at the world `w` (the patient's own uniforms, one draw
of the parameters, the strategy) and lets the risks of the stage compete: `strikes` keeps the earliest. What has no
influence on how the stage ends (CRS, infections, cycles of a drug) is noted with `happens`, after all risks are known.
`journey.advance` moves a patient from one stage to the next; the engines do nothing but call it and wait.

Here stand the stages of disease and of remission; `car_t` holds those of waiting for cells and of debulking,
`transplant` those around a transplant. `chances` says what response and relapse depend on, `toxicity` what a treatment
does besides.

Times are months since the patient's entry. Each risk has its own clock: background death the patient's age, relapse
the time since remission or since transplant, waiting the time since the stage began.
"""

from __future__ import annotations

from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model.adverse_events import MRD_PART, SALVAGE_PART, course_toxicity, cycles_are_given
from rallsim.model.competing_risks import background_death, is_given, luck, note, strikes, wait
from rallsim.model.distributions import exponential_quantile, weibull_quantile
from rallsim.model.patient import NO_TRANSPLANT
from rallsim.model.random_numbers import MAX_COURSES, InCourse
from rallsim.model.risk_equations import (
    early_death_probability,
    mrd_negative_probability,
    relapse_time,
    relapses,
    remission_probability,
)
from rallsim.model.rules import NOTHING, therapy_by_rules
from rallsim.model.states import Antigen, Detail, Event, Kind, Stage
from rallsim.model.transplant import (
    consolidation_cycles,
    months_to_transplant,
    transplant_is_planned,
    transplant_risks,
)

# --- decisions ---------------------------------------------------------------------------------------------------


@compiled
def next_therapy(p: Any, w: Any) -> int:
    """Therapy that the strategy's rules give next, NOTHING when the patient gets none."""
    treated = w.model.disease_treated_at_entry
    if p.course > 0:
        failed = p.stage == Stage.REFRACTORY
        treated = w.model.disease_next_line_given_failure if failed else w.model.disease_next_line_given_relapse
    if p.course >= MAX_COURSES or p.line > w.model.max_lines or luck(p, w, InCourse.TREATED) >= treated:
        return NOTHING
    therapy = therapy_by_rules(w.attributes, NOTHING, w.rules, 0, w.model.after_last_salvage, w.conditions, w.therapies)
    if therapy != NOTHING and w.therapies[therapy].kind == Kind.SUPPORTIVE:
        return NOTHING
    return therapy


@compiled
def bridging_to(p: Any, w: Any, therapy: int) -> int:
    """Therapy that the strategy's rules give before this one, NOTHING for none."""
    return therapy_by_rules(
        w.attributes,
        therapy,
        w.rules,
        w.model.after_last_salvage,
        w.model.after_last_bridging,
        w.conditions,
        w.therapies,
    )


@compiled
def mrd_therapy_by_rules(p: Any, w: Any) -> int:
    """Therapy that the strategy's rules give for MRD in the present remission, NOTHING for none."""
    return therapy_by_rules(
        w.attributes, p.therapy, w.rules, w.model.after_last_bridging, w.model.after_last_mrd, w.conditions, w.therapies
    )


@compiled
def stage_in_remission(p: Any, w: Any) -> int:
    """Stage that a remission begins with: treatment of MRD, the wait for a transplant, or remission itself."""
    if w.therapies[p.therapy].kind == Kind.TRANSPLANT:
        return Stage.AFTER_HSCT
    if p.mrd_positive > 0.0:
        therapy = mrd_therapy_by_rules(p, w)
        if therapy != NOTHING:
            p.next_therapy = therapy
            return Stage.MRD_THERAPY
    if transplant_is_planned(p, w):
        return Stage.AWAITING_HSCT
    return Stage.REMISSION


# --- stages ------------------------------------------------------------------------------------------------------


@compiled
def relapsed(p: Any, w: Any) -> None:
    """Active disease: after a wait the next line the strategy gives, or palliative care when there is none."""
    p.line = p.lines_given + 1.0
    if p.hsct_since >= 0.0:
        p.months_since_hsct = p.time - p.hsct_since
    elif p.prior_hsct > 0.0:
        p.months_since_hsct = p.time + p.hsct_before_entry
    else:
        p.months_since_hsct = NO_TRANSPLANT
    therapy = next_therapy(p, w)
    if therapy == NOTHING:
        strikes(p, p.time, Stage.PALLIATIVE, Event.PALLIATIVE_CARE, Detail.NONE)
    else:
        p.next_therapy = therapy
        p.bridging = bridging_to(p, w, therapy)
        kind = w.therapies[therapy].kind
        median = w.model.disease_months_to_treatment
        if p.course == 0:
            median = w.model.disease_months_to_treatment_at_entry
        until = wait(w, luck(p, w, InCourse.TIME_TO_TREATMENT), median)
        first_stage = Stage.SALVAGE
        if kind == Kind.CAR_T:
            first_stage = Stage.AWAITING_CELLS
        elif kind == Kind.TRANSPLANT:
            until = months_to_transplant(p, w, w.therapies[therapy])
        elif p.bridging != NOTHING:
            first_stage = Stage.DEBULKING
        strikes(p, p.time + until, first_stage, Event.TREATMENT_START, Detail.NONE)
    background_death(p, w, w.model.mortality_ratio_active)


@compiled
def salvage(p: Any, w: Any) -> None:
    """On a course of treatment, or infused with CAR-T cells: early death, response with or without MRD, or failure."""
    therapy = w.therapies[p.therapy]
    in_first_cycle = luck(p, w, InCourse.RESPONSE_CYCLE) < therapy.response_in_first_cycle
    cycles = 1 if in_first_cycle or therapy.kind == Kind.TRANSPLANT else 2
    assessed = p.time + cycles * therapy.cycle_months
    response = luck(p, w, InCourse.RESPONSE)
    if response < remission_probability(p, w, therapy):
        p.mrd_positive = 0.0 if luck(p, w, InCourse.MRD) < mrd_negative_probability(p, w, therapy) else 1.0
        depth = Detail.MRD_POSITIVE if p.mrd_positive > 0.0 else Detail.MRD_NEGATIVE
        strikes(p, assessed, stage_in_remission(p, w), Event.RESPONSE, depth)
    elif response >= 1.0 - early_death_probability(p, therapy):
        died = p.time + luck(p, w, InCourse.TIME_OF_EARLY_DEATH) * (assessed - p.time)
        toxic = luck(p, w, InCourse.CAUSE_OF_EARLY_DEATH) < therapy.early_death_of_treatment
        cause = Detail.TREATMENT if toxic else Detail.LEUKAEMIA
        strikes(p, died, Stage.DEAD, Event.DEATH, cause)
    else:
        lost = (
            therapy.target != Antigen.NONE
            and luck(p, w, InCourse.ANTIGEN_LOSS_AT_FAILURE) < therapy.antigen_loss_at_failure
        )
        detail = Detail.ANTIGEN_LOST if lost else Detail.NONE
        strikes(p, assessed, Stage.REFRACTORY, Event.NO_RESPONSE, detail)
    background_death(p, w, w.model.mortality_ratio_active)
    if therapy.kind == Kind.TRANSPLANT:
        transplant_risks(p, w)
        note(p, w, p.time, Event.HSCT, p.therapy, Detail.ONE_ALKYLATOR)
    p.cycles = cycles
    cycles_are_given(p, w, p.therapy, cycles, p.time)
    course_toxicity(p, w, SALVAGE_PART, assessed)


@compiled
def mrd_therapy(p: Any, w: Any) -> None:
    """In complete remission with MRD, on a course for it: MRD goes or stays, unless relapse or death comes first."""
    therapy = w.therapies[p.next_therapy]
    gone = luck(p, w, InCourse.MRD_THERAPY) < therapy.mrd_response
    if not gone:  # trials count a relapse before the assessment as no response
        relapses(p, w, relapse_time(p, w))
    p.therapy = p.next_therapy
    is_given(p, w, p.therapy)
    assessed = p.time + therapy.cycle_months
    depth = Detail.MRD_NEGATIVE if gone else Detail.MRD_POSITIVE
    strikes(p, assessed, Stage.REMISSION, Event.MRD_RESPONSE, depth)
    chance = luck(p, w, InCourse.MRD_THERAPY_DEATH)
    if chance < therapy.early_death:
        died = p.time + chance / therapy.early_death * therapy.cycle_months
        strikes(p, died, Stage.DEAD, Event.DEATH, Detail.TREATMENT)
    background_death(p, w, w.model.mortality_ratio_active)
    note(p, w, p.time, Event.MRD_THERAPY_START, p.therapy, Detail.NONE)
    p.cycles = 1
    cycles_are_given(p, w, p.therapy, 1, p.time)
    course_toxicity(p, w, MRD_PART, assessed)


@compiled
def remission(p: Any, w: Any) -> None:
    """In complete remission with no transplant planned: relapse, loss of CAR-T cells, death, long remission."""
    therapy = w.therapies[p.therapy]
    relapses(p, w, relapse_time(p, w))
    long_term = p.remission_since + w.model.disease_long_term_after_months
    strikes(p, max(p.time, long_term), Stage.LONG_TERM_REMISSION, Event.LONG_TERM_REMISSION, Detail.NONE)
    if (
        therapy.kind == Kind.CAR_T
        and p.b_cell_recovery == 0.0
        and p.reinfused == 0
        and luck(p, w, InCourse.B_CELL_RECOVERY) < therapy.b_cell_recovery
    ):
        lost = wait(w, luck(p, w, InCourse.TIME_TO_B_CELL_RECOVERY), therapy.months_to_b_cell_recovery)
        strikes(p, p.remission_since + lost, Stage.REMISSION, Event.B_CELL_RECOVERY, Detail.NONE)
    background_death(p, w, w.model.mortality_ratio_active)
    if therapy.kind != Kind.CAR_T:
        consolidation_cycles(p, w, therapy.cycles_planned)


@compiled
def long_term_remission(p: Any, w: Any) -> None:
    """Years without relapse: a late relapse for some years more, and the mortality of a survivor."""
    late = p.time + exponential_quantile(luck(p, w, InCourse.LATE_RELAPSE), w.model.disease_late_relapse_rate)
    clock = max(p.remission_since, p.hsct_since)
    if late < clock + w.model.disease_late_relapse_until_months:
        relapses(p, w, late)
    ever_transplanted = p.prior_hsct > 0.0
    background_death(
        p, w, w.model.mortality_ratio_after_hsct if ever_transplanted else w.model.mortality_ratio_long_term
    )


@compiled
def palliative(p: Any, w: Any) -> None:
    """No further line: death of leukaemia, or of something else before."""
    later = p.lines_given >= 2
    died = p.time + weibull_quantile(
        luck(p, w, InCourse.PALLIATIVE_SURVIVAL),
        w.model.disease_palliative_median_survival,
        w.model.disease_palliative_shape,
        w.model.disease_palliative_hazard_ratio_later_line if later else 1.0,
    )
    strikes(p, died, Stage.DEAD, Event.DEATH, Detail.LEUKAEMIA)
    background_death(p, w, w.model.mortality_ratio_active)
