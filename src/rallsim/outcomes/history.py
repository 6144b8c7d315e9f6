"""What happened to whom and when: the one thing the simulation writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rallsim.errors import InputError, ModelError, Problem
from rallsim.model.states import DETAILS, EVENTS, STAGES, Detail, Event, Stage
from rallsim.model.transitions import ENTRIES, allowed_transitions
from rallsim.outcomes.censoring import events_until

Mask = NDArray[np.bool_]


def _allowed(shape: tuple[int, int], only: Mapping[int, Sequence[int]]) -> Mask:
    """Return a table [event, code] of what may stand together; an event that is not named takes every code."""
    table = np.ones(shape, dtype=bool)
    for event, codes in only.items():
        table[event] = False
        table[event, list(codes)] = True
    return table


_MAY_HAPPEN = allowed_transitions()
_SEVERE = [Detail.GRADE_3_PLUS]
_ANY_GRADE = [Detail.GRADE_1_2, Detail.GRADE_3_PLUS]
_DETAIL = _allowed(
    (len(EVENTS), len(DETAILS)),
    {
        Event.CRS: _ANY_GRADE,
        Event.ICANS: _ANY_GRADE,
        Event.LIVER: _ANY_GRADE,
        **dict.fromkeys((Event.INFECTION, Event.CYTOPENIA, Event.GASTROINTESTINAL, Event.TUMOUR_LYSIS), _SEVERE),
        Event.SOS: [Detail.NONE, *_ANY_GRADE],
        Event.ACUTE_GVHD: [Detail.GRADE_2, Detail.GRADE_3_PLUS],
        Event.DROP_OUT: [Detail.PROGRESSION, Detail.ANTIGEN_LOST],
        Event.RESPONSE: [Detail.MRD_NEGATIVE, Detail.MRD_POSITIVE],
        Event.NO_RESPONSE: [Detail.NONE, Detail.ANTIGEN_LOST],
        Event.MRD_RESPONSE: [Detail.MRD_NEGATIVE, Detail.MRD_POSITIVE],
        Event.HSCT: [Detail.ONE_ALKYLATOR, Detail.TWO_ALKYLATORS],
        Event.RELAPSE: [Detail.ANTIGEN_KEPT, Detail.ANTIGEN_LOST, Detail.LINEAGE_SWITCH],
        Event.DEATH: range(Detail.LEUKAEMIA, len(DETAILS)),
    },
)


@dataclass(frozen=True, eq=False)
class History:
    """Everything that happened to a cohort under one strategy, in one draw and one replicate.

    `events` holds rows of EVENT_ROW, patient after patient, each patient's in order of occurrence; `therapies` are the
    names its therapy codes point at; `baseline` holds who the patients are at entry, one row a patient (BASELINE);
    `horizon` (months) is when whoever is still alive is censored.

    >>> from rallsim.model.event_rows import EVENT_ROW
    >>> from rallsim.outcomes.baseline import baseline_with
    >>> death = (4.5, 0, Event.DEATH, Stage.DEAD, 0, -1, Detail.LEUKAEMIA)
    >>> rows = [(0, 0, Event.ENTRY, Stage.RELAPSED, 0, -1, 0), death]
    >>> history = History(np.array(rows, EVENT_ROW), "none", (), baseline_with(age=50.0), horizon=60.0, seed=7)
    >>> history.check()
    >>> history.intervals()[["from", "to", "time_start", "time_stop", "final"]].values.tolist()
    [['relapsed', 'dead', 0.0, 4.5, 1]]
    """

    events: NDArray[np.void] = field(repr=False)
    strategy: str
    therapies: tuple[str, ...]
    baseline: NDArray[np.void] = field(repr=False)
    horizon: float
    _: KW_ONLY
    draw: int = 0
    replicate: int = 0
    seed: int

    @property
    def patients(self) -> int:
        """Number of patients."""
        return len(self.baseline)

    def frame(self) -> pd.DataFrame:
        """Return the events in words, one row each; no therapy yet is an empty cell."""
        events = self.events
        size = len(events)
        return pd.DataFrame(
            {
                "draw": np.full(size, self.draw),
                "replicate": np.full(size, self.replicate),
                "strategy": _in_words(np.zeros(size, np.int8), (self.strategy,)),
                "patient": events["patient"].copy(),
                "time": events["time"].copy(),
                "event": _in_words(events["event"], EVENTS),
                "stage": _in_words(events["stage"], STAGES),
                "line": events["line"].copy(),
                "therapy": _in_words(events["therapy"], self.therapies),
                "detail": _in_words(events["detail"], DETAILS),
            }
        )

    def until(self, months: float) -> History:
        """Return the history as if it had ended at `months`: later events left out, whoever is alive censored then.

        Refuses a time after the horizon, up to which alone anything is known.
        """
        if months > self.horizon:
            allowed = f"up to {self.horizon:g}; simulate(..., months=...) follows patients longer"
            raise InputError(Problem("must be", key="months", found=f"{months:g}", allowed=allowed))
        return (
            replace(self, events=events_until(self.events, months), horizon=months) if months < self.horizon else self
        )

    def intervals(self) -> pd.DataFrame:
        """Return each stage visit once: who, from which stage to which, when, and whether it is the patient's last.

        Neighbouring events of one stage are one visit. Whoever is censored goes `to` the stage they are `from`.

        The columns are those of `disprog` in R's hesim (sample and group apart).
        """
        events, starts, ends = self.events, self._starts(), self._ends()
        visit = starts.copy()
        visit[1:] |= events["stage"][1:] != events["stage"][:-1]
        visits = events[visit]
        last = np.ones(len(visits), dtype=bool)
        last[:-1] = visits["patient"][1:] != visits["patient"][:-1]
        following = np.minimum(np.arange(len(visits)) + 1, len(visits) - 1)
        time_stop = visits["time"][following]
        time_stop[last] = events["time"][ends]
        to = np.where(last, visits["stage"], visits["stage"][following])
        alive = visits["stage"] != Stage.DEAD
        final = last | (visits["stage"][following] == Stage.DEAD)
        return pd.DataFrame(
            {
                "strategy": _in_words(np.zeros(int(alive.sum()), np.int8), (self.strategy,)),
                "patient_id": visits["patient"][alive],
                "from": _in_words(visits["stage"][alive], STAGES),
                "to": _in_words(to[alive], STAGES),
                "time_start": visits["time"][alive],
                "time_stop": time_stop[alive],
                "final": final[alive].astype(np.int8),
            }
        )

    def check(self) -> None:
        """Raise ModelError at the first rule that a patient's events break; say nothing when all is well.

        Everybody enters once, first and at time 0, and leaves once, last, by death or at the horizon by censoring: so
        as many go out as come in. Time never goes back; a line is never given after its successor; an event starts
        from and leads to the stages it may, with a detail of its own; toxicities and censoring leave the stage alone.
        """
        events = self.events
        if not np.array_equal(self.baseline["patient"], np.arange(self.patients)):
            raise ModelError("baseline does not count its patients from 0", seed=self.seed)
        # One column after the other in memory: each is read many times below.
        time, patient, event, stage, line, therapy, detail = (
            np.ascontiguousarray(events[name])
            for name in ("time", "patient", "event", "stage", "line", "therapy", "detail")
        )
        self._refuse((patient < 0) | (patient >= self.patients), f"patient is not one of {self.patients}")
        self._refuse(patient < _before(patient), "rows are not sorted by patient")
        self._refuse(event >= len(EVENTS), "event code has no word")
        self._refuse(stage >= len(STAGES), "stage code has no word")
        self._refuse(detail >= len(DETAILS), "detail code has no word")
        self._refuse((therapy < -1) | (therapy >= len(self.therapies)), f"therapy code is not of {self.therapies}")
        starts = self._starts()
        ends = np.append(starts[1:], True)
        self._refuse_missing(patient[starts])
        entry, out = event == Event.ENTRY, (event == Event.DEATH) | (event == Event.CENSORED)
        self._refuse(starts & ~entry, "first event is not entry")
        self._refuse(entry & ~starts, "enters twice")
        self._refuse(out & ~ends, "something follows death or censoring")
        self._refuse(ends & ~out, "last event is neither death nor censoring")
        self._refuse(~np.isfinite(time), "time is not a finite number")
        self._refuse(time < 0, "time is before entry")
        self._refuse(time > self.horizon, f"time is after the horizon, {self.horizon:g} months")
        self._refuse(entry & (time > 0), "entry is not at time 0")
        self._refuse(~starts & (time < _before(time)), "time goes back")
        self._refuse((event == Event.CENSORED) & (time < self.horizon), f"censored before {self.horizon:g} months")
        step = line.astype(np.int8) - _before(line).astype(np.int8)
        self._refuse(~starts & (step < 0), "an earlier line comes after a later one")
        self._refuse(
            ~starts & (step != (event == Event.TREATMENT_START)), "only a treatment start adds a line, and one"
        )
        self._refuse(starts & ~np.isin(stage, ENTRIES), "nobody enters in this stage")
        pair = _before(stage).astype(np.intp) * len(STAGES) + stage
        self._refuse(~starts & ~_allows(_MAY_HAPPEN, event, pair), "event does not lead from the stage before to this")
        self._refuse(~_allows(_DETAIL, event, detail), "event has a detail that is not its own")

    def _starts(self) -> Mask:
        patient = self.events["patient"]
        starts = np.ones(len(patient), dtype=bool)
        starts[1:] = patient[1:] != patient[:-1]
        return starts

    def _ends(self) -> Mask:
        patient = self.events["patient"]
        ends = np.ones(len(patient), dtype=bool)
        ends[:-1] = patient[1:] != patient[:-1]
        return ends

    def _refuse_missing(self, found: NDArray[np.int32]) -> None:
        if len(found) < self.patients:
            missing = np.setdiff1d(np.arange(self.patients), found)
            raise ModelError("no events at all", patient=int(missing[0]), seed=self.seed)

    def _refuse(self, broken: Mask, rule: str) -> None:
        if not broken.any():
            return
        at = int(np.argmax(broken))
        row = self.events[at]
        same_patient = at > 0 and self.events["patient"][at - 1] == row["patient"]
        came_from = f", before it {_row_in_words(self.events[at - 1])}" if same_patient else ""
        message = f"{self.strategy}: {rule}: {_row_in_words(row)}{came_from}"
        raise ModelError(message, patient=int(row["patient"]), seed=self.seed)


def _allows(table: Mask, event: NDArray[np.integer], code: NDArray[np.integer]) -> Mask:
    """Look up each event and code in a table: `table[event, code]`, three times faster."""
    found: Mask = table.ravel().take(event.astype(np.intp) * table[0].size + code)
    return found


def _before(values: NDArray[Any]) -> NDArray[Any]:
    """Return for each row the value of the row before it (its own for the first)."""
    return np.concatenate((values[:1], values[:-1]))


def _in_words(codes: NDArray[np.integer], words: Sequence[str]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes.astype(np.int8), categories=pd.Index(tuple(words)))


def _row_in_words(row: np.void) -> str:
    def word(words: Sequence[str], code: int) -> str:
        return words[code] if code < len(words) else f"code {code}"

    detail = word(DETAILS, int(row["detail"]))
    event, stage = word(EVENTS, int(row["event"])), word(STAGES, int(row["stage"]))
    return f"{event}{f' ({detail})' if detail else ''} at {row['time']:g} months, stage {stage}, line {row['line']}"


def same_treatment(histories: Mapping[str, History]) -> list[tuple[str, ...]]:
    """Return the groups of strategies under which the same happens to every patient, event for event.

    >>> same_treatment({})
    []
    """
    groups: dict[bytes, list[str]] = {}
    for strategy, history in histories.items():
        digest = hashlib.sha256()
        for name in history.events.dtype.names or ():  # column by column: between them a row may hold padding
            digest.update(np.ascontiguousarray(history.events[name]).tobytes())
        groups.setdefault(digest.digest(), []).append(strategy)
    return [tuple(group) for group in groups.values() if len(group) > 1]
