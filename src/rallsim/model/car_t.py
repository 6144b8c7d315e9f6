"""Before a course: bridging or debulking, and the cells of a CAR-T on their way."""

from __future__ import annotations

from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model.adverse_events import BRIDGING_PART, cycles_are_given, toxicity_over_time
from rallsim.model.competing_risks import background_death, happens, is_given, luck, note, strikes
from rallsim.model.distributions import exponential_quantile, log_logistic_quantile
from rallsim.model.random_numbers import InCourse
from rallsim.model.risk_equations import remission_probability
from rallsim.model.rules import NOTHING
from rallsim.model.states import Antigen, Detail, Event, Stage


@compiled
def bridging_is_answered(p: Any, w: Any) -> bool:
    """Tell whether bridging or debulking, if it is given to its end, brings a remission."""
    return bool(luck(p, w, InCourse.BRIDGING_RESPONSE) < remission_probability(p, w, w.therapies[p.bridging]))


@compiled
def bridging_costs_antigen(p: Any, w: Any, target: int) -> bool:
    """Tell whether bridging fails and takes the antigen that the therapy to come aims at with it."""
    bridging = w.therapies[p.bridging]
    return bool(
        target != Antigen.NONE
        and bridging.target == target
        and not bridging_is_answered(p, w)
        and luck(p, w, InCourse.ANTIGEN_LOSS_IN_BRIDGING) < bridging.antigen_loss_at_failure
    )


@compiled
def bridge(p: Any, w: Any, start: float) -> None:
    """Treat before the course: it may lower the burden, do nothing, or kill by its toxicity."""
    if start >= p.ends:
        return
    therapy = w.therapies[p.bridging]
    toxic_death = min(therapy.bridging_death, 1.0 - remission_probability(p, w, therapy))
    assessed = start + therapy.cycle_months
    if luck(p, w, InCourse.BRIDGING_RESPONSE) >= 1.0 - toxic_death:
        died = start + luck(p, w, InCourse.TIME_OF_EARLY_DEATH) * therapy.cycle_months
        strikes(p, died, Stage.DEAD, Event.DEATH, Detail.TREATMENT)
    note(p, w, start, Event.BRIDGING_START, p.bridging, Detail.NONE)
    cycles_are_given(p, w, p.bridging, 1, start)
    toxicity_over_time(p, w, p.bridging, BRIDGING_PART, start, assessed)
    answered = bridging_is_answered(p, w)
    is_given(p, w, p.bridging)
    p.bridged = 1
    if answered and assessed <= p.ends:
        note(p, w, assessed, Event.BRIDGING_RESPONSE, p.bridging, Detail.NONE)
        p.blasts = min(p.blasts, w.model.disease_blasts_after_bridging_response)


@compiled
def debulking(p: Any, w: Any) -> None:
    """One cycle to lower the burden before a drug that works better below it."""
    strikes(p, p.time + w.therapies[p.bridging].cycle_months, Stage.SALVAGE, Event.DEBULKED, Detail.NONE)
    background_death(p, w, w.model.mortality_ratio_active)
    bridge(p, w, p.time)


@compiled
def awaiting_cells(p: Any, w: Any) -> None:
    """CAR-T ordered: leukapheresis, manufacture, bridging or not; death and drop-out compete over the actual wait."""
    therapy = w.therapies[p.therapy]
    again = p.attempt > 0
    leukapheresis = p.time + therapy.months_to_leukapheresis
    ready = leukapheresis + log_logistic_quantile(
        luck(p, w, InCourse.VEIN_TO_VEIN_AGAIN if again else InCourse.VEIN_TO_VEIN),
        therapy.vein_to_vein_months,
        therapy.vein_to_vein_shape,
    )
    harvested = again or luck(p, w, InCourse.LEUKAPHERESIS) < therapy.leukapheresis_success
    bridged = harvested and p.bridging != NOTHING
    if not harvested:
        strikes(p, leukapheresis, Stage.REFRACTORY, Event.LEUKAPHERESIS_FAILURE, Detail.NONE)
    elif luck(p, w, InCourse.MANUFACTURE_AGAIN if again else InCourse.MANUFACTURE) < therapy.manufacture_failure:
        retry = not again and luck(p, w, InCourse.MANUFACTURE_RETRY) < therapy.retry_given_manufacture_failure
        stage = Stage.AWAITING_CELLS if retry else Stage.REFRACTORY
        strikes(p, ready, stage, Event.MANUFACTURE_FAILURE, Detail.NONE)
    elif bridged and bridging_costs_antigen(p, w, therapy.target):
        strikes(p, ready, Stage.REFRACTORY, Event.DROP_OUT, Detail.ANTIGEN_LOST)
    else:
        strikes(p, ready, Stage.INFUSED, Event.INFUSION, Detail.NONE)

    hazard_ratio = 1.0 if bridged else therapy.waiting_hazard_ratio_unbridged
    rate = therapy.waiting_progression_rate * hazard_ratio
    ill = p.waiting_since + exponential_quantile(luck(p, w, InCourse.DROP_OUT), rate)
    strikes(p, ill, Stage.REFRACTORY, Event.DROP_OUT, Detail.PROGRESSION)
    died = p.waiting_since + exponential_quantile(
        luck(p, w, InCourse.DEATH_WHILE_WAITING), therapy.waiting_death_rate * hazard_ratio
    )
    of_infection = luck(p, w, InCourse.CAUSE_OF_DEATH_WHILE_WAITING) < therapy.waiting_infection_share
    cause = Detail.INFECTION if of_infection else Detail.LEUKAEMIA
    strikes(p, died, Stage.DEAD, Event.DEATH, cause)
    background_death(p, w, w.model.mortality_ratio_active)
    if harvested:
        happens(p, w, leukapheresis, Event.LEUKAPHERESIS, p.therapy, Detail.NONE)
    if bridged and not again:
        bridge(p, w, leukapheresis)
