"""The numbers of cost, utility and perspective files, each with unit, basis and evidence, and what money is worth."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rallsim.common.yaml_file import read_yaml
from rallsim.errors import InputError, Problem
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.parameter_values import ANY_BASIS, KEYS, ParameterFile, _given

CURRENCIES = ("GBP", "EUR", "USD", "CAD", "AUD")
UNITS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(CURRENCIES, (0.0, 1e7)),
    "count": (0.0, 1e4),
    "days": (0.0, 3650.0),
    "months": (0.0, 1200.0),
    "years": (0.0, 120.0),
    "share": (0.0, 1.0),
    "utility": (-1.0, 1.0),
    "disutility": (0.0, 2.0),
    "coefficient": (-10.0, 10.0),
    "rate_per_year": (0.0, 1.0),
    "exchange_rate": (1e-4, 1e4),
    "ratio": (0.0, 1e3),
}
BASES = ("reported", "counts", "assumed")
MONEY_KEYS = ("price_year", "list_price")


@dataclass(frozen=True)
class Entry:
    """A number as its file gives it, in the currency and prices of its source."""

    name: str
    value: float
    unit: str
    basis: str
    evidence: tuple[str, ...]
    note: str
    lo: float | None
    hi: float | None
    file: str
    line: int | None
    price_year: int | None = None
    held: str = ""  # why it is not drawn
    list_price: bool = False  # a public price from which confidential discounts may be given; never inflated

    def is_money(self) -> bool:
        """Tell whether this is an amount of money."""
        return self.unit in CURRENCIES


@dataclass(frozen=True)
class PriceIndex:
    """Price levels by year, and who published them."""

    source: str
    values: Mapping[int, float]

    def factor(self, year: int, to: int) -> float:
        """What prices of `year` are multiplied by to be prices of `to`; refuses years without a value.

        >>> PriceIndex("an example", {2010: 80.0, 2020: 100.0}).factor(2010, 2020)
        1.25
        """
        missing = [each for each in (year, to) if each not in self.values]
        if missing:
            known = f"{min(self.values)} to {max(self.values)}" if self.values else "none"
            raise InputError(Problem("must have a price index for this year", found=str(missing[0]), allowed=known))
        return self.values[to] / self.values[year]


def read_entries(file: ParameterFile, evidence: Evidence, allowed: Sequence[str]) -> dict[str, Entry]:
    """Read `parameters` of a file; `allowed` are the units that may stand in it."""
    found = {}
    for name in file.mapping("parameters"):
        entry = _read_entry(file, str(name), evidence, allowed)
        if entry:
            found[str(name)] = entry
    return found


def read_file(path: Path, faults: list[Problem]) -> ParameterFile | None:
    """Read a YAML file that must be a mapping; None, with its faults noted, when it is not."""
    try:
        file = ParameterFile(read_yaml(path), faults)
    except InputError as error:
        faults.extend(error.problems)
        return None
    if isinstance(file.yaml.data, dict):
        return file
    file.fault((), "must be a mapping of keys to values")
    return None


def body_at(file: ParameterFile, keys: Iterable[str], *place: Hashable) -> dict[Any, Any]:
    """Return the mapping at a place, its unknown keys noted; something else there is a fault, and an empty one."""
    body = file.mapping(*place)
    if body:
        file.only_keys(keys, *place)
    return body


def names_one(name: object, entries: Mapping[str, Entry], *units: str) -> bool:
    """Tell whether this is the name of a parameter in one of these units (in any, without)."""
    return isinstance(name, str) and name in entries and (not units or entries[name].unit in units)


def text_at(file: ParameterFile, *keys: str) -> dict[str, str]:
    """Read texts; a missing one is a fault."""
    found = {}
    for key in keys:
        value = file.at(key)
        if not isinstance(value, str) or not value.strip():
            file.fault((key,), "must be text", found=value)
        found[key] = " ".join(str(value).split())
    return found


def replace_values(entries: Mapping[str, Entry], values: Mapping[str, float], owner: str) -> dict[str, Entry]:
    """Return entries with other values, as a draw or a user gives them; an unknown name is refused."""
    unknown = [name for name in values if name not in entries]
    if unknown:
        raise InputError(
            Problem("must be a known parameter", found=f"{owner}.{unknown[0]}", allowed=", ".join(entries))
        )
    return {name: replace(entry, value=values.get(name, entry.value)) for name, entry in entries.items()}


def _read_entry(file: ParameterFile, name: str, evidence: Evidence, allowed: Sequence[str]) -> Entry | None:
    place = ("parameters", name)
    before = len(file.faults)
    entry = file.mapping(*place)
    basis, unit = str(entry.get("basis")), str(entry.get("unit"))
    if basis not in BASES:
        file.fault((*place, "basis"), "must say where the value comes from", found=basis, allowed=", ".join(BASES))
        return None
    if unit not in allowed:
        file.fault((*place, "unit"), "must be one of", found=unit, allowed=", ".join(allowed))
        return None
    money = unit in CURRENCIES
    file.only_keys((*ANY_BASIS, *KEYS[basis], *(MONEY_KEYS if money else ())), *place)
    if not entry.get("note") and basis != "assumed":
        file.fault((*place, "note"), "is missing: say what the number is and why this one")
    origin = _given(file, place, basis, evidence)
    if money:
        _check_money(file, place, entry, evidence)
    if origin is None or len(file.faults) > before:
        return None
    low, high = UNITS[unit]
    for key, number in (("value", origin.value), ("lo", origin.lo), ("hi", origin.hi)):
        if number is not None and not low <= number <= high:
            file.fault((*place, key), "must lie within", found=f"{number:g}", allowed=f"{low:g} to {high:g} ({unit})")
    _check_assumed_row(file, place, entry, evidence)
    return Entry(
        name=name,
        value=origin.value,
        unit=unit,
        basis=basis,
        evidence=origin.evidence,
        note=" ".join(str(entry.get("note") or entry.get("reason")).split()),
        lo=origin.lo,
        hi=origin.hi,
        file=file.yaml.name,
        line=file.yaml.line(*place),
        price_year=entry.get("price_year"),
        held=str(entry.get("held") or ""),
        list_price=bool(entry.get("list_price", False)),
    )


def _check_money(file: ParameterFile, place: tuple[str, ...], entry: Mapping[str, Any], evidence: Evidence) -> None:
    year, flag = entry.get("price_year"), entry.get("list_price", False)
    if isinstance(year, bool) or not isinstance(year, int):
        file.fault((*place, "price_year"), "is missing: money needs the year of its prices", found=year)
    if not isinstance(flag, bool):
        file.fault((*place, "list_price"), "must be true or false", found=flag)
    for row in _rows(entry, evidence):
        currency = row.unit.split(" ")[0]
        if currency in CURRENCIES and currency != entry["unit"]:
            file.fault((*place, "unit"), f"must be the currency of {row.id}", found=entry["unit"], allowed=currency)


def _check_assumed_row(
    file: ParameterFile, place: tuple[str, ...], entry: Mapping[str, Any], evidence: Evidence
) -> None:
    """An assumed value that rests on one row of assumed.csv is that row, range and all."""
    rows = _rows(entry, evidence)
    assumed = [row for row in rows if row.kind == "assumed"]
    if entry["basis"] != "assumed" or len(rows) != 1 or not assumed:
        return
    for key, wanted in (("value", assumed[0].value), ("lo", assumed[0].lo), ("hi", assumed[0].hi)):
        if float(entry[key]) != wanted:
            file.fault((*place, key), f"must agree with {assumed[0].id}", found=entry[key], allowed=f"{wanted:g}")


def _rows(entry: Mapping[str, Any], evidence: Evidence) -> list[Row]:
    """Return the evidence rows that an entry names and that exist."""
    named = entry.get("evidence")
    return [evidence.rows[str(one)] for one in named if str(one) in evidence.rows] if isinstance(named, list) else []
