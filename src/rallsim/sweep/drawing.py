"""Figures of an analysis drawn from its tables, by a process that has what draws loaded already."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from pathlib import Path

from rallsim.sweep import analyses
from rallsim.sweep.labels import Look
from rallsim.sweep.tables import SavedTables
from rallsim.sweep.workers import Pool, interruptions_wait


def draw_elsewhere(analysis: str, folder: Path, look: Look, pool: Pool) -> None:
    """Draw every figure of an analysis into the folder that holds its tables, in a process of a pool that sees it.

    Where that process dies, this one draws.
    """
    try:
        with pool() as opened:
            with interruptions_wait():
                drawn = opened.executor.submit(draw_figures, analysis, folder, look)
            drawn.result()
    except BrokenExecutor:
        draw_figures(analysis, folder, look)


def draw_figures(analysis: str, folder: Path, look: Look) -> None:
    """Draw every figure of an analysis into the folder that holds its tables, as `rallsim plot` does."""
    for name, figure in analyses.called(analysis).draw(SavedTables(folder), look).items():
        figure().savefig(folder / name)
