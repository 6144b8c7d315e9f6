"""Costs as data: `params/costs/<country>.yaml`, in one currency and the prices of one year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from rallsim.common.files import shipped
from rallsim.common.yaml_file import Place
from rallsim.economics.settings.cost_items import (
    CATEGORIES,
    NO_MONEY,
    PER,
    RESOURCES,
    CostItem,
    items_at,
    items_of_therapies,
)
from rallsim.economics.settings.entries import (
    CURRENCIES,
    Entry,
    PriceIndex,
    body_at,
    names_one,
    read_entries,
    read_file,
    replace_values,
    text_at,
)
from rallsim.economics.settings.triggers import with_forms
from rallsim.errors import InputError, Problem
from rallsim.inputs.parameter_values import ParameterFile
from rallsim.inputs.parameters import ParameterSet

__all__ = ["CATEGORIES", "PER", "RESOURCES", "CostItem", "Costs", "cost_file", "cost_files", "load_costs", "parts_of"]

FILE_KEYS = ("id", "about", "currency", "price_year", "price_index", "exchange", "parameters", "items", "therapies")
PART_KEYS = ("parameters", "therapies")  # of a file beside, which adds therapies
UNITS = (*CURRENCIES, *NO_MONEY, "exchange_rate")


@dataclass(frozen=True)
class Costs:
    """The costs of a country: items and the parameters they use, in one currency and the prices of one year."""

    id: str
    about: str
    currency: str
    price_year: int
    index: PriceIndex
    exchange: Mapping[str, str]  # parameter with this currency's units for one of another
    entries: Mapping[str, Entry]
    items: tuple[CostItem, ...]
    therapies: frozenset[str]  # with costs of their own, or of the one they are based on

    def rate(self, currency: str) -> float:
        """Units of this file's currency for one of another."""
        return 1.0 if currency == self.currency else self.entries[self.exchange[currency]].value

    def inflation(self, entry: Entry) -> float:
        """What an amount is multiplied by for the rise of prices; list prices stay what they are."""
        if entry.list_price or entry.price_year is None:
            return 1.0
        return self.index.factor(entry.price_year, self.price_year)

    def value(self, name: str) -> float:
        """A parameter's value; money in the file's currency and the prices of its year.

        amount * rate * index(year of the file) / index(year of the amount)
        """
        entry = self.entries[name]
        return entry.value * self.rate(entry.unit) * self.inflation(entry) if entry.is_money() else entry.value

    def quantity(self, item: CostItem) -> float:
        """How much of an item there is each time, or in each day, month or year."""
        found = 1.0
        for name in item.quantity:
            found *= self.value(name)
        return found

    def months(self, name: str | None) -> float:
        """Length of time of a trigger in months; without a name it is not limited."""
        if name is None:
            return float("inf")
        entry = self.entries[name]
        return entry.value / PER["day"] if entry.unit == "days" else entry.value

    def with_values(self, values: Mapping[str, float]) -> Costs:
        """Return the same costs with other values of parameters, in the currency and prices of their entries."""
        return replace(self, entries=replace_values(self.entries, values, f"costs.{self.id}"))

    def scaled(self, factor: float) -> Costs:
        """Return the same costs with every price multiplied: 0 for no costs at all."""
        money = {name: entry.value * factor for name, entry in self.entries.items() if entry.is_money()}
        return self.with_values(money)

    def list_prices(self) -> list[str]:
        """Parameters that are list prices: what is paid may be less, by a confidential discount."""
        return [name for name, entry in self.entries.items() if entry.list_price]


def cost_files(folder: Path | None = None) -> list[str]:
    """Return the countries with a file of costs."""
    return sorted(path.stem for path in ((folder or shipped("params")) / "costs").glob("*.yaml"))


def cost_file(country: str | Path, folder: Path | None = None) -> Path:
    """Return the file with the costs of a country, or the file that was named itself."""
    return country if isinstance(country, Path) else (folder or shipped("params")) / "costs" / f"{country}.yaml"


def parts_of(path: Path, own_folder: Path | None = None) -> list[Path]:
    """Return the files that add therapies to a file of costs: in a folder of its name beside it, or in one's own."""
    added = sorted((own_folder / "costs" / path.stem).glob("*.yaml")) if own_folder else []
    return [*sorted(path.with_suffix("").glob("*.yaml")), *added]


def load_costs(country: str | Path, parameters: ParameterSet, folder: Path | None = None) -> Costs:
    """Read and check the costs of a country, or a file of costs of one's own; raises InputError with all faults.

    `folder` holds `costs/`, by default the shipped params. Therapies and evidence are those of `parameters`. A new
    therapy brings its costs in a file of its own, `costs/<country>/<therapy>.yaml`, with `parameters` and `therapies`.
    So it does in the folder that a scenario adds.
    """
    faults: list[Problem] = []
    path = cost_file(country, folder)
    file = read_file(path, faults)
    parts = [one for one in (read_file(part, faults) for part in parts_of(path, parameters.own_folder)) if one]
    costs = _costs(file, parts, parameters) if file else None
    if faults or costs is None:
        raise InputError(dict.fromkeys(faults))  # an item that two therapies share is faulty once
    return costs


