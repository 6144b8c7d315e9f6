"""When an item counts: at an event, while in a stage, or for some time after an event."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rallsim.common.yaml_file import Place
from rallsim.economics.settings.entries import Entry, body_at, names_one
from rallsim.errors import nearest
from rallsim.inputs.parameter_values import ParameterFile
from rallsim.model.states import DETAILS, EVENTS, STAGES, Event
from rallsim.model.transitions import ENTRIES, TRANSITIONS

CLOCKS: dict[str, tuple[int, ...]] = {  # what each begins with; `stage` begins with every visit to a stage
    "entry": (Event.ENTRY,),
    "line": (Event.TREATMENT_START,),
    "remission": (Event.RESPONSE, Event.ENTRY),
    "infusion": (Event.INFUSION,),
    "hsct": (Event.HSCT,),
    "stage": (),
}
AT, WHILE, AFTER = KINDS = ("at", "while", "after")
KEYS = {
    AT: ("event", "detail", "stage", "therapy", "cycle", "unless_followed_by"),
    WHILE: ("stage", "therapy", "since", "from", "to"),
    AFTER: ("event", "detail", "stage", "therapy", "lasting", "until"),
}
STAGE_END = "stage_end"
NO_THERAPY = ""  # stands among therapies for patients before their first course
DAYS_PER_MONTH = 365.25 / 12.0


@dataclass(frozen=True)
class Trigger:
    """When something counts. An empty tuple asks nothing; `therapies` None as well.

    - at: the moment of one of `events`; `cycles` are the first and last number of a cycle that count, and rows that are
      followed by `unless_followed_by` in the same line do not.
    - while: the time in `stages`, on a course of `therapies`, from `since_from` to `since_to` months on a `clock`.
    - after: the time from one of `events` on, for `lasting` (the name of a number of months or days), up to the first
      of `until`, and never beyond the history.
    """

    kind: str
    events: tuple[int, ...] = ()
    details: tuple[int, ...] = ()
    stages: tuple[int, ...] = ()
    therapies: tuple[str, ...] | None = None
    cycles: tuple[int, float] = (1, math.inf)
    unless_followed_by: tuple[int, ...] = ()
    clock: str = "stage"
    since_from: float = 0.0
    since_to: float = math.inf
    lasting: str | None = None
    until: tuple[int, ...] = ()
    until_stage_end: bool = False

    def possible_stages(self) -> set[int]:
        """Stages in which it can count."""
        if self.stages:
            return set(self.stages)
        return {
            stage
            for event in self.events
            for stage in (ENTRIES if event == Event.ENTRY else [after for _, after in TRANSITIONS[event]])
        }

    def may_meet(self, therapies: tuple[str, ...] | None) -> bool:
        """Tell whether it can count on one of these therapies (None for all)."""
        return self.therapies is None or therapies is None or bool(set(self.therapies) & set(therapies))


def read_trigger(
    file: ParameterFile, place: Place, therapies: Mapping[str, str | None], entries: Mapping[str, Entry]
) -> Trigger | None:
    """Read the trigger that stands at `place` under one of KINDS; `therapies` are all, with what each is based on."""
    kinds = [kind for kind in KINDS if file.at(*place, kind) is not None]
    if len(kinds) != 1:
        file.fault(
            place, "must say when it counts, in one way", found=", ".join(kinds) or None, allowed=", ".join(KINDS)
        )
        return None
    return read_body(file, (*place, kinds[0]), kinds[0], therapies, entries)


def read_body(
    file: ParameterFile,
    place: Place,
    kind: str,
    therapies: Mapping[str, str | None],
    entries: Mapping[str, Entry],
    *,
    stage: int | None = None,
    besides: Sequence[str] = (),
) -> Trigger | None:
    """Read the conditions of a trigger of a kind at `place`; `stage` where it is known, `besides` other keys there."""
    before = len(file.faults)
    body_at(file, (*KEYS[kind], *besides), *place)
    if len(file.faults) > before:
        return None
    stages = _codes(file, (*place, "stage"), STAGES) if stage is None else (stage,)
    events = _codes(file, (*place, "event"), EVENTS)
    required = "stage" if kind == WHILE else "event"
    if stage is None and file.at(*place, required) is None:
        file.fault((*place, required), "is missing")
    until = [word for word in _words(file, (*place, "until")) if word != STAGE_END]
    lasting = file.at(*place, "lasting")
    if lasting is not None and not names_one(lasting, entries, "months", "days"):
        file.fault((*place, "lasting"), "must name a parameter in months or days", found=lasting)
    if kind == AFTER and lasting is None and not _words(file, (*place, "until")):
        file.fault(place, "must have 'lasting', 'until' or both")
    clock = file.at(*place, "since") or "stage"
    if clock not in tuple(CLOCKS):
        file.fault((*place, "since"), "must be one of", found=clock, allowed=", ".join(CLOCKS))
    window = [_month(file, (*place, key), default) for key, default in (("from", 0.0), ("to", math.inf))]
    if window[0] >= window[1]:
        file.fault(place, "must have 'from' before 'to'", found=f"{window[0]:g} to {window[1]:g}")
    trigger = Trigger(
        kind=kind,
        events=events,
        details=_codes(file, (*place, "detail"), DETAILS),
        stages=stages,
        therapies=_therapies(file, (*place, "therapy"), therapies),
        cycles=_cycles(file, (*place, "cycle"), events),
        unless_followed_by=_codes(file, (*place, "unless_followed_by"), EVENTS),
        clock=clock,
        since_from=window[0],
        since_to=window[1],
        lasting=lasting,
        until=_coded(file, (*place, "until"), until, EVENTS),
        until_stage_end=STAGE_END in _words(file, (*place, "until")),
    )
    return trigger if len(file.faults) == before else None


def with_forms(names: Iterable[str], therapies: Mapping[str, str | None], apart: Iterable[str] = ()) -> tuple[str, ...]:
    """Return therapies and the forms based on them, without forms named `apart`.

    >>> with_forms(["chemotherapy"], {"chemotherapy": None, "flag_ida": "chemotherapy", "inotuzumab": None})
    ('chemotherapy', 'flag_ida')
    """
    named = set(names)
    return tuple(one for one, base in therapies.items() if one in named or (base in named and one not in set(apart)))


def _words(file: ParameterFile, place: Place) -> list[str]:
    found = file.at(*place)
    return [] if found is None else [str(one) for one in (found if isinstance(found, list) else [found])]


def _codes(file: ParameterFile, place: Place, words: Sequence[str]) -> tuple[int, ...]:
    return _coded(file, place, _words(file, place), words)


def _coded(file: ParameterFile, place: Place, found: Iterable[str], words: Sequence[str]) -> tuple[int, ...]:
    codes = []
    for word in found:
        if word in words:
            codes.append(words.index(word))
        else:
            file.fault(place, "must be one of", found=word, allowed=", ".join(filter(None, words)))
    return tuple(codes)


def _therapies(file: ParameterFile, place: Place, known: Mapping[str, str | None]) -> tuple[str, ...] | None:
    found = _words(file, place)
    for word in found:
        if word not in known:
            file.fault(place, "must be a known therapy", found=word, hint=nearest(word, list(known)))
    return with_forms(found, known) if found else None


def _cycles(file: ParameterFile, place: Place, events: tuple[int, ...]) -> tuple[int, float]:
    bounds = body_at(file, ("min", "max"), *place)
    if bounds and events != (Event.CYCLE,):
        file.fault(place, "cannot have a number: only the event 'cycle' has one")
    for key, value in bounds.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            file.fault((*place, key), "must be a whole number from 1 on", found=value)
            return 1, math.inf
    return bounds.get("min", 1), bounds.get("max", math.inf)


def _month(file: ParameterFile, place: Place, default: float) -> float:
    value = file.at(*place)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        file.fault(place, "must be a number of months", found=value)
        return default
    return float(value)
