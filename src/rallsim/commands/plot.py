"""`rallsim plot`: the figures of a sweep again, from its saved tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PLACE = 32  # among the commands that `--help` lists


def plot(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sweep, or of one of its analyses.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Figures go here instead of beside the tables.")
    ] = None,
) -> None:
    """Draw the figures of a sweep from its saved tables; nothing is simulated.

    Labels, units and thresholds come from the manifest.json beside the tables.

    Example: rallsim plot results/sweep/bridging_before_car_t
    """
    from rallsim.sweep.figures import replot

    for path in replot(folder, out):
        print(path)
