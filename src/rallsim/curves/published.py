"""A published curve: what a paper prints of one survival curve, as data of `params/curves/<id>.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ENDPOINTS = {
    "os": "Overall survival",
    "efs": "Event-free survival",
    "pfs": "Progression-free survival",
    "rfs": "Relapse-free survival",
    "dor": "Still in remission",
    "relapse": "Free of relapse (1 - cumulative incidence)",
    "nrm": "Free of non-relapse death (1 - cumulative incidence)",
}
INCIDENCES = ("relapse", "nrm")  # endpoints printed as cumulative incidences, with a competing event


@dataclass(frozen=True)
class Point:
    """A share `survival` without the event at `months`, and how surely it is known.

    `kind` is median, landmark or digitised. `sd` is the standard deviation on the scale of ln(-ln S) that the printed
    interval gives; for a median it is that of ln months. None where no interval is printed: the number of patients
    decides. `lo` and `hi` are the printed limits (months for a median), `patients` the patients behind it.
    """

    kind: str
    months: float
    survival: float
    sd: float | None
    lo: float | None
    hi: float | None
    patients: float
    rows: tuple[str, ...]


@dataclass(frozen=True)
class AtRisk:
    """Numbers at risk: `counts` patients are alive without event and still followed at `months`."""

    months: tuple[float, ...]
    counts: tuple[int, ...]
    curves: tuple[str, ...]


@dataclass(frozen=True)
class Digitised:
    """Re-digitised points, thinned; all of them may lie too high or too low together.

    `reading_sd` is the error of reading one share, `offset_sd` that of all of them on the scale of ln(-ln S).
    """

    points: tuple[Point, ...]
    reading_sd: float
    offset_sd: float
    curve: str
    reason: str


@dataclass(frozen=True)
class HazardRatio:
    """A printed hazard ratio of this curve against another one: part of the fit, or a check of it."""

    row: str
    against: str
    log_value: float
    sd: float
    in_fit: bool


@dataclass(frozen=True)
class Plausible:
    """A range for survival at a time, from other evidence: what the tail of a curve is held against."""

    months: float
    lo: float
    hi: float
    why: str


@dataclass(frozen=True)
class PublishedCurve:
    """What is printed of one curve; every number comes from evidence rows.

    `shown_at_risk` are numbers at risk of another cut than the points: drawn, but not fitted.
    """

    id: str
    label: str
    endpoint: str
    starts: str
    counts: str
    censored: str
    patients: float
    background: str | None
    points: tuple[Point, ...]
    at_risk: AtRisk | None
    shown_at_risk: AtRisk | None
    follow_up: float | None
    digitised: Digitised | None
    hazard_ratio: HazardRatio | None
    plausible: tuple[Plausible, ...]
    corresponds: str
    note: str
    rows: tuple[str, ...]
    not_used: dict[str, str]
    file: Path

    @property
    def last_seen(self) -> float:
        """Months up to which anything is printed."""
        times = [point.months for point in self.points]
        if self.at_risk:
            times += [t for t, n in zip(self.at_risk.months, self.at_risk.counts, strict=True) if n > 0]
        if self.digitised:
            times += [point.months for point in self.digitised.points]
        return max(times)
