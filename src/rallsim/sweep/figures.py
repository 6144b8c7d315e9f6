"""Figures of analyses, drawn from their saved tables: by a worker that has what draws them loaded, or again later.

Also what these figures share: panels one above the other, and a title that says what is asked.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rallsim.common.figures import new_axes
from rallsim.common.files import written_atomically
from rallsim.errors import InputError, Problem
from rallsim.output.folder import MANIFEST
from rallsim.sweep import analyses
from rallsim.sweep.labels import Labels
from rallsim.sweep.tables import SavedTables
from rallsim.sweep.workers import Pool, interruptions_wait

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE_WIDTH = 78  # characters of a line


def titled(figure: Figure, title: str, question: str) -> Figure:
    """Write the scenario's title and the question or finding above a figure."""
    lines = [textwrap.fill(one, TITLE_WIDTH) for one in (title, question) if one]
    figure.suptitle("\n".join(lines), fontsize=11, fontweight="bold", x=0.02, ha="left")
    return figure


def panels(number: int, *, width: float = 7.2, height: float = 3.0, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels, row by row; `height` is that of one row, in inches."""
    rows = -(-number // columns)
    first = new_axes(width=width, height=0.9 + rows * height)
    figure = first.figure.get_figure(root=True)
    assert figure is not None
    first.remove()
    grid = figure.subplots(rows, columns, squeeze=False)
    axes = [ax for row in grid for ax in row]
    for ax in axes[number:]:
        ax.remove()
    return figure, axes[:number]


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    return figure


def draw_elsewhere(analysis: str, folder: Path, labels: Labels, pool: Pool) -> None:
    """Draw every figure of an analysis into the folder that holds its tables, in a process of a pool that sees it.

    Where that process dies, this one draws.
    """
    try:
        with pool() as workers:
            with interruptions_wait():
                future = workers.executor.submit(draw_figures, analysis, folder, labels)
            future.result()
    except BrokenExecutor:
        draw_figures(analysis, folder, labels)


def draw_figures(analysis: str, folder: Path, labels: Labels) -> None:
    """Draw every figure of an analysis into the folder that holds its tables, as `rallsim plot` does."""
    for name, figure in analyses.get_analysis(analysis).draw(SavedTables(folder), labels).items():
        figure().savefig(folder / name)


def replot(folder: Path, out: Path | None = None) -> Iterator[Path]:
    """Draw every figure of an analysis, or of all analyses in a folder; yield where each was written."""
    inside = [folder / name for name in analyses.names()]
    manifests = {path: manifest for path in (folder, *inside) if (manifest := _manifest(path))}
    if not manifests:
        raise InputError(
            Problem("holds no analysis of a sweep", file=str(folder), allowed="a folder that 'rallsim sweep' wrote")
        )
    for path, manifest in manifests.items():
        target = path if out is None else out / path.name if path != folder else out
        try:
            labels = Labels.from_json(manifest["labels"])
            for name, figure in analyses.get_analysis(manifest["analysis"]).draw(SavedTables(path), labels).items():
                with written_atomically(target / name) as temporary:
                    figure().savefig(temporary)
                yield target / name
        except (KeyError, TypeError) as error:
            message = f"lacks {error}: changed, or made by another version ({manifest.get('rallsim', 'unknown')})"
            problem = Problem(message, str(path), allowed="run the sweep again")
            raise InputError(problem) from error


def _manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of an analysis's folder; None where there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("analysis") in analyses.names() else None
