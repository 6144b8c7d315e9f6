"""The items of cost files: what triggers each, how much of it there is and what one costs."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace

from rallsim.common.yaml_file import Place
from rallsim.economics.settings.entries import CURRENCIES, Entry, body_at, names_one
from rallsim.economics.settings.triggers import AT, DAYS_PER_MONTH, Trigger, read_trigger, with_forms
from rallsim.inputs.parameter_values import ParameterFile
from rallsim.model.states import STAGES

CATEGORIES = (
    *("drug", "administration", "car_t", "hsct", "hospital", "icu"),
    *("toxicity", "follow_up", "palliative"),
)
RESOURCES = ("ward_day", "icu_day", "transplant_day", "outpatient_visit")
PER = {"day": DAYS_PER_MONTH, "month": 1.0, "year": 1.0 / 12.0}  # of each in a month
INCLUDED = "included"  # the price of another item covers it: counted as activity, at no cost
LIKE = "like"  # another therapy whose items hold where a therapy has none of that name
ITEM_KEYS = ("category", "at", "while", "after", "quantity", "price", "per", "resource", "covers")
NO_MONEY = ("count", "days", "months", "share", "ratio")


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


def items_of_therapies(
    files: Mapping[str, ParameterFile], therapies: Mapping[str, str | None], entries: Mapping[str, Entry]
) -> Iterator[CostItem]:
    """Yield the items of every therapy, those first that it takes from the therapy it is `like`.

    `files` are the therapies with costs of their own, each with its file; `therapies` are all, with what each is based
    on.
    """
    models = [name for name, file in files.items() if file.at("therapies", name, LIKE) is None]
    for name, file in files.items():
        if name not in therapies:
            file.fault(("therapies", name), "must be a known therapy", allowed=", ".join(therapies))
            continue
        own = with_forms([name], therapies, apart=files)
        model = file.at("therapies", name, LIKE)
        if model in models:
            but = file.mapping("therapies", name)
            yield from items_at(files[model], ("therapies", model), own, therapies, entries, owner=name, but=but)
        elif model is not None:
            message = "must name a therapy with costs of its own"
            file.fault(("therapies", name, LIKE), message, found=model, allowed=", ".join(models))
        yield from items_at(file, ("therapies", name), own, therapies, entries, owner=name)


def items_at(
    file: ParameterFile,
    place: Place,
    own: tuple[str, ...] | None,
    therapies: Mapping[str, str | None],
    entries: Mapping[str, Entry],
    *,
    owner: str = "",
    but: Container[str] = (),
) -> Iterator[CostItem]:
    """Yield the sound items of a mapping, `but` some; those of an owner, a therapy, count on it and its forms alone."""
    prefix = f"{owner}." if owner else ""
    for name in file.mapping(*place):
        if name in but or name == LIKE:
            continue
        item = _item(file, (*place, name), f"{prefix}{name}", therapies, entries)
        if item is None:
            continue
        if own is not None and item.trigger.therapies is not None:
            file.fault((*place, name), "cannot name a 'therapy' within the costs of one")
        yield item if own is None else replace(item, trigger=replace(item.trigger, therapies=own))


def _item(
    file: ParameterFile, place: Place, name: str, therapies: Mapping[str, str | None], entries: Mapping[str, Entry]
) -> CostItem | None:
    before = len(file.faults)
    body = body_at(file, ITEM_KEYS, *place)
    for key, words in (("category", CATEGORIES), ("resource", (None, *RESOURCES))):
        if body.get(key) not in words:
            file.fault((*place, key), "must be one of", found=body.get(key), allowed=", ".join(filter(None, words)))
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
        file.fault((*place, "per"), "must stand with 'while' and 'after', and only there", found=body.get("per"))
    if body.get("per") not in (None, *PER):
        file.fault((*place, "per"), "must be one of", found=body.get("per"), allowed=", ".join(PER))
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
