"""Money of other years and other currencies: two multiplications that are always written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rallsim.errors import InputError, Problem

CURRENCIES = ("GBP", "EUR", "USD", "CAD", "AUD")


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
            raise InputError(Problem("no price index for this year", found=str(missing[0]), allowed=known))
        return self.values[to] / self.values[year]


def in_prices_of(amount: float, *, year: int, to: int, index: PriceIndex, rate: float = 1.0) -> float:
    """Convert an amount of `year` to prices of `to`: first into the other currency, then by its price index.

    amount * rate * index(to) / index(year)

    `rate` is units of the new currency for one of the old, `index` that of the new currency.

    >>> in_prices_of(100.0, year=2010, to=2020, index=PriceIndex("an example", {2010: 80.0, 2020: 100.0}), rate=1.2)
    150.0
    """
    return amount * rate * index.factor(year, to)
