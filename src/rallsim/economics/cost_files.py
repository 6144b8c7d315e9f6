"""Costs as data: `params/costs/<country>.yaml`, what triggers each item, how much of it there is and what one costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from rallsim.economics.entries import Entry, body_at, names_one, read_entries, read_file, text_at, with_values
from rallsim.economics.money import CURRENCIES, PriceIndex, in_prices_of
from rallsim.economics.triggers import AT, DAYS_PER_MONTH, Trigger, read_trigger, with_forms
from rallsim.errors import InputError, Problem
from rallsim.files import shipped
from rallsim.parameter_values import ParameterFile
from rallsim.parameters import ParameterSet
from rallsim.stages import STAGES
from rallsim.yamlfile import Place

CATEGORIES = (
    *("drug", "administration", "car_t", "hsct", "hospital", "icu"),
    *("toxicity", "follow_up", "palliative"),
)
RESOURCES = ("ward_day", "icu_day", "transplant_day", "outpatient_visit")
PER = {"day": DAYS_PER_MONTH, "month": 1.0, "year": 1.0 / 12.0}  # of each in a month
INCLUDED = "included"  # the price of another item covers it: counted as activity, at no cost
FILE_KEYS = ("id", "about", "currency", "price_year", "price_index", "exchange", "parameters", "items", "therapies")
ITEM_KEYS = ("category", "at", "while", "after", "quantity", "price", "per", "resource", "covers")
NO_MONEY = ("count", "days", "months", "share", "ratio")
UNITS = (*CURRENCIES, *NO_MONEY, "exchange_rate")


@dataclass(frozen=True)
class CostItem:
    """One line of a bill: when it counts, its quantity (a product of parameters) and its unit price.

    Where `price` is None another item's price covers it. `covers` are the resources that this item's price pays for, in
    these stages.
    """

    name: str
    category: str
    trigger: Trigger
    quantity: tuple[str, ...]
    price: str | None
    per: str | None = None
    resource: str | None = None
    covers: tuple[tuple[str, ...], frozenset[int]] = ((), frozenset())
    line: int | None = None

    def unit(self) -> str:
        """What the quantity counts."""
        return self.resource or (self.per or "each")


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
        """A parameter's value; money in the file's currency and the prices of its year."""
        entry = self.entries[name]
        if not entry.is_money() or entry.price_year is None:
            return entry.value
        rate = self.rate(entry.unit)
        if entry.list_price:
            return entry.value * rate
        return in_prices_of(entry.value, year=entry.price_year, to=self.price_year, index=self.index, rate=rate)

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
        return replace(self, entries=with_values(self.entries, values, f"costs.{self.id}"))

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


def load_costs(country: str, parameters: ParameterSet, folder: Path | None = None) -> Costs:
    """Read and check the costs of a country; raises InputError with all faults.

    `folder` holds `costs/`, by default the shipped params. Therapies and evidence are those of `parameters`.
    """
    faults: list[Problem] = []
    file = read_file((folder or shipped("params")) / "costs" / f"{country}.yaml", faults)
    costs = _costs(file, parameters) if file else None
    if faults or costs is None:
        raise InputError(faults)
    return costs


def _costs(file: ParameterFile, parameters: ParameterSet) -> Costs | None:
    therapies = {name: therapy.based_on for name, therapy in parameters.therapies.items()}
    file.only_keys(FILE_KEYS)
    if file.at("id") != file.stem:
        file.fault(("id",), "must equal the file's name", found=file.at("id"), allowed=file.stem)
    about = text_at(file, "about")["about"]
    currency = file.one_of("currency", CURRENCIES)
    year = file.at("price_year")
    if isinstance(year, bool) or not isinstance(year, int):
        file.fault(("price_year",), "must be a year", found=year)
        year = 0
    entries = read_entries(file, parameters.evidence, UNITS)
    index = _index(file)
    exchange = _exchange(file, entries)
    for name, entry in entries.items():
        if entry.is_money() and entry.unit not in (currency, *exchange):
            file.fault(("parameters", name, "unit"), "has no exchange rate in this file", found=entry.unit)
        years = () if entry.list_price or not entry.is_money() else (entry.price_year, year)
        if any(each not in index.values for each in years):
            file.fault(("parameters", name, "price_year"), "has no price index in this file", found=entry.price_year)
    items = list(_items(file, ("items",), None, therapies, entries))
    blocks = file.mapping("therapies")
    for name in blocks:
        if name not in therapies:
            file.fault(("therapies", name), "no such therapy", allowed=", ".join(therapies))
            continue
        own = with_forms([name], therapies, apart=blocks)
        items += _items(file, ("therapies", name), own, therapies, entries)
    _check_use(file, items, entries, exchange)
    _check_twice(file, items)
    covered = with_forms(blocks, therapies)
    return Costs(file.stem, about, currency or "", year, index, exchange, entries, tuple(items), frozenset(covered))


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


def _items(
    file: ParameterFile,
    place: Place,
    own: tuple[str, ...] | None,
    therapies: Mapping[str, str | None],
    entries: Mapping[str, Entry],
) -> Iterator[CostItem]:
    """Yield the sound items of a mapping; those of a therapy count on it and on its forms alone."""
    prefix = f"{place[-1]}." if own is not None else ""
    for name in file.mapping(*place):
        item = _item(file, (*place, name), f"{prefix}{name}", therapies, entries)
        if item is None:
            continue
        if own is not None and item.trigger.therapies is not None:
            file.fault((*place, name), "'therapy' cannot stand in the costs of a therapy")
        yield item if own is None else replace(item, trigger=replace(item.trigger, therapies=own))


def _item(
    file: ParameterFile, place: Place, name: str, therapies: Mapping[str, str | None], entries: Mapping[str, Entry]
) -> CostItem | None:
    before = len(file.faults)
    body = body_at(file, ITEM_KEYS, *place)
    for key, words in (("category", CATEGORIES), ("resource", (None, *RESOURCES))):
        if body.get(key) not in words:
            file.fault(
                (*place, key), "must be one of these words", found=body.get(key), allowed=", ".join(filter(None, words))
            )
    trigger = read_trigger(file, place, therapies, entries)
    quantity = body.get("quantity") or []
    quantity = tuple(quantity if isinstance(quantity, list) else [quantity])
    for one in quantity:
        if not names_one(one, entries, *NO_MONEY):
            file.fault((*place, "quantity"), "must name parameters that are no money", found=one)
    price = str(body.get("price"))
    if price != INCLUDED and not names_one(price, entries, *CURRENCIES):
        file.fault((*place, "price"), f"must name a parameter that is money, or be '{INCLUDED}'", found=price)
    if trigger and (trigger.kind == AT) != (body.get("per") is None):
        file.fault((*place, "per"), "belongs to 'while' and 'after', and only there", found=body.get("per"))
    if body.get("per") not in (None, *PER):
        file.fault((*place, "per"), "must be one of these words", found=body.get("per"), allowed=", ".join(PER))
    covers = _covers(file, (*place, "covers"))
    if trigger is None or len(file.faults) > before:
        return None
    return CostItem(
        name=name,
        category=str(body["category"]),
        trigger=trigger,
        quantity=quantity,
        price=None if price == INCLUDED else price,
        per=body.get("per"),
        resource=body.get("resource"),
        covers=covers,
        line=file.yaml.line(*place),
    )


def _covers(file: ParameterFile, place: Place) -> tuple[tuple[str, ...], frozenset[int]]:
    body = body_at(file, ("resources", "stages"), *place)
    for key, words in (("resources", RESOURCES), ("stages", STAGES)):
        found = body.get(key)
        if body and (not isinstance(found, list) or not all(one in words for one in found)):
            file.fault((*place, key), "must be a list of these words", found=found, allowed=", ".join(words))
            return (), frozenset()
    return tuple(body.get("resources", ())), frozenset(STAGES.index(one) for one in body.get("stages", ()))


def _check_use(
    file: ParameterFile, items: list[CostItem], entries: Mapping[str, Entry], exchange: Mapping[str, str]
) -> None:
    """Note parameters that no item uses, once all items are sound."""
    used = {name for item in items for name in (*item.quantity, item.price, item.trigger.lasting)} | set(
        exchange.values()
    )
    for name in entries:
        if name not in used and not file.faults:
            file.fault(("parameters", name), "is used by no item")


def _check_twice(file: ParameterFile, items: list[CostItem]) -> None:
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
                place: Place = ("therapies", *part.name.split(".")) if "." in part.name else ("items", part.name)
                file.fault(
                    place, f"is paid twice: the price of '{whole.name}' covers {part.resource}", found=part.price
                )
