"""What figures and sentences of an analysis need beside its tables: labels, units, thresholds; kept in the manifest."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from rallsim.decision.style import Style

SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}
IN_PER_CENT = ("probability", "share")
TINY = 0.0001  # smaller values are written as below it
WITH_UNIT = ("months", "days", "years", "cycles")


WORDS = {  # of names, as people write them
    **{
        word: word.upper()
        for word in ("cr", "mrd", "hsct", "sos", "crs", "icans", "icu", "gvhd", "cr1", "kmt2a", "cns")
    },
    "car_t": "CAR-T",
    "b_cell": "B-cell",
    "ph_positive": "Ph-positive",
    "grade3plus": "of grade 3 or more",
    "cd19": "CD19",
    "cd22": "CD22",
}


@cache
def in_words(name: str) -> str:
    """Write a name as people do.

    >>> in_words("cr_odds_ratio_prior_hsct"), in_words("months_to_b_cell_recovery")
    ('CR odds ratio prior HSCT', 'months to B-cell recovery')
    """
    for word in sorted(WORDS, key=len, reverse=True):
        name = re.sub(rf"(?<![^_ ]){word}(?![^_ ])", WORDS[word], name)
    return name.replace("_", " ")


@dataclass(frozen=True)
class Labels:
    """Labels for people, by strategy and by parameter path; currency, willingness to pay, and the sweep's settings.

    >>> labels = Labels("Title", {"a": "Drug A"}, "a", "£", (30000.0,), {"hsct.sos": "SOS"}, {"hsct.sos": "share"})
    >>> Labels.from_json(labels.as_json()) == labels, labels.strategy("a"), labels.parameter("hsct.sos")
    (True, 'Drug A', 'SOS')
    """

    title: str
    strategies: Mapping[str, str]
    reference: str
    currency: str
    wtp: tuple[float, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the labels as a manifest holds them."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {"wtp": list(self.wtp)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Labels:
        """Read what `as_json` wrote."""
        return cls(**{**content, "wtp": tuple(content["wtp"])})

    def style(self) -> Style:
        """Return colours and labels of the strategies for figures."""
        return Style(list(self.strategies), self.strategies, self.currency)

    def strategy(self, name: str) -> str:
        """Return the label of a strategy."""
        return self.strategies.get(name, name)

    def parameter(self, path: str, width: int = 0) -> str:
        """Return the label of a parameter, folded to a width if there is one."""
        label = self.parameters.get(path, path)
        return textwrap.fill(label, width) if width else label

    def money(self, amount: float) -> str:
        """An amount with its currency."""
        return self.style().money(amount)

    def pair(self, strategy: str, comparator: str | None = None) -> str:
        """Words for a comparison, with the reference when not said otherwise."""
        return f"{self.strategy(strategy)} against {self.strategy(comparator or self.reference)}"

    def at_wtp(self, wtp: float, at: str = "at") -> str:
        """Words for a threshold."""
        return f"{at} {self.money(wtp)} per QALY"

    def value(self, path: str, value: float) -> str:
        """A parameter's value with its unit: money with its sign, shares and probabilities in per cent.

        >>> labels = Labels("", {}, "", "£", (), units={"a": "GBP", "b": "probability", "c": "months"})
        >>> labels.value("a", 1200.0), labels.value("b", 0.253), labels.value("c", 1.5)
        ('£1,200', '25.3 %', '1.5 months')
        """
        unit = self.units.get(path, "")
        if unit in SIGNS:
            sign = SIGNS[unit]
            return f"{'-' if value < 0 else ''}{sign}{abs(value):,.0f}" if abs(value) >= 10 else f"{sign}{value:.3g}"
        if 0 < value < TINY:
            return f"< {TINY}"
        if unit in IN_PER_CENT:
            return f"{100 * value:.3g} %"
        return f"{value:.3g}" + (f" {unit}" if unit in WITH_UNIT else "")

    def axis(self, path: str, width: int = 70) -> str:
        """Name of an axis along a parameter."""
        unit = self.units.get(path, "")
        return textwrap.fill(f"{self.parameter(path)} ({SIGNS.get(unit, unit)})", width)
