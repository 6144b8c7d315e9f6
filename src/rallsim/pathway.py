"""The model: what can happen to a patient in each stage, and what ends it.

Every stage is one function. It looks at the patient `p` and at the world `w` (the patient's own uniforms, one draw
of the parameters, the strategy) and lets the risks of the stage compete: `strikes` keeps the earliest. What has no
influence on how the stage ends (CRS, ICANS, SOS) is noted with `happens`. `journey.advance` moves a patient from one
stage to the next; the engines do nothing but call it and wait.

Times are months since the patient's entry. Each risk has its own clock: background death the patient's age, relapse
the time since remission or since transplant, waiting the time since the stage began.
"""

from __future__ import annotations

import math
from typing import Any

from rallsim.compiled import compiled
from rallsim.luck import (
    ANTIGEN_LOSS,
    B_CELL_RECOVERY,
    BRIDGING_DRAW,
    CRS_DRAW,
    CRS_ONSET,
    DEATH_WHILE_WAITING,
    ICANS_DRAW,
    ICANS_ONSET,
    LATE_RELAPSE,
    LEUKAPHERESIS_DRAW,
    MANUFACTURE,
    MAX_COURSES,
    MRD,
    PALLIATIVE_SURVIVAL,
    RELAPSE_AFTER_HSCT,
    RELAPSE_DRAW,
    RESPONSE_CYCLE,
    RESPONSE_DRAW,
    SOS_AFTER_HSCT,
    SOS_DEATH,
    SOS_ON_TREATMENT,
    SOS_ON_TREATMENT_TIME,
    SOS_ONSET,
    TIME_OF_EARLY_DEATH,
    TIME_TO_HSCT,
    TIME_TO_TREATMENT,
    TRANSPLANT_DEATH,
    TREATED,
    VEIN_TO_VEIN,
)
from rallsim.patient import GIVEN
from rallsim.risks import background_death, happens, luck, note, onset, strikes
from rallsim.rules import NOTHING, therapy_by_rules, transplant_by_rules
from rallsim.stages import (
    AFTER_HSCT,
    ANTIGEN_KEPT,
    ANTIGEN_LOST,
    AWAITING_CELLS,
    AWAITING_HSCT,
    BRIDGING_RESPONSE,
    BRIDGING_START,
    CRS,
    DEAD,
    DEATH,
    DEATH_LEUKAEMIA,
    DEATH_SOS,
    DEATH_TRANSPLANT,
    DEATH_TREATMENT,
    GRADE_1_2,
    GRADE_3_PLUS,
    HSCT,
    ICANS,
    INFUSED,
    INFUSION,
    LEUKAPHERESIS,
    LEUKAPHERESIS_FAILURE,
    LONG_TERM,
    LONG_TERM_REMISSION,
    MANUFACTURE_FAILURE,
    MRD_NEGATIVE,
    MRD_POSITIVE,
    NO_DETAIL,
    NO_RESPONSE,
    PALLIATIVE,
    PALLIATIVE_CARE,
    REFRACTORY,
    RELAPSE,
    RELAPSED,
    REMISSION,
    RESPONSE,
    SALVAGE,
    SOS,
    TREATMENT_START,
)
from rallsim.survival import (
    exponential_quantile,
    log_logistic_quantile,
    mixture_cure_quantile,
    probability_after_odds_ratio,
)

# --- what depends on the patient ---------------------------------------------------------------------------------


@compiled
def has_low_burden(p: Any, therapy: Any) -> bool:
    """Tell whether marrow blasts are below the threshold of this therapy's evidence."""
    return bool(p.blasts < therapy.low_burden_threshold)


@compiled
def remission_probability(p: Any, w: Any, therapy: Any) -> float:
    """Probability of complete remission: the reference patient's odds times the odds ratios that apply."""
    odds_ratio = 1.0
    if p.remission_months >= w.model.disease_long_remission_months:
        odds_ratio *= therapy.cr_odds_ratio_long_remission
    if p.line == 2.0:
        odds_ratio *= therapy.cr_odds_ratio_second_salvage
    if p.line >= 3.0:
        odds_ratio *= therapy.cr_odds_ratio_later_salvage
    if has_low_burden(p, therapy):
        odds_ratio *= therapy.cr_odds_ratio_low_burden
    if p.prior_hsct > 0.0:
        odds_ratio *= therapy.cr_odds_ratio_prior_hsct
    return float(probability_after_odds_ratio(therapy.cr_rate, odds_ratio))


