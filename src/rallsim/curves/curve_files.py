"""Reading `params/curves/*.yaml`: every fault of all files at once, every number from an evidence row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rallsim.common.files import shipped
from rallsim.common.yaml_file import Place, read_yaml
from rallsim.curves.curve_points import landmark_point, median_point, normal_quantile, patients_of
from rallsim.curves.published import (
    ENDPOINTS,
    INCIDENCES,
    AtRisk,
    Digitised,
    HazardRatio,
    Plausible,
    Point,
    PublishedCurve,
)
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.formula import evaluate, names
from rallsim.inputs.parameter_values import ParameterFile

TEXTS = ("id", "label", "endpoint", "starts", "counts", "censored", "corresponds")
KEYS = (
    *TEXTS,
    *("patients", "background", "medians", "landmarks", "numbers_at_risk", "shown_at_risk", "follow_up", "digitised"),
    *("hazard_ratio", "plausible", "note", "same_fact", "not_used"),
)
FORMULA_KEYS = {
    "landmarks": ("survival", "at_months", "patients", "why"),
    "plausible": ("at_months", "lo", "hi", "why"),
    "digitised": ("curve", "every_months", "reading_sd", "offset_sd", "reason"),
    "hazard_ratio": ("row", "against", "use", "inverted"),
}
# Words of an evidence row's `quantity` that go with an endpoint: a row of another endpoint is a slip.
WORDS = {
    "os": ("os",),
    "efs": ("efs",),
    "pfs": ("pfs",),
    "rfs": ("rfs", "dfs"),
    "dor": ("dor", "dfs"),
    "relapse": ("relapse",),
    "nrm": ("nrm",),
}


def load_curves(folder: Path | None = None, evidence: Evidence | None = None) -> dict[str, PublishedCurve]:
    """Read and check every published curve; all faults of all files in one InputError.

    >>> load_curves()["graall_os"].points[0].survival
    0.5
    """
    from rallsim.inputs.evidence import load_evidence

    folder = folder or shipped("params")
    evidence = evidence or load_evidence(folder / "evidence")
    populations = [path.stem for path in sorted((folder / "population").glob("*.yaml"))]
    faults: list[Problem] = []
    curves: dict[str, PublishedCurve] = {}
    for path in sorted((folder / "curves").glob("*.yaml")):
        try:
            file = ParameterFile(read_yaml(path), faults)
        except InputError as error:
            faults += error.problems
            continue
        curve = CurveReader(file, evidence, populations).read()
        if curve is not None:
            curves[curve.id] = curve
    _check_links(curves, faults)
    if faults:
        raise InputError(faults)
    return curves


def _check_links(curves: dict[str, PublishedCurve], faults: list[Problem]) -> None:
    for curve in curves.values():
        ratio = curve.hazard_ratio
        if ratio is not None and ratio.against not in curves:
            hint = nearest(ratio.against, list(curves))
            faults.append(
                Problem(
                    "must be a known curve",
                    str(curve.file),
                    None,
                    "hazard_ratio.against",
                    found=ratio.against,
                    hint=hint,
                )
            )


class CurveReader:
    """One file being read; faults go to the file's list, and a file with faults gives no curve."""

    def __init__(self, file: ParameterFile, evidence: Evidence, populations: Sequence[str]) -> None:
        self.file, self.evidence, self.populations = file, evidence, populations
        self.rows: list[str] = []

    def read(self) -> PublishedCurve | None:
        """Return the curve, or None where anything is wrong with it."""
        before = len(self.file.faults)
        self.file.only_keys(KEYS)
        texts = {key: self._text(key) for key in TEXTS}
        if texts["id"] != self.file.stem:
            self.file.fault(("id",), "must be the file's name", found=texts["id"], allowed=self.file.stem)
        endpoint = self.file.one_of("endpoint", ENDPOINTS) or "os"
        at_risk = self._at_risk("numbers_at_risk", endpoint)
        patients = float(at_risk.counts[0]) if at_risk else self._patients(("patients",), self.file.at("patients"))
        if self.file.at("numbers_at_risk") is not None and self.file.at("patients") is not None:
            self.file.fault(("patients",), "must be left out: the numbers at risk hold it")
        points = tuple(self._points(endpoint, patients))
        if not points and at_risk is None:
            self.file.fault((), "must have medians, landmarks or numbers at risk")
        follow_up = self._follow_up()
        digitised = self._digitised(patients)
        hazard_ratio = self._hazard_ratio()
        plausible = tuple(self._plausible())
        not_used = {str(row): str(why) for row, why in self.file.mapping("not_used").items()}
        for row in [*self._list("same_fact"), *not_used]:
            self._row(("same_fact" if row not in not_used else "not_used",), row, used=False)
        background = self._background(endpoint)
        if len(self.file.faults) > before:
            return None
        return PublishedCurve(
            **texts,
            patients=patients,
            background=background,
            points=points,
            at_risk=at_risk,
            shown_at_risk=self._at_risk("shown_at_risk", endpoint),
            follow_up=follow_up,
            digitised=digitised,
            hazard_ratio=hazard_ratio,
            plausible=plausible,
            note=str(self.file.at("note") or "").strip(),
            rows=tuple(dict.fromkeys(self.rows)),
            not_used=not_used,
            file=Path(self.file.yaml.name),
        )

    def _text(self, key: str) -> str:
        text = self.file.at(key)
        if not isinstance(text, str) or not text.strip():
            self.file.fault((key,), "is missing: words must stand here", found=text)
            return ""
        return " ".join(text.split())

    def _list(self, key: str) -> list[Any]:
        items = self.file.at(key)
        if items is None:
            return []
        if not isinstance(items, list):
            self.file.fault((key,), "must be a list", found=items)
            return []
        return items

    def _row(self, place: Place, identity: object, *, used: bool = True) -> Row | None:
        try:
            row = self.evidence.row(str(identity))
        except InputError as error:
            for problem in error.problems:
                self.file.fault(place, problem.message, found=str(identity), hint=problem.hint)
            return None
        if used:
            self.rows.append(row.id)
        return row

    def _formula(self, place: Place, text: object) -> float:
        try:
            value = evaluate(str(text), self.evidence)
        except InputError as error:
            for problem in error.problems:
                self.file.fault(place, problem.message, found=problem.found or str(text), hint=problem.hint)
            return math.nan
        self.rows.extend(names(str(text)))
        return value

    def _patients(self, place: Place, text: object) -> float:
        """Patients behind a figure: of a row its total, or the `n=` of its population; else a formula."""
        if text is None:
            self.file.fault(place, "is missing: a row that says how many patients, or a formula")
            return math.nan
        if str(text) not in self.evidence.rows:
            return self._formula(place, text)
        row = self.evidence.rows[str(text)]
        said = patients_of(row)
        if said is None:
            self.file.fault(place, "must be a row with a number of patients", found=str(text))
            return math.nan
        self.rows.append(row.id)
        return said

    def _points(self, endpoint: str, patients: float) -> Iterator[Point]:
        for index, identity in enumerate(self._list("medians")):
            row = self._row(("medians", index), identity)
            if row is not None and self._fits(("medians", index), row, endpoint, "median"):
                yield median_point(row, patients_of(row) or patients)
        for index, item in enumerate(self._list("landmarks")):
            place: Place = ("landmarks", index)
            if isinstance(item, dict):
                yield from self._computed(place, item)
                continue
            row = self._row(place, item)
            if row is not None and self._fits(place, row, endpoint, "_at"):
                yield landmark_point(row, patients_of(row) or patients, endpoint in INCIDENCES)

    def _computed(self, place: Place, item: dict[str, Any]) -> Iterator[Point]:
        """Yield a landmark that is a formula over rows, such as two groups taken together."""
        self.file.only_keys(FORMULA_KEYS["landmarks"], *place)
        if not item.get("why"):
            self.file.fault((*place, "why"), "is missing: a computed landmark needs a reason")
        survival, months, patients = (
            self._formula((*place, key), item.get(key)) for key in ("survival", "at_months", "patients")
        )
        if not 0.0 < survival < 1.0:
            self.file.fault((*place, "survival"), "must be", found=f"{survival:g}", allowed="between 0 and 1")
        else:
            rows = tuple(names(str(item["survival"])))
            yield Point("landmark", months, survival, None, None, None, patients, rows)

    def _fits(self, place: Place, row: Row, endpoint: str, kind: str) -> bool:
        """See that a row is of the endpoint and kind, with a value."""
        parts = row.quantity.split("_")
        right = any(word in parts for word in WORDS[endpoint])
        right &= row.quantity.endswith("_at") if kind == "_at" else "median" in parts
        if not right:
            words = "landmark" if kind == "_at" else "median"
            self.file.fault(place, f"must be a {words} of {endpoint}", found=f"{row.id}: {row.quantity}")
        if row.value is None:
            self.file.fault(place, "must be a row with a value", found=row.id)
        if row.interval is not None and row.ci_level in ("", "range", "iqr"):
            self.file.fault(place, "must be a row with a confidence interval", found=row.ci_level or "nothing")
            return False
        return right and row.value is not None

    def _at_risk(self, key: str, endpoint: str) -> AtRisk | None:
        found = self.file.at(key)
        if found is None:
            return None
        wanted = found if isinstance(found, list) else [found]
        tables = []
        for name in wanted:
            if name not in self.evidence.risk_tables:
                hint = nearest(str(name), list(self.evidence.risk_tables))
                self.file.fault((key,), "must be a table of numbers at risk", found=name, hint=hint)
            else:
                tables.append(self.evidence.risk_tables[name])
        if len(tables) < len(wanted):
            return None
        months = [point.months for point in tables[0]]
        for table in tables:
            if [point.months for point in table] != months:
                self.file.fault((key,), "must be tables with the same times", found=str(wanted))
                return None
            if (found_endpoint := table[0].endpoint) != endpoint:
                self.file.fault((key,), "must be of the curve's endpoint", found=found_endpoint, allowed=endpoint)
        counts = tuple(int(sum(table[index].value for table in tables)) for index in range(len(months)))
        return AtRisk(tuple(months), counts, tuple(str(name) for name in wanted))

    def _follow_up(self) -> float | None:
        if self.file.at("follow_up") is None:
            return None
        row = self._row(("follow_up",), self.file.at("follow_up"))
        if row is not None and (row.quantity != "median_followup" or row.value is None):
            self.file.fault(("follow_up",), "must be a row with a median follow-up", found=f"{row.id}: {row.quantity}")
        return None if row is None else row.value

    def _digitised(self, patients: float) -> Digitised | None:
        place = ("digitised",)
        spec = self.file.mapping(*place)
        if not spec:
            return None
        self.file.only_keys(FORMULA_KEYS["digitised"], *place)
        curve = self.evidence.km_points.get(str(spec.get("curve")))
        numbers = [spec.get(key) for key in ("every_months", "reading_sd", "offset_sd")]
        if curve is None:
            hint = nearest(str(spec.get("curve")), list(self.evidence.km_points))
            self.file.fault((*place, "curve"), "must be a digitised curve", found=spec.get("curve"), hint=hint)
        if not all(isinstance(number, int | float) and number > 0 for number in numbers) or not spec.get("reason"):
            self.file.fault(place, "must have every_months, reading_sd and offset_sd above 0, and a reason")
            return None
        if curve is None:
            return None
        every, reading, offset = (float(number) for number in numbers)  # type: ignore[arg-type]
        points = []
        for step in range(1, int(curve[-1].months / every) + 1):
            survival = min(point.value for point in curve if point.months <= step * every)
            points.append(Point("digitised", step * every, survival, None, None, None, patients, ()))
        return Digitised(tuple(points), reading, offset, str(spec["curve"]), str(spec["reason"]))

    def _hazard_ratio(self) -> HazardRatio | None:
        place = ("hazard_ratio",)
        spec = self.file.mapping(*place)
        if not spec:
            return None
        self.file.only_keys(FORMULA_KEYS["hazard_ratio"], *place)
        if spec.get("use") not in ("fit", "check"):
            self.file.fault((*place, "use"), "must be a known use", found=spec.get("use"), allowed="fit, check")
        row = self._row((*place, "row"), spec.get("row"))
        if row is None or row.value is None or row.interval is None:
            self.file.fault(
                (*place, "row"), "must be a row with a hazard ratio and its interval", found=spec.get("row")
            )
            return None
        lo, hi = row.interval
        sd = math.log(hi / lo) / (2.0 * normal_quantile(row))
        sign = -1.0 if spec.get("inverted") is True else 1.0  # the row compares the other arm with this one
        return HazardRatio(row.id, str(spec.get("against")), sign * math.log(row.value), sd, spec.get("use") == "fit")

    def _plausible(self) -> Iterator[Plausible]:
        for index, item in enumerate(self._list("plausible")):
            place: Place = ("plausible", index)
            if not isinstance(item, dict):
                self.file.fault(place, "must be a mapping", found=item)
                continue
            self.file.only_keys(FORMULA_KEYS["plausible"], *place)
            months, lo, hi = (self._formula((*place, key), item.get(key)) for key in ("at_months", "lo", "hi"))
            if not 0.0 <= lo < hi <= 1.0 or not item.get("why"):
                self.file.fault(place, "must have 0 <= lo < hi <= 1 and a why", found=f"{lo:g}, {hi:g}")
            yield Plausible(months, lo, hi, " ".join(str(item.get("why")).split()))

    def _background(self, endpoint: str) -> str | None:
        name = self.file.at("background")
        if endpoint in INCIDENCES:
            if name is not None:
                self.file.fault(("background",), "must be left out with a cumulative incidence", found=name)
            return None
        if name not in self.populations:
            hint = nearest(str(name), self.populations)
            allowed = ", ".join(self.populations)
            self.file.fault(("background",), "must be a known population", found=name, allowed=allowed, hint=hint)
        return str(name)
