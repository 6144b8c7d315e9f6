"""Transplant: whether, when, and what can happen after it."""

from __future__ import annotations

import math
from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model.adverse_events import CONSOLIDATION_PART, cycles_are_given, toxicity_over_time
from rallsim.model.competing_risks import DAYS_PER_MONTH, background_death, happens, luck, strikes, wait
from rallsim.model.distributions import later_quantile, mixture_cure_quantile, probability_after_odds_ratio
from rallsim.model.random_numbers import InCourse
from rallsim.model.risk_equations import relapse_hazard_ratio, relapse_time, relapses
from rallsim.model.rules import transplant_by_rules
from rallsim.model.states import Detail, Event, Kind, Stage


@compiled
def transplant_is_planned(p: Any, w: Any) -> bool:
    """Tell whether the patient can have a transplant and the strategy wants one; if so, note its conditioning."""
    if p.hsct_fit == 0.0 or p.donor == 0.0 or p.prior_hsct >= w.model.max_transplants:
        return False
    if luck(p, w, InCourse.HSCT_REALISED) >= w.therapies[p.therapy].hsct_realised:
        return False
    alkylators = transplant_by_rules(
        w.attributes, p.therapy, w.rules, w.model.after_last_mrd, w.model.after_last_consolidation, w.conditions
    )
    p.alkylators = alkylators
    return bool(alkylators > 0)


@compiled
def months_to_transplant(p: Any, w: Any, therapy: Any) -> float:
    """Wait (months) from the decision to the transplant: longer without a sibling donor."""
    ratio = 1.0 if p.sibling_donor > 0.0 else w.model.hsct_wait_ratio_no_sibling
    return wait(w, luck(p, w, InCourse.TIME_TO_HSCT), therapy.months_to_hsct * ratio)


@compiled
def consolidation_cycles(p: Any, w: Any, in_all: float) -> None:
    """Give the cycles of the present course that are still to come in remission, with their toxicity."""
    cycles = int(in_all) - p.cycles
    if cycles > 0:
        cycles_are_given(p, w, p.therapy, cycles, p.time)
        until = p.time + cycles * w.therapies[p.therapy].cycle_months
        toxicity_over_time(p, w, p.therapy, CONSOLIDATION_PART, p.time, until)
        p.cycles += cycles


@compiled
def awaiting_hsct(p: Any, w: Any) -> None:
    """In complete remission with a transplant planned: transplant, unless relapse or death comes first."""
    therapy = w.therapies[p.therapy]
    conditioning = Detail.TWO_ALKYLATORS if p.alkylators == 2 else Detail.ONE_ALKYLATOR
    strikes(p, p.time + months_to_transplant(p, w, therapy), Stage.AFTER_HSCT, Event.HSCT, conditioning)
    relapses(p, w, relapse_time(p, w))
    background_death(p, w, w.model.mortality_ratio_active)
    consolidation_cycles(p, w, therapy.cycles_before_hsct)


@compiled
def hazard_ratio_of_setting(p: Any, w: Any) -> float:
    """Hazard ratio of relapse and transplant death: a second transplant, or one in first remission."""
    if p.prior_hsct > 1.0:
        return float(w.model.hsct_hazard_ratio_second)
    return float(w.model.hsct_hazard_ratio_first_remission) if p.lines_given == 0 else 1.0


