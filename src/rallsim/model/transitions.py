"""Which event leads from which stage to which: the pathway as a table.

Every history is checked against it, the diagram of the pathway is drawn from it, and the tests take every one of its
transitions.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from rallsim.model.states import EVENTS, STAGES, Event, Stage

ACTIVE = (Stage.RELAPSED, Stage.REFRACTORY)
TREATED = (Stage.SALVAGE, Stage.INFUSED)
IN_REMISSION = (Stage.REMISSION, Stage.AWAITING_HSCT, Stage.MRD_THERAPY)
ALIVE = tuple(stage for stage in range(len(STAGES)) if stage != Stage.DEAD)

Pairs = tuple[tuple[int, int], ...]


def _from_to(before: tuple[int, ...], after: tuple[int, ...]) -> Pairs:
    return tuple(product(before, after))


def _inside(*stages: int) -> Pairs:
    return tuple((stage, stage) for stage in stages)


_ON_TREATMENT = _inside(Stage.SALVAGE, Stage.INFUSED, Stage.MRD_THERAPY)
_OF_CYCLES = _inside(Stage.DEBULKING, Stage.SALVAGE, Stage.AWAITING_CELLS, *IN_REMISSION)
_WITH_TIME = (*_OF_CYCLES, *_inside(Stage.INFUSED))

ENTRIES = (Stage.RELAPSED, *IN_REMISSION)
"""Stages in which a patient may enter."""

TRANSITIONS: dict[int, Pairs] = {
    Event.TREATMENT_START: _from_to(ACTIVE, (Stage.SALVAGE, Stage.DEBULKING, Stage.AWAITING_CELLS)),
    Event.PALLIATIVE_CARE: _from_to(ACTIVE, (Stage.PALLIATIVE,)),
    Event.DEBULKED: ((Stage.DEBULKING, Stage.SALVAGE),),
    Event.LEUKAPHERESIS_FAILURE: ((Stage.AWAITING_CELLS, Stage.REFRACTORY),),
    Event.MANUFACTURE_FAILURE: ((Stage.AWAITING_CELLS, Stage.REFRACTORY), (Stage.AWAITING_CELLS, Stage.AWAITING_CELLS)),
    Event.DROP_OUT: ((Stage.AWAITING_CELLS, Stage.REFRACTORY),),
    Event.INFUSION: ((Stage.AWAITING_CELLS, Stage.INFUSED),),
    Event.RESPONSE: (*_from_to(TREATED, IN_REMISSION), (Stage.SALVAGE, Stage.AFTER_HSCT)),
    Event.NO_RESPONSE: _from_to(TREATED, (Stage.REFRACTORY,)),
    Event.MRD_RESPONSE: _from_to((Stage.MRD_THERAPY,), (Stage.REMISSION, Stage.AWAITING_HSCT, Stage.MRD_THERAPY)),
    Event.B_CELL_RECOVERY: _from_to((Stage.REMISSION,), IN_REMISSION),
    Event.HSCT: ((Stage.AWAITING_HSCT, Stage.AFTER_HSCT), (Stage.SALVAGE, Stage.SALVAGE)),
    Event.RELAPSE: _from_to((*IN_REMISSION, Stage.AFTER_HSCT, Stage.LONG_TERM_REMISSION), (Stage.RELAPSED,)),
    Event.LONG_TERM_REMISSION: _from_to((Stage.REMISSION, Stage.AFTER_HSCT), (Stage.LONG_TERM_REMISSION,)),
    Event.DEATH: _from_to(ALIVE, (Stage.DEAD,)),
    Event.CENSORED: _inside(*ALIVE),
    Event.LEUKAPHERESIS: _inside(Stage.AWAITING_CELLS),
    Event.BRIDGING_START: _inside(Stage.AWAITING_CELLS, Stage.DEBULKING),
    Event.BRIDGING_RESPONSE: _inside(Stage.AWAITING_CELLS, Stage.DEBULKING),
    Event.CYCLE: _OF_CYCLES,
    Event.CRS: _ON_TREATMENT,
    Event.ICANS: _ON_TREATMENT,
    Event.ICU_ADMISSION: _ON_TREATMENT,
    Event.ICU_DISCHARGE: _ON_TREATMENT,
    Event.INFECTION: _WITH_TIME,
    Event.CYTOPENIA: _WITH_TIME,
    Event.GASTROINTESTINAL: _WITH_TIME,
    Event.TUMOUR_LYSIS: _WITH_TIME,
    Event.LIVER: _WITH_TIME,
    Event.SOS: _inside(Stage.SALVAGE, Stage.INFUSED, Stage.MRD_THERAPY, Stage.AFTER_HSCT),
    Event.MRD_THERAPY_START: _inside(Stage.MRD_THERAPY),
    Event.REINFUSION: _inside(*IN_REMISSION),
    Event.ACUTE_GVHD: _inside(Stage.SALVAGE, Stage.AFTER_HSCT),
    Event.CHRONIC_GVHD: _inside(Stage.SALVAGE, Stage.AFTER_HSCT),
}
"""The stages before and after each event but the entry; events inside a stage have it before and after."""


def allowed_transitions() -> np.ndarray:
    """Return a table [event, stage before, stage after] of what may happen; the entry has no stage before.

    >>> bool(allowed_transitions()[Event.RELAPSE, Stage.REMISSION, Stage.RELAPSED])
    True
    """
    table = np.zeros((len(EVENTS), len(STAGES), len(STAGES)), dtype=bool)
    for event, pairs in TRANSITIONS.items():
        for before, after in pairs:
            table[event, before, after] = True
    table[Event.ENTRY][:, list(ENTRIES)] = True
    return table