@compiled
def relapse_time(p: Any, w: Any) -> float:
    """Time of relapse when no transplant is done: clock from remission, hazard by MRD, burden and B-cell recovery."""
    therapy = w.therapies[p.therapy]
    hazard_ratio = 1.0
    if p.mrd_positive > 0.0:
        hazard_ratio *= therapy.relapse_hazard_ratio_mrd_positive
    if not has_low_burden(p, therapy):
        hazard_ratio *= therapy.relapse_hazard_ratio_high_burden
    if p.b_cell_recovery > 0.0:
        hazard_ratio *= therapy.relapse_hazard_ratio_b_cell_recovery
    wait = mixture_cure_quantile(
        luck(p, w, RELAPSE_DRAW), therapy.relapse_cure, therapy.relapse_scale, therapy.relapse_shape, hazard_ratio
    )
    return float(p.remission_since + wait)


@compiled
def relapses(p: Any, w: Any, time: float) -> None:
    """Let relapse compete; the therapy's target antigen may be lost with it."""
    therapy = w.therapies[p.therapy]
    lost = therapy.target > 0 and luck(p, w, ANTIGEN_LOSS) < therapy.antigen_loss
    strikes(p, time, RELAPSED, RELAPSE, ANTIGEN_LOST if lost else ANTIGEN_KEPT)


@compiled
def transplant_is_planned(p: Any, w: Any) -> bool:
    """Tell whether the patient can have a transplant and the strategy wants one."""
    return bool(
        p.hsct_fit > 0.0
        and p.prior_hsct < w.model.max_transplants
        and transplant_by_rules(
            w.attributes,
            p.therapy,
            w.rules,
            w.model.after_last_bridging,
            w.model.after_last_consolidation,
            w.conditions,
        )
    )


# --- stages ------------------------------------------------------------------------------------------------------


@compiled
def relapsed(p: Any, w: Any) -> None:
    """Active disease: after a wait the next line the strategy gives, or palliative care when there is none."""
    p.line = p.lines_given + 1.0
    treated = w.model.disease_treated_at_entry if p.course == 0 else w.model.disease_next_line_given_failure
    therapy = NOTHING
    if p.course < MAX_COURSES and p.line <= w.model.max_lines and luck(p, w, TREATED) < treated:
        therapy = therapy_by_rules(
            w.attributes, NOTHING, w.rules, 0, w.model.after_last_salvage, w.conditions, w.therapies
        )
    if therapy == NOTHING:
        strikes(p, p.time, PALLIATIVE, PALLIATIVE_CARE, NO_DETAIL)
    else:
        wait = log_logistic_quantile(
            luck(p, w, TIME_TO_TREATMENT), w.model.disease_months_to_treatment, w.model.disease_wait_shape
        )
        p.next_therapy = therapy
        first_stage = AWAITING_CELLS if w.therapies[therapy].is_car_t else SALVAGE
        strikes(p, p.time + wait, first_stage, TREATMENT_START, NO_DETAIL)
    background_death(p, w, w.model.mortality_ratio_active)


