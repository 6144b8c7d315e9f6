"""What the parts of a curve's page share: ink, sizes, and a colour a family."""

from __future__ import annotations

from rallsim.curves.families import FAMILIES

SMALL = 8.0  # points
INK, GREY, FAINT = "0.1", "0.45", "0.75"
APART = (0, 1, 2, 4, 5, 3)  # of the palette, for the six families


def colour_of(family: str) -> tuple[float, float, float]:
    """Colour of a family, the same on every page."""
    import seaborn as sns

    place = APART[list(FAMILIES).index(family) % len(APART)]
    red, green, blue = sns.color_palette("colorblind", 10)[place]  # type: ignore[no-untyped-call]
    return float(red), float(green), float(blue)


def dashes_of(with_cure: bool) -> str | tuple[int, tuple[int, int]]:
    """Return the line style: forms with a cured share are dashed."""
    return (0, (5, 2)) if with_cure else "-"
