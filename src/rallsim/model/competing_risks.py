"""What every stage of the pathway is made of: random numbers, risks that compete, and rows of the history."""

from __future__ import annotations

from rallsim.common.compiled import compiled
from rallsim.model.distributions import age_at_hazard, hazard_until, log_logistic_quantile
from rallsim.model.patient import GIVEN, Patient
from rallsim.model.random_numbers import COURSE_COLUMNS, ENTRY_COLUMNS, repeated
from rallsim.model.rules import NOTHING
from rallsim.model.states import Antigen, Detail, Event, Stage
from rallsim.model.world import World

DAYS_PER_MONTH = 365.25 / 12.0


@compiled
def uniform(p: Patient, w: World, decision: int, repeat: int = 0) -> float:
    """Return the patient's own uniform for a decision in the present course.

    `repeat` counts, from 0, how often the decision was taken before in this course.
    """
    return repeated(float(w.uniforms[ENTRY_COLUMNS + p.course * COURSE_COLUMNS + decision]), repeat)


@compiled
def wait(p: Patient, w: World, decision: int, median: float, repeat: int = 0) -> float:
    """Length (months) of a wait, an onset or a stay with this median: log-logistic, with the general shape."""
    return log_logistic_quantile(uniform(p, w, decision, repeat), median, w.model.disease_wait_shape)


@compiled
def compete(p: Patient, at: float, event: int, into: int, detail: int = Detail.NONE) -> None:
    """Let a risk compete: it ends the stage, and leads into the next, when nothing known so far comes earlier."""
    if at < p.ends:
        p.ends = at
        p.next_stage = into
        p.next_event = event
        p.next_detail = detail


@compiled
def compete_death(p: Patient, at: float, cause: int) -> None:
    """Let death of a cause compete."""
    compete(p, at=at, event=Event.DEATH, into=Stage.DEAD, detail=cause)


@compiled
def compete_background_death(p: Patient, w: World, ratio: float) -> None:
    """Let death of other causes compete: the life table at the patient's age, multiplied by `ratio`.

    A patient enters with an exponential amount of cumulative hazard to spend; each stage spends some of it.
    """
    p.mortality_ratio = ratio
    by_the_end = hazard_until(w.life_table, p.entry_age + p.ends / 12.0)
    if ratio * (by_the_end - p.hazard_so_far) > p.hazard_left:
        age_at_death = age_at_hazard(w.life_table, p.hazard_so_far + p.hazard_left / ratio, p.age)
        compete_death(p, at=max(p.time, (age_at_death - p.entry_age) * 12.0), cause=Detail.BACKGROUND)


@compiled
def spend_background_hazard(p: Patient, w: World) -> None:
    """Subtract the background hazard of the stage that has just ended."""
    by_now = hazard_until(w.life_table, p.age)
    p.hazard_left = max(0.0, p.hazard_left - p.mortality_ratio * (by_now - p.hazard_so_far))
    p.hazard_so_far = by_now


@compiled
def record(p: Patient, w: World, at: float, event: int, therapy: int, detail: int = Detail.NONE) -> None:
    """Write one row of the history; rows for which there is no room are only counted."""
    w.cursor[0] += 1
    if w.cursor[0] > len(w.events):
        return
    row = w.events[w.cursor[0] - 1]
    row.time = at
    row.patient = p.number
    row.event = event
    row.stage = p.stage
    row.line = p.lines_given
    row.therapy = therapy
    row.detail = detail


@compiled
def record_in_stage(p: Patient, w: World, at: float, event: int, therapy: int, detail: int = Detail.NONE) -> None:
    """Record an event inside the stage, if it falls into it."""
    if p.time <= at < p.ends:
        record(p, w, at, event, therapy, detail)


@compiled
def count_course(p: Patient, w: World, therapy: int) -> None:
    """Count a course of a therapy, and of the one it is a form of."""
    w.attributes[GIVEN + therapy] += 1.0
    form_of = w.therapies[therapy].based_on
    if form_of != NOTHING:
        w.attributes[GIVEN + form_of] += 1.0
    p.sos_after_hsct = max(p.sos_after_hsct, w.therapies[therapy].sos_after_hsct)


@compiled
def lose_antigen(p: Patient, target: int) -> None:
    """Take the target of a therapy off the blasts."""
    if target == Antigen.CD19:
        p.cd19_positive = 0.0
    elif target == Antigen.CD22:
        p.cd22_positive = 0.0