@compiled
def salvage(p: Any, w: Any) -> None:
    """On a course of treatment, or infused with CAR-T cells: early death, response with or without MRD, or failure."""
    therapy = w.therapies[p.therapy]
    low_burden = has_low_burden(p, therapy)
    remission_share = remission_probability(p, w, therapy)
    cycles = 1.0 if luck(p, w, RESPONSE_CYCLE) < therapy.response_in_first_cycle else 2.0
    assessed = p.time + cycles * therapy.cycle_months
    response = luck(p, w, RESPONSE_DRAW)
    if response < remission_share:
        mrd_negative = probability_after_odds_ratio(
            therapy.mrd_negative_given_cr, therapy.mrd_odds_ratio_low_burden if low_burden else 1.0
        )
        p.mrd_positive = 0.0 if luck(p, w, MRD) < mrd_negative else 1.0
        p.b_cell_recovery = 1.0 if luck(p, w, B_CELL_RECOVERY) < therapy.b_cell_recovery else 0.0
        next_stage = AWAITING_HSCT if transplant_is_planned(p, w) else REMISSION
        strikes(p, assessed, next_stage, RESPONSE, MRD_POSITIVE if p.mrd_positive > 0.0 else MRD_NEGATIVE)
    elif response >= 1.0 - therapy.early_death:
        died = p.time + luck(p, w, TIME_OF_EARLY_DEATH) * (assessed - p.time)
        strikes(p, died, DEAD, DEATH, DEATH_TREATMENT)
    else:
        strikes(p, assessed, REFRACTORY, NO_RESPONSE, NO_DETAIL)
    background_death(p, w, w.model.mortality_ratio_active)

    crs_severe = probability_after_odds_ratio(
        therapy.crs_grade3plus, therapy.crs_odds_ratio_low_burden if low_burden else 1.0
    )
    if luck(p, w, CRS_DRAW) < max(crs_severe, therapy.crs):
        grade = GRADE_3_PLUS if luck(p, w, CRS_DRAW) < crs_severe else GRADE_1_2
        happens(p, w, onset(p, w, CRS_ONSET, therapy.crs_onset_days), CRS, p.therapy, grade)
    icans_severe = probability_after_odds_ratio(
        therapy.icans_grade3plus, therapy.icans_odds_ratio_low_burden if low_burden else 1.0
    )
    if luck(p, w, ICANS_DRAW) < max(icans_severe, therapy.icans):
        grade = GRADE_3_PLUS if luck(p, w, ICANS_DRAW) < icans_severe else GRADE_1_2
        happens(p, w, onset(p, w, ICANS_ONSET, therapy.icans_onset_days), ICANS, p.therapy, grade)
    if luck(p, w, SOS_ON_TREATMENT) < therapy.sos_on_treatment:
        sos_time = p.time + luck(p, w, SOS_ON_TREATMENT_TIME) * (assessed - p.time)
        happens(p, w, sos_time, SOS, p.therapy, NO_DETAIL)


@compiled
def awaiting_cells(p: Any, w: Any) -> None:
    """CAR-T ordered: leukapheresis, manufacture, bridging or not; death and failure compete over the actual wait."""
    therapy = w.therapies[p.therapy]
    bridging = therapy_by_rules(
        w.attributes,
        p.therapy,
        w.rules,
        w.model.after_last_salvage,
        w.model.after_last_bridging,
        w.conditions,
        w.therapies,
    )
    leukapheresis = p.time + therapy.months_to_leukapheresis
    ready = leukapheresis + log_logistic_quantile(
        luck(p, w, VEIN_TO_VEIN), therapy.vein_to_vein_months, therapy.vein_to_vein_shape
    )
    harvested = luck(p, w, LEUKAPHERESIS_DRAW) < therapy.leukapheresis_success
    if not harvested:
        strikes(p, leukapheresis, REFRACTORY, LEUKAPHERESIS_FAILURE, NO_DETAIL)
    elif luck(p, w, MANUFACTURE) < therapy.manufacture_failure:
        strikes(p, ready, REFRACTORY, MANUFACTURE_FAILURE, NO_DETAIL)
    else:
        strikes(p, ready, INFUSED, INFUSION, NO_DETAIL)

    bridged = harvested and bridging != NOTHING
    hazard_ratio = 1.0 if bridged else therapy.waiting_hazard_ratio_unbridged
    died = p.time + exponential_quantile(luck(p, w, DEATH_WHILE_WAITING), therapy.waiting_death_rate * hazard_ratio)
    strikes(p, died, DEAD, DEATH, DEATH_LEUKAEMIA)
    background_death(p, w, w.model.mortality_ratio_active)
    if harvested:
        happens(p, w, leukapheresis, LEUKAPHERESIS, p.therapy, NO_DETAIL)
    if bridged:
        bridge(p, w, bridging, leukapheresis)


