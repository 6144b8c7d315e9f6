"""Before a course, bridging or debulking; and CAR-T: the wait for the cells and the infusion."""

from __future__ import annotations

from rallsim.model.vocabulary import *


@compiled
def debulking(p: Patient, w: World) -> None:
    """One cycle to lower the burden before a drug that works better below it."""
    compete(p, at=p.time + w.therapies[p.bridging].cycle_months, event=Event.DEBULKED, into=Stage.SALVAGE)
    compete_background_death(p, w, w.model.mortality_ratio_active)
    bridge(p, w, p.time)


@compiled
def awaiting_cells(p: Patient, w: World) -> None:
    """CAR-T ordered: leukapheresis, manufacture, bridging or not; death and drop-out compete over the actual wait."""
    therapy = w.therapies[p.therapy]
    again = p.attempt > 0
    leukapheresis = p.time + therapy.months_to_leukapheresis
    ready = leukapheresis + log_logistic_quantile(
        uniform(p, w, InCourse.VEIN_TO_VEIN_AGAIN if again else InCourse.VEIN_TO_VEIN),
        therapy.vein_to_vein_months,
        therapy.vein_to_vein_shape,
    )
    harvested = again or uniform(p, w, InCourse.LEUKAPHERESIS) < therapy.leukapheresis_success
    bridged = harvested and p.bridging != NOTHING
    if not harvested:
        compete(p, at=leukapheresis, event=Event.LEUKAPHERESIS_FAILURE, into=Stage.REFRACTORY)
    elif uniform(p, w, InCourse.MANUFACTURE_AGAIN if again else InCourse.MANUFACTURE) < therapy.manufacture_failure:
        retry = not again and uniform(p, w, InCourse.MANUFACTURE_RETRY) < therapy.retry_given_manufacture_failure
        stage = Stage.AWAITING_CELLS if retry else Stage.REFRACTORY
        compete(p, at=ready, event=Event.MANUFACTURE_FAILURE, into=stage)
    elif bridged and antigen_loss_in_bridging(p, w, therapy.target):
        compete(p, at=ready, event=Event.DROP_OUT, into=Stage.REFRACTORY, detail=Detail.ANTIGEN_LOST)
    else:
        compete(p, at=ready, event=Event.INFUSION, into=Stage.INFUSED)

    hazard_ratio = 1.0 if bridged else therapy.waiting_hazard_ratio_unbridged
    rate = therapy.waiting_progression_rate * hazard_ratio
    too_ill = p.waiting_since + exponential_quantile(uniform(p, w, InCourse.DROP_OUT), rate)
    compete(p, at=too_ill, event=Event.DROP_OUT, into=Stage.REFRACTORY, detail=Detail.PROGRESSION)
    rate = therapy.waiting_death_rate * hazard_ratio
    died = p.waiting_since + exponential_quantile(uniform(p, w, InCourse.DEATH_WHILE_WAITING), rate)
    of_infection = uniform(p, w, InCourse.CAUSE_OF_DEATH_WHILE_WAITING) < therapy.waiting_infection_share
    compete_death(p, at=died, cause=Detail.INFECTION if of_infection else Detail.LEUKAEMIA)
    compete_background_death(p, w, w.model.mortality_ratio_active)
    if harvested:
        record_in_stage(p, w, at=leukapheresis, event=Event.LEUKAPHERESIS, therapy=p.therapy)
    if bridged and not again:
        bridge(p, w, leukapheresis)


@compiled
def infusion(p: Patient, w: World) -> None:
    """CAR-T cells given: early death, response with or without MRD, or failure."""
    assessed = p.time + cycles_to_response(p, w) * w.therapies[p.therapy].cycle_months
    compete_response(p, w, assessed, into=Stage.REMISSION)
    compete_background_death(p, w, w.model.mortality_ratio_active)
    record_course_toxicity(p, w, SALVAGE_PART, assessed)


# --- bridging ----------------------------------------------------------------------------------------------------


@compiled
def bridge(p: Patient, w: World, start: float) -> None:
    """Treat before the course: it may lower the burden, do nothing, or kill by its toxicity."""
    if start >= p.ends:
        return
    therapy = w.therapies[p.bridging]
    toxic_death = min(therapy.bridging_death, 1.0 - remission_probability(p, w, therapy))
    assessed = start + therapy.cycle_months
    if uniform(p, w, InCourse.BRIDGING_RESPONSE) >= 1.0 - toxic_death:
        died = start + uniform(p, w, InCourse.TIME_OF_EARLY_DEATH) * therapy.cycle_months
        compete_death(p, at=died, cause=Detail.TREATMENT)
    record(p, w, at=start, event=Event.BRIDGING_START, therapy=p.bridging)
    record_cycles(p, w, p.bridging, 1, start)
    record_toxicity_over_time(p, w, p.bridging, BRIDGING_PART, start, assessed)
    response = bridging_response(p, w)
    count_course(p, w, p.bridging)
    p.bridged = 1
    if response and assessed <= p.ends:
        record(p, w, at=assessed, event=Event.BRIDGING_RESPONSE, therapy=p.bridging)
        p.blasts = min(p.blasts, w.model.disease_blasts_after_bridging_response)


@compiled
def bridging_response(p: Patient, w: World) -> bool:
    """Tell whether bridging or debulking, if it is given to its end, brings a remission."""
    return bool(uniform(p, w, InCourse.BRIDGING_RESPONSE) < remission_probability(p, w, w.therapies[p.bridging]))


@compiled
def antigen_loss_in_bridging(p: Patient, w: World, target: int) -> bool:
    """Tell whether bridging fails and takes the antigen that the therapy to come aims at with it."""
    bridging = w.therapies[p.bridging]
    return bool(
        target != Antigen.NONE
        and bridging.target == target
        and not bridging_response(p, w)
        and uniform(p, w, InCourse.ANTIGEN_LOSS_IN_BRIDGING) < bridging.antigen_loss_at_failure
    )
