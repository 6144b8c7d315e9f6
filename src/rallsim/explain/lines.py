"""A history as the lines of a case history: key events one a line, cycles and toxicity folded into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rallsim.explain.words import (
    AS_IN_STAGE,
    DETAILS,
    EVENTS,
    LEADS_TO,
    NUMBERS,
    ORDINALS,
    STATES,
    at_sentence_start,
    in_sentence,
    listed,
)
from rallsim.inputs.parameters import Therapy
from rallsim.model.competing_risks import DAYS_PER_MONTH
from rallsim.model.states import Antigen, Detail, Event, Stage

FOLDED = (  # events that have no line of their own, in the order in which a line lists them
    Event.CYCLE,
    Event.CRS,
    Event.ICANS,
    Event.ICU_ADMISSION,
    Event.TUMOUR_LYSIS,
    Event.INFECTION,
    Event.GASTROINTESTINAL,
    Event.LIVER,
    Event.CYTOPENIA,
    Event.ICU_DISCHARGE,
)
# Nothing is folded into the lines of these.
NOT_OPENING = (Event.SOS, Event.ACUTE_GVHD, Event.CHRONIC_GVHD, Event.BRIDGING_RESPONSE)
STARTS_OF_TREATMENT = (Event.TREATMENT_START, Event.BRIDGING_START, Event.DEBULKED, Event.MRD_THERAPY_START)
AFTER_BRIDGING = (  # the first of these after bridging shows what came of it
    *(Event.BRIDGING_RESPONSE, Event.INFUSION, Event.DEBULKED, Event.DROP_OUT),
    *(Event.MANUFACTURE_FAILURE, Event.DEATH, Event.CENSORED),
)
ON_A_DAY = (Event.CRS, Event.ICANS)
COUNTED = (Event.CYTOPENIA,)  # given by their number, not their times
_ANTIGENS = {target: target.name for target in Antigen}


@dataclass(frozen=True)
class Line:
    """A line of a case history: when, and what."""

    month: float
    text: str


class EventWriter:
    """Puts the rows of one patient's history into words."""

    def __init__(self, therapies: Mapping[str, Therapy], entry_age: float, horizon: float) -> None:
        self._therapies = list(therapies.values())
        self._entry_age = entry_age
        self._horizon = horizon

    def lines(
        self, events: np.ndarray, remarks: Mapping[int, str], first: int = 0, after_last: int | None = None
    ) -> list[Line]:
        """Return the lines of some rows of a history, with a remark on some; an entry in relapse has none."""
        entries: list[tuple[int | None, list[int]]] = []  # the row of a line, and the rows folded into it
        opening: list[int] | None = None
        first = max(first, int(events["stage"][0] == Stage.RELAPSED))
        for row in range(first, len(events) if after_last is None else after_last):
            event = int(events["event"][row])
            if event not in FOLDED:
                entries.append((row, []))
                if event not in NOT_OPENING:
                    opening = entries[-1][1]
            elif opening is None:
                entries.append((None, opening := [row]))
            else:
                opening.append(row)
        return [self._line(events, remarks, row, folded) for row, folded in entries if row is not None or folded]

    def event(self, events: np.ndarray, row: int) -> str:
        """Say what happened in one row."""
        event = int(events["event"][row])
        if event in FOLDED:
            return at_sentence_start(self._fold(events, [row], float(events["time"][row])))
        name, stage = Event(event).word, Stage(events["stage"][row]).word
        text = AS_IN_STAGE.get((name, stage), EVENTS[name])
        detail = int(events["detail"][row])
        therapy = self._therapies[events["therapy"][row]] if events["therapy"][row] >= 0 else None
        label = therapy.label if therapy else ""
        target = therapy.target if therapy else Antigen.NONE
        detail_words = DETAILS[Detail(detail).word].format(antigen=_ANTIGENS[target])
        words = text.format(
            therapy=in_sentence(label) if label else "",
            Therapy=label,
            line=ORDINALS[events["line"][row]],
            detail=detail_words,
            further="further " if events["line"][row] else "",
            horizon=self._at_the_horizon(),
            state=STATES[stage],
        )
        words += LEADS_TO.get((name, stage), "")
        remarks = self._remarks(events, row)
        if "{detail}" not in text and detail_words and (detail != Detail.ANTIGEN_KEPT or target != Antigen.NONE):
            remarks.append(detail_words)
        if event in (Event.HSCT, Event.RELAPSE, Event.LONG_TERM_REMISSION, Event.DEATH, Event.CENSORED):
            remarks.append(f"aged {int(self.age(float(events['time'][row])))}")
        return ", ".join([words, *remarks])

    def age(self, month: float) -> float:
        """Return the patient's age (years) at a time."""
        return self._entry_age + month / 12.0

    def _line(self, events: np.ndarray, remarks: Mapping[int, str], row: int | None, folded: Sequence[int]) -> Line:
        if row is None:
            month = float(events["time"][folded[0]])
            return Line(month, at_sentence_start(self._fold(events, folded, month)))
        month = float(events["time"][row])
        text = self.event(events, row) + (f" ({remarks[row]})" if row in remarks else "")
        return Line(month, f"{text}; {self._fold(events, folded, month)}" if folded else text)

    def _remarks(self, events: np.ndarray, row: int) -> list[str]:
        """Say how long after remission or transplant something came."""
        event, month = int(events["event"][row]), float(events["time"][row])
        before = events[:row]

        def last(*kinds: int) -> float | None:
            times = before["time"][np.isin(before["event"], kinds)]
            return float(times[-1]) if len(times) else None

        response, start = last(Event.RESPONSE), last(Event.TREATMENT_START, Event.ENTRY)
        transplant = last(Event.HSCT)
        if transplant is not None and start is not None and transplant < start:
            transplant = None  # of an earlier line
        if event == Event.HSCT and response is not None and events["stage"][row] == Stage.AFTER_HSCT:
            return [f"{_span(month - response)} after remission"]
        if event == Event.RELAPSE:
            lasted = [f"after a remission of {_span(month - response)}"] if response is not None else []
            return lasted + ([f"{_span(month - transplant)} after the transplant"] if transplant is not None else [])
        if event == Event.BRIDGING_START:
            shown = next(one for one in events["event"][row:].tolist() if one in AFTER_BRIDGING)
            return ["without a response"] if shown in (Event.INFUSION, Event.DEBULKED) else []
        if event == Event.LONG_TERM_REMISSION:
            since = transplant if transplant is not None else response or 0.0
            return [f"{(month - since) / 12.0:.3g} years without relapse"]
        return []

    def _fold(self, events: np.ndarray, rows: Sequence[int], opened: float) -> str:
        """Sum up cycles and toxicity."""
        parts = []
        for event in FOLDED:
            own = [row for row in rows if events["event"][row] == event]
            if not own or (event == Event.ICU_DISCHARGE and len(own) < len(rows)):
                continue
            name = EVENTS[event.word]
            times = [float(events["time"][row]) for row in own]
            if event == Event.CYCLE:
                more = "" if events["event"][rows[0] - 1] in STARTS_OF_TREATMENT else "more "
                parts.append(f"{NUMBERS[len(own)] if len(own) < len(NUMBERS) else len(own)} {more}{name}{_plural(own)}")
            elif event in ON_A_DAY:
                for row, time in zip(own, times, strict=True):
                    grade = DETAILS[Detail(events["detail"][row]).word]
                    parts.append(f"{name} of {grade} on day {_days(time - opened)}")
            elif event == Event.ICU_ADMISSION:
                ends = [float(events["time"][row]) for row in rows if events["event"][row] == Event.ICU_DISCHARGE]
                stay = f" for {_span(ends[0] - times[0])}" if ends else ""
                parts.append(f"{name}{stay}")
            elif event in COUNTED:
                parts.append(name if len(own) == 1 else f"{name} {NUMBERS[min(len(own), 10)]} times")
            elif event == Event.ICU_DISCHARGE:
                parts.append(name)
            else:
                months = listed([f"{time:.1f}" for time in times])
                names = name if name.endswith("s") else f"{name}{_plural(own)}"
                parts.append(f"{names} at month{_plural(own)} {months}")
        return ", ".join(parts)

    def _at_the_horizon(self) -> str:
        if self._horizon % 12.0 == 0.0:
            return "at one year" if self._horizon == 12.0 else f"at {self._horizon / 12.0:g} years"
        return f"at {self._horizon:g} months"


def _span(months: float) -> str:
    days = max(1, _days(months))
    return f"{months:.1f} months" if months >= 0.95 else f"{days} day{'' if days == 1 else 's'}"


def _days(months: float) -> int:
    return round(months * DAYS_PER_MONTH)


def _plural(things: Sequence[object]) -> str:
    return "" if len(things) == 1 else "s"
