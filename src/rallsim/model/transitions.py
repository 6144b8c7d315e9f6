"""Which event leads from which stage to which: the pathway as a table.

Every history is checked against it, the diagram of the pathway is drawn from it, and the tests take every one of its
transitions.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from rallsim.model import states as w

_ACTIVE = (w.RELAPSED, w.REFRACTORY)
_TREATED = (w.SALVAGE, w.INFUSED)
_IN_REMISSION = (w.REMISSION, w.AWAITING_HSCT, w.MRD_THERAPY)
_ALIVE = tuple(stage for stage in range(len(w.STAGES)) if stage != w.DEAD)

Pairs = tuple[tuple[int, int], ...]


def _from_to(before: tuple[int, ...], after: tuple[int, ...]) -> Pairs:
    return tuple(product(before, after))


def _inside(*stages: int) -> Pairs:
    return tuple((stage, stage) for stage in stages)


_ON_TREATMENT = _inside(w.SALVAGE, w.INFUSED, w.MRD_THERAPY)
_WITH_TIME = _inside(
    *(w.DEBULKING, w.SALVAGE, w.AWAITING_CELLS, w.INFUSED, w.MRD_THERAPY, w.REMISSION, w.AWAITING_HSCT)
)
_OF_CYCLES = _inside(w.DEBULKING, w.SALVAGE, w.AWAITING_CELLS, w.MRD_THERAPY, w.REMISSION, w.AWAITING_HSCT)

ENTRIES = (w.RELAPSED, *_IN_REMISSION)
"""Stages in which a patient may enter."""

TRANSITIONS: dict[int, Pairs] = {
    w.TREATMENT_START: _from_to(_ACTIVE, (w.SALVAGE, w.DEBULKING, w.AWAITING_CELLS)),
    w.PALLIATIVE_CARE: _from_to(_ACTIVE, (w.PALLIATIVE,)),
    w.DEBULKED: ((w.DEBULKING, w.SALVAGE),),
    w.LEUKAPHERESIS_FAILURE: ((w.AWAITING_CELLS, w.REFRACTORY),),
    w.MANUFACTURE_FAILURE: ((w.AWAITING_CELLS, w.REFRACTORY), (w.AWAITING_CELLS, w.AWAITING_CELLS)),
    w.DROP_OUT: ((w.AWAITING_CELLS, w.REFRACTORY),),
    w.INFUSION: ((w.AWAITING_CELLS, w.INFUSED),),
    w.RESPONSE: (*_from_to(_TREATED, _IN_REMISSION), (w.SALVAGE, w.AFTER_HSCT)),
    w.NO_RESPONSE: _from_to(_TREATED, (w.REFRACTORY,)),
    w.MRD_RESPONSE: _from_to((w.MRD_THERAPY,), (w.REMISSION, w.AWAITING_HSCT, w.MRD_THERAPY)),
    w.B_CELL_RECOVERY: _from_to((w.REMISSION,), _IN_REMISSION),
    w.HSCT: ((w.AWAITING_HSCT, w.AFTER_HSCT), (w.SALVAGE, w.SALVAGE)),
    w.RELAPSE: _from_to((*_IN_REMISSION, w.AFTER_HSCT, w.LONG_TERM_REMISSION), (w.RELAPSED,)),
    w.LONG_TERM: _from_to((w.REMISSION, w.AFTER_HSCT), (w.LONG_TERM_REMISSION,)),
    w.DEATH: _from_to(_ALIVE, (w.DEAD,)),
    w.CENSORED: _inside(*_ALIVE),
    w.LEUKAPHERESIS: _inside(w.AWAITING_CELLS),
    w.BRIDGING_START: _inside(w.AWAITING_CELLS, w.DEBULKING),
    w.BRIDGING_RESPONSE: _inside(w.AWAITING_CELLS, w.DEBULKING),
    w.CYCLE: _OF_CYCLES,
    w.CRS: _ON_TREATMENT,
    w.ICANS: _ON_TREATMENT,
    w.ICU_ADMISSION: _ON_TREATMENT,
    w.ICU_DISCHARGE: _ON_TREATMENT,
    w.INFECTION: _WITH_TIME,
    w.CYTOPENIA: _WITH_TIME,
    w.GASTROINTESTINAL: _WITH_TIME,
    w.TUMOUR_LYSIS: _WITH_TIME,
    w.LIVER: _WITH_TIME,
    w.SOS: _inside(w.SALVAGE, w.INFUSED, w.MRD_THERAPY, w.AFTER_HSCT),
    w.MRD_THERAPY_START: _inside(w.MRD_THERAPY),
    w.REINFUSION: _inside(*_IN_REMISSION),
    w.ACUTE_GVHD: _inside(w.SALVAGE, w.AFTER_HSCT),
    w.CHRONIC_GVHD: _inside(w.SALVAGE, w.AFTER_HSCT),
}
"""The stages before and after each event but the entry; events inside a stage have it before and after."""


def allowed_transitions() -> np.ndarray:
    """Return a table [event, stage before, stage after] of what may happen; the entry has no stage before.

    >>> bool(allowed_transitions()[w.RELAPSE, w.REMISSION, w.RELAPSED])
    True
    """
    table = np.zeros((len(w.EVENTS), len(w.STAGES), len(w.STAGES)), dtype=bool)
    for event, pairs in TRANSITIONS.items():
        for before, after in pairs:
            table[event, before, after] = True
    table[w.ENTRY][:, list(ENTRIES)] = True
    return table
