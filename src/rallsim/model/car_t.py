"""Before a course: bridging or debulking, and the cells of a CAR-T on their way."""

from __future__ import annotations

from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model import random_numbers as decision
from rallsim.model import states as words
from rallsim.model.adverse_events import BRIDGING_PART, cycles_are_given, toxicity_over_time
from rallsim.model.competing_risks import background_death, happens, is_given, luck, note, strikes
from rallsim.model.distributions import exponential_quantile, log_logistic_quantile
from rallsim.model.parameter_fields import NO_TARGET
from rallsim.model.risk_equations import remission_probability
from rallsim.model.rules import NOTHING


@compiled
def bridging_is_answered(p: Any, w: Any) -> bool:
    """Tell whether bridging or debulking, if it is given to its end, brings a remission."""
    return bool(luck(p, w, decision.BRIDGING_DRAW) < remission_probability(p, w, w.therapies[p.bridging]))


@compiled
def bridging_costs_antigen(p: Any, w: Any, target: int) -> bool:
    """Tell whether bridging fails and takes the antigen that the therapy to come aims at with it."""
    bridging = w.therapies[p.bridging]
    return bool(
        target != NO_TARGET
        and bridging.target == target
        and not bridging_is_answered(p, w)
        and luck(p, w, decision.ANTIGEN_LOSS_IN_BRIDGING) < bridging.antigen_loss_at_failure
    )


@compiled
def bridge(p: Any, w: Any, start: float) -> None:
    """Treat before the course: it may lower the burden, do nothing, or kill by its toxicity."""
    if start >= p.ends:
        return
    therapy = w.therapies[p.bridging]
    toxic_death = min(therapy.bridging_death, 1.0 - remission_probability(p, w, therapy))
    assessed = start + therapy.cycle_months
    if luck(p, w, decision.BRIDGING_DRAW) >= 1.0 - toxic_death:
        died = start + luck(p, w, decision.TIME_OF_EARLY_DEATH) * therapy.cycle_months
        strikes(p, died, words.DEAD, words.DEATH, words.DEATH_TREATMENT)
    note(p, w, start, words.BRIDGING_START, p.bridging, words.NO_DETAIL)
    cycles_are_given(p, w, p.bridging, 1, start)
    toxicity_over_time(p, w, p.bridging, BRIDGING_PART, start, assessed)
    answered = bridging_is_answered(p, w)
    is_given(p, w, p.bridging)
    p.bridged = 1
    if answered and assessed <= p.ends:
        note(p, w, assessed, words.BRIDGING_RESPONSE, p.bridging, words.NO_DETAIL)
        p.blasts = min(p.blasts, w.model.disease_blasts_after_bridging_response)


@compiled
def debulking(p: Any, w: Any) -> None:
    """One cycle to lower the burden before a drug that works better below it."""
    strikes(p, p.time + w.therapies[p.bridging].cycle_months, words.SALVAGE, words.DEBULKED, words.NO_DETAIL)
    background_death(p, w, w.model.mortality_ratio_active)
    bridge(p, w, p.time)


@compiled
def awaiting_cells(p: Any, w: Any) -> None:
    """CAR-T ordered: leukapheresis, manufacture, bridging or not; death and drop-out compete over the actual wait."""
    therapy = w.therapies[p.therapy]
    again = p.attempt > 0
    leukapheresis = p.time + therapy.months_to_leukapheresis
    ready = leukapheresis + log_logistic_quantile(
        luck(p, w, decision.VEIN_TO_VEIN_AGAIN if again else decision.VEIN_TO_VEIN),
        therapy.vein_to_vein_months,
        therapy.vein_to_vein_shape,
    )
    harvested = again or luck(p, w, decision.LEUKAPHERESIS_DRAW) < therapy.leukapheresis_success
    bridged = harvested and p.bridging != NOTHING
    if not harvested:
        strikes(p, leukapheresis, words.REFRACTORY, words.LEUKAPHERESIS_FAILURE, words.NO_DETAIL)
    elif luck(p, w, decision.MANUFACTURE_AGAIN if again else decision.MANUFACTURE) < therapy.manufacture_failure:
        retry = not again and luck(p, w, decision.MANUFACTURE_RETRY) < therapy.retry_given_manufacture_failure
        stage = words.AWAITING_CELLS if retry else words.REFRACTORY
        strikes(p, ready, stage, words.MANUFACTURE_FAILURE, words.NO_DETAIL)
    elif bridged and bridging_costs_antigen(p, w, therapy.target):
        strikes(p, ready, words.REFRACTORY, words.DROP_OUT, words.ANTIGEN_LOST)
    else:
        strikes(p, ready, words.INFUSED, words.INFUSION, words.NO_DETAIL)

    hazard_ratio = 1.0 if bridged else therapy.waiting_hazard_ratio_unbridged
    rate = therapy.waiting_progression_rate * hazard_ratio
    ill = p.waiting_since + exponential_quantile(luck(p, w, decision.DROP_OUT_DRAW), rate)
    strikes(p, ill, words.REFRACTORY, words.DROP_OUT, words.PROGRESSION)
    died = p.waiting_since + exponential_quantile(
        luck(p, w, decision.DEATH_WHILE_WAITING), therapy.waiting_death_rate * hazard_ratio
    )
    of_infection = luck(p, w, decision.CAUSE_OF_DEATH_WHILE_WAITING) < therapy.waiting_infection_share
    cause = words.DEATH_INFECTION if of_infection else words.DEATH_LEUKAEMIA
    strikes(p, died, words.DEAD, words.DEATH, cause)
    background_death(p, w, w.model.mortality_ratio_active)
    if harvested:
        happens(p, w, leukapheresis, words.LEUKAPHERESIS, p.therapy, words.NO_DETAIL)
    if bridged and not again:
        bridge(p, w, leukapheresis)
