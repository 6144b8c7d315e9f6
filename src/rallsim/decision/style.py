"""What figures of one decision share: strategies in their order, labels, units and axes of money."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rallsim.common.figures import colour, line_style

if TYPE_CHECKING:
    from matplotlib.axis import Axis

LABEL_WIDTH = 42  # characters of a label before it goes on in the next line


@dataclass(frozen=True)
class Style:
    """What figures of one decision share: `strategies` in order (it gives colours), `labels` for people, units.

    `currency` is a sign or code before amounts, `effect` what one unit of effect is called.

    >>> Style(["usual", "new"], labels={"new": "New drug"}).label("new")
    'New drug'
    """

    strategies: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    effect: str = "QALY"

    def label(self, strategy: str) -> str:
        """Label of a strategy, folded."""
        return textwrap.fill(self.labels.get(strategy, strategy), LABEL_WIDTH)

    def colour(self, strategy: str) -> tuple[float, float, float]:
        """Colour of a strategy."""
        return colour(list(self.strategies).index(strategy))

    def line(self, strategy: str) -> str:
        """Line style of a strategy."""
        return line_style(list(self.strategies).index(strategy))

    def money(self, amount: float) -> str:
        """An amount with its currency.

        >>> Style([], currency="£").money(30000), Style([], currency="EUR").money(-1500.4), Style([]).money(2.0)
        ('£30,000', 'EUR -1,500', '2')
        """
        text = f"{abs(amount):,.0f}"
        sign = "-" if amount < 0 and text != "0" else ""
        return f"{sign}{self.currency}{text}" if len(self.currency) == 1 else f"{self.currency} {sign}{text}".strip()


def money_axis(axis: Axis, style: Style, words: str, limits: tuple[float, float], per: str = "") -> None:
    """Name an axis of money, in thousands or millions where numbers would be long."""
    from matplotlib.ticker import FuncFormatter

    size = max(abs(limits[0]), abs(limits[1]))
    scale, unit = (1e6, "million") if size >= 2e6 else (1e3, "thousand") if size >= 5e3 else (1.0, "")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / scale:,.10g}"))
    inside = " ".join(word for word in (style.currency, unit, per) if word)
    axis.set_label_text(f"{words} ({inside})" if inside else words)
