"""What hangs on a draw: the questions that a story asks of every stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rallsim.explain.replay import Ending
from rallsim.model import random_numbers as luck
from rallsim.model import states as w

ACTIVE = (w.RELAPSED, w.REFRACTORY)
TREATED = (w.SALVAGE, w.INFUSED)
BRIDGED = (w.DEBULKING, w.AWAITING_CELLS)
IN_REMISSION = (w.REMISSION, w.AWAITING_HSCT, w.MRD_THERAPY)
_TRANSPLANTED = (w.AFTER_HSCT, w.SALVAGE)


@dataclass(frozen=True)
class Question:
    """What a draw may bring in some stages."""

    stages: Sequence[int]
    decision: int
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


def _question(stages: Sequence[int], decision: int, about: str, event: int, *details: int) -> Question:
    return Question(stages, decision, about, _ends_by(event, *details))


def _inner_question(stages: Sequence[int], decision: int, about: str, event: int) -> Question:
    return Question(stages, decision, about, _is_inside(event), event)


QUESTIONS = (
    Question(ACTIVE, luck.TREATED, "another line of treatment", lambda ending: ending.event != w.PALLIATIVE_CARE),
    _inner_question(BRIDGED, luck.BRIDGING_DRAW, "response to the bridging", w.BRIDGING_RESPONSE),
    _question(BRIDGED, luck.BRIDGING_DRAW, "death of the bridging", w.DEATH, w.DEATH_TREATMENT),
    _question((w.AWAITING_CELLS,), luck.LEUKAPHERESIS_DRAW, "a failed leukapheresis", w.LEUKAPHERESIS_FAILURE),
    _question((w.AWAITING_CELLS,), luck.MANUFACTURE, "a failed manufacture", w.MANUFACTURE_FAILURE),
    _question((w.AWAITING_CELLS,), luck.MANUFACTURE_AGAIN, "a failed second manufacture", w.MANUFACTURE_FAILURE),
    _question((w.AWAITING_CELLS,), luck.ANTIGEN_LOSS_IN_BRIDGING, "loss of the antigen", w.DROP_OUT, w.ANTIGEN_LOST),
    _question((w.AWAITING_CELLS,), luck.DROP_OUT_DRAW, "progression before the cells come", w.DROP_OUT, w.PROGRESSION),
    _question(
        (w.AWAITING_CELLS,),
        luck.DEATH_WHILE_WAITING,
        "death before the cells come",
        w.DEATH,
        w.DEATH_LEUKAEMIA,
        w.DEATH_INFECTION,
    ),
    _question(TREATED, luck.RESPONSE_DRAW, "remission", w.RESPONSE),
    _question(TREATED, luck.RESPONSE_DRAW, "early death of the treatment", w.DEATH, w.DEATH_TREATMENT),
    _question(TREATED, luck.MRD, "MRD-negative remission", w.RESPONSE, w.MRD_NEGATIVE),
    _question(TREATED, luck.ANTIGEN_LOSS_AT_FAILURE, "loss of the antigen", w.NO_RESPONSE, w.ANTIGEN_LOST),
    _question((w.MRD_THERAPY,), luck.MRD_THERAPY_DRAW, "MRD to disappear", w.MRD_RESPONSE, w.MRD_NEGATIVE),
    _question((w.MRD_THERAPY,), luck.MRD_THERAPY_DEATH, "death of the treatment", w.DEATH, w.DEATH_TREATMENT),
    _question((w.REMISSION,), luck.RELAPSE_DRAW, "relapse", w.RELAPSE),
    _question((w.REMISSION,), luck.RELAPSE_AFTER_MRD_THERAPY, "relapse after treatment for MRD", w.RELAPSE),
    *(
        Question((stage,), decision, about, _ends_by(w.RELAPSE), note=note)
        for stage, note in ((w.AWAITING_HSCT, "before the transplant"), (w.MRD_THERAPY, "during treatment for MRD"))
        for decision, about in (
            (luck.RELAPSE_DRAW, "relapse"),
            (luck.RELAPSE_AFTER_MRD_THERAPY, "relapse after treatment for MRD"),
        )
    ),
    _question((w.REMISSION,), luck.B_CELL_RECOVERY, "early loss of B-cell aplasia", w.B_CELL_RECOVERY),
    _question((w.AFTER_HSCT,), luck.RELAPSE_AFTER_HSCT, "relapse after transplant", w.RELAPSE),
    _question(_TRANSPLANTED, luck.TRANSPLANT_DEATH, "death of the transplant", w.DEATH, w.DEATH_TRANSPLANT),
    _inner_question(_TRANSPLANTED, luck.SOS_AFTER_HSCT, "sinusoidal obstruction syndrome", w.SOS),
    _question(_TRANSPLANTED, luck.SOS_DEATH, "death of that syndrome", w.DEATH, w.DEATH_SOS),
    _question((w.LONG_TERM_REMISSION,), luck.LATE_RELAPSE, "late relapse", w.RELAPSE),
    _question((*IN_REMISSION, w.AFTER_HSCT), luck.ANTIGEN_LOSS, "loss of the antigen", w.RELAPSE, w.ANTIGEN_LOST),
    _question(
        (*IN_REMISSION, w.AFTER_HSCT), luck.LINEAGE_SWITCH_DRAW, "a switch of lineage", w.RELAPSE, w.LINEAGE_SWITCH
    ),
)
