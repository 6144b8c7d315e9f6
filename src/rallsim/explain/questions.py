"""What hangs on a draw: the questions that a story asks of every stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rallsim.explain.replay import Ending
from rallsim.model.random_numbers import InCourse
from rallsim.model.states import Detail, Event, Stage

ACTIVE = (Stage.RELAPSED, Stage.REFRACTORY)
TREATED = (Stage.SALVAGE, Stage.INFUSED)
BRIDGED = (Stage.DEBULKING, Stage.AWAITING_CELLS)
IN_REMISSION = (Stage.REMISSION, Stage.AWAITING_HSCT, Stage.MRD_THERAPY)
_TRANSPLANTED = (Stage.AFTER_HSCT, Stage.SALVAGE)


@dataclass(frozen=True)
class Question:
    """What a draw may bring in some stages."""

    stages: Sequence[int]
    decision: InCourse
    about: str
    happens: Callable[[Ending], bool]
    inside: int | None = None  # the event inside the stage that it is about
    note: str = ""


def _ends_by(event: int, *details: int) -> Callable[[Ending], bool]:
    """Ask whether a stage ends by this event, with one of these details if any is named."""
    return lambda ending: ending.event == event and (not details or ending.detail in details)


def _is_inside(event: int) -> Callable[[Ending], bool]:
    """Ask whether an event is noted inside a stage."""
    return lambda ending: event in ending.inside


def _question(stages: Sequence[int], decision: InCourse, about: str, event: int, *details: int) -> Question:
    return Question(stages, decision, about, _ends_by(event, *details))


def _inner_question(stages: Sequence[int], decision: InCourse, about: str, event: int) -> Question:
    return Question(stages, decision, about, _is_inside(event), event)


QUESTIONS = (
    Question(
        ACTIVE, InCourse.TREATED, "another line of treatment", lambda ending: ending.event != Event.PALLIATIVE_CARE
    ),
    _inner_question(BRIDGED, InCourse.BRIDGING_RESPONSE, "response to the bridging", Event.BRIDGING_RESPONSE),
    _question(BRIDGED, InCourse.BRIDGING_RESPONSE, "death of the bridging", Event.DEATH, Detail.TREATMENT),
    _question((Stage.AWAITING_CELLS,), InCourse.LEUKAPHERESIS, "a failed leukapheresis", Event.LEUKAPHERESIS_FAILURE),
    _question((Stage.AWAITING_CELLS,), InCourse.MANUFACTURE, "a failed manufacture", Event.MANUFACTURE_FAILURE),
    _question(
        (Stage.AWAITING_CELLS,), InCourse.MANUFACTURE_AGAIN, "a failed second manufacture", Event.MANUFACTURE_FAILURE
    ),
    _question(
        (Stage.AWAITING_CELLS,),
        InCourse.ANTIGEN_LOSS_IN_BRIDGING,
        "loss of the antigen",
        Event.DROP_OUT,
        Detail.ANTIGEN_LOST,
    ),
    _question(
        (Stage.AWAITING_CELLS,),
        InCourse.DROP_OUT,
        "progression before the cells come",
        Event.DROP_OUT,
        Detail.PROGRESSION,
    ),
    _question(
        (Stage.AWAITING_CELLS,),
        InCourse.DEATH_WHILE_WAITING,
        "death before the cells come",
        Event.DEATH,
        Detail.LEUKAEMIA,
        Detail.INFECTION,
    ),
    _question(TREATED, InCourse.RESPONSE, "remission", Event.RESPONSE),
    _question(TREATED, InCourse.RESPONSE, "early death of the treatment", Event.DEATH, Detail.TREATMENT),
    _question(TREATED, InCourse.MRD, "MRD-negative remission", Event.RESPONSE, Detail.MRD_NEGATIVE),
    _question(TREATED, InCourse.ANTIGEN_LOSS_AT_FAILURE, "loss of the antigen", Event.NO_RESPONSE, Detail.ANTIGEN_LOST),
    _question((Stage.MRD_THERAPY,), InCourse.MRD_THERAPY, "MRD to disappear", Event.MRD_RESPONSE, Detail.MRD_NEGATIVE),
    _question(
        (Stage.MRD_THERAPY,), InCourse.MRD_THERAPY_DEATH, "death of the treatment", Event.DEATH, Detail.TREATMENT
    ),
    _question((Stage.REMISSION,), InCourse.RELAPSE, "relapse", Event.RELAPSE),
    _question((Stage.REMISSION,), InCourse.RELAPSE_AFTER_MRD_THERAPY, "relapse after treatment for MRD", Event.RELAPSE),
    *(
        Question((stage,), decision, about, _ends_by(Event.RELAPSE), note=note)
        for stage, note in (
            (Stage.AWAITING_HSCT, "before the transplant"),
            (Stage.MRD_THERAPY, "during treatment for MRD"),
        )
        for decision, about in (
            (InCourse.RELAPSE, "relapse"),
            (InCourse.RELAPSE_AFTER_MRD_THERAPY, "relapse after treatment for MRD"),
        )
    ),
    _question((Stage.REMISSION,), InCourse.B_CELL_RECOVERY, "early loss of B-cell aplasia", Event.B_CELL_RECOVERY),
    _question((Stage.AFTER_HSCT,), InCourse.RELAPSE_AFTER_HSCT, "relapse after transplant", Event.RELAPSE),
    _question(_TRANSPLANTED, InCourse.TRANSPLANT_DEATH, "death of the transplant", Event.DEATH, Detail.TRANSPLANT),
    _inner_question(_TRANSPLANTED, InCourse.SOS_AFTER_HSCT, "sinusoidal obstruction syndrome", Event.SOS),
    _question(_TRANSPLANTED, InCourse.SOS_DEATH, "death of that syndrome", Event.DEATH, Detail.SOS),
    _question((Stage.LONG_TERM_REMISSION,), InCourse.LATE_RELAPSE, "late relapse", Event.RELAPSE),
    _question(
        (*IN_REMISSION, Stage.AFTER_HSCT),
        InCourse.ANTIGEN_LOSS,
        "loss of the antigen",
        Event.RELAPSE,
        Detail.ANTIGEN_LOST,
    ),
    _question(
        (*IN_REMISSION, Stage.AFTER_HSCT),
        InCourse.LINEAGE_SWITCH,
        "a switch of lineage",
        Event.RELAPSE,
        Detail.LINEAGE_SWITCH,
    ),
)
