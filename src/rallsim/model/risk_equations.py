"""What the chances of response and relapse depend on, whatever the stage."""

from __future__ import annotations

from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model.competing_risks import luck, strikes
from rallsim.model.distributions import changed_hazard_quantile, mixture_cure_quantile, probability_after_odds_ratio
from rallsim.model.random_numbers import InCourse
from rallsim.model.states import Antigen, Detail, Event, Kind, Stage


@compiled
def has_low_burden(p: Any, therapy: Any) -> bool:
    """Tell whether marrow blasts are below the threshold of this therapy's evidence."""
    return bool(p.blasts < therapy.low_burden_threshold)


@compiled
def remission_probability(p: Any, w: Any, therapy: Any) -> float:
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
def mrd_negative_probability(p: Any, w: Any, therapy: Any) -> float:
    """Probability that a remission is MRD-negative."""
    odds_ratio = w.model.disease_mrd_odds_ratio_place
    if has_low_burden(p, therapy):
        odds_ratio *= therapy.mrd_odds_ratio_low_burden
    return float(probability_after_odds_ratio(therapy.mrd_negative_given_cr, odds_ratio))


@compiled
def early_death_probability(p: Any, therapy: Any) -> float:
    """Probability of early death on a course: its odds are higher from the second salvage line on."""
    odds_ratio = therapy.early_death_odds_ratio_later_line if p.line >= 2.0 else 1.0
    return float(probability_after_odds_ratio(therapy.early_death, odds_ratio))


@compiled
def relapse_hazard_ratio(p: Any, w: Any, therapy: Any) -> float:
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
def relapse_time(p: Any, w: Any) -> float:
    """Time of relapse when no transplant is done; the hazard rises when B-cell aplasia is lost.

    No relapse is found before the marrow is looked at again.
    """
    therapy = w.therapies[p.therapy]
    u = luck(p, w, InCourse.RELAPSE_AFTER_MRD_THERAPY if therapy.kind == Kind.MRD else InCourse.RELAPSE)
    ratio = relapse_hazard_ratio(p, w, therapy)
    cure, scale, shape = therapy.relapse_cure, therapy.relapse_scale, therapy.relapse_shape
    if p.b_cell_recovery > 0.0:
        lost = p.b_cells_since - p.relapse_clock
        after = ratio * therapy.relapse_hazard_ratio_b_cell_recovery
        lasts = changed_hazard_quantile(u, cure, scale, shape, ratio, lost, after)
    else:
        lasts = mixture_cure_quantile(u, cure, scale, shape, ratio)
    return float(p.relapse_clock + max(w.model.disease_shortest_remission_months, lasts))


@compiled
def relapses(p: Any, w: Any, time: float) -> None:
    """Let relapse compete: with the target antigen of the last therapy, without it, or as another lineage."""
    therapy = w.therapies[p.therapy]
    switch = therapy.lineage_switch
    if p.kmt2a > 0.0:
        switch = probability_after_odds_ratio(switch, therapy.lineage_switch_odds_ratio_kmt2a)
    detail = Detail.ANTIGEN_KEPT
    if luck(p, w, InCourse.LINEAGE_SWITCH) < switch:
        detail = Detail.LINEAGE_SWITCH
    elif therapy.target != Antigen.NONE and luck(p, w, InCourse.ANTIGEN_LOSS) < therapy.antigen_loss:
        detail = Detail.ANTIGEN_LOST
    strikes(p, time, Stage.RELAPSED, Event.RELAPSE, detail)
