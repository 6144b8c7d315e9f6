"""The published numbers, checked as they are read: `params/evidence/*.csv`, one row a reported number."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rallsim.common.files import shipped
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.evidence_tables import TableLine, check_ids, life_tables, read_table

TOPICS = (
    *("population", "response", "survival", "hsct", "car_t", "toxicity"),
    *("escape", "cost", "utility", "resource", "mortality"),
)
ORIGINS = ("deck", "literature")
SOURCE_KINDS = ("deck", "trial", "registry", "cohort", "hta", "review", "life_table")

_TEXTS = ("id", "therapy", "population", "unit", "source_id", "where", "note")


@dataclass(frozen=True)
class Source:
    """Where numbers were published."""

    source_id: str
    kind: str
    citation: str
    doi: str
    url: str
    note: str


@dataclass(frozen=True)
class Row:
    """One number; None where nothing was reported.

    Its `kind` is published, assumed (then `reason` says why), or drawn in the place of a published one.
    """

    id: str
    kind: str
    topic: str
    quantity: str
    value: float | None
    lo: float | None
    hi: float | None
    unit: str
    file: str
    line: int
    therapy: str = ""
    population: str = ""
    ci_level: str = ""
    events: float | None = None
    total: float | None = None
    at_months: float | None = None
    source_id: str = ""
    source: Source | None = None
    where: str = ""
    origin: str = ""
    note: str = ""
    reason: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both limits, or None where either is not reported; `ci_level` says what they are."""
        return None if self.lo is None or self.hi is None else (self.lo, self.hi)

    @property
    def half_added(self) -> float | None:
        """Share with half an event added to either side; a drawn one as it is, as its distribution has the halves."""
        if self.value is None or not self.total:
            return None
        return self.value if self.kind == "drawn" else (self.value * self.total + 0.5) / (self.total + 1.0)


@dataclass(frozen=True)
class CurvePoint:
    """A number given at `months` for a survival curve: `value` patients at risk, or the share `value` surviving."""

    curve_id: str
    therapy: str
    population: str
    endpoint: str
    months: float
    value: float
    source_id: str
    note: str
    where: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Evidence:
    """All evidence tables; a table that breaks a rule never gets here."""

    rows: Mapping[str, Row]
    sources: Mapping[str, Source]
    risk_tables: Mapping[str, tuple[CurvePoint, ...]]
    km_points: Mapping[str, tuple[CurvePoint, ...]]
    _qx: Mapping[tuple[str, str], tuple[float, ...]] = field(repr=False)

    def row(self, row_id: str) -> Row:
        """Return the row called `row_id`; an unknown id is an InputError that names the nearest.

        >>> load_evidence().row("blast_cmr").events
        88.0
        """
        if row_id not in self.rows:
            hint = nearest(row_id, tuple(self.rows))
            raise InputError(Problem("must be an evidence row", key=row_id, hint=hint))
        return self.rows[row_id]

    def life_table(self, country: str, sex: str) -> npt.NDArray[np.float64]:
        """Return the yearly probability of death by age, from age 0; the latest year where a country has several.

        >>> len(load_evidence().life_table("FRA", "female"))
        111
        """
        if (country, sex) not in self._qx:
            known = ", ".join(f"{each} {its_sex}" for each, its_sex in sorted(self._qx))
            raise InputError(Problem("must have a life table", found=f"{country} {sex}", allowed=known))
        return np.array(self._qx[country, sex])

    def cumulative_hazard(self, country: str, sex: str) -> npt.NDArray[np.float64]:
        """Return that of a life table at each exact age: H(0) = 0, H(a + 1) = H(a) - ln(1 - q_a), q at most 0.9999."""
        qx = np.minimum(self.life_table(country, sex), 0.9999)
        return np.concatenate([[0.0], np.cumsum(-np.log1p(-qx))])

    def filtered(
        self,
        *,
        topic: str | None = None,
        therapy: str | None = None,
        quantity: str | None = None,
        source: str | None = None,
        text: str | None = None,
    ) -> list[Row]:
        """Return the rows with every word given, and `text` in id, population or note whatever its case.

        >>> [row.id for row in load_evidence().filtered(quantity="cr_rate", text="flag-ida", source="deck")]
        ['deck_gmall_cr_flagida']
        """
        return [
            row
            for row in self.rows.values()
            if topic in (None, row.topic)
            and therapy in (None, row.therapy)
            and quantity in (None, row.quantity)
            and source in (None, row.source_id)
            and (text is None or text.casefold() in f"{row.id}\n{row.population}\n{row.note}".casefold())
        ]