def _costs(file: ParameterFile, parts: list[ParameterFile], parameters: ParameterSet) -> Costs | None:
    therapies = {name: therapy.based_on for name, therapy in parameters.therapies.items()}
    file.only_keys(FILE_KEYS)
    for part in parts:
        part.only_keys(PART_KEYS)
    if file.at("id") != file.stem:
        file.fault(("id",), "must be the file's name", found=file.at("id"), allowed=file.stem)
    about = text_at(file, "about")["about"]
    currency = file.one_of("currency", CURRENCIES)
    year = file.at("price_year")
    if isinstance(year, bool) or not isinstance(year, int):
        file.fault(("price_year",), "must be a year", found=year)
        year = 0
    index = _index(file)
    origins = _merged(file, parts, "parameters")
    read = {
        name: entry for one in (file, *parts) for name, entry in read_entries(one, parameters.evidence, UNITS).items()
    }
    exchange = _exchange(file, read)
    for name, entry in read.items():
        if entry.is_money() and entry.unit not in (currency, *exchange):
            origins[name].fault(
                ("parameters", name, "unit"), "must have an exchange rate in this file", found=entry.unit
            )
        years = () if entry.list_price or not entry.is_money() else (entry.price_year, year)
        if any(each not in index.values for each in years):
            place = ("parameters", name, "price_year")
            origins[name].fault(place, "must have a price index in this file", found=entry.price_year)
    blocks = _merged(file, parts, "therapies")
    items = [*items_at(file, ("items",), None, therapies, read), *items_of_therapies(blocks, therapies, read)]
    _check_use(origins, items, read, exchange)
    _check_twice(file, blocks, items)
    covered = with_forms(blocks, therapies)
    return Costs(file.stem, about, currency or "", year, index, exchange, read, tuple(items), frozenset(covered))


def _merged(file: ParameterFile, parts: list[ParameterFile], key: str) -> dict[str, ParameterFile]:
    """Return the file in which each name below a key stands; a name that stands twice is a fault."""
    found: dict[str, ParameterFile] = {}
    for one in (file, *parts):
        for name in one.mapping(key):
            if name in found:
                one.fault((key, name), f"must stand once, and stands in {found[name].yaml.name} too")
            found.setdefault(str(name), one)
    return found


def _index(file: ParameterFile) -> PriceIndex:
    table = body_at(file, ("source", "values"), "price_index")
    if not isinstance(table.get("source"), str):
        file.fault(
            ("price_index", "source"), "is missing: say who publishes the price index", found=table.get("source")
        )
    values = file.mapping("price_index", "values")
    for year, value in values.items():
        if not isinstance(year, int) or isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            file.fault(("price_index", "values", year), "must be a year and a positive number", found=value)
            return PriceIndex("", {})
    return PriceIndex(
        " ".join(str(table.get("source")).split()), {int(year): float(value) for year, value in values.items()}
    )


def _exchange(file: ParameterFile, entries: Mapping[str, Entry]) -> dict[str, str]:
    found = {}
    for currency, name in file.mapping("exchange").items():
        if currency not in CURRENCIES or not names_one(name, entries, "exchange_rate"):
            file.fault(("exchange", currency), "must name a parameter that is an exchange rate", found=name)
        else:
            found[str(currency)] = str(name)
    return found


def _check_use(
    origins: Mapping[str, ParameterFile],
    items: Iterable[CostItem],
    entries: Mapping[str, Entry],
    exchange: Mapping[str, str],
) -> None:
    """Note parameters that no item uses, once all items are sound."""
    used = {name for item in items for name in (*item.quantity, item.price, item.trigger.lasting)} | set(
        exchange.values()
    )
    for name in entries:
        if name not in used and not origins[name].faults:
            origins[name].fault(("parameters", name), "must be used by an item")


def _check_twice(file: ParameterFile, blocks: Mapping[str, ParameterFile], items: Iterable[CostItem]) -> None:
    """No resource is paid by the stay and by the day: a price that covers it excludes a price of its own."""
    for one, other in combinations(items, 2):
        for whole, part in ((one, other), (other, one)):
            resources, stages = whole.covers
            twice = (
                part.price is not None
                and part.resource in resources
                and bool(part.trigger.possible_stages() & stages)
                and part.trigger.may_meet(whole.trigger.therapies)
            )
            if twice:
                owner, _, name = part.name.rpartition(".")
                place: Place = ("therapies", owner, name) if owner else ("items", name)
                message = f"must be 'included', for the price of '{whole.name}' covers {part.resource}"
                blocks.get(owner, file).fault(place, message, found=part.price)
