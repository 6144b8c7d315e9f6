"""Transplant: whether, when, in remission or in relapse, and what can happen after it."""

from __future__ import annotations

from rallsim.model.vocabulary import *


@compiled
def planned_conditioning(p: Patient, w: World) -> int:
    """Alkylating agents in the conditioning of the transplant that is planned in a remission, 0 for no transplant.

    The patient must be fit and have a donor, the strategy must want it, and nothing but disease may prevent it.
    """
    if p.hsct_fit == 0.0 or p.donor == 0.0 or p.prior_hsct >= w.model.max_transplants:
        return 0
    if uniform(p, w, InCourse.HSCT_REALISED) >= w.therapies[p.therapy].hsct_realised:
        return 0
    return consolidation_rule(w, after=p.therapy)


@compiled
def months_to_transplant(p: Patient, w: World, therapy: TherapyParameters) -> float:
    """Wait (months) from the decision to the transplant: longer without a sibling donor."""
    ratio = 1.0 if p.sibling_donor > 0.0 else w.model.hsct_wait_ratio_no_sibling
    return wait(p, w, InCourse.TIME_TO_HSCT, therapy.months_to_hsct * ratio)


# --- stages ------------------------------------------------------------------------------------------------------


@compiled
def awaiting_hsct(p: Patient, w: World) -> None:
    """In complete remission with a transplant planned: transplant, unless relapse or death comes first."""
    therapy = w.therapies[p.therapy]
    transplant = p.time + months_to_transplant(p, w, therapy)
    conditioning = Detail.TWO_ALKYLATORS if p.alkylators == 2 else Detail.ONE_ALKYLATOR
    compete(p, at=transplant, event=Event.HSCT, into=Stage.AFTER_HSCT, detail=conditioning)
    compete_relapse(p, w, at=relapse_time(p, w))
    compete_background_death(p, w, w.model.mortality_ratio_active)
    give_consolidation_cycles(p, w, planned=therapy.cycles_before_hsct)


@compiled
def transplant_in_relapse(p: Patient, w: World) -> None:
    """Transplanted in active disease: its own risks, and remission or failure when the marrow is looked at."""
    assessed = p.time + w.therapies[p.therapy].cycle_months
    compete_response(p, w, assessed, into=Stage.AFTER_HSCT)
    compete_transplant_risks(p, w)
    record(p, w, at=p.time, event=Event.HSCT, therapy=p.therapy, detail=Detail.ONE_ALKYLATOR)


@compiled
def after_hsct(p: Patient, w: World) -> None:
    """After the transplant: its own risks, relapse by MRD, other death, or years without relapse."""
    m = w.model
    therapy = w.therapies[p.therapy]
    long_term = p.hsct_since + m.disease_long_term_after_months
    compete(p, at=long_term, event=Event.LONG_TERM_REMISSION, into=Stage.LONG_TERM_REMISSION)
    if therapy.kind == Kind.CAR_T and uniform(p, w, InCourse.EFFECT_OF_HSCT) < m.hsct_after_car_t_causal_share:
        compete_relapse(p, w, at=relapse_or_death_after_car_t(p, w, therapy))
        compete_background_death(p, w, m.mortality_ratio_active)
    else:
        compete_relapse(p, w, at=relapse_time_after_hsct(p, w))
        compete_transplant_risks(p, w)


# --- risks -------------------------------------------------------------------------------------------------------


@compiled
def relapse_time_after_hsct(p: Patient, w: World) -> float:
    """Time of relapse after a transplant: by MRD, active disease, setting and conditioning."""
    m = w.model
    hazard_ratio = setting_hazard_ratio(p, w)
    if p.mrd_positive > 0.0:
        hazard_ratio *= m.hsct_relapse_hazard_ratio_mrd_positive
    if p.hsct_in_relapse > 0:
        hazard_ratio *= m.hsct_relapse_hazard_ratio_active_disease
    if p.alkylators == 2:
        hazard_ratio *= m.hsct_relapse_hazard_ratio_two_alkylators
    u = uniform(p, w, InCourse.RELAPSE_AFTER_HSCT)
    relapse = mixture_cure_quantile(u, m.hsct_relapse_cure, m.hsct_relapse_scale, 1.0, hazard_ratio)
    return max(p.hsct_since, p.relapse_clock) + months_to_detection(w, relapse)