def load_evidence(folder: Path | None = None) -> Evidence:
    """Read and check every evidence table in `folder` (default: the shipped ones); all faults in one InputError."""
    folder = shipped("params") / "evidence" if folder is None else folder
    faults: list[Problem] = []
    tables = {"sources.csv": [folder / "sources.csv"], "assumed.csv": [folder / "assumed.csv"]}
    tables["estimates"] = sorted(folder.glob("estimates_*.csv")) or [folder / "estimates_*.csv"]
    rows, sources, known = _rows_and_sources(tables, faults)
    at_risk = read_table(folder / "risk_tables.csv", "risk_tables", faults)
    surviving = read_table(folder / "km_points.csv", "km_points", faults)
    evidence = Evidence(
        rows,
        sources,
        _curves(at_risk, "at_months", "at_risk", known),
        _curves(surviving, "time_months", "survival", known),
        life_tables(read_table(folder / "life_tables.csv", "life_tables", faults), known),
    )
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.file or "", fault.line or 0)))
    return evidence


def with_tables(evidence: Evidence, folder: Path) -> Evidence:
    """Return evidence with the rows and sources of a folder of one's own: sources, estimates, assumed, as far as there.

    Raises InputError with all faults; an id that the evidence has already is one.
    """
    faults: list[Problem] = []
    names = ("sources.csv", "assumed.csv", "estimates_*.csv")
    tables = {name.removesuffix("_*.csv"): sorted(folder.glob(name)) for name in names}
    rows, sources, _ = _rows_and_sources(tables, faults, evidence)
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.file or "", fault.line or 0)))
    return replace(evidence, rows={**evidence.rows, **rows}, sources=sources)


def read_rows(path: Path) -> list[Row]:
    """Read rows of one's own: a file with the columns of the estimates tables; sources may be anything.

    Raises InputError with all faults, each with its line.
    """
    faults: list[Problem] = []
    lines = read_table(path, "estimates", faults)
    check_ids(lines, "id")
    rows = [_estimate(line, None) for line in lines]
    if not faults and not rows:
        faults.append(Problem("must hold rows", file=str(path)))
    if faults:
        raise InputError(sorted(faults, key=lambda fault: fault.line or 0))
    return rows


def describe(row: Row, uses: Sequence[str]) -> str:
    """Write a row as a plain-text card; `uses` names the parameters that use it.

    >>> print(describe(load_evidence().row("blast_cmr"), uses=["mrd_response"]))
    blast_cmr: complete_mrd_response 0.78 (88 of 113), proportion
      who      BLAST MRD+ in haematological CR, blinatumomab
      where    abstract; estimates_salvage.csv:320
      source   Gokbuget N et al. Blinatumomab for minimal residual disease in adults with B-cell precursor ALL. \
Blood 2018;131:1522-31
      link     http://ashpublications.net/blood/article/131/14/1522/36655/Blinatumomab-for-minimal-residual-disease-in
      note     after one cycle
      used by  mrd_response
    """
    at = f" at {row.at_months:g} months" if row.at_months is not None else ""
    value = "without one value" if row.value is None else f"{row.value:g}"
    brackets = "; ".join(filter(None, [_limits(row), _counts(row)]))
    source = row.source
    entries = {
        "who": f"{row.population}, {row.therapy}" if row.population else "",
        "where": f"{row.where}; {row.file}:{row.line}" if row.where else f"{row.file}:{row.line}",
        "source": "none: assumed" if source is None else source.citation,
        "link": "" if source is None else f"https://doi.org/{source.doi}" if source.doi else source.url,
        "reason": row.reason,
        "note": row.note,
        "used by": ", ".join(uses) or "no parameter uses this row",
    }
    head = f"{row.id}: {row.quantity}{at} {value}{f' ({brackets})' if brackets else ''}, {row.unit}"
    return "\n".join([head, *(f"  {name:<8} {text}" for name, text in entries.items() if text)])


