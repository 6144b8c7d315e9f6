"""Whose view a decision takes: discount rates, thresholds and currency, with their source and date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rallsim.common.files import shipped
from rallsim.economics.discounting import Discount, Rates
from rallsim.economics.settings.entries import CURRENCIES, Entry, body_at, read_entries, read_file, text_at
from rallsim.errors import InputError, Problem
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.parameter_values import ParameterFile

FILE_KEYS = ("id", "label", "about", "source", "date", "currency", "costs", "parameters", "threshold_grid")
UNITS = (*CURRENCIES, "rate_per_year", "years", "share", "ratio", "count")
REQUIRED = ("discount_costs", "discount_qalys")
OPTIONAL = ("discount_later", "discount_later_from_years", "threshold_low", "threshold_high")
SEVERITY = (
    *("severity_weight_1", "severity_weight_2", "severity_proportional_1", "severity_proportional_2"),
    *("severity_absolute_1", "severity_absolute_2"),
)


@dataclass(frozen=True)
class Perspective:
    """The rules of a health-technology body; `costs` is the file of costs that goes with it, where there is one."""

    id: str
    label: str
    about: str
    source: str
    date: date
    currency: str
    costs: str | None
    entries: Mapping[str, Entry]
    grid: tuple[float, ...]

    def rates(self) -> Rates:
        """Discounting of costs and of QALYs."""
        return Rates(self._discount("discount_costs"), self._discount("discount_qalys"))

    def thresholds(self) -> tuple[float, ...]:
        """Thresholds that the body states, from low to high; none where it states none."""
        found = {self.entries[name].value for name in ("threshold_low", "threshold_high") if name in self.entries}
        return tuple(sorted(found))

    def weighs_severity(self) -> bool:
        """Tell whether the body gives QALYs of severe diseases a weight."""
        return all(name in self.entries for name in SEVERITY)

    def severity_weight(self, qalys_without_disease: float, qalys_with_disease: float) -> float:
        """Weight of a QALY by how many are lost under present care (discounted); 1 where the body states none.

        absolute shortfall = without - with;  proportional = absolute / without; whichever gives the higher weight

        A shortfall at a cut-off takes the higher level.
        """
        if not self.weighs_severity():
            return 1.0
        absolute = qalys_without_disease - qalys_with_disease
        proportional = absolute / qalys_without_disease
        weight = 1.0
        for level in ("1", "2"):
            cuts = (self.entries[f"severity_{kind}_{level}"].value for kind in ("absolute", "proportional"))
            if any(found >= cut for found, cut in zip((absolute, proportional), cuts, strict=True)):
                weight = self.entries[f"severity_weight_{level}"].value
        return weight

    def _discount(self, name: str) -> Discount:
        rate = self.entries[name].value
        if "discount_later" not in self.entries:
            return Discount(rate)
        later = self.entries["discount_later"].value
        return Discount(rate, later, 12.0 * self.entries["discount_later_from_years"].value)


def perspectives(folder: Path | None = None) -> list[str]:
    """Return the perspectives that have a file."""
    return sorted(path.stem for path in ((folder or shipped("params")) / "perspectives").glob("*.yaml"))


def load_perspective(name: str, evidence: Evidence, folder: Path | None = None) -> Perspective:
    """Read and check a perspective of a folder, by default the shipped params; raises InputError with all faults."""
    faults: list[Problem] = []
    file = read_file((folder or shipped("params")) / "perspectives" / f"{name}.yaml", faults)
    found = _perspective(file, evidence, faults) if file else None
    if faults or found is None:
        raise InputError(faults)
    return found


def _perspective(file: ParameterFile, evidence: Evidence, faults: Sequence[Problem]) -> Perspective | None:
    file.only_keys(FILE_KEYS)
    if file.at("id") != file.stem:
        file.fault(("id",), "must be the file's name", found=file.at("id"), allowed=file.stem)
    texts = text_at(file, "label", "about", "source")
    currency = file.one_of("currency", CURRENCIES)
    when = file.at("date")
    if not isinstance(when, date):
        file.fault(("date",), "must be a date, as 2026-03-01", found=when)
    body_at(file, (*REQUIRED, *OPTIONAL, *SEVERITY), "parameters")
    entries = read_entries(file, evidence, UNITS)
    for name in REQUIRED:
        if name not in file.mapping("parameters"):
            file.fault(("parameters",), f"must have '{name}'")
    if 0 < len(set(SEVERITY) & set(entries)) < len(SEVERITY):
        file.fault(("parameters",), "must have all weights of severity or none", allowed=", ".join(SEVERITY))
    if ("discount_later" in entries) != ("discount_later_from_years" in entries):
        file.fault(("parameters",), "must have both or neither of 'discount_later' and 'discount_later_from_years'")
    for name in ("threshold_low", "threshold_high"):
        if name in entries and entries[name].unit != currency:
            file.fault(
                ("parameters", name, "unit"),
                "must be the currency of the perspective",
                found=entries[name].unit,
                allowed=currency,
            )
    grid = _grid(file)
    if faults or currency is None:
        return None
    costs = file.at("costs")
    return Perspective(file.stem, **texts, date=when, currency=currency, costs=costs, entries=entries, grid=grid)


def _grid(file: ParameterFile) -> tuple[float, ...]:
    """Thresholds from 0 up to the last one, evenly spaced."""
    body = body_at(file, ("to", "step"), "threshold_grid")
    to, step = (body.get(key) for key in ("to", "step"))
    if not (isinstance(to, int) and isinstance(step, int) and 0 < step <= to):
        file.fault(("threshold_grid",), "must have positive whole numbers 'to' and 'step'", found=f"{to}, {step}")
        return ()
    return tuple(float(step * place) for place in range(to // step + 1))
