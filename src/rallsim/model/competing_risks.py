"""What every stage of the pathway is made of: chance, competing risks, and notes in the history."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from rallsim.common.compiled import compiled
from rallsim.model.distributions import age_at_hazard, hazard_until, log_logistic_quantile
from rallsim.model.patient import GIVEN
from rallsim.model.random_numbers import COURSE_COLUMNS, ENTRY_COLUMNS, another
from rallsim.model.rules import NOTHING
from rallsim.model.states import Antigen, Detail, Event, Stage

DAYS_PER_MONTH = 365.25 / 12.0

# What one patient meets: uniforms, attributes as a row of numbers, one draw of the parameters, the strategy's rules.
World = namedtuple("World", "attributes uniforms model therapies rules conditions life_table events cursor")


@compiled
def luck(p: Any, w: Any, decision: int) -> float:
    """Return the patient's own uniform for a decision in the present course."""
    return float(w.uniforms[ENTRY_COLUMNS + p.course * COURSE_COLUMNS + decision])


@compiled
def luck_again(p: Any, w: Any, decision: int, repeat: int) -> float:
    """Return the patient's uniform for a decision taken more than once in a course; `repeat` counts from 0."""
    return another(luck(p, w, decision), repeat)


@compiled
def strikes(p: Any, time: float, stage: int, event: int, detail: int) -> None:
    """Let a risk compete: it ends the stage when nothing known so far comes earlier."""
    if time < p.ends:
        p.ends = time
        p.next_stage = stage
        p.next_event = event
        p.next_detail = detail


@compiled
def note(p: Any, w: Any, time: float, event: int, therapy: int, detail: int) -> None:
    """Write one row of the history; rows for which there is no room are only counted."""
    w.cursor[0] += 1
    if w.cursor[0] > len(w.events):
        return
    row = w.events[w.cursor[0] - 1]
    row.time = time
    row.patient = p.number
    row.event = event
    row.stage = p.stage
    row.line = p.lines_given
    row.therapy = therapy
    row.detail = detail


@compiled
def happens(p: Any, w: Any, time: float, event: int, therapy: int, detail: int) -> None:
    """Note an event inside the stage, if it falls into it."""
    if p.time <= time < p.ends:
        note(p, w, time, event, therapy, detail)


@compiled
def background_death(p: Any, w: Any, ratio: float) -> None:
    """Death of other causes: the life table at the patient's age, multiplied by `ratio`.

    A patient enters with an exponential amount of cumulative hazard to spend; each stage spends some of it.
    """
    p.mortality_ratio = ratio
    by_the_end = hazard_until(w.life_table, p.entry_age + p.ends / 12.0)
    if ratio * (by_the_end - p.hazard_so_far) > p.hazard_left:
        age_at_death = age_at_hazard(w.life_table, p.hazard_so_far + p.hazard_left / ratio, p.age)
        strikes(p, max(p.time, (age_at_death - p.entry_age) * 12.0), Stage.DEAD, Event.DEATH, Detail.BACKGROUND)


@compiled
def spend_background_hazard(p: Any, w: Any) -> None:
    """Subtract the background hazard of the stage that has just ended."""
    by_now = hazard_until(w.life_table, p.age)
    p.hazard_left = max(0.0, p.hazard_left - p.mortality_ratio * (by_now - p.hazard_so_far))
    p.hazard_so_far = by_now


@compiled
def wait(w: Any, uniform: float, median: float) -> float:
    """Length (months) of a wait, an onset or a stay with this median: log-logistic, with the general shape."""
    return log_logistic_quantile(uniform, median, w.model.disease_wait_shape)


@compiled
def is_given(p: Any, w: Any, therapy: int) -> None:
    """Count a course of a therapy, and of the one it is a form of."""
    w.attributes[GIVEN + therapy] += 1.0
    form_of = w.therapies[therapy].based_on
    if form_of != NOTHING:
        w.attributes[GIVEN + form_of] += 1.0
    p.sos_after_hsct = max(p.sos_after_hsct, w.therapies[therapy].sos_after_hsct)


@compiled
def loses_antigen(p: Any, target: int) -> None:
    """Take the target of a therapy off the blasts."""
    if target == Antigen.CD19:
        p.cd19_positive = 0.0
    elif target == Antigen.CD22:
        p.cd22_positive = 0.0