def _rows_and_sources(
    tables: Mapping[str, Sequence[Path]], faults: list[Problem], beside: Evidence | None = None
) -> tuple[dict[str, Row], dict[str, Source], dict[str, Source] | None]:
    """Read tables of sources, estimates and assumed numbers; their ids are new beside those of other evidence.

    Returned last are the sources that lines may name: None, for any, where the list of sources cannot be read.
    """
    source_lines = [line for path in tables["sources.csv"] for line in read_table(path, "sources", faults)]
    sources = dict(beside.sources) if beside else {}
    check_ids(source_lines, "source_id", sources)
    sources |= {line.cells["source_id"]: Source(**line.cells) for line in source_lines}
    # Without a readable list every source would be reported as unknown, and bury the one fault that matters.
    known = None if faults and not source_lines else sources
    for line in source_lines:
        line.word("kind", SOURCE_KINDS)
    estimates = [line for path in tables["estimates"] for line in read_table(path, "estimates", faults)]
    assumed = [line for path in tables["assumed.csv"] for line in read_table(path, "assumed", faults)]
    check_ids([*estimates, *assumed], "id", beside.rows if beside else ())
    rows = [*(_estimate(line, known) for line in estimates), *(_assumed(line) for line in assumed)]
    return {row.id: row for row in rows}, sources, known


def _limits(row: Row) -> str:
    if row.lo is None and row.hi is None:
        return ""
    words = {"": "limits", "range": "range", "iqr": "interquartile range"}
    name = words.get(row.ci_level) or f"{100 * float(row.ci_level):g} % interval"
    lo, hi = ("not reported" if limit is None else f"{limit:g}" for limit in (row.lo, row.hi))
    return f"{name} {lo} to {hi}"


def _counts(row: Row) -> str:
    events, total = ("?" if count is None else f"{count:g}" for count in (row.events, row.total))
    return "" if row.events is row.total is None else f"n = {total}" if row.events is None else f"{events} of {total}"


def _estimate(line: TableLine, sources: Mapping[str, Source] | None) -> Row:
    cells = line.cells
    limits = (0.0, 1.0) if cells["unit"] == "proportion" else (-math.inf, math.inf)
    row = Row(
        kind="published",
        value=line.optional("value", *limits),
        lo=line.optional("lo", *limits),
        hi=line.optional("hi", *limits),
        events=line.optional("events", low=0, whole=True),
        total=line.optional("total", low=0, whole=True),
        at_months=line.optional("at_months", low=0),
        ci_level=line.level("ci_level"),
        file=line.file.name,
        line=line.number,
        source=(sources or {}).get(line.source(sources)),
        topic=line.word("topic", TOPICS),
        origin=line.word("origin", ORIGINS),
        quantity=line.snake_case("quantity"),
        **{name: cells[name] for name in _TEXTS},
    )
    _check_order(line, row)
    if row.events is not None and row.total is not None and row.events > row.total:
        line.fault("events", "must not be more than the total", found=f"{row.events:g} of {row.total:g}")
    if row.quantity.endswith("_at") and not cells["at_months"]:
        line.fault("at_months", f"is missing: {row.quantity} needs its landmark")
    return row


def _assumed(line: TableLine) -> Row:
    row = Row(
        id=line.cells["id"],
        kind="assumed",
        topic=line.word("topic", TOPICS),
        quantity=line.snake_case("quantity"),
        value=line.required("value"),
        lo=line.required("lo"),
        hi=line.required("hi"),
        unit=line.cells["unit"],
        reason=line.cells["reason"],
        file=line.file.name,
        line=line.number,
    )
    if not row.reason:
        line.fault("reason", "is missing: an assumed number needs one")
    _check_order(line, row)
    return row


def _check_order(line: TableLine, row: Row) -> None:
    given = [number for number in (row.lo, row.value, row.hi) if number is not None and not math.isnan(number)]
    if given != sorted(given):
        line.fault("value", "must lie between lo and hi", found=", ".join(f"{number:g}" for number in given))


def _curves(
    lines: Iterable[TableLine], time: str, count: str, sources: Mapping[str, Source] | None
) -> dict[str, tuple[CurvePoint, ...]]:
    """Group a table by curve, in the order of time, and see that no curve rises."""
    whole, high = (True, math.inf) if count == "at_risk" else (False, 1.0)
    curves: dict[str, list[tuple[CurvePoint, TableLine]]] = defaultdict(list)
    for line in lines:
        point = CurvePoint(
            curve_id=line.snake_case("curve_id"),
            months=line.required(time, low=0),
            value=line.required(count, 0, high, whole),
            source_id=line.source(sources),
            **{name: line.cells[name] for name in ("therapy", "population", "endpoint", "note")},
            **{name: line.cells[name] for name in ("where", "origin") if name in line.cells},
        )
        curves[point.curve_id].append((point, line))
    for curve in curves.values():
        curve.sort(key=lambda each: each[0].months)
        for (before, _), (after, line) in pairwise(curve):
            if after.value > before.value:
                line.fault(count, "must not rise with time", found=f"{after.value:g} after {before.value:g}")
    return {name: tuple(point for point, _ in curve) for name, curve in curves.items()}