@compiled
def bridge(p: Any, w: Any, bridging: int, start: float) -> None:
    """Bridging from leukapheresis on: it may lower the burden at infusion, do nothing, or kill by its toxicity."""
    therapy = w.therapies[bridging]
    remission_share = remission_probability(p, w, therapy)
    toxic_death = min(therapy.bridging_death, 1.0 - remission_share)
    chance = luck(p, w, BRIDGING_DRAW)
    assessed = start + therapy.cycle_months
    if start >= p.ends:
        return
    if chance >= 1.0 - toxic_death:
        strikes(p, start + luck(p, w, TIME_OF_EARLY_DEATH) * therapy.cycle_months, DEAD, DEATH, DEATH_TREATMENT)
    note(p, w, start, BRIDGING_START, bridging, NO_DETAIL)
    w.attributes[GIVEN + bridging] += 1.0
    p.sos_after_hsct = max(p.sos_after_hsct, therapy.sos_after_hsct)
    if chance < remission_share and assessed < p.ends:
        note(p, w, assessed, BRIDGING_RESPONSE, bridging, NO_DETAIL)
        p.blasts = min(p.blasts, w.therapies[p.therapy].blasts_after_bridging_response)


@compiled
def remission(p: Any, w: Any) -> None:
    """In complete remission with no transplant planned: relapse, other death, or years without relapse."""
    relapses(p, w, relapse_time(p, w))
    strikes(p, p.remission_since + w.model.disease_long_term_after_months, LONG_TERM_REMISSION, LONG_TERM, NO_DETAIL)
    background_death(p, w, w.model.mortality_ratio_active)


@compiled
def awaiting_hsct(p: Any, w: Any) -> None:
    """In complete remission with a transplant planned: transplant, unless relapse or death comes first."""
    wait = log_logistic_quantile(
        luck(p, w, TIME_TO_HSCT), w.therapies[p.therapy].months_to_hsct, w.model.disease_wait_shape
    )
    strikes(p, p.time + wait, AFTER_HSCT, HSCT, NO_DETAIL)
    relapses(p, w, relapse_time(p, w))
    background_death(p, w, w.model.mortality_ratio_active)


@compiled
def after_hsct(p: Any, w: Any) -> None:
    """After the transplant: SOS, transplant-related death, relapse by MRD, other death, or years without relapse."""
    m = w.model
    transplant_death = mixture_cure_quantile(
        luck(p, w, TRANSPLANT_DEATH), m.hsct_transplant_death_never, m.hsct_transplant_death_scale, 1.0, 1.0
    )
    strikes(p, p.hsct_since + transplant_death, DEAD, DEATH, DEATH_TRANSPLANT)
    hazard_ratio = m.hsct_relapse_hazard_ratio_mrd_positive if p.mrd_positive > 0.0 else 1.0
    relapse = mixture_cure_quantile(
        luck(p, w, RELAPSE_AFTER_HSCT), m.hsct_relapse_cure, m.hsct_relapse_scale, 1.0, hazard_ratio
    )
    relapses(p, w, p.hsct_since + relapse)
    strikes(p, p.hsct_since + m.disease_long_term_after_months, LONG_TERM_REMISSION, LONG_TERM, NO_DETAIL)
    sos = onset(p, w, SOS_ONSET, m.hsct_sos_onset_days) if luck(p, w, SOS_AFTER_HSCT) < p.sos_after_hsct else math.inf
    if luck(p, w, SOS_DEATH) < m.hsct_sos_fatality:
        strikes(p, sos + m.hsct_sos_months_to_death, DEAD, DEATH, DEATH_SOS)
    background_death(p, w, m.mortality_ratio_active)
    happens(p, w, sos, SOS, p.therapy, NO_DETAIL)


@compiled
def long_term_remission(p: Any, w: Any) -> None:
    """Years without relapse: a late relapse for some years more, and the mortality of a survivor."""
    late = p.time + exponential_quantile(luck(p, w, LATE_RELAPSE), w.model.disease_late_relapse_rate)
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
    rate = math.log(2.0) / w.model.disease_palliative_median_survival
    died = p.time + exponential_quantile(luck(p, w, PALLIATIVE_SURVIVAL), rate)
    strikes(p, died, DEAD, DEATH, DEATH_LEUKAEMIA)
    background_death(p, w, w.model.mortality_ratio_active)
