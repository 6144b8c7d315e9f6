"""What is compared: `params/trials/targets.csv`, one published number a row, and how the model counts the same.

Columns: the trial (a scenario file beside the table) and its arm; how many were `enrolled` in it; the evidence row, or
`risk:` and the id of a table of numbers at risk; the `quantity` where it is not the row's own word; who counts
(`among`, filters of `quantities` joined by +); the beginning of the clock (`since`); what ends follow-up (`censor`);
for ratios the other arm (`versus`, `versus_among`); and its `use`. A twin has the row it repeats as its note, and is
counted like it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rallsim.common.files import shipped
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.evidence import CurvePoint, Evidence, Row
from rallsim.validation.quantities import FILTERS, QUANTITIES, RATIOS, SINCE, TIMES

COLUMNS = (
    *("trial", "arm", "enrolled", "evidence", "quantity", "among", "since", "censor", "versus", "versus_among"),
    *("use", "note"),
)
USES = {
    "fit": "calibrated to",
    "direct": "behind a parameter already",
    "kept": "kept out of every fit",
    "twin": "the same fact as another row",
    "input": "describes the patients put in",
}
FROM_HSCT = ("nrm_at", "relapse_post_hsct_at", "post_hsct_os_at")
RISK = "risk:"
AT_RISK = "at_risk"
SCORED = ("fit", "direct", "kept")


@dataclass(frozen=True)
class Target:
    """A published number, its 95 % interval where it has one, and what the model counts in its place."""

    id: str
    evidence: str
    trial: str
    arm: str
    enrolled: int
    quantity: str
    at_months: float
    among: tuple[str, ...]
    since: str
    censored_at_hsct: bool
    versus: str
    versus_among: tuple[str, ...]
    use: str
    note: str
    observed: float
    lo: float
    hi: float
    total: float
    origin: str
    population: str
    follow_up: tuple[float, float] = (math.nan, math.nan)  # shortest and longest, months, for numbers at risk

    @property
    def used_in_fit(self) -> bool:
        """Tell whether the number had a part in any parameter."""
        return self.use in ("fit", "direct", "input")


def load_targets(evidence: Evidence, arms: Mapping[str, Collection[str]], path: Path | None = None) -> list[Target]:
    """Read and check the table of targets; `arms` are those of each trial. Raises InputError with all faults."""
    path = path or shipped("params") / "trials" / "targets.csv"
    with path.open(newline="", encoding="utf-8") as text:
        reader = csv.DictReader(text)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            found = ", ".join(reader.fieldnames or ())
            raise InputError(Problem("must have these columns", str(path), 1, found=found, allowed=", ".join(COLUMNS)))
        lines = [(number, line) for number, line in enumerate(reader, 2)]
    problems: list[Problem] = []
    targets: list[Target] = []
    for number, line in lines:
        faults = list(_faults(line, evidence, arms))
        problems += [
            Problem(one.message, str(path), number, one.key, one.found, one.allowed, one.hint) for one in faults
        ]
        if not faults:
            targets += _targets_of(line, evidence)
    targets = _like_their_twins(targets)
    ids = [target.id for target in targets]
    problems += [
        Problem("must stand once", str(path), key=one) for one in sorted({one for one in ids if ids.count(one) > 1})
    ]
    if problems:
        raise InputError(problems)
    return targets


def _faults(line: Mapping[str, str], evidence: Evidence, arms: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    def one_of(column: str, allowed: Collection[str], words: Collection[str] | None = None) -> Iterator[Problem]:
        for word in [line[column]] if words is None else words:
            if word not in allowed:
                shown = ", ".join(allowed) if len(allowed) < 60 else None
                yield Problem(
                    "must be a known word",
                    key=column,
                    found=repr(word),
                    allowed=shown,
                    hint=nearest(word, list(allowed)),
                )

    yield from one_of("trial", list(arms))
    if line["trial"] in arms:
        yield from one_of("arm", arms[line["trial"]])
        if line["versus"]:
            yield from one_of("versus", arms[line["trial"]])
    if not line["enrolled"].isdigit() or not int(line["enrolled"]):
        yield Problem("must be a whole number from 1 on", key="enrolled", found=line["enrolled"])
    yield from one_of("use", list(USES))
    yield from one_of("among", list(FILTERS), _words(line["among"]))
    yield from one_of("versus_among", list(FILTERS), _words(line["versus_among"]))
    yield from one_of("since", ["", *SINCE])
    yield from one_of("censor", ["", "hsct"])
    if line["evidence"].startswith(RISK):
        yield from one_of("evidence", list(evidence.risk_tables), [line["evidence"].removeprefix(RISK)])
        return
    yield from one_of("evidence", list(evidence.rows))
    row = evidence.rows.get(line["evidence"])
    if row and line["use"] in SCORED:
        known = [*QUANTITIES, *RATIOS]
        yield from one_of("quantity", known, [line["quantity"] or row.quantity])
        if row.value is None:
            yield Problem("must be a row with a value to compare with", key="evidence", found=row.id)


def _like_their_twins(targets: Sequence[Target]) -> list[Target]:
    """Count a twin as the row it repeats is counted."""
    by_id = {target.id: target for target in targets}
    return [
        replace(
            by_id[one.note],
            **{
                key: getattr(one, key)
                for key in ("id", "evidence", "use", "note", "observed", "lo", "hi", "origin", "population")
            },
        )
        if one.use == "twin" and one.note in by_id
        else one
        for one in targets
    ]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split("+")) if text else ()


def _targets_of(line: Mapping[str, str], evidence: Evidence) -> Iterator[Target]:
    common: dict[str, Any] = {
        "evidence": line["evidence"].removeprefix(RISK),
        "trial": line["trial"],
        "arm": line["arm"],
        "enrolled": int(line["enrolled"]),
        "among": _words(line["among"]),
        "censored_at_hsct": line["censor"] == "hsct",
        "versus": line["versus"],
        "versus_among": _words(line["versus_among"]) or _words(line["among"]),
        "use": line["use"],
        "note": line["note"],
    }
    if line["evidence"].startswith(RISK):
        yield from _at_risk(line, common, evidence)
        return
    row = evidence.row(line["evidence"])
    quantity = line["quantity"] or row.quantity
    lo, hi = interval_of(row, quantity)
    yield Target(
        id=row.id,
        quantity=quantity,
        at_months=math.nan if row.at_months is None else row.at_months,
        since=line["since"]
        or ("hsct" if quantity in ("nrm_at", "relapse_post_hsct_at", "post_hsct_os_at") else "entry"),
        observed=math.nan if row.value is None else row.value,
        lo=lo,
        hi=hi,
        total=math.nan if row.total is None else row.total,
        origin=row.origin,
        population=row.population,
        **common,
    )


def _at_risk(line: Mapping[str, str], common: Mapping[str, Any], evidence: Evidence) -> Iterator[Target]:
    """One target a column of a table of numbers at risk, after the first: the share still followed."""
    points = evidence.risk_tables[line["evidence"].removeprefix(RISK)]
    start = next(point.value for point in points if point.months == 0)
    shortest, longest = _follow_up(line["note"], points, evidence)
    for point in points:
        if point.months == 0 or point.value == 0:
            continue
        lo, hi = proportion_interval(point.value, start)
        yield Target(
            id=f"{point.curve_id}_{point.months:g}",
            quantity=AT_RISK,
            at_months=point.months,
            since=line["since"] or "entry",
            observed=point.value / start,
            lo=lo,
            hi=hi,
            total=start,
            origin=point.origin,
            population=point.population,
            follow_up=(shortest, longest),
            **common,
        )


def _follow_up(note: str, points: Sequence[CurvePoint], evidence: Evidence) -> tuple[float, float]:
    """Shortest and longest follow-up, between which it ends evenly.

    The note of a line may name the row of a median follow-up (0 to twice that) or give both, as «3.4..21.6». Otherwise
    it is 0 to the time at which the table comes to nobody: one column after the last where somebody is left.
    """
    if note in evidence.rows and evidence.rows[note].value is not None:
        return 0.0, 2.0 * float(evidence.rows[note].value or math.nan)
    shortest, dots, longest = note.partition("..")
    if dots:
        return float(shortest), float(longest)
    months = sorted(point.months for point in points)
    left = max(point.months for point in points if point.value > 0)
    later = [one for one in months if one > left]
    return 0.0, later[0] if later else left + months[-1] - months[-2]


def proportion_interval(events: float, total: float) -> tuple[float, float]:
    """95 % interval of a proportion under Jeffreys' prior."""
    from rallsim.inputs.parameter_values import jeffreys_interval

    return jeffreys_interval(events, total)


def interval_of(row: Row, quantity: str) -> tuple[float, float]:
    """95 % interval of a published number: as printed, or of a proportion from its counts; nan where there is none.

    An interval of another level (97.5 %) is kept as printed.
    """
    try:
        printed = 0.5 < float(row.ci_level or "nan") < 1.0
    except ValueError:
        printed = False
    if printed and (row.lo is not None or row.hi is not None):
        return (math.nan if row.lo is None else row.lo), (math.nan if row.hi is None else row.hi)
    if row.value is None or row.total is None or quantity in TIMES or quantity in RATIOS or not 0 <= row.value <= 1:
        return math.nan, math.nan
    events = row.events if row.events is not None else row.value * row.total
    return proportion_interval(events, row.total)