@compiled
def transplant_risks(p: Any, w: Any) -> None:
    """Death of the transplant, SOS and graft-versus-host disease, counted from the transplant."""
    m = w.model
    hazard_ratio = hazard_ratio_of_setting(p, w)
    if p.age >= 55.0:
        hazard_ratio *= m.hsct_transplant_death_hazard_ratio_55_plus
    died = mixture_cure_quantile(
        luck(p, w, InCourse.TRANSPLANT_DEATH),
        m.hsct_transplant_death_never,
        m.hsct_transplant_death_scale,
        1.0,
        hazard_ratio,
    )
    strikes(p, p.hsct_since + died, Stage.DEAD, Event.DEATH, Detail.TRANSPLANT)
    odds_ratio = m.hsct_sos_odds_ratio_two_alkylators if p.alkylators == 2 else 1.0
    if luck(p, w, InCourse.BILIRUBIN) < m.hsct_bilirubin_high:
        odds_ratio *= m.hsct_sos_odds_ratio_bilirubin
    if p.liver_disease > 0.0:
        odds_ratio *= m.hsct_sos_odds_ratio_liver_disease
    sos = math.inf
    if luck(p, w, InCourse.SOS_AFTER_HSCT) < probability_after_odds_ratio(p.sos_after_hsct, odds_ratio):
        sos = p.hsct_since + wait(w, luck(p, w, InCourse.SOS_ONSET), m.hsct_sos_onset_days / DAYS_PER_MONTH)
        if luck(p, w, InCourse.SOS_DEATH) < m.hsct_sos_fatality:
            strikes(p, sos + m.hsct_sos_months_to_death, Stage.DEAD, Event.DEATH, Detail.SOS)
    background_death(p, w, m.mortality_ratio_active)
    happens(p, w, sos, Event.SOS, p.therapy, Detail.NONE)
    acute = luck(p, w, InCourse.ACUTE_GVHD)
    if acute < m.hsct_acute_gvhd:
        onset = p.hsct_since + wait(
            w, luck(p, w, InCourse.ACUTE_GVHD_ONSET), m.hsct_acute_gvhd_onset_days / DAYS_PER_MONTH
        )
        grade = Detail.GRADE_3_PLUS if acute < m.hsct_acute_gvhd_grade3plus else Detail.GRADE_2
        happens(p, w, onset, Event.ACUTE_GVHD, p.therapy, grade)
    if luck(p, w, InCourse.CHRONIC_GVHD) < m.hsct_chronic_gvhd:
        onset = p.hsct_since + wait(w, luck(p, w, InCourse.CHRONIC_GVHD_ONSET), m.hsct_chronic_gvhd_onset_months)
        happens(p, w, onset, Event.CHRONIC_GVHD, p.therapy, Detail.NONE)


@compiled
def after_hsct(p: Any, w: Any) -> None:
    """After the transplant: its own risks, relapse by MRD, other death, or years without relapse."""
    m = w.model
    strikes(
        p,
        p.hsct_since + m.disease_long_term_after_months,
        Stage.LONG_TERM_REMISSION,
        Event.LONG_TERM_REMISSION,
        Detail.NONE,
    )
    therapy = w.therapies[p.therapy]
    if therapy.kind == Kind.CAR_T and luck(p, w, InCourse.EFFECT_OF_HSCT) < m.hsct_after_car_t_causal_share:
        # The published hazard ratio is one of EFS: it holds for relapse and death of the transplant together.
        ratio = relapse_hazard_ratio(p, w, therapy) * m.hsct_after_car_t_hazard_ratio
        if p.b_cell_recovery > 0.0:
            ratio *= therapy.relapse_hazard_ratio_b_cell_recovery
        event = later_quantile(
            luck(p, w, InCourse.RELAPSE_AFTER_HSCT),
            therapy.relapse_cure,
            therapy.relapse_scale,
            therapy.relapse_shape,
            ratio,
            p.hsct_since - p.relapse_clock,
        )
        relapses(p, w, max(p.hsct_since + m.disease_shortest_remission_months, p.relapse_clock + event))
        background_death(p, w, m.mortality_ratio_active)
        return
    hazard_ratio = hazard_ratio_of_setting(p, w)
    if p.mrd_positive > 0.0:
        hazard_ratio *= m.hsct_relapse_hazard_ratio_mrd_positive
    if p.hsct_in_relapse > 0:
        hazard_ratio *= m.hsct_relapse_hazard_ratio_active_disease
    if p.alkylators == 2:
        hazard_ratio *= m.hsct_relapse_hazard_ratio_two_alkylators
    relapse = mixture_cure_quantile(
        luck(p, w, InCourse.RELAPSE_AFTER_HSCT), m.hsct_relapse_cure, m.hsct_relapse_scale, 1.0, hazard_ratio
    )
    relapses(p, w, max(p.hsct_since, p.relapse_clock) + max(m.disease_shortest_remission_months, relapse))
    transplant_risks(p, w)
