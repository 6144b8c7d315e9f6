"""What depends on a random number: the questions that a story asks of every stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rallsim.explain.replay import StageOutcome
from rallsim.model.random_numbers import InCourse
from rallsim.model.states import Detail, Event, Stage
from rallsim.model.transitions import ACTIVE, IN_REMISSION, TREATED

BRIDGED = (Stage.DEBULKING, Stage.AWAITING_CELLS)
CELLS = (Stage.AWAITING_CELLS,)
MRD = (Stage.MRD_THERAPY,)
REMISSION = (Stage.REMISSION,)
TRANSPLANTED = (Stage.AFTER_HSCT, Stage.SALVAGE)


@dataclass(frozen=True)
class StageQuestion:
    """What a draw may bring in some stages; `occurred` says of an outcome whether it came."""

    stages: Sequence[int]
    decision: InCourse
    about: str
    occurred: Callable[[StageOutcome], bool]
    inside: int | None = None  # the event inside the stage that it is about
    note: str = ""


def _ends(
    stages: Sequence[int], decision: InCourse, about: str, event: int, *details: int, note: str = ""
) -> StageQuestion:
    """Ask whether a stage ends by this event, with one of these details if any is named."""

    def occurred(outcome: StageOutcome) -> bool:
        return outcome.event == event and (not details or outcome.detail in details)

    return StageQuestion(stages, decision, about, occurred, note=note)


def _inside(stages: Sequence[int], decision: InCourse, about: str, event: int) -> StageQuestion:
    """Ask whether an event is recorded inside a stage."""
    return StageQuestion(stages, decision, about, lambda outcome: event in outcome.inside, event)


def _treated(outcome: StageOutcome) -> bool:
    return outcome.event != Event.PALLIATIVE_CARE


QUESTIONS = (
    StageQuestion(ACTIVE, InCourse.TREATED, "another line of treatment", _treated),
    _inside(BRIDGED, InCourse.BRIDGING_RESPONSE, "response to the bridging", Event.BRIDGING_RESPONSE),
    _ends(BRIDGED, InCourse.BRIDGING_RESPONSE, "death of the bridging", Event.DEATH, Detail.TREATMENT),
    _ends(CELLS, InCourse.LEUKAPHERESIS, "a failed leukapheresis", Event.LEUKAPHERESIS_FAILURE),
    _ends(CELLS, InCourse.MANUFACTURE, "a failed manufacture", Event.MANUFACTURE_FAILURE),
    _ends(CELLS, InCourse.MANUFACTURE_AGAIN, "a failed second manufacture", Event.MANUFACTURE_FAILURE),
    _ends(CELLS, InCourse.ANTIGEN_LOSS_IN_BRIDGING, "loss of the antigen", Event.DROP_OUT, Detail.ANTIGEN_LOST),
    _ends(CELLS, InCourse.DROP_OUT, "progression before the cells come", Event.DROP_OUT, Detail.PROGRESSION),
    _ends(
        *(CELLS, InCourse.DEATH_WHILE_WAITING, "death before the cells come", Event.DEATH),
        *(Detail.LEUKAEMIA, Detail.INFECTION),
    ),
    _ends(TREATED, InCourse.RESPONSE, "remission", Event.RESPONSE),
    _ends(TREATED, InCourse.RESPONSE, "early death of the treatment", Event.DEATH, Detail.TREATMENT),
    _ends(TREATED, InCourse.MRD, "MRD-negative remission", Event.RESPONSE, Detail.MRD_NEGATIVE),
    _ends(TREATED, InCourse.ANTIGEN_LOSS_AT_FAILURE, "loss of the antigen", Event.NO_RESPONSE, Detail.ANTIGEN_LOST),
    _ends(MRD, InCourse.MRD_THERAPY, "MRD to disappear", Event.MRD_RESPONSE, Detail.MRD_NEGATIVE),
    _ends(MRD, InCourse.MRD_THERAPY_DEATH, "death of the treatment", Event.DEATH, Detail.TREATMENT),
    *(
        _ends((stage,), decision, about, Event.RELAPSE, note=note)
        for stage, note in (
            (Stage.REMISSION, ""),
            (Stage.AWAITING_HSCT, "before the transplant"),
            (Stage.MRD_THERAPY, "during treatment for MRD"),
        )
        for decision, about in (
            (InCourse.RELAPSE, "relapse"),
            (InCourse.RELAPSE_AFTER_MRD_THERAPY, "relapse after treatment for MRD"),
        )
    ),
    _ends(REMISSION, InCourse.B_CELL_RECOVERY, "early loss of B-cell aplasia", Event.B_CELL_RECOVERY),
    _ends((Stage.AFTER_HSCT,), InCourse.RELAPSE_AFTER_HSCT, "relapse after transplant", Event.RELAPSE),
    _ends(TRANSPLANTED, InCourse.TRANSPLANT_DEATH, "death of the transplant", Event.DEATH, Detail.TRANSPLANT),
    _inside(TRANSPLANTED, InCourse.SOS_AFTER_HSCT, "sinusoidal obstruction syndrome", Event.SOS),
    _ends(TRANSPLANTED, InCourse.SOS_DEATH, "death of that syndrome", Event.DEATH, Detail.SOS),
    _ends((Stage.LONG_TERM_REMISSION,), InCourse.LATE_RELAPSE, "late relapse", Event.RELAPSE),
    *(
        _ends((*IN_REMISSION, Stage.AFTER_HSCT), decision, about, Event.RELAPSE, detail)
        for decision, about, detail in (
            (InCourse.ANTIGEN_LOSS, "loss of the antigen", Detail.ANTIGEN_LOST),
            (InCourse.LINEAGE_SWITCH, "a switch of lineage", Detail.LINEAGE_SWITCH),
        )
    ),
)
