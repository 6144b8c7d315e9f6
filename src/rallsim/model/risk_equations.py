"""What the chances of response and relapse depend on, whatever the stage."""

from __future__ import annotations

from rallsim.common.compiled import compiled
from rallsim.model.competing_risks import compete, compete_death, uniform
from rallsim.model.distributions import changed_hazard_quantile, mixture_cure_quantile, probability_after_odds_ratio
from rallsim.model.parameter_fields import TherapyParameters
from rallsim.model.patient import Patient
from rallsim.model.random_numbers import InCourse
from rallsim.model.states import Antigen, Detail, Event, Kind, Stage
from rallsim.model.world import World


@compiled
def has_low_burden(p: Patient, therapy: TherapyParameters) -> bool:
    """Tell whether marrow blasts are below the threshold of this therapy's evidence."""
    return bool(p.blasts < therapy.low_burden_threshold)


@compiled
def remission_probability(p: Patient, w: World, therapy: TherapyParameters) -> float:
    """Probability of complete remission: the reference patient's odds times the odds ratios that apply."""
    odds_ratio = w.model.disease_cr_odds_ratio_place
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
    if p.extramedullary > 0.0:
        odds_ratio *= therapy.cr_odds_ratio_extramedullary
    if p.ph_positive > 0.0:
        odds_ratio *= therapy.cr_odds_ratio_ph_positive
    return float(probability_after_odds_ratio(therapy.cr_rate, odds_ratio))


@compiled
def mrd_negative_probability(p: Patient, w: World, therapy: TherapyParameters) -> float:
    """Probability that a remission is MRD-negative."""
    odds_ratio = w.model.disease_mrd_odds_ratio_place
    if has_low_burden(p, therapy):
        odds_ratio *= therapy.mrd_odds_ratio_low_burden
    return float(probability_after_odds_ratio(therapy.mrd_negative_given_cr, odds_ratio))


@compiled
def early_death_probability(p: Patient, therapy: TherapyParameters) -> float:
    """Probability of early death on a course: its odds are higher from the second salvage line on."""
    odds_ratio = therapy.early_death_odds_ratio_later_line if p.line >= 2.0 else 1.0
    return float(probability_after_odds_ratio(therapy.early_death, odds_ratio))


@compiled
def relapse_hazard_ratio(p: Patient, w: World, therapy: TherapyParameters) -> float:
    """Hazard ratio of relapse without transplant: by MRD, burden, extramedullary disease, and bridging if causal."""
    hazard_ratio = 1.0
    if p.mrd_positive > 0.0:
        hazard_ratio *= therapy.relapse_hazard_ratio_mrd_positive
    if not has_low_burden(p, therapy):
        hazard_ratio *= therapy.relapse_hazard_ratio_high_burden
    if p.extramedullary > 0.0:
        hazard_ratio *= therapy.relapse_hazard_ratio_extramedullary
    if p.bridged > 0 and therapy.kind == Kind.CAR_T and w.model.disease_bridging_causal_share > 0.0:
        hazard_ratio *= w.model.disease_bridging_hazard_ratio**w.model.disease_bridging_causal_share
    return hazard_ratio


@compiled
def relapse_time(p: Patient, w: World) -> float:
    """Time of relapse when no transplant is done; the hazard rises when B-cell aplasia is lost."""
    therapy = w.therapies[p.therapy]
    u = uniform(p, w, InCourse.RELAPSE_AFTER_MRD_THERAPY if therapy.kind == Kind.MRD else InCourse.RELAPSE)
    ratio = relapse_hazard_ratio(p, w, therapy)
    cure, scale, shape = therapy.relapse_cure, therapy.relapse_scale, therapy.relapse_shape
    if p.b_cell_recovery > 0.0:
        lost = p.b_cells_since - p.relapse_clock
        after = ratio * therapy.relapse_hazard_ratio_b_cell_recovery
        lasts = changed_hazard_quantile(u, cure, scale, shape, ratio, lost, after)
    else:
        lasts = mixture_cure_quantile(u, cure, scale, shape, ratio)
    return p.relapse_clock + months_to_detection(w, lasts)


@compiled
def months_to_detection(w: World, lasts: float) -> float:
    """Months from the beginning of a remission until its relapse is found.

    None is found before the next control of the marrow, at s months. Relapses of the first 3 s months are found from s
    to 3 s, in the order in which they begin; later ones when they begin:

    t = s + 2/3 lasts   if lasts < 3 s, else lasts
    """
    shortest = w.model.disease_shortest_remission_months
    return shortest + lasts * (2.0 / 3.0) if lasts < 3.0 * shortest else lasts


@compiled
def compete_relapse(p: Patient, w: World, at: float) -> None:
    """Let relapse compete: with the target antigen of the last therapy, without it, or as another lineage."""
    therapy = w.therapies[p.therapy]
    switch = therapy.lineage_switch
    if p.kmt2a > 0.0:
        switch = probability_after_odds_ratio(switch, therapy.lineage_switch_odds_ratio_kmt2a)
    detail = Detail.ANTIGEN_KEPT
    if uniform(p, w, InCourse.LINEAGE_SWITCH) < switch:
        detail = Detail.LINEAGE_SWITCH
    elif therapy.target != Antigen.NONE and uniform(p, w, InCourse.ANTIGEN_LOSS) < therapy.antigen_loss:
        detail = Detail.ANTIGEN_LOST
    compete(p, at=at, event=Event.RELAPSE, into=Stage.RELAPSED, detail=detail)


@compiled
def compete_response(p: Patient, w: World, assessed: float, into: int) -> None:
    """Let the outcomes of a course compete: remission with or without MRD, early death, or failure."""
    therapy = w.therapies[p.therapy]
    response = uniform(p, w, InCourse.RESPONSE)
    if response < remission_probability(p, w, therapy):
        mrd_negative = uniform(p, w, InCourse.MRD) < mrd_negative_probability(p, w, therapy)
        depth = Detail.MRD_NEGATIVE if mrd_negative else Detail.MRD_POSITIVE
        compete(p, at=assessed, event=Event.RESPONSE, into=into, detail=depth)
    elif response >= 1.0 - early_death_probability(p, therapy):
        died = p.time + uniform(p, w, InCourse.TIME_OF_EARLY_DEATH) * (assessed - p.time)
        toxic = uniform(p, w, InCourse.CAUSE_OF_EARLY_DEATH) < therapy.early_death_of_treatment
        compete_death(p, at=died, cause=Detail.TREATMENT if toxic else Detail.LEUKAEMIA)
    else:
        lost = (
            therapy.target != Antigen.NONE
            and uniform(p, w, InCourse.ANTIGEN_LOSS_AT_FAILURE) < therapy.antigen_loss_at_failure
        )
        detail = Detail.ANTIGEN_LOST if lost else Detail.NONE
        compete(p, at=assessed, event=Event.NO_RESPONSE, into=Stage.REFRACTORY, detail=detail)


@compiled
def cycles_to_response(p: Patient, w: World) -> int:
    """Cycles after which the response of the present course is assessed: one or two."""
    return 1 if uniform(p, w, InCourse.RESPONSE_CYCLE) < w.therapies[p.therapy].response_in_first_cycle else 2