@compiled
def relapse_or_death_after_car_t(p: Patient, w: World, therapy: TherapyParameters) -> float:
    """Time of relapse after a transplant that changes what CAR-T has begun.

    The published hazard ratio is one of EFS: it holds for relapse and death of the transplant together.
    """
    hazard_ratio = relapse_hazard_ratio(p, w, therapy) * w.model.hsct_after_car_t_hazard_ratio
    if p.b_cell_recovery > 0.0:
        hazard_ratio *= therapy.relapse_hazard_ratio_b_cell_recovery
    since = p.hsct_since - p.relapse_clock
    u = uniform(p, w, InCourse.RELAPSE_AFTER_HSCT)
    event = later_quantile(u, therapy.relapse_cure, therapy.relapse_scale, therapy.relapse_shape, hazard_ratio, since)
    return p.hsct_since + months_to_detection(w, p.relapse_clock + event - p.hsct_since)


@compiled
def setting_hazard_ratio(p: Patient, w: World) -> float:
    """Hazard ratio of relapse and transplant death: a second transplant, or one in first remission."""
    if p.prior_hsct > 1.0:
        return w.model.hsct_hazard_ratio_second
    return w.model.hsct_hazard_ratio_first_remission if p.lines_given == 0 else 1.0


@compiled
def compete_transplant_risks(p: Patient, w: World) -> None:
    """Let death of the transplant, fatal SOS and background death compete; record SOS and graft-versus-host disease."""
    m = w.model
    compete_death(p, at=transplant_death_time(p, w), cause=Detail.TRANSPLANT)
    sos = sos_time_after_hsct(p, w)
    if sos < NEVER and uniform(p, w, InCourse.SOS_DEATH) < m.hsct_sos_fatality:
        compete_death(p, at=sos + m.hsct_sos_months_to_death, cause=Detail.SOS)
    compete_background_death(p, w, m.mortality_ratio_active)
    record_in_stage(p, w, at=sos, event=Event.SOS, therapy=p.therapy)
    acute = uniform(p, w, InCourse.ACUTE_GVHD)
    if acute < m.hsct_acute_gvhd:
        onset = p.hsct_since + wait(p, w, InCourse.ACUTE_GVHD_ONSET, m.hsct_acute_gvhd_onset_days / DAYS_PER_MONTH)
        grade = Detail.GRADE_3_PLUS if acute < m.hsct_acute_gvhd_grade3plus else Detail.GRADE_2
        record_in_stage(p, w, at=onset, event=Event.ACUTE_GVHD, therapy=p.therapy, detail=grade)
    if uniform(p, w, InCourse.CHRONIC_GVHD) < m.hsct_chronic_gvhd:
        onset = p.hsct_since + wait(p, w, InCourse.CHRONIC_GVHD_ONSET, m.hsct_chronic_gvhd_onset_months)
        record_in_stage(p, w, at=onset, event=Event.CHRONIC_GVHD, therapy=p.therapy)


@compiled
def transplant_death_time(p: Patient, w: World) -> float:
    """Time of death of the transplant, SOS apart."""
    m = w.model
    hazard_ratio = setting_hazard_ratio(p, w)
    if p.age >= 55.0:
        hazard_ratio *= m.hsct_transplant_death_hazard_ratio_55_plus
    u = uniform(p, w, InCourse.TRANSPLANT_DEATH)
    died = mixture_cure_quantile(u, m.hsct_transplant_death_never, m.hsct_transplant_death_scale, 1.0, hazard_ratio)
    return p.hsct_since + died


@compiled
def sos_time_after_hsct(p: Patient, w: World) -> float:
    """Time of sinusoidal obstruction syndrome after a transplant: by therapies before, conditioning and liver."""
    m = w.model
    odds_ratio = m.hsct_sos_odds_ratio_two_alkylators if p.alkylators == 2 else 1.0
    if uniform(p, w, InCourse.BILIRUBIN) < m.hsct_bilirubin_high:
        odds_ratio *= m.hsct_sos_odds_ratio_bilirubin
    if p.liver_disease > 0.0:
        odds_ratio *= m.hsct_sos_odds_ratio_liver_disease
    if uniform(p, w, InCourse.SOS_AFTER_HSCT) >= probability_after_odds_ratio(p.sos_after_hsct, odds_ratio):
        return NEVER
    return p.hsct_since + wait(p, w, InCourse.SOS_ONSET, m.hsct_sos_onset_days / DAYS_PER_MONTH)
